//! Whether the broker is there, has the queues, and lets the user do what the roles do.

use shared::{
    broker::{
        Broker, Queue,
        embedded::{Embedded, EmbeddedOptions},
        rabbitmq::{Examination, QueueState, Unreachable, examine, rights::Account},
    },
    role::rabbitmq_options,
    service::Service,
    settings::Settings,
};

use super::report::Report;

const SETUP: &str = "run contato setup with the settings of whoever administers the broker";

pub(super) async fn look(settings: &Settings, roles: &[Service], report: &mut Report) {
    if settings.embedded_queue().is_some() {
        return embedded(settings, report).await;
    }
    let accounts: Vec<_> = roles.iter().copied().map(Account::from).collect();
    match examine(&rabbitmq_options(settings, "contato"), &accounts).await {
        Err(why) => unreachable(&why, report),
        Ok(found) => {
            report.fine(
                "broker",
                format!("{} answers, and lets this user in", settings.broker.url),
            );
            encryption(settings, report);
            topology(&found, report);
            rights(&found, roles, report);
        }
    }
}

async fn embedded(settings: &Settings, report: &mut Report) {
    let Some(path) = settings.embedded_queue() else {
        return;
    };
    if !path.exists() {
        report.fine(
            "broker",
            format!("{} is not there yet: the first start makes it", path.display()),
        );
        return;
    }
    let queues = settings.queue_options();
    let waiting = async {
        let queue = Embedded::open(EmbeddedOptions {
            path: path.clone(),
            queues,
        })
        .await?;
        let waiting = queue.depth(Queue::Commands).await;
        queue.close().await;
        waiting
    };
    match waiting.await {
        Ok(waiting) => report.fine(
            "broker",
            format!("{} can be used; {waiting} commands wait", path.display()),
        ),
        Err(error) => report.fails(
            "broker",
            format!("{}: {error}", path.display()),
            "see that the file and its folder are this user's and the disk has room",
        ),
    }
}

fn unreachable(why: &Unreachable, report: &mut Report) {
    let (text, mend) = in_words(why);
    report.fails("broker", text, mend);
}

/// Why the broker cannot be asked, and what to do about it.
pub(crate) fn in_words(why: &Unreachable) -> (String, &'static str) {
    match why {
        Unreachable::NoUrl => (
            "broker.url is no AMQP URL".to_owned(),
            "write it like amqps://user:password@host:5671/vhost; what is special in user, password or vhost as %XX (/ is %2f)",
        ),
        Unreachable::NoHost(text) => (
            format!("there is no such host: {text}"),
            "correct the host in broker.url, or the cluster's DNS",
        ),
        Unreachable::NoAnswer(text) => (
            format!("nobody answers at {text}"),
            "see that the broker runs, that the port in broker.url is right (5672, with TLS 5671), and that a NetworkPolicy or firewall lets this pod there",
        ),
        Unreachable::Tls(text) => (
            format!("the connection was not made, though somebody answers at the port: {text}"),
            "see that amqps:// goes with a port for TLS (5671) and amqp:// with one without (5672), that broker.caFile has the authority that signed the broker's certificate, and that the certificate is for the host in broker.url and has not ended",
        ),
        Unreachable::Login(text) => (
            format!("the broker does not take this name and password: {text}"),
            "correct broker.url, or run contato setup --users, which sets the passwords that stand in the Secrets",
        ),
        Unreachable::VirtualHost(text) => (
            format!("the broker does not let this user into the virtual host: {text}"),
            "correct the virtual host in broker.url (the default one is /%2f), or give the user a permission on it: contato setup --users",
        ),
        Unreachable::Other(text) => (text.clone(), "see the log of the broker"),
    }
}

fn encryption(settings: &Settings, report: &mut Report) {
    let url = &settings.broker.url;
    if url.has_scheme(&["amqp://"]) && !url.is_on_this_machine() {
        report.warns(
            "broker",
            "commands, names and passwords travel unencrypted",
            "use amqps:// and port 5671, and broker.caFile for an authority of your own",
        );
    }
}

fn topology(found: &Examination, report: &mut Report) {
    let mut wrong = false;
    let mut fails = |text: String, mend: &str| {
        wrong = true;
        report.fails("queues", text, mend);
    };
    if !found.exchange {
        fails("the exchange contato is missing".to_owned(), SETUP);
    }
    for queue in &found.queues {
        let name = &queue.name;
        match &queue.state {
            QueueState::AsDeclared | QueueState::There => {}
            QueueState::Missing => fails(format!("the queue {name} is missing"), SETUP),
            QueueState::Differs(text) => fails(
                format!("the queue {name} was declared otherwise: {text}"),
                "set broker.retryDelays, broker.deliveryLimit and broker.maxLength everywhere as it was declared; or, to change it, stop producer-api, let the workers empty the queue, delete it and run contato setup",
            ),
        }
    }
    if wrong {
        return;
    }
    let compared = found
        .queues
        .iter()
        .all(|queue| queue.state == QueueState::AsDeclared);
    let how = if compared {
        "with these arguments"
    } else {
        "this user's rights do not let it see their arguments, contato setup compares them"
    };
    report.fine(
        "queues",
        format!("exchange and {} queues are there ({how})", found.queues.len()),
    );
}

fn rights(found: &Examination, roles: &[Service], report: &mut Report) {
    let mut wrong = false;
    let mut fails = |text: String| {
        wrong = true;
        report.fails(
            "rights",
            text,
            "run contato setup --users, which gives each user the rights of its role",
        );
    };
    if found.may_publish == Some(false) {
        fails("this user may not publish to the exchange contato".to_owned());
    }
    for queue in &found.may_not_consume {
        fails(format!("this user may not consume {queue}"));
    }
    if wrong {
        return;
    }
    report.fine("rights", "at the broker this user may do what its work takes");
    // Of a single role, since whoever has all three in one process may well be who set it up.
    if found.may_configure && roles.len() == 1 {
        report.warns(
            "rights",
            "at the broker this user may also declare and delete queues",
            "give each role a user of its own: contato setup --users",
        );
    }
}
