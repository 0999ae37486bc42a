//! The surroundings of one test: a database and queues of its own, and the settings of the roles.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::RngExt;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};
use shared::{
    broker::Broker,
    domain::IdKey,
    payload_keys::PayloadKeys,
    role::{Parts, open_store},
    settings::Settings,
    store::Store,
};
use test_support::{PATIENCE, Server, Servers, TestDatabase, eventually_within, queue_prefix};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    Api, Process, Role, Supervised, binaries,
    history::History,
    ledger,
    process::{FAULT, Start},
    queues,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const PAYLOAD_KEYS: &str = "1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Below the range that the kernel takes the ports of outgoing connections from, and beside that of `scripts/services`.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// One test at a time: the processes of several would wait for each other's turn on the machine, and a bound on time would
/// measure that.
static TURN: Semaphore = Semaphore::const_new(1);

/// The surroundings of one test.
pub struct Stack {
    /// The servers.
    pub servers: Arc<Servers>,
    /// The database as contato's own code reads it.
    pub store: Store,
    /// Every command that was sent, with its answers.
    pub history: Arc<History>,
    sql: DatabaseConnection,
    prefix: String,
    environment: Vec<(String, String)>,
    logs: PathBuf,
    started: AtomicUsize,
    _database: TestDatabase,
    _turn: SemaphorePermit<'static>,
}

impl Stack {
    /// On the servers that tests share.
    pub async fn shared() -> Self {
        Self::on(Servers::shared().await, turn().await).await
    }

    /// On servers that are this test's own. Only one test may use a name.
    pub async fn own(name: &str) -> Self {
        let turn = turn().await;
        Self::on(Servers::own(name, &Server::ALL).await, turn).await
    }

    async fn on(servers: Arc<Servers>, turn: SemaphorePermit<'static>) -> Self {
        let database = TestDatabase::postgres_on(&servers.postgres_url).await;
        let prefix = queue_prefix();
        let environment = [
            ("CONTATO__IDS__KEY", KEY),
            ("CONTATO__DEAD_LETTERS__KEYS", PAYLOAD_KEYS),
            ("CONTATO__BROKER__URL", &servers.amqp_url),
            ("CONTATO__BROKER__PREFIX", &prefix),
            ("CONTATO__BROKER__RETRY_DELAYS", "300ms,600ms,900ms"),
            ("CONTATO__STORE__URL", database.url()),
            ("CONTATO__STORE__TIMEOUT", "5s"),
            ("CONTATO__LOG__FORMAT", "json"),
        ];
        let environment: Vec<_> = environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let settings = Settings::load(None, environment.clone()).expect("good settings");
        let store = open_store(&settings).await.expect("a store");
        store.migrate_up(None).await.expect("a schema");
        let sql = Database::connect(database.url()).await.expect("a database");
        ledger::install(&sql).await;
        let logs = binaries::scratch().join("survival-logs").join(&prefix);
        fs::create_dir_all(&logs).expect("a folder for the logs");
        Self {
            servers,
            store,
            history: Arc::default(),
            sql,
            prefix,
            environment,
            logs,
            started: AtomicUsize::new(0),
            _database: database,
            _turn: turn,
        }
    }

    /// The keys of payloads of dead letters.
    pub fn payload_keys(&self) -> PayloadKeys {
        PayloadKeys::parse(PAYLOAD_KEYS).expect("good keys")
    }

    /// Sets a variable for every process that starts from now on.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.environment.retain(|(name, _)| name != variable);
        self.environment.push((variable.to_owned(), value.to_owned()));
    }

    /// Every process that starts from now on speaks TLS to the broker and to SQL, and trusts the authorities in a file.
    pub fn over_tls(&mut self, ca_file: &str) {
        let amqps_url = self.servers.amqps_url.clone();
        self.set("CONTATO__BROKER__URL", &amqps_url);
        self.set("CONTATO__BROKER__CA_FILE", ca_file);
        self.set("CONTATO__STORE__CA_FILE", ca_file);
    }

    /// Starts a role and waits until it works.
    pub async fn start(&self, role: Role) -> Process {
        self.start_with(role, &[]).await
    }

    /// Starts a role that will meet a planned fault (see [`shared::planned_fault`]), and waits until it works.
    pub async fn start_to_fail(&self, role: Role, fault: &str) -> Process {
        self.start_with(role, &[(FAULT, fault)]).await
    }

    /// Starts a role with more variables and waits until it works.
    pub async fn start_with(&self, role: Role, variables: &[(&str, &str)]) -> Process {
        let process = self.launch(role).with(variables).spawn();
        process.works().await;
        process
    }

    /// Runs a role and starts it again whenever it dies. `fault` says which planned fault the start of this number, from 0,
    /// is to meet.
    pub fn supervise(
        &self,
        role: Role,
        fault: impl Fn(usize) -> Option<String> + Send + 'static,
    ) -> Supervised {
        Supervised::run(self.launch(role), fault)
    }

    /// A client of a producer-api.
    pub fn api(&self, origin: String) -> Api {
        Api::new(origin, self.id_key(), self.history.clone())
    }

    /// The secret behind the ids.
    pub fn id_key(&self) -> IdKey {
        IdKey::new(KEY.as_bytes()).expect("long enough")
    }

    /// Runs a statement.
    pub async fn sql(&self, statement: &str) {
        self.sql
            .execute_unprepared(statement)
            .await
            .expect("SQL takes it");
    }

    /// Runs a statement that SQL may refuse; says whether it was taken.
    pub async fn sql_takes(&self, statement: &str) -> bool {
        self.sql.execute_unprepared(statement).await.is_ok()
    }

    /// Asks SQL.
    pub async fn rows(&self, query: &str) -> Vec<QueryResult> {
        self.sql
            .query_all_raw(Statement::from_string(DbBackend::Postgres, query))
            .await
            .expect("SQL answers")
    }

    /// How many commands are applied.
    pub async fn applied(&self) -> usize {
        self.rows("SELECT 1 FROM commands WHERE status = 'applied'")
            .await
            .len()
    }

    /// Waits until more than so many commands more are applied.
    ///
    /// # Panics
    /// If they are not in time.
    pub async fn applies_more(&self, commands: usize, within: Duration) {
        let before = self.applied().await;
        eventually_within(within, "commands are applied", async || {
            (self.applied().await > before + commands).then_some(())
        })
        .await;
    }

    /// A connection of contato's own to the queues of this test.
    pub async fn broker(&self) -> Arc<dyn Broker> {
        let settings = Settings::load(None, self.environment.clone()).expect("good settings");
        let parts = Parts::connect(&settings, "test").await.expect("parts");
        parts
            .broker_connected(PATIENCE)
            .await
            .expect("the broker answers");
        parts.broker
    }

    /// Runs a command of a role's binary to its end, with a planned fault if there is one.
    pub async fn command(&self, role: Role, arguments: &[&str], fault: Option<&str>) -> Output {
        let mut command = Command::new(role.binary());
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(fault.map(|fault| (FAULT, fault)))
            .args(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts"))
            .await
            .expect("running a command should not panic")
    }

    /// Lets the broker be killed although its queues are young.
    pub async fn write_queues_down(&self) {
        queues::write_down(&self.servers).await;
    }

    /// How many messages each queue of this test holds, those in hand included, by contato's names.
    pub async fn queues(&self) -> Vec<(String, u64)> {
        queues::depths(&self.servers, &self.prefix).await
    }

    /// Where the processes log to.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    fn launch(&self, role: Role) -> Start {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = self.logs.join(format!("{}-{number}.log", role.name()));
        Start::new(role, self.environment.clone(), free_ports(), log)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the logs of the processes are in {}", self.logs.display());
        } else {
            let _ = fs::remove_dir_all(&self.logs);
        }
    }
}

/// Waits for this test's turn. The binaries are built before, by the first.
async fn turn() -> SemaphorePermit<'static> {
    tokio::task::spawn_blocking(|| Role::ALL.map(Role::binary))
        .await
        .expect("the binaries are built");
    TURN.acquire().await.expect("it is never closed")
}

/// Ports that nobody listens on, and that were given to nobody else: a role may be between two lives.
fn free_ports() -> [u16; 2] {
    const TRIES_MAX: usize = 200;
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut port = || {
        (0..TRIES_MAX)
            .map(|_| rand::rng().random_range(PORTS))
            .find(|port| given.insert(*port) && free(port))
            .expect("a free port")
    };
    [port(), port()]
}
