//! `DELETE /v1/contacts/{id}`.

use serde_json::json;

use crate::app::{Pair, TestApp, ana};

on_both_pairs![what_is_deleted_is_gone_for_good];

async fn what_is_deleted_is_gone_for_good(app: &TestApp) {
    let id = app.write(app.post(&ana())).await.text_of("/contactId");
    let accepted = app.write(app.delete(&id)).await;
    assert_eq!(accepted.text_of("/operation"), "delete");
    assert_eq!(
        app.get(&format!("/v1/contacts/{id}")).await.problem(410),
        "contact-deleted"
    );
    let again = app.write_and_wait(app.delete(&id)).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (204, ""));
    assert_eq!(
        (again.header("preference-applied"), again.header("vary")),
        ("wait=20", "Prefer")
    );
    let late = app.write_and_wait(app.patch(&id, &json!({"name": "Bia"}))).await;
    assert_eq!(late.problem(410), "contact-deleted");
    let command = app
        .get(&format!("/v1/commands/{}", late.text_of("/commandId")))
        .await;
    assert_eq!(command.text_of("/status"), "superseded");
}

#[tokio::test]
async fn a_delete_has_no_body_and_a_condition_if_one_is_sent() {
    let app = TestApp::start(Pair::Embedded).await;
    let id = app.contact("Ana", "(11) 98765-4321").await;
    let answer = app.send(app.delete(&id).json(&json!({}))).await;
    assert_eq!(answer.problem(400), "malformed-request");
    let stale = app
        .delete(&id)
        .header("if-match", "\"00000000000000000000000000000001\"");
    assert_eq!(
        app.write_and_wait(stale).await.problem(412),
        "precondition-failed"
    );
    assert_eq!(app.get(&format!("/v1/contacts/{id}")).await.status, 200);
    app.stop().await;
}
