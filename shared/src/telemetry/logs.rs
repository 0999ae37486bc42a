//! Log lines, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{Log, LogFormat};

/// Libraries that log what they carry: bodies of returned messages, values of statements. Nobody can turn them on.
const SILENCED: [&str; 3] = ["lapin=off", "sqlx=off", "sea_orm=off"];

/// Starts logging to standard error.
///
/// # Errors
/// If the filter cannot be read, or the process logs already.
pub fn start_logs(log: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&log.filter)?;
    for silenced in SILENCED {
        filter = filter.add_directive(silenced.parse()?);
    }
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json().flatten_event(true)).try_init()?;
    } else {
        registry.with(lines.compact().with_target(false)).try_init()?;
    }
    log_panics();
    Ok(())
}

/// Logs where a panic happened, never what it said: its message may repeat data.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = place, "a panic");
    }));
}
