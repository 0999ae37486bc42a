//! Who may do what; producer-api's tests of it are more, the code is the same.

use shared::settings::AuthMode;
use tempfile::TempDir;
use test_support::{KeyRing, Pair, every_operation_is_guarded};

/// To see it red: take the first line out of a handler, or `scopes` out of its description.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_asks_for_the_scope_that_it_declares() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.json");
    let keys = KeyRing::make(&file);
    let mut pair = Pair::embedded().await;
    pair.settings.auth.mode = AuthMode::Required;
    pair.settings.auth.api_keys = Some(file);
    let service = dlq_function::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    let origin = format!("http://{}", service.address());
    let running = pair.run(|stop| service.run(stop));
    every_operation_is_guarded(&origin, &keys, &["get-health"]).await;
    // What is no path of the API is a page, if it is anything.
    for (path, status) in [("/v1/nowhere", 401), ("/nowhere", 404)] {
        let nowhere = reqwest::get(format!("{origin}{path}")).await.unwrap();
        assert_eq!(nowhere.status(), status, "{path}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_beyond_this_machine_needs_credentials() {
    let mut pair = Pair::embedded().await;
    pair.settings.dlq_function.listen = "0.0.0.0:0".parse().unwrap();
    let refused = dlq_function::build(&pair.settings, pair.parts.clone()).await;
    let error = refused.expect_err("it must not start").to_string();
    assert!(error.contains("auth.mode=required"), "{error}");
}
