//! Personal data is where it belongs and nowhere else: values that occur once in the world go in at every door, good and bad,
//! and are then looked for in all that comes out, in every row of the database, and again once their contacts are deleted.

use std::{collections::BTreeMap, fs, time::Duration};

use reqwest::{Method, StatusCode};
use sea_orm::TryGetable;
use serde_json::{Value, json};
use survival::{Process, Role, Stack, publish};
use test_support::{eventually, eventually_within};

/// What is looked for, without regard to case: parts of the name, the e-mail, the phone.
const CANARIES: [&str; 4] = ["zyxwana", "qwertelina", "canario-amarelo", "91234987"];
const NAME: &str = "Zyxwana Qwertelina";
const EMAIL: &str = "zyxwana@canario-amarelo.example";
const PHONE: &str = "+5511991234987";

/// Six retries of half a second, and a busy machine.
const DEAD_WITHIN: Duration = Duration::from_secs(60);

/// The table that personal data belongs to.
const HOME: &str = "contacts";

/// SQL refuses this one, and says what it refuses.
const REFUSE: &str = "
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.email LIKE 'recusada.%' THEN
    RAISE EXCEPTION '% is refused', NEW.name USING ERRCODE = '23514', DETAIL = NEW.email;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION refuse();
";

/// Which canaries stand in a text, plainly or as the hexadecimal digits in which SQL prints bytes.
fn found(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let digits = |canary: &str| {
        canary
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    // A name is stored as it was written: its first letter is a capital.
    let capital = |canary: &str| digits(&format!("{}{}", canary[..1].to_uppercase(), &canary[1..]));
    CANARIES
        .into_iter()
        .filter(|canary| {
            text.contains(canary) || text.contains(&digits(canary)) || text.contains(&capital(canary))
        })
        .collect()
}

/// A client that keeps what it is answered.
struct Client {
    client: reqwest::Client,
    /// What was answered, head and body, by the request.
    answers: BTreeMap<String, String>,
}

impl Client {
    async fn send(
        &mut self,
        method: Method,
        url: &str,
        kind: &str,
        body: impl Into<String>,
    ) -> (StatusCode, Value) {
        let body = body.into();
        let request = self.client.request(method.clone(), url);
        let request = if kind.is_empty() {
            request
        } else {
            request.header("content-type", kind).body(body.clone())
        };
        let response = request.send().await.unwrap();
        let (status, head) = (response.status(), format!("{:?}", response.headers()));
        let text = response.text().await.unwrap();
        let answer = serde_json::from_str(&text).unwrap_or(Value::Null);
        self.answers.insert(
            format!("{method} {url} {body}"),
            format!("{status} {head} {text}"),
        );
        (status, answer)
    }

    async fn get(&mut self, url: &str) -> (StatusCode, Value) {
        self.send(Method::GET, url, "", "").await
    }

    /// Takes out the answers that personal data belongs to; there must be some.
    fn forget_reads_of_contacts(&mut self, origin: &str) {
        let reads = |request: &str| {
            ["GET", "POST"]
                .into_iter()
                .any(|method| request.starts_with(&format!("{method} {origin}/v1/contacts")))
        };
        let before = self.answers.len();
        self.answers
            .retain(|request, answer| !(reads(request) && answer.starts_with("200")));
        assert!(self.answers.len() < before);
    }
}

/// The names of the tables in which a canary stands in any column of any row.
async fn tables_with_canaries(stack: &Stack) -> Vec<String> {
    let tables = stack
        .rows("SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()")
        .await;
    let mut homes = Vec::new();
    for table in tables {
        let table = String::try_get_by(&table, "name").unwrap();
        let rows = stack
            .rows(&format!(
                "SELECT row_to_json(dumped)::text AS line FROM {table} AS dumped"
            ))
            .await;
        let lines = rows.iter().map(|row| String::try_get_by(row, "line").unwrap());
        if lines.into_iter().any(|line| !found(&line).is_empty()) {
            homes.push(table);
        }
    }
    homes
}

/// Writes and reads that are well-formed. Gives the ids of the contacts.
async fn use_the_api(client: &mut Client, api: &str) -> Vec<String> {
    let contacts = format!("{api}/v1/contacts");
    let good = json!({ "name": NAME, "phone": PHONE, "email": EMAIL }).to_string();
    let (status, accepted) = client
        .send(Method::POST, &contacts, "application/json", &*good)
        .await;
    assert_eq!(status, 202);
    let id = accepted["contactId"].as_str().unwrap().to_owned();
    let one = format!("{contacts}/{id}");
    eventually("the contact is there", async || {
        (client.client.get(&one).send().await.unwrap().status() == 200).then_some(())
    })
    .await;
    let patch = json!({ "name": format!("{NAME} Neta") }).to_string();
    client
        .send(Method::PATCH, &one, "application/merge-patch+json", patch)
        .await;
    let stale = client
        .client
        .put(&one)
        .header("if-match", "\"stale\"")
        .header("prefer", "wait=10");
    let stale = stale
        .header("content-type", "application/json")
        .body(good.clone());
    assert_eq!(stale.send().await.unwrap().status(), 412);
    for query in [
        "",
        "?q=zyxwana",
        "?email=zyxwana@canario-amarelo.example",
        "/export",
        "/duplicates",
    ] {
        assert_eq!(client.get(&format!("{contacts}{query}")).await.0, 200, "{query}");
    }
    let search = json!({ "phone": PHONE }).to_string();
    client
        .send(
            Method::POST,
            &format!("{contacts}/search"),
            "application/json",
            search,
        )
        .await;
    let file = format!(
        "nome;telefone;e-mail;zyxwana\n{NAME};{PHONE};{EMAIL};x\nQwertelina 1;(11) 91234987;x@canario-amarelo.example;x\n;91234987;zyxwana;x\n"
    );
    let (status, import) = client
        .send(Method::POST, &format!("{contacts}/import"), "text/csv", file)
        .await;
    assert_eq!(
        (status.as_u16(), &import["refused"]),
        (202, &json!(2)),
        "{import}"
    );
    let import = format!("{api}/v1/imports/{}", import["id"].as_str().unwrap());
    client.get(&import).await;
    client.get(&format!("{import}/refusals")).await;
    eventually("the imported contact is there", async || {
        let page = client
            .client
            .get(format!("{contacts}?q=qwertelina"))
            .send()
            .await
            .unwrap();
        let page: Value = page.json().await.unwrap();
        let ids: Vec<_> = page["items"]
            .as_array()?
            .iter()
            .map(|contact| contact["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.len() == 2).then_some(ids)
    })
    .await
}

/// Requests that are refused, a canary in every part of them that may be a person's data.
async fn misuse_the_api(client: &mut Client, api: &str) {
    let contacts = format!("{api}/v1/contacts");
    let json = "application/json";
    for (kind, body) in [
        (json, format!("{{\"name\": \"{NAME}\"")),
        (json, format!("[\"{NAME}\"]")),
        (json, format!("{{\"{NAME}\": 1}}")),
        (json, format!("{{\"zyxwana\": 1, \"zyxwana\": \"{EMAIL}\"}}")),
        (
            json,
            json!({ "name": NAME, "phone": "91234987", "email": "zyxwana" }).to_string(),
        ),
        (
            json,
            json!({ "name": format!("{NAME}\u{7}"), "phone": [PHONE], "email": { EMAIL: 1 } }).to_string(),
        ),
        ("text/plain", NAME.to_owned()),
        (json, format!("{{\"name\": \"{}\"}}", NAME.repeat(5000))),
    ] {
        let (status, _) = client.send(Method::POST, &contacts, kind, body).await;
        assert!(status.is_client_error(), "{status}");
    }
    for path in [
        "?email=zyxwana",
        "?q=zyxwana&sort=qwertelina",
        "?cursor=zyxwana",
        "?zyxwana=1",
        "/zyxwana",
        "/zyxwana/91234987",
    ] {
        assert!(
            client.get(&format!("{contacts}{path}")).await.0.is_client_error(),
            "{path}"
        );
    }
    client
        .get(&format!("{api}/zyxwana@canario-amarelo.example"))
        .await;
}

/// Puts poison on the queue, and a command that SQL refuses. Gives how many dead letters that makes, and the contact.
async fn bury_some(stack: &Stack, client: &mut Client, api: &str) -> (usize, String) {
    stack.sql(REFUSE).await;
    let broker = stack.broker().await;
    let poison = [
        format!("nome={NAME};{EMAIL}"),
        json!({ "name": NAME, "email": EMAIL }).to_string(),
        json!({ "v": 1, "operation": NAME, "id": EMAIL }).to_string(),
        json!({ "v": NAME, "operation": "create" }).to_string(),
        json!([{ "v": 1, "operation": "create", "id": PHONE, "contact": { "name": NAME } }]).to_string(),
    ];
    for body in &poison {
        publish(broker.as_ref(), body.clone().into_bytes()).await;
    }
    let refused = json!({ "name": NAME, "email": "recusada.zyxwana@canario-amarelo.example" }).to_string();
    let (status, accepted) = client
        .send(
            Method::POST,
            &format!("{api}/v1/contacts"),
            "application/json",
            refused,
        )
        .await;
    assert_eq!(status, 202);
    (
        poison.len() + 1,
        accepted["contactId"].as_str().unwrap().to_owned(),
    )
}

/// Everything that an operator may look at without the right to see personal data.
async fn look_at_dead_letters(client: &mut Client, dlq: &str, count: usize) {
    let list = format!("{dlq}/v1/dead-letters?limit=100");
    let letters = eventually_within(DEAD_WITHIN, "all dead letters are there", async || {
        let page: Value = client
            .client
            .get(&list)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let items = page["items"].as_array()?.clone();
        (items.len() == count).then_some(items)
    })
    .await;
    client.get(&list).await;
    for letter in &letters {
        let one = format!("{dlq}/v1/dead-letters/{}", letter["id"].as_str().unwrap());
        client.get(&one).await;
        for correction in corrections() {
            let edit = format!("{one}/edit-and-replay");
            client
                .send(Method::POST, &edit, "application/json", correction)
                .await;
        }
        if letter["commandId"].is_null() {
            client.send(Method::POST, &format!("{one}/replay"), "", "").await;
        }
    }
    for list in [
        "dead-letters?group=zyxwana&reason=qwertelina",
        "dead-letter-groups",
        "audit",
        "audit?principal=zyxwana",
        "replays",
    ] {
        client.get(&format!("{dlq}/v1/{list}")).await;
    }
    for body in [r#"{"dryRun": true}"#, r#"{"group": "zyxwana"}"#, "{}"] {
        client
            .send(
                Method::POST,
                &format!("{dlq}/v1/replays"),
                "application/json",
                body,
            )
            .await;
    }
}

/// Corrections that are only tried, and some that break rules.
fn corrections() -> [String; 4] {
    [
        json!({ "name": format!("{NAME} Neta"), "email": EMAIL, "phone": PHONE, "dryRun": true }).to_string(),
        json!({ "name": format!("{NAME}\u{7}"), "phone": "91234987", "email": "zyxwana" }).to_string(),
        json!({ "message": format!("{{\"v\": 1, \"operation\": \"{NAME}\"}}") }).to_string(),
        json!({ NAME: EMAIL }).to_string(),
    ]
}

/// What the command line prints of them.
async fn list_dead_letters(stack: &Stack) -> String {
    let mut printed = String::new();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["groups"],
        &["audit", "--json"],
        &["replay", "--all", "--dry-run"],
        &["edit", "zyxwana", "--set", "name=Qwertelina", "--dry-run"],
    ] {
        let output = stack.command(Role::DlqFunction, arguments, None).await;
        for bytes in [output.stdout, output.stderr] {
            printed += &String::from_utf8_lossy(&bytes);
        }
    }
    printed
}

async fn metrics_of(processes: &[&Process]) -> String {
    let mut text = String::new();
    for process in processes {
        let url = format!("{}/metrics", process.management_origin());
        text += &reqwest::get(url).await.unwrap().text().await.unwrap();
    }
    text
}

fn logs_of(stack: &Stack) -> String {
    let files = fs::read_dir(stack.logs()).unwrap();
    files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

// Red with the value in the text of a rule (domain/phone.rs), with the database's message in a dead letter's detail
// (decide.rs), with payloads stored as they came (keep.rs), and with a delete that leaves them (apply.rs).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_in_contacts_and_their_answers_alone_and_gone_once_they_are_deleted() {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__LOG__FILTER", "trace");
    let api = stack.start(Role::ProducerApi).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    let dlq = stack.start(Role::DlqFunction).await;
    let mut client = Client {
        client: reqwest::Client::new(),
        answers: BTreeMap::new(),
    };
    let mut contacts = use_the_api(&mut client, &api.origin()).await;
    client.forget_reads_of_contacts(&api.origin());
    misuse_the_api(&mut client, &api.origin()).await;
    let (dead, refused) = bury_some(&stack, &mut client, &api.origin()).await;
    look_at_dead_letters(&mut client, &dlq.origin(), dead).await;
    let printed = list_dead_letters(&stack).await;

    for (request, answer) in &client.answers {
        assert_eq!(found(answer), [""; 0], "{request}: {answer}");
    }
    // The reader typed this one word; it is told what is wrong with it.
    assert_eq!(found(&printed.replace("'zyxwana'", "")), [""; 0], "{printed}");
    assert_eq!(tables_with_canaries(&stack).await, [HOME]);

    contacts.push(refused);
    for contact in contacts {
        let url = format!("{}/v1/contacts/{contact}", api.origin());
        let (status, _) = client.send(Method::DELETE, &url, "", "").await;
        assert_eq!(status, 202);
    }
    eventually("nothing is left in the database", async || {
        tables_with_canaries(&stack).await.is_empty().then_some(())
    })
    .await;
    let left = stack
        .rows("SELECT 1 FROM dead_letters WHERE contact_id IS NOT NULL AND body IS NOT NULL")
        .await;
    assert_eq!(left.len(), 0, "what was of a deleted contact has no payload");

    assert_eq!(found(&metrics_of(&[&api, &worker, &dlq]).await), [""; 0]);
    for process in [api, worker, dlq] {
        process.stop().await;
    }
    let logs = logs_of(&stack);
    assert!(logs.contains("TRACE"), "everything that can be logged was");
    let with_canaries: Vec<_> = logs.lines().filter(|line| !found(line).is_empty()).collect();
    assert_eq!(with_canaries, [""; 0]);
}
