//! Log lines, to standard error. What is logged while a request or a command is worked on has the ids of its trace.
//!
//! **Invariant:** fields are ids and names of ours, never personal data.

use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    field::RecordFields,
    fmt::{
        self, FmtContext, FormatEvent, FormatFields,
        format::{DefaultFields, Format, Json, JsonFields, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    settings::{Log, LogFormat},
    traces,
};

/// Libraries that log what they carry: bodies of returned messages, values of statements. Nobody can turn them on.
const SILENCED: [&str; 3] = ["lapin=off", "sqlx=off", "sea_orm=off"];

/// Starts logging to standard error.
///
/// # Errors
/// If the filter cannot be read, or the process logs already.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&log.filter)?;
    for silenced in SILENCED {
        filter = filter.add_directive(silenced.parse()?);
    }
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let format = WithTrace(fmt::format().json().flatten_event(true));
        let lines = lines.event_format(format).fmt_fields(JsonFields::new());
        registry.with(lines).try_init()?;
    } else {
        let lines = lines.compact().with_target(false);
        registry
            .with(lines.fmt_fields(FieldsWithTrace::default()))
            .try_init()?;
    }
    log_panics();
    Ok(())
}

/// A JSON line with the ids of the current span, if there is one.
struct WithTrace(Format<Json>);

impl<S, N> FormatEvent<S, N> for WithTrace
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let Some(names) = traces::current_names() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let open = line.strip_suffix("}\n").unwrap_or(&line);
        write!(writer, "{open},\"trace.id\":\"{}\"", names.trace)?;
        if let Some(span) = names.span {
            write!(writer, ",\"span.id\":\"{span}\"")?;
        }
        writer.write_str("}\n")
    }
}

/// The fields of a line for people, with the ids of the current span behind them, if there is one.
#[derive(Default)]
struct FieldsWithTrace(DefaultFields);

impl<'writer> FormatFields<'writer> for FieldsWithTrace {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        let Some(names) = traces::current_names() else {
            return Ok(());
        };
        write!(writer, " trace.id={}", names.trace)?;
        match names.span {
            Some(span) => write!(writer, " span.id={span}"),
            None => Ok(()),
        }
    }
}

/// Logs where a panic happened, never what it said: its message may repeat data.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = place, "a panic");
    }));
}
