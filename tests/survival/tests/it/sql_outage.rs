//! SQL is gone, comes and goes, takes no writes, is full: the worker waits for it, and nothing is lost or dead-lettered.

use std::time::{Duration, Instant};

use survival::{Answer, Api, Check, Pace, Process, Role, Stack, Writer};
use test_support::{Server, eventually_within};

/// Longer than the broker waits for a delivery to be settled.
const OUTAGE: Duration = Duration::from_secs(150);
const CONSUMER_TIMEOUT_MS: u64 = 60_000;

/// One return too many, and the broker gives a message up.
const DELIVERY_LIMIT: &str = "3";

const FLAPS: usize = 10;

/// The worker's longest wait between two probes, and what these may take.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// How long it may take until what is left in half-filled pages of a full disk is used up, and 200 more commands wait.
const BACKLOG_WITHIN: Duration = Duration::from_secs(60);

/// How long an outage must last to have been one: a few probes.
const A_WHILE: Duration = Duration::from_secs(5);

/// More than this many commands in each part of a test are a stream.
const STREAM: usize = 50;

const GENTLE: Pace = Pace {
    per_second: 40,
    at_once: 4,
    contacts: 40,
    seed: 1,
};

/// All roles, and a stream of writes.
struct Scene {
    api: Api,
    worker: Process,
    others: Vec<Process>,
    writer: Writer,
}

impl Scene {
    async fn begin(stack: &Stack, pace: Pace) -> Self {
        let api = stack.start(Role::ProducerApi).await;
        let dlq = stack.start(Role::DlqFunction).await;
        let worker = stack.start(Role::ConsumerWorker).await;
        let client = stack.api(api.origin());
        let scene = Self {
            writer: Writer::start(&client, pace),
            api: client,
            worker,
            others: vec![api, dlq],
        };
        stack.applies_more(STREAM, NOTICED_WITHIN).await;
        scene
    }

    /// Waits until the worker says whether it has paused.
    async fn paused(&self, paused: bool) {
        eventually_within(NOTICED_WITHIN, "the worker has noticed", async || {
            let now = self.worker.metrics().await?.sum("contato_consumer_paused", &[]);
            (now == f64::from(u8::from(paused))).then_some(())
        })
        .await;
    }

    /// The worker stays paused for so long, and writes are taken.
    async fn stays_paused(&self, stack: &Stack, lasting: Duration) {
        let accepted = stack.history.accepted();
        let since = Instant::now();
        eventually_within(2 * lasting, "time passes", async || {
            let paused = self.worker.metrics().await?.sum("contato_consumer_paused", &[]);
            assert_eq!(
                paused,
                1.0,
                "after {:?} the worker takes commands",
                since.elapsed()
            );
            (since.elapsed() >= lasting).then_some(())
        })
        .await;
        assert!(stack.history.accepted() > accepted + STREAM);
    }

    /// Writes are taken, few are applied. The probe takes back what it writes, so that it may find room where a batch finds
    /// none: the worker then tries one command and pauses again.
    async fn backlog_grows(&self, stack: &Stack) {
        let backlog = async || stack.history.accepted().saturating_sub(stack.applied().await);
        let before = backlog().await;
        eventually_within(BACKLOG_WITHIN, "a backlog grows", async || {
            (backlog().await > before + 4 * STREAM).then_some(())
        })
        .await;
    }

    /// Every write was answered 202, none was dead-lettered, and all are applied once.
    async fn end(self, stack: &Stack) {
        self.writer.stop().await;
        let exchanges = stack.history.exchanges();
        let other = exchanges
            .iter()
            .flat_map(|exchange| &exchange.answers)
            .find(|answer| !matches!(answer, Answer::Accepted(..)));
        assert_eq!(other, None, "a write was not accepted");
        Check::default().hold(stack).await;
        let dead = stack.rows("SELECT 1 FROM dead_letters").await;
        assert_eq!(dead.len(), 0, "something was dead-lettered");
        println!("{} writes, all answered 202 and applied once", exchanges.len());
        self.worker.stop().await;
        for process in self.others {
            process.stop().await;
        }
        drop(self.api);
    }
}

// Red with an outage treated like a refusal (decide.rs): the worker did not pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_may_be_gone_for_long_and_come_and_go() {
    let mut stack = Stack::own("sql").await;
    stack.servers.set_consumer_timeout(CONSUMER_TIMEOUT_MS).await;
    stack.set("CONTATO__BROKER__DELIVERY_LIMIT", DELIVERY_LIMIT);
    let scene = Scene::begin(&stack, GENTLE).await;

    stack.servers.stop(Server::Postgres).await;
    scene.paused(true).await;
    scene.stays_paused(&stack, OUTAGE).await;
    stack.servers.start(Server::Postgres).await;
    scene.paused(false).await;
    stack.applies_more(STREAM, NOTICED_WITHIN).await;

    for flap in 0..FLAPS {
        // Now a server that says goodbye, now one that dies.
        if flap % 2 == 0 {
            stack.servers.kill(Server::Postgres).await;
        } else {
            stack.servers.stop(Server::Postgres).await;
        }
        scene.paused(true).await;
        stack.servers.start(Server::Postgres).await;
        // Now it goes again while the worker is in the middle of it, now as soon as it is there.
        if flap % 3 != 0 {
            scene.paused(false).await;
        }
    }
    scene.end(&stack).await;
}

// Red with 42501 taken for a refusal of the data (error.rs) that needs no probe (decide.rs): the worker did not pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_grant_is_an_outage() {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__BROKER__DELIVERY_LIMIT", DELIVERY_LIMIT);
    let scene = Scene::begin(&stack, GENTLE).await;
    for table in ["commands", "contacts"] {
        stack.sql(&format!("REVOKE INSERT ON {table} FROM contato")).await;
        scene.paused(true).await;
        scene.stays_paused(&stack, A_WHILE).await;
        stack.sql(&format!("GRANT INSERT ON {table} TO contato")).await;
        scene.paused(false).await;
        stack.applies_more(STREAM, NOTICED_WITHIN).await;
    }
    scene.end(&stack).await;
}

// Red with 53100 taken for a refusal of the data (error.rs) that needs no probe (decide.rs): the worker did not pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_outage() {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__BROKER__DELIVERY_LIMIT", DELIVERY_LIMIT);
    let disk = stack.servers.small_disk().await;
    stack
        .servers
        .as_superuser(&format!("CREATE TABLESPACE small LOCATION '{disk}'"))
        .await;
    stack
        .servers
        .as_superuser("GRANT CREATE ON TABLESPACE small TO contato")
        .await;
    stack.sql("ALTER TABLE contacts SET TABLESPACE small").await;
    stack.sql("ALTER TABLE commands SET TABLESPACE small").await;
    let scene = Scene::begin(&stack, Pace::default()).await;
    stack
        .sql("CREATE TABLE ballast (line int) TABLESPACE small")
        .await;
    // What a table has left of its last page is filled by the stream.
    for lines in [100_000, 10_000, 1000, 1] {
        let fill = format!("INSERT INTO ballast SELECT generate_series(1, {lines})");
        while stack.sql_takes(&fill).await {}
    }
    scene.backlog_grows(&stack).await;
    scene.paused(true).await;
    stack.sql("DROP TABLE ballast").await;
    stack.applies_more(STREAM, NOTICED_WITHIN).await;
    scene.end(&stack).await;
}
