//! The description of the API: what is committed, and what is served. How the service keeps to it is tried by
//! `scripts/check-api`.

use std::path::Path;

use serde_json::Value;
use shared::http::{openapi::flattened, problem::Code};
use test_support::Pair;

#[test]
fn what_is_committed_is_what_the_code_says() {
    let document = dlq_function::openapi::api().document();
    for (file, expected, option) in [
        ("openapi.json", document.clone(), ""),
        ("openapi.apim.json", flattened(&document), " --api-management"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == format!("{expected:#}\n"),
            "dlq-function/{file} is out of date: cargo run -q -- openapi dlq-function{option} > dlq-function/{file}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_point_to_their_explanation() {
    let pair = Pair::embedded().await;
    let service = dlq_function::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    let origin = format!("http://{}", service.address());
    let running = pair.run(|stop| service.run(stop));
    let get = async |path: &str| reqwest::get(format!("{origin}{path}")).await.unwrap();

    let problem: Value = get("/v1/dead-letters/x").await.json().await.unwrap();
    let (page, anchor) = problem["type"].as_str().unwrap().split_once('#').unwrap();
    let page = get(page).await.text().await.unwrap();
    assert_eq!(anchor, Code::DeadLetterNotFound.declaration().word);
    assert!(page.contains(&format!("id=\"{anchor}\"")), "{page}");
    let served: Value = get("/openapi.json").await.json().await.unwrap();
    assert_eq!(served, dlq_function::openapi::api().document());
    running.stop().await;
}
