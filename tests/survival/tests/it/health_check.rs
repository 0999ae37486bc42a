//! `--check-health` as an orchestrator runs it: beside the process, with the same settings.

use survival::{Role, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_command_tells_a_ready_process_from_one_that_is_gone() {
    let stack = Stack::shared().await;
    for role in Role::ALL {
        let mut process = stack.start(role).await;
        let said = process.checks_health().await;
        assert_eq!(said.status.code(), Some(0), "{role:?}: {said:?}");
        process.kill();
        let said = process.checks_health().await;
        let why = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.code() == Some(1) && why.contains("/readyz does not answer"),
            "{role:?}: {said:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_command_tells_a_process_that_drains() {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__SHUTDOWN__DRAIN", "10s");
    for role in [Role::ProducerApi, Role::DlqFunction] {
        let process = stack.start(role).await;
        process.terminate();
        process.not_ready().await;
        let said = process.checks_health().await;
        let why = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.code() == Some(1) && why.contains("503") && why.contains("not ready"),
            "{role:?}: {said:?}"
        );
    }
}
