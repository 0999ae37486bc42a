//! (h) An open loop: creates at a constant rate, due whether or not those before have been answered, and more and more of them
//! until it is too much. A time counts from when the request was due, so that a stall is felt by all that came due in it
//! (Gil Tene's "coordinated omission"); beside it stands what a client would say that counts from when it sent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};

use crate::{
    http::{APPLIED, APPLIED_MAX, Client, create},
    report::Report,
    stack::Servers,
};

const FIRST_RATE: usize = 1_000;
const LAST_RATE: usize = 50_000;
/// How many wait for an answer at once; what is due meanwhile waits for one of them, and that counts.
const CONNECTIONS: usize = 256;
/// The objective: 99 % within it.
const ACCEPTED_MAX: Duration = Duration::from_millis(250);
/// One in so many may fail.
const ERRORS_MAX_IN: usize = 1_000;

pub async fn measure(servers: &Servers, seconds: u64, report: &mut Report) -> anyhow::Result<()> {
    let ground = servers.ground().await?;
    let worker = servers.start("consumer-worker", &ground).await?;
    let api = servers.start("producer-api", &ground).await?;
    let (mut rate, mut held, mut accepted) = (FIRST_RATE, 0, 0);
    while rate <= LAST_RATE {
        let step = step(api.listen, rate, seconds).await?;
        accepted += step.answered();
        let p99 = |times: &Histogram<u64>| times.value_at_quantile(0.99) as f64 / 1000.0;
        report.add(
            &format!("(h) 202 after it was due, p99, {rate}/s"),
            "ms",
            p99(&step.due),
        );
        report.add(
            &format!("(h) 202 after it was sent, p99, {rate}/s"),
            "ms",
            p99(&step.sent),
        );
        if !step.holds() {
            break;
        }
        held = rate;
        rate += rate / 2;
    }
    report.add("(h) most requests a second that were held", "/s", held as f64);
    worker.counted(APPLIED, accepted, APPLIED_MAX).await
}

/// One rate, for some time. Times are microseconds.
#[derive(Debug)]
struct Step {
    due: Histogram<u64>,
    sent: Histogram<u64>,
    failed: usize,
}

impl Step {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            due: Histogram::new(3)?,
            sent: Histogram::new(3)?,
            failed: 0,
        })
    }

    fn answered(&self) -> usize {
        usize::try_from(self.due.len()).unwrap_or(usize::MAX)
    }

    fn holds(&self) -> bool {
        Duration::from_micros(self.due.value_at_quantile(0.99)) <= ACCEPTED_MAX
            && self.failed * ERRORS_MAX_IN <= self.answered()
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.due.add(&other.due)?;
        self.sent.add(&other.sent)?;
        self.failed += other.failed;
        Ok(())
    }
}

/// All from one thread, as in (b).
async fn step(address: SocketAddr, rate: usize, seconds: u64) -> anyhow::Result<Step> {
    let clients = move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(clients(address, rate, seconds))
    };
    tokio::task::spawn_blocking(clients).await?
}

async fn clients(address: SocketAddr, rate: usize, seconds: u64) -> anyhow::Result<Step> {
    let requests = rate * usize::try_from(seconds)?;
    let next = Arc::new(AtomicUsize::new(0));
    let mut connected = Vec::new();
    for _ in 0..CONNECTIONS {
        connected.push(Client::connect(address).await?);
    }
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for client in connected {
        let numbers = next.clone();
        let numbers =
            move || Some(numbers.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < requests);
        tasks.push(tokio::spawn(one(client, address, begun, rate, numbers)));
    }
    let mut step = Step::new()?;
    for task in tasks {
        step.add(&task.await??)?;
    }
    Ok(step)
}

/// What one connection does: takes the next request, waits until it is due, sends it.
async fn one(
    mut client: Client,
    address: SocketAddr,
    begun: Instant,
    rate: usize,
    numbers: impl Fn() -> Option<usize>,
) -> anyhow::Result<Step> {
    let mut step = Step::new()?;
    while let Some(number) = numbers() {
        let due = begun + Duration::from_secs_f64(number as f64 / rate as f64);
        sleep_until(due).await;
        let sent = Instant::now();
        if client.send(&create(number), 202).await.is_ok() {
            step.due.record(u64::try_from(due.elapsed().as_micros())?)?;
            step.sent.record(u64::try_from(sent.elapsed().as_micros())?)?;
        } else {
            step.failed += 1;
            client = Client::connect(address).await?;
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers everybody, but for one pause.
    async fn stalling(listener: TcpListener, from: Instant, pause: Duration) {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let now = Instant::now();
                    if (from..from + pause).contains(&now) {
                        sleep_until(from + pause).await;
                    }
                    if stream
                        .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    }

    /// At 1,000 a second with 256 connections a pause of a second leaves some 750 requests due and unsent, of 3,000.
    /// To see it red: count `due` from when the request was sent.
    #[tokio::test]
    async fn a_stall_is_felt_by_all_that_came_due_in_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let pause = Duration::from_secs(1);
        tokio::spawn(stalling(listener, Instant::now() + pause, pause));
        let step = step(address, 1_000, 3).await.unwrap();
        assert_eq!((step.answered(), step.failed), (3_000, 0));
        let late = |times: &Histogram<u64>| times.count_between(100_000, u64::MAX);
        assert!(late(&step.sent) <= 300, "{} of those sent", late(&step.sent));
        assert!(late(&step.due) >= 800, "{} of those due", late(&step.due));
        assert!(!step.holds());
    }
}
