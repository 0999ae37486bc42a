//! `contato import` and `contato status` against the real API.
//!
//! Put beside `client.rs` as `client_import.rs`, with `mod client_import;` in `main.rs`.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{
    Contato,
    client::{client, run},
};

const PEOPLE: &str = "nome;telefone;e-mail\nAna Souza;(11) 98765-4321;ana@example.com\nBia;(10) 98765-4321;\nCaio;;caio@example.com\n";

fn names(api: &str) -> Vec<String> {
    let exported = run(&mut client(api, &["export", "--format", "ndjson", "--sort=name"]));
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    let name = |line: &str| {
        let contact: Value = serde_json::from_str(line).unwrap();
        contact["name"].as_str().unwrap().to_owned()
    };
    exported.out.lines().map(name).collect()
}

/// To see it red: make a key of the time, or take refusals for success.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_once_however_often_it_is_sent() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let api = contato.api.as_str();
    let path = folder.path().join("people.csv");
    fs::write(&path, PEOPLE).unwrap();
    let import = || run(&mut client(api, &["import", path.to_str().unwrap(), "--json"]));
    let first = import();
    assert_eq!((first.code, first.err.as_str()), (Some(3), ""));
    let shown: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(shown["status"], "finished", "{shown}");
    assert_eq!(
        (&shown["rows"], &shown["accepted"], &shown["refused"]),
        (&3.into(), &2.into(), &1.into())
    );
    assert_eq!(
        (&shown["outcomes"]["applied"], &shown["outcomes"]["pending"]),
        (&2.into(), &0.into())
    );
    assert_eq!(shown["refusals"][0]["line"], 3);
    assert_eq!(names(api), ["Ana Souza", "Caio"]);

    let again: Value = serde_json::from_str(&import().out).unwrap();
    assert_eq!((&again["id"], &again["refused"]), (&shown["id"], &1.into()));
    assert_eq!(names(api), ["Ana Souza", "Caio"]);

    let id = shown["id"].as_str().unwrap();
    let status = run(&mut client(api, &["status", id, "--follow"]));
    assert_eq!(status.code, Some(3), "{}", status.err);
    assert!(
        status.out.contains("status        finished\n") && status.out.contains("line 3: /phone "),
        "{}",
        status.out
    );
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

/// What is exported can be imported, apostrophes before what begins like a formula taken off.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_imported_again() {
    let folder = TempDir::new().unwrap();
    let people = "{\"name\":\"=Ana, \\\"A\\\"\",\"phone\":\"+351912345678\"}\n{\"name\":\"Bia; Lima\",\"email\":\"+bia@example.com\"}\n{\"name\":\"Caio\",\"phone\":\"(21) 2345-6789\"}\n";
    fs::write(folder.path().join("people.ndjson"), people).unwrap();
    let mut expected = Vec::new();
    for (n, (from, file, language)) in [
        ("people.ndjson", "first.csv", "en"),
        ("first.csv", "second.csv", "pt-BR"),
        ("second.csv", "third.vcf", "en"),
        ("third.vcf", "fourth.ndjson", "en"),
    ]
    .into_iter()
    .enumerate()
    {
        let data = TempDir::new().unwrap();
        let contato = Contato::start(data.path());
        let api = contato.api.as_str();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let imported = run(&mut client(api, &["import", &path(from)]));
        assert_eq!(imported.code, Some(0), "{from}: {}{}", imported.out, imported.err);
        if n == 0 {
            expected = names(api);
            assert_eq!(expected.len(), 3);
        }
        assert_eq!(names(api), expected, "{from}");
        let exported = run(&mut client(
            api,
            &["export", "-o", &path(file), "--language", language],
        ));
        assert_eq!(exported.code, Some(0), "{}", exported.err);
        contato.signal("TERM");
        assert_eq!(contato.end().0.code(), Some(0));
    }
    let last = fs::read_to_string(folder.path().join("fourth.ndjson")).unwrap();
    for value in [
        "\"=Ana, \\\"A\\\"\"",
        "\"+351912345678\"",
        "\"+bia@example.com\"",
        "\"+552123456789\"",
    ] {
        assert!(last.contains(value), "{value} in {last}");
    }
}
