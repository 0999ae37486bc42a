//! Each format, as the programs write it that people export from.

use serde_json::{Value, json};

use super::{CSV, NDJSON, VCARD, contacts, faults, imported, resource};
use crate::app::TestApp;

on_both_pairs![
    files_of_address_books_are_read,
    csv_is_read_as_people_write_it,
    an_export_can_be_imported,
    small_files_are_files_too,
];

fn julio() -> Value {
    json!(["Júlio César Prado", "+5511987654301", "julio@example.com"])
}

fn bia() -> Value {
    json!(["Bia O'Neill", null, "bia@example.com"])
}

async fn files_of_address_books_are_read(app: &TestApp) {
    let files: [(&str, &str, &[u8], &[&str]); 8] = [
        (
            "Google until 2024",
            CSV,
            include_bytes!("../../files/import/google-old.csv"),
            &["5 /name required"],
        ),
        (
            "Google",
            CSV,
            include_bytes!("../../files/import/google-new.csv"),
            &[],
        ),
        (
            "Outlook",
            CSV,
            include_bytes!("../../files/import/outlook-en.csv"),
            &[],
        ),
        (
            "Outlook in Brazil",
            CSV,
            include_bytes!("../../files/import/outlook-pt-br.csv"),
            &[],
        ),
        (
            "Excel in Brazil",
            CSV,
            include_bytes!("../../files/import/excel-pt-br.csv"),
            &["6 /phone invalid"],
        ),
        (
            "Excel in UTF-8",
            CSV,
            include_bytes!("../../files/import/excel-pt-br-utf8.csv"),
            &["6 /phone invalid"],
        ),
        (
            "Apple",
            VCARD,
            include_bytes!("../../files/import/apple.vcf"),
            &["38  phone-or-email-required"],
        ),
        (
            "Android",
            VCARD,
            include_bytes!("../../files/import/android.vcf"),
            &[],
        ),
    ];
    let mut expected = Vec::new();
    for (program, media, file, refused) in files {
        let import = imported(app, media, file).await;
        assert_eq!(faults(&import), refused, "{program}");
        assert_eq!(
            (&import["status"], &import["accepted"], &import["refused"]),
            (&json!("finished"), &json!(2), &json!(refused.len())),
            "{program}"
        );
        expected.push(julio());
        expected.insert(0, bia());
        assert_eq!(contacts(app).await, expected, "{program}");
    }
}

async fn csv_is_read_as_people_write_it(app: &TestApp) {
    for file in [
        "name,phone\nAna,(11) 98765-4301\n",
        "nome;telefone\r\nAna;(11) 98765-4301",
        "Nome\tTelefone\nAna\t(11) 98765-4301\n",
        "sep=;\r\nNome;Telefone\r\nAna;(11) 98765-4301\r\n",
        "\r\n\nNome;Telefone\r\n\r\nAna;(11) 98765-4301\r\n",
        "Nome;DDD;Telefone\r\nAna;11;98765-4301\r\n",
        "Nome;Telefone\r\nAna;'+55 11 98765-4301\r\n",
        "\"Nome\";\"Telefone\"\r\n\"Ana\";\"(11) 98765-4301\";\r\n",
        "Nome;Telefone;CPF, RG\r\nAna;(11) 98765-4301\r\n",
    ] {
        let import = imported(app, CSV, file).await;
        assert_eq!(
            (&import["accepted"], &import["refused"]),
            (&json!(1), &json!(0)),
            "{file}"
        );
    }
    let all = contacts(app).await;
    assert_eq!(all.len(), 9);
    assert!(
        all.iter()
            .all(|contact| *contact == json!(["Ana", "+5511987654301", null])),
        "{all:?}"
    );

    let latin = imported(
        app,
        "text/csv; charset=ISO-8859-1",
        &b"nome,fone\nJos\xe9,(11) 98765-4301"[..],
    )
    .await;
    assert_eq!(
        latin["columns"],
        json!([{"header": "fone", "field": "phone"}, {"header": "nome", "field": "name"}])
    );
    assert!(
        contacts(app)
            .await
            .contains(&json!(["José", "+5511987654301", null]))
    );
    let unknown = imported(app, CSV, "nome,fone,Maria Lima\nAna,(11) 98765-4301,x").await;
    assert_eq!(unknown["ignoredColumns"], 1);
    assert!(!unknown.to_string().contains("Maria"), "{unknown}");
}

async fn an_export_can_be_imported(app: &TestApp) {
    let id = app.contact("Ana", "(11) 98765-4301").await;
    let exported = app.get(&format!("/v1/contacts/{id}")).await.text;
    let deleted = json!({"id": id, "deletedAt": "2026-11-22T06:54:37.741Z"});
    let file = format!("{exported}\n\n{deleted}\n{{\"name\": \"Bia\", \"nickname\": 1}}\n{{\n");
    let import = imported(app, NDJSON, file).await;
    assert_eq!(
        faults(&import),
        [
            "3 /deletedAt deleted-contact",
            "4  phone-or-email-required",
            "4 /nickname unknown-member",
            "5  malformed"
        ]
    );
    assert_eq!(
        (&import["rows"], &import["accepted"], &import["refused"]),
        (&json!(4), &json!(1), &json!(3))
    );
    assert_eq!(contacts(app).await.len(), 2);
}

async fn small_files_are_files_too(app: &TestApp) {
    for (media, file, rows) in [
        (NDJSON, "", 0),
        (VCARD, "\r\n", 0),
        (CSV, "nome;fone\r\n", 0),
        (CSV, "nome;fone", 0),
        (CSV, "nome;fone\r\nAna;(11) 98765-4301", 1),
    ] {
        let import = imported(app, media, file).await;
        assert_eq!(
            (&import["status"], &import["rows"]),
            (&json!("finished"), &json!(rows)),
            "{file}"
        );
    }
    for file in ["", "\r\n", "Ana;(11) 98765-4301\r\n", "nome\r\nAna\r\n"] {
        let answer = app.send(super::import(app, CSV, file)).await;
        assert_eq!(answer.problem(422), "validation-failed", "{file}");
        assert!(!answer.text.contains("Ana"), "{answer:?}");
        assert!(answer.text_of("/detail").contains("nome or name"), "{answer:?}");
    }
    let missing = resource_status(app, "/v1/imports/00d10104-8755-828e-9c21-7d7a3b0f4b3d").await;
    assert_eq!(missing, "import-not-found");
    assert_eq!(
        resource_status(app, "/v1/imports/x/refusals").await,
        "import-not-found"
    );
}

async fn resource_status(app: &TestApp, path: &str) -> String {
    app.get(path).await.problem(404)
}

#[tokio::test]
async fn an_import_tells_what_became_of_its_commands() {
    let app = TestApp::start(crate::app::Pair::Embedded).await;
    let answer = app
        .send(super::import(
            &app,
            CSV,
            "nome;fone\r\nAna;(11) 98765-4301\r\nBia;(11) 98765-4302\r\n",
        ))
        .await;
    let import = answer.json();
    assert_eq!(
        (&import["status"], &import["outcomes"]["pending"]),
        (&json!("applying"), &json!(2))
    );
    assert_eq!(answer.header("retry-after"), "1");
    app.apply(2).await;
    let path = answer.header("location");
    let answer = app.get(path).await;
    assert_eq!(answer.header("retry-after"), "");
    let import = resource(&app, path).await;
    assert_eq!(
        import["outcomes"],
        json!({"pending": 0, "applied": 2, "superseded": 0, "rejected": 0, "deadLettered": 0})
    );
    assert_eq!(import["status"], "finished");
    app.stop().await;
}
