//! How fast dlq-function empties a queue of dead letters into SQL.

use std::time::{Duration, Instant};

use shared::broker::Queue;

use crate::{drain::enqueue, report::Report, stack::Servers};

const RECEIVED: &str = "contato_dead_letters_received_total";

const COLLECTED_MAX: Duration = Duration::from_secs(120);

pub async fn measure(servers: &Servers, dead: usize, report: &mut Report) -> anyhow::Result<()> {
    let ground = servers.ground().await?;
    // Raw ones, as the broker dead-letters them.
    enqueue(servers, &ground, Queue::DeadLetters, dead).await?;
    let since = Instant::now();
    let dlq = servers.start("dlq-function", &ground).await?;
    dlq.counted(RECEIVED, dead, COLLECTED_MAX).await?;
    report.add(
        "(f) dead letters stored",
        "/s",
        dead as f64 / since.elapsed().as_secs_f64(),
    );
    report.memory("dlq-function", dlq.peak_mib()?);
    Ok(())
}
