//! What is wrong is said in a line, with what to do about it and without a secret; and nothing is half done.

use std::{fs, net::SocketAddr};

use sea_orm::{ConnectionTrait, Database};
use shared::broker::rabbitmq::rights::Account;
use test_support::{amqp_url, amqps_url, ca_file, management_tls_url, management_url};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use super::installation::{Installation, Ran, succeeded};

const BROKER: &str = "CONTATO__BROKER__URL";
const STORE: &str = "CONTATO__STORE__URL";

/// It failed, and said so in a line that has this in it.
fn failed(place: &Installation, (code, told, error): Ran, says: &str) {
    assert_eq!(code, Some(1), "{says}: {told}{error}");
    assert!(
        error.contains(says) && error.lines().count() == 1,
        "{says}: {error}"
    );
    place.has_no_secret(&(told + &error));
}

fn host(url: &str) -> &str {
    let (_, rest) = url.rsplit_once('@').unwrap();
    rest.split('/').next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_management_api_is_not_it_says_how_to_have_it() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let (amqp, management) = (amqp_url(), management_url());
    let api = host(&management);
    let keda = fs::read_to_string(place.file(Account::Keda, "host")).unwrap();
    let (keda, _) = keda.trim().rsplit_once('/').unwrap();
    for (argument, says) in [
        (
            "http://127.0.0.1:1",
            "does not answer (Connection refused (os error 111)). Is the plugin on (rabbitmq-plugins enable",
        ),
        (&format!("http://{}", host(&amqp)), "Is the plugin on"),
        (
            &format!("{management}/nowhere"),
            "there is something else at the management API",
        ),
        (
            &format!("http://contato:geheim@{api}"),
            "does not let contato in: the name or the password is wrong",
        ),
        (keda, "give it the tag (rabbitmqctl set_user_tags"),
        (
            "http:/contato:geheim@host",
            "--broker-management names neither a URL nor a file",
        ),
        (
            "amqp://contato:geheim@host",
            "must begin with https:// or http://",
        ),
    ] {
        failed(&place, place.setup_at(argument, &[], &[]), says);
    }
    // Without a name in it, it is that of the broker.
    succeeded(place.setup_at(&format!("http://{api}"), &[], &[]));
    place.remove().await;
}

/// The address of what passes on all that comes to a server, and has no certificate of its own.
async fn under_another_name(server: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&server).await.unwrap();
            // Either may hang up.
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    address
}

/// The authority of the broker's certificate is the broker's, by https as by AMQP.
///
/// To see it red: leave the authority out in management.rs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_management_api_has_to_show_a_certificate_that_is_trusted() {
    let place = Installation::new().await;
    let (api, ca) = (management_tls_url(), ca_file());
    let amqps = format!("{}/{}", amqps_url().rsplit_once('/').unwrap().0, place.vhost());
    let trusting = [
        (BROKER, amqps.as_str()),
        ("CONTATO__BROKER__CA_FILE", ca.to_str().unwrap()),
    ];
    failed(
        &place,
        place.setup_at(&api, &[], &[]),
        "the server's certificate is not from an authority that is trusted",
    );
    let (credentials, server) = api.rsplit_once('@').unwrap();
    let elsewhere = format!("{credentials}@{}", under_another_name(server.to_owned()).await);
    failed(
        &place,
        place.setup_at(&elsewhere, &[], &trusting),
        "the server's certificate is not for 127.0.0.2, the host in the URL",
    );
    assert!(place.broker_users().await.iter().all(Option::is_none));
    succeeded(place.setup_at(&api, &[], &trusting));
    assert!(place.broker_users().await.iter().all(Option::is_some));
    place.remove().await;
}

/// To see it red: leave out `refuse_administrator`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_of_the_broker_is_not_made_a_service() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    place.make_administrator(Account::ConsumerWorker).await;
    let before = place.broker_user(Account::ConsumerWorker).await;
    failed(&place, place.setup(&[], &[]), "is an administrator of the broker");
    assert_eq!(place.broker_user(Account::ConsumerWorker).await, before);
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_set_up_is_told_why() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let (amqp, owner) = (amqp_url(), place.owner_url());
    let (amqp, vhost) = (host(&amqp), place.vhost());
    // Somebody who is in no file.
    let functions = fs::read_to_string(place.file(Account::FunctionsTrigger, "broker-url")).unwrap();
    fs::remove_dir_all(place.file(Account::FunctionsTrigger, "")).unwrap();
    for (variable, value, says) in [
        (
            BROKER,
            format!("amqp://contato:geheim@{amqp}/{vhost}"),
            "Is the password right?",
        ),
        (
            BROKER,
            format!("amqp://contato:geheim@127.0.0.1:1/{vhost}"),
            "Is the broker up",
        ),
        (
            BROKER,
            functions.trim().to_owned(),
            "This user may not declare them",
        ),
        (BROKER, format!("{}x", place.admin_url()), "make them the same"),
        (BROKER, "embedded:queue.db".to_owned(), "--users needs RabbitMQ"),
        (
            "CONTATO__BROKER__DELIVERY_LIMIT",
            "7".to_owned(),
            "inequivalent arg 'x-delivery-limit' for queue 'contato'",
        ),
        (
            "CONTATO__BROKER__DELIVERY_LIMIT",
            "7".to_owned(),
            "Either set broker.retryDelays, broker.deliveryLimit",
        ),
        (
            STORE,
            format!("postgres://contato:geheim@{}", owner.rsplit_once('@').unwrap().1),
            "the schema is not set up on postgres://contato:***@",
        ),
        (
            STORE,
            "sqlite://contato.db".to_owned(),
            "--users needs PostgreSQL",
        ),
    ] {
        failed(&place, place.setup(&[], &[(variable, &value)]), says);
    }
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_meant_change_nothing() {
    let place = Installation::new().await;
    let url = |account| fs::read_to_string(place.file(account, "broker-url")).unwrap();
    let worker = url(Account::ConsumerWorker);
    let elsewhere = worker.replace(place.vhost(), "other");
    let (api, dlq) = (Account::ProducerApi, Account::DlqFunction);
    for (account, file, url, says) in [
        (api, "store-url", "postgres://h/d", "needs a name and a password"),
        (api, "broker-url", &worker, "have the same user at the broker"),
        (api, "broker-url", "geheim", "is not a URL"),
        (
            api,
            "broker-url",
            &place.admin_url(),
            "(broker.url) and may do everything there",
        ),
        (dlq, "broker-url", &elsewhere, "make them the same"),
        (
            dlq,
            "store-url",
            "postgres://x:geheim@h/other",
            "names the database \"other\"",
        ),
        (
            dlq,
            "store-url",
            &place.owner_url(),
            "(store.url) and may do everything there",
        ),
    ] {
        let file = place.file(account, file);
        let right = fs::read_to_string(&file).unwrap();
        fs::write(&file, url).unwrap();
        failed(&place, place.setup(&[], &[]), says);
        fs::write(&file, right).unwrap();
    }
    let file = place.file(api, "store-url");
    let right = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    failed(&place, place.setup(&[], &[]), "contato setup --help");
    fs::write(&file, right).unwrap();
    assert!(place.broker_users().await.iter().all(Option::is_none));
    succeeded(place.setup(&[], &[]));
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_do_more_than_a_service_is_refused() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let (api, dlq) = (place.role(Account::ProducerApi), place.role(Account::DlqFunction));
    for (give, says) in [
        (
            format!("ALTER ROLE {dlq} CREATEDB CREATEROLE"),
            format!("(ALTER ROLE {dlq} NOCREATEROLE NOCREATEDB)"),
        ),
        (
            format!("GRANT {api} TO {dlq}"),
            format!("(REVOKE {api} FROM {dlq})"),
        ),
    ] {
        place.sql(&give).await;
        let ran = place.setup(&[], &[]);
        let (_, mend) = says.split_at(1);
        let mend = mend.trim_end_matches(')').to_owned();
        failed(&place, ran, &says);
        place.sql(&mend).await;
    }
    place.sql(&format!("GRANT {dlq} TO CURRENT_USER; GRANT CREATE ON SCHEMA public TO {dlq}; ALTER TABLE replays OWNER TO {dlq}")).await;
    failed(&place, place.setup(&[], &[]), "it owns tables");
    place
        .sql(&format!("REASSIGN OWNED BY {dlq} TO CURRENT_USER"))
        .await;
    succeeded(place.setup(&[], &[]));
    place.refuses(Account::DlqFunction, "CREATE TABLE more ()").await;
    place.remove().await;
}

/// On Azure the owner of a database may make roles and is no superuser, as the owner of the tests' is. This one may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_may_make_no_roles_is_told_what_is_missing() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let poor = format!("poor_{}", place.vhost());
    let owner = place.owner_url();
    let (credentials, rest) = owner.rsplit_once('@').unwrap();
    let (server, database) = rest.rsplit_once('/').unwrap();
    place
        .sql(&format!(
            "CREATE ROLE {poor} LOGIN PASSWORD 'geheim'; GRANT {poor} TO CURRENT_USER"
        ))
        .await;
    let admin = Database::connect(format!("{credentials}@{server}/contato"))
        .await
        .unwrap();
    admin
        .execute_unprepared(&format!("CREATE DATABASE poor_{database} OWNER {poor}"))
        .await
        .unwrap();
    let theirs = format!("{server}/poor_{database}");
    for account in super::installation::SERVICES {
        let file = place.file(account, "store-url");
        let url = fs::read_to_string(&file).unwrap().replace(rest, &theirs);
        // Another name, so that it has to be made.
        fs::write(&file, url.replace("postgres://", "postgres://NEW_")).unwrap();
    }
    let store = format!("postgres://{poor}:geheim@{theirs}");
    let ran = place.setup(&[], &[(STORE, &store)]);
    failed(
        &place,
        ran,
        "who runs this may not make roles: give it the right (ALTER ROLE … CREATEROLE)",
    );
    place.sql(&format!("ALTER ROLE {poor} CREATEROLE")).await;
    // Before PostgreSQL 15 the schema is a superuser's and open to all, and its tables' owner cannot change that.
    let of_before = Database::connect(format!("{credentials}@{theirs}"))
        .await
        .unwrap();
    let as_before = "GRANT ALL ON SCHEMA public TO PUBLIC; ALTER SCHEMA public OWNER TO CURRENT_USER";
    of_before.execute_unprepared(as_before).await.unwrap();
    of_before.close().await.unwrap();
    let told = succeeded(place.setup(&[], &[(STORE, &store)]));
    assert!(told.contains("every role may make tables"), "{told}");
    admin
        .execute_unprepared(&format!("DROP DATABASE poor_{database}"))
        .await
        .unwrap();
    for account in super::installation::SERVICES {
        let name = place.role(account).replacen('"', "\"NEW_", 1);
        admin
            .execute_unprepared(&format!("DROP ROLE {name}"))
            .await
            .unwrap();
    }
    admin
        .execute_unprepared(&format!("DROP ROLE {poor}"))
        .await
        .unwrap();
    admin.close().await.unwrap();
    place.remove().await;
}
