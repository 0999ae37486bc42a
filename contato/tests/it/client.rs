//! contato as a client: the real binary against the real API, and, for what that does not do when asked, against answers that
//! are made up.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
    thread::JoinHandle,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Contato;

/// The client; none of the reader's own variables matter.
pub fn client(api: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_contato"));
    command
        .args(arguments)
        .env("CONTATO_URL", api)
        .stdin(Stdio::null());
    for variable in [
        "API_KEY",
        "API_KEY_FILE",
        "TOKEN",
        "TOKEN_FILE",
        "GATEWAY_KEY",
        "GATEWAY_KEY_FILE",
    ] {
        command.env_remove(format!("CONTATO_{variable}"));
    }
    command
}

/// What a command of the client printed.
pub struct Printed {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn run(command: &mut Command) -> Printed {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Printed {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// Creates a contact and waits for it; gives the answer.
async fn contact(api: &str, body: Value) -> Value {
    let response = reqwest::Client::new()
        .post(format!("{api}/v1/contacts"))
        .header("prefer", "wait=20")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_exported_to_files_and_pipes() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let api = contato.api.as_str();
    contact(api, json!({"name": "Ana Souza", "phone": "(11) 98765-4321"})).await;
    contact(
        api,
        json!({"name": "Bia", "phone": "(21) 2345-6789", "email": "bia@example.com"}),
    )
    .await;

    let printed = run(&mut client(api, &["export", "--sort=name"]));
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = printed.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", printed.out);
    assert!(lines[0].ends_with("id,name,phone,areaCode,state,email,createdAt,updatedAt"));
    assert!(
        lines[1].contains(",Ana Souza,(11) 98765-4321,11,SP,,"),
        "{}",
        lines[1]
    );

    for (name, arguments, starts, lines) in [
        (
            "a.csv",
            &["--language", "pt-BR"][..],
            "\u{feff}id;nome;telefone;",
            3,
        ),
        ("a.ndjson", &["--area-code", "21"], "{\"id\":", 1),
        ("a.vcf", &["--q", "an"], "BEGIN:VCARD\r\n", 8),
        (
            "a.txt",
            &["--format", "ndjson", "--phone", "+5511987654321"],
            "{\"id\":",
            1,
        ),
    ] {
        let path = folder.path().join(name);
        let mut command = client(api, &["export", "-o", path.to_str().unwrap()]);
        let printed = run(command.args(arguments));
        assert_eq!(
            (printed.code, printed.out.as_str(), printed.err.as_str()),
            (Some(0), "", ""),
            "{name}"
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(starts), "{name}: {text}");
        assert_eq!(text.lines().count(), lines, "{name}: {text}");
    }

    let refused = run(&mut client(api, &["export", "--area-code", "10"]));
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
    assert!(
        refused
            .err
            .starts_with("error: The request cannot be understood (400)\n"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("  /areaCode unknown-area-code: "),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("What to do: "), "{}", refused.err);
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_command_is_told() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let api = contato.api.as_str();
    let send = async |name: &str| -> Value {
        let request = reqwest::Client::new()
            .post(format!("{api}/v1/contacts"))
            .header("idempotency-key", "one")
            .json(&json!({"name": name, "email": "ana@example.com"}));
        request.send().await.unwrap().json().await.unwrap()
    };
    let first = send("Ana").await;
    let id = first["id"].as_str().unwrap();
    let printed = run(&mut client(api, &["status", id, "--follow"]));
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    for row in [
        &format!("command       {id}\n"),
        "status        applied\n",
        "operation     create\n",
    ] {
        assert!(printed.out.contains(row), "{}", printed.out);
    }
    let printed = run(&mut client(api, &["status", id, "--json"]));
    let shown: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(
        (&shown["id"], &shown["status"]),
        (&first["id"], &json!("applied"))
    );

    let other = send("Bia").await;
    let printed = run(&mut client(
        api,
        &["status", other["id"].as_str().unwrap(), "--follow"],
    ));
    assert_eq!(printed.code, Some(3));
    assert!(
        printed
            .out
            .contains("problem       The idempotency key was used for another request\n")
    );

    let unknown = run(&mut client(api, &["status", "../x"]));
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(1), ""));
    assert!(
        unknown.err.starts_with("error: There is no such command (404)\n"),
        "{}",
        unknown.err
    );
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

#[test]
fn shells_are_told_how_to_complete() {
    for (shell, has) in [
        ("bash", "complete -F _contato"),
        ("zsh", "#compdef contato"),
        ("fish", "complete -c contato"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let printed = run(client("", &["completions", shell]).env_remove("CONTATO_URL"));
        assert_eq!(printed.code, Some(0), "{shell}: {}", printed.err);
        assert!(
            printed.out.contains(has) && printed.out.contains("no-wait"),
            "{shell}"
        );
    }
}

/// To see it red: print by `println!`, which panics.
#[test]
fn who_reads_no_further_is_no_failure() {
    let mut child = client("", &["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (
            ended.status.code(),
            String::from_utf8_lossy(&ended.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

/// To see it red: take the URL into an error, or send both credentials.
#[test]
fn what_cannot_work_is_told_without_personal_data() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "secret\n").unwrap();
    let export = ["export", "--phone", "(11) 98765-4321"];
    let nobody = "http://127.0.0.1:1";
    let unreachable = run(&mut client(nobody, &export));
    assert_eq!(unreachable.code, Some(1));
    assert!(
        unreachable.err.starts_with("error: the API cannot be reached: "),
        "{}",
        unreachable.err
    );
    assert!(!unreachable.err.contains("98765"), "{}", unreachable.err);
    for variables in [
        [("CONTATO_API_KEY", "secret"), ("CONTATO_TOKEN", "secret")],
        [
            ("CONTATO_API_KEY", "secret"),
            ("CONTATO_API_KEY_FILE", file.to_str().unwrap()),
        ],
        [("CONTATO_TOKEN", "a\nb"), ("CONTATO_X", "")],
        [("CONTATO_TOKEN_FILE", "/nowhere"), ("CONTATO_X", "")],
        [("CONTATO_URL", "mailto:secret"), ("CONTATO_X", "")],
    ] {
        let printed = run(client(nobody, &export).envs(variables));
        assert_eq!(printed.code, Some(2), "{variables:?}: {}", printed.err);
        assert!(
            printed.err.contains(variables[0].0) && !printed.err.contains("secret\n"),
            "{}",
            printed.err
        );
    }
    assert_eq!(run(&mut client(nobody, &["import", "no-format"])).code, Some(2));
    assert_eq!(run(&mut client(nobody, &["import", "nowhere.csv"])).code, Some(1));
    assert_eq!(run(&mut client(nobody, &["export", "--nonsense"])).code, Some(2));
}

/// Gives these answers, one a connection, and then what it was asked.
pub fn answers(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("http://{}/base/", listener.local_addr().unwrap());
    let serve = move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = request(&mut stream);
            // Some clients have gone by then.
            let _ = stream.write_all(answer.as_bytes());
            request
        };
        answers.into_iter().map(answer).collect()
    };
    (api, std::thread::spawn(serve))
}

/// A request, read to its end.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let chunked = head.contains("transfer-encoding: chunked");
            let length = head.split_once("content-length: ");
            let length = length.map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
            if body.len() >= length && (!chunked || body.ends_with("\r\n0\r\n\r\n")) {
                return text.into_owned();
            }
        }
        let count = stream.read(&mut block).unwrap();
        assert!(count > 0, "half a request: {text}");
        bytes.extend_from_slice(&block[..count]);
    }
}

pub fn answer(status: &str, headers: &str, body: &Value) -> String {
    let (body, kind) = (body.to_string(), "application/json");
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

/// To see it red: write to the file itself.
#[test]
fn an_export_that_breaks_off_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("contacts.csv");
    fs::write(&path, "old").unwrap();
    let half = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nid,n\r\n".to_owned();
    let (api, asked) = answers(vec![half]);
    let arguments = [
        "export",
        "-o",
        path.to_str().unwrap(),
        "--q",
        "Ana & Cia",
        "--sort=-name",
    ];
    let printed = run(client(&api, &arguments).env("CONTATO_TOKEN", "t-1"));
    assert_eq!(printed.code, Some(1));
    assert!(
        printed.err.starts_with("error: the answer broke off: "),
        "{}",
        printed.err
    );
    assert_eq!(files(folder.path()), ["contacts.csv"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    let asked = asked.join().unwrap();
    let start = "GET /base/v1/contacts/export?q=Ana+%26+Cia&sort=-name HTTP/1.1\r\n";
    assert!(asked[0].starts_with(start), "{}", asked[0]);
    assert!(asked[0].contains("authorization: Bearer t-1\r\n") && asked[0].contains("accept: text/csv\r\n"));
}

/// An import as it is answered.
fn import(status: &str, pending: u64, refused: u64) -> Value {
    json!({
        "id": "imp-1", "status": status, "format": "csv", "rows": 3, "accepted": 3 - refused, "refused": refused,
        "outcomes": {"pending": pending, "applied": 3 - refused - pending, "superseded": 0, "rejected": 0, "deadLettered": 0},
        "refusals": if refused == 0 { json!([]) } else { json!([{"line": 12, "pointer": "/phone", "code": "malformed", "detail": "must be a number"}]) },
        "links": {"self": "/v1/imports/imp-1"}
    })
}

/// To see it red: make a new key for each try, or give up at the first 503.
#[test]
fn a_file_is_sent_again_under_the_same_key_and_followed_to_its_end() {
    const FILE: &str = "name,phone\nAna,11987654321\n";
    const SHA_256: &str = "96c270dfb0561ffd0fdefcbf5e69271f75f6d258361e1b1443361738dc86be45";
    let folder = TempDir::new().unwrap();
    let (path, key) = (folder.path().join("people.csv"), folder.path().join("key"));
    fs::write(&path, FILE).unwrap();
    fs::write(&key, "k-1\n").unwrap();
    let busy = answer(
        "503 Service Unavailable",
        "retry-after: 1\r\n",
        &json!({"title": "Busy", "detail": "Later."}),
    );
    let (api, asked) = answers(vec![
        busy.clone(),
        // No answer at all.
        String::new(),
        answer("202 Accepted", "", &import("applying", 2, 1)),
        answer("200 OK", "retry-after: 0\r\n", &import("applying", 1, 1)),
        busy,
        answer("200 OK", "", &import("finished", 0, 1)),
    ]);
    let mut command = client(&api, &["import", path.to_str().unwrap()]);
    let printed = run(command.env("CONTATO_API_KEY_FILE", &key));
    assert_eq!(printed.code, Some(3), "{}", printed.err);
    for row in [
        "status        finished\n",
        "refused       1\n",
        "line 12: /phone malformed: must be a number\n",
    ] {
        assert!(printed.out.contains(row), "{}", printed.out);
    }
    let asked = asked.join().unwrap();
    for request in &asked[..3] {
        assert!(
            request.starts_with("POST /base/v1/contacts/import HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.contains("content-type: text/csv\r\n") && request.contains("x-api-key: k-1\r\n"));
        assert!(
            request.contains(&format!("idempotency-key: {SHA_256}\r\n")),
            "{request}"
        );
        assert!(request.contains("Ana,11987654321\n"));
    }
    assert!(
        asked[5].starts_with("GET /base/v1/imports/imp-1 HTTP/1.1\r\n"),
        "{}",
        asked[5]
    );
}

#[test]
fn an_import_that_is_not_waited_for_and_one_that_is_refused() {
    let pipe = |api: &str, arguments: &[&str]| {
        let mut command = client(api, &["import", "-", "--format", "ndjson"]);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(b"{\"name\":\"Ana\"}\n")
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (api, asked) = answers(vec![answer("202 Accepted", "", &import("applying", 3, 0))]);
    let (code, out, err) = pipe(&api, &["--no-wait", "--json", "--key", "mine"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap(),
        import("applying", 3, 0)
    );
    assert!(asked.join().unwrap()[0].contains("idempotency-key: mine\r\n"));

    let problem = json!({
        "type": "/docs#unsupported-media-type", "title": "The media type is not supported", "status": 415,
        "detail": "Send text/csv.", "importId": "imp-1"
    });
    let (api, _) = answers(vec![answer("415 Unsupported Media Type", "", &problem)]);
    let (code, out, err) = pipe(&api, &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let told = "error: The media type is not supported (415)\nSend text/csv.\nWhat to do: Send the media type that detail names, in UTF-8.\n";
    assert!(
        err.ends_with(told) && err.starts_with("To go on, send the same input again with --key "),
        "{err}"
    );
}

/// To see it red: follow commands only.
#[test]
fn an_id_that_no_command_has_is_an_imports() {
    let none = answer("404 Not Found", "", &json!({"title": "There is no such command"}));
    let (api, asked) = answers(vec![
        none.clone(),
        answer("200 OK", "", &import("finished", 0, 0)),
        none.clone(),
        none,
    ]);
    let printed = run(&mut client(&api, &["status", "imp-1", "--json"]));
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    assert_eq!(serde_json::from_str::<Value>(&printed.out).unwrap()["rows"], 3);
    let printed = run(&mut client(&api, &["status", "imp-2"]));
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (Some(1), "error: There is no such command (404)\n\n")
    );
    assert!(asked.join().unwrap()[1].starts_with("GET /base/v1/imports/imp-1 "));
}
