//! A role as a real process.

use std::{
    fs::OpenOptions,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use test_support::{eventually, eventually_within};

use crate::{Role, Series};

pub(crate) const FAULT: &str = "CONTATO_PLANNED_FAULT";

/// The longest that a scrape may take.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a role is started. Always on the same ports, so that it is found again after its death.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    role: Role,
    environment: Vec<(String, String)>,
    listen: u16,
    management: u16,
    log: PathBuf,
}

impl Start {
    pub(crate) fn new(
        role: Role,
        mut environment: Vec<(String, String)>,
        [listen, management]: [u16; 2],
        log: PathBuf,
    ) -> Self {
        let mut bind = |listener: &str, port: u16| {
            let variable = format!("CONTATO__{}__{listener}", role.section());
            environment.push((variable, format!("127.0.0.1:{port}")));
        };
        bind("MANAGEMENT", management);
        match role {
            Role::ProducerApi | Role::DlqFunction => bind("LISTEN", listen),
            Role::ConsumerWorker => {}
        }
        Self {
            role,
            environment,
            listen,
            management,
            log,
        }
    }

    pub(crate) fn with(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    /// Waits until it says that it works. A producer-api is ready before it has a broker, and then answers 503.
    pub(crate) async fn works(&self) {
        let what = format!("{} works", self.role.name());
        eventually(&what, async || self.says_yes("health").await?.then_some(())).await;
    }

    /// Whether it answers well; `None` if it does not answer.
    async fn says_yes(&self, path: &str) -> Option<bool> {
        let url = format!("http://127.0.0.1:{}/{path}", self.management);
        Some(reqwest::get(&url).await.ok()?.status().is_success())
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.listen)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.role.binary());
        command
            .env_clear()
            .env("RUST_BACKTRACE", "0")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn spawn(&self) -> Process {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log");
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        Process {
            start: self.clone(),
            child,
        }
    }
}

/// A role that runs; killed when dropped.
#[derive(Debug)]
pub struct Process {
    start: Start,
    child: Child,
}

impl Process {
    /// Waits until it says that it works, with broker and SQL.
    ///
    /// # Panics
    /// If it ends before, or does not work in time.
    pub async fn works(&self) {
        self.start.works().await;
    }

    /// Waits until it says that it is not ready.
    ///
    /// # Panics
    /// If it does not say so in time.
    pub async fn not_ready(&self) {
        let what = format!("{} says that it is not ready", self.start.role.name());
        let says = async || (!self.start.says_yes("readyz").await?).then_some(());
        eventually(&what, says).await;
    }

    /// Where its public listener is. consumer-worker has none.
    pub fn origin(&self) -> String {
        self.start.origin()
    }

    /// Where it tells its metrics and health.
    pub fn management_origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.start.management)
    }

    /// SIGKILL; returns once it is gone.
    pub fn kill(&mut self) {
        // It fails only if there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn exit(&mut self, within: Duration) -> ExitStatus {
        let what = format!("{} ends", self.start.role.name());
        eventually_within(within, &what, async || self.ended()).await
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// SIGTERM, and waits for a clean end.
    ///
    /// # Panics
    /// If it does not end in time, or with a failure.
    pub async fn stop(mut self) {
        const PATIENCE: Duration = Duration::from_secs(25);
        self.terminate();
        let status = self.exit(PATIENCE).await;
        assert!(
            status.success(),
            "{} ended with {status} (signal {:?})",
            self.start.role.name(),
            status.signal()
        );
    }

    /// What its binary says to `--check-health` with the same settings.
    pub async fn checks_health(&self) -> Output {
        let mut command = self.start.command();
        command.arg("--check-health");
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts"))
            .await
            .expect("running a command should not panic")
    }

    /// Its metrics; `None` if it does not answer.
    pub async fn metrics(&self) -> Option<Series> {
        scrape(self.start.management).await
    }

    pub(crate) fn management(&self) -> u16 {
        self.start.management
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) async fn scrape(management: u16) -> Option<Series> {
    let url = format!("http://127.0.0.1:{management}/metrics");
    let scrape = async { reqwest::get(url).await.ok()?.text().await.ok() };
    let text = tokio::time::timeout(SCRAPE_TIMEOUT, scrape).await.ok()??;
    Some(Series::parse(&text))
}
