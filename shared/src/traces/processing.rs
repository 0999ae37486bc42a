//! The spans of a batch of commands.
//!
//! One transaction serves commands of many requests, so each request sees its own in its trace: a span for the processing,
//! from when the batch was taken to when it is dropped, and below it one for each transaction that its commands were in, with
//! that transaction's times. Commands that one message of one trace brought (an import) share these.

use std::{collections::HashMap, ops::Range, time::SystemTime};

use opentelemetry::{
    Context, ContextGuard, KeyValue,
    trace::{Span, SpanContext, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::{
    Destination, Item, PROCESSED_MAX, Traces,
    spans::{begin, fail, number, parse, received_id},
};

/// A batch in hand; its spans end when this is dropped.
#[derive(Debug, Default)]
pub struct Processing {
    groups: Vec<Group>,
    /// The group of each command.
    of: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Group {
    context: Context,
    commands: usize,
}

impl Traces {
    /// Begins a batch: of these commands, in this order.
    pub fn processing<'a>(&self, from: Destination, items: impl Iterator<Item = Item<'a>>) -> Processing {
        let Some(root) = self.root() else {
            return Processing::default();
        };
        let mut processing = Processing::default();
        let mut known: HashMap<Option<SpanContextKey>, Option<usize>> = HashMap::new();
        let mut shared: Vec<Shared<'a>> = Vec::new();
        for item in items {
            let parent = item.goes_on_in.or(item.traceparent).and_then(parse);
            let key = parent.as_ref().map(|span| (span.trace_id(), span.span_id()));
            let group = *known
                .entry(key)
                .or_insert_with(|| processing.begin(root, parent, from, &item));
            if let Some(group) = group {
                processing.groups[group].commands += 1;
                match shared.get_mut(group) {
                    Some(shared) => shared.keep_with(&item),
                    None => shared.push(Shared::of(&item)),
                }
            }
            processing.of.push(group);
        }
        for (group, shared) in processing.groups.iter().zip(shared) {
            let span = group.context.span();
            if group.commands > 1 {
                let count = KeyValue::new("messaging.batch.message_count", number(group.commands));
                span.set_attribute(count);
            }
            if let Some(id) = shared.message_id.and_then(received_id) {
                span.set_attribute(id);
            }
            if let Some(operation) = shared.operation {
                span.set_attribute(KeyValue::new("contato.operation", operation));
            }
        }
        processing
    }
}

/// What the commands of a group have in common.
struct Shared<'a> {
    message_id: Option<&'a str>,
    operation: Option<&'static str>,
}

impl<'a> Shared<'a> {
    fn of(item: &Item<'a>) -> Self {
        Self {
            message_id: Some(item.message_id),
            operation: Some(item.operation),
        }
    }

    fn keep_with(&mut self, item: &Item<'a>) {
        self.message_id = self.message_id.filter(|id| *id == item.message_id);
        self.operation = self.operation.filter(|operation| *operation == item.operation);
    }
}

/// Trace and span.
type SpanContextKey = (opentelemetry::TraceId, opentelemetry::SpanId);

impl Processing {
    fn begin(
        &mut self,
        root: &Context,
        parent: Option<SpanContext>,
        from: Destination,
        item: &Item<'_>,
    ) -> Option<usize> {
        // Whoever is not sampled is not recorded: nothing of it need be made.
        let unsampled = parent.as_ref().is_some_and(|parent| !parent.is_sampled());
        if unsampled || self.groups.len() == PROCESSED_MAX {
            return None;
        }
        let first = item.goes_on_in.and(item.traceparent).and_then(parse);
        let link = first.filter(|first| Some(first.span_id()) != parent.as_ref().map(SpanContext::span_id));
        let mut attributes = from.attributes("process", from.taken_from());
        attributes.extend([
            KeyValue::new("contato.attempt", i64::from(item.attempt)),
            KeyValue::new("contato.replay", i64::from(item.replay)),
        ]);
        let parent = parent.map_or_else(|| root.clone(), |parent| root.with_remote_span_context(parent));
        let name = format!("process {}", from.taken_from());
        let context = begin(&parent, name, SpanKind::Consumer, attributes, link)?;
        self.groups.push(Group { context, commands: 0 });
        Some(self.groups.len() - 1)
    }

    /// A transaction with these commands has ended that had begun at a time.
    pub fn transaction(
        &self,
        system: &'static str,
        commands: Range<usize>,
        since: SystemTime,
        error: Option<&'static str>,
    ) {
        if self.groups.is_empty() {
            return;
        }
        let now = SystemTime::now();
        let mut seen = vec![false; self.groups.len()];
        let together = number(commands.len());
        for group in self.of[commands].iter().flatten() {
            if !std::mem::replace(&mut seen[*group], true) {
                transaction(&self.groups[*group].context, system, together, since, now, error);
            }
        }
    }

    /// What became of a command.
    pub fn ended(&self, command: usize, result: &'static str, error: Option<&'static str>) {
        let Some(group) = self.group(command) else {
            return;
        };
        if group.commands == 1 {
            let result = KeyValue::new("contato.result", result);
            group.context.span().set_attribute(result);
        }
        if let Some(error) = error {
            fail(&group.context, error);
        }
    }

    /// Until it is dropped, log lines of this thread have the trace of a command.
    pub fn enter(&self, command: usize) -> Option<ContextGuard> {
        Some(self.group(command)?.context.clone().attach())
    }

    fn group(&self, command: usize) -> Option<&Group> {
        let group = (*self.of.get(command)?)?;
        self.groups.get(group)
    }
}

fn transaction(
    parent: &Context,
    system: &'static str,
    commands: i64,
    since: SystemTime,
    now: SystemTime,
    error: Option<&'static str>,
) {
    let Some(tracer) = parent.get::<SdkTracer>() else {
        return;
    };
    let mut attributes = vec![
        KeyValue::new("db.system.name", system),
        KeyValue::new("db.operation.name", OPERATION),
    ];
    // Semantic conventions of databases: one alone is no batch.
    if commands > 1 {
        attributes.push(KeyValue::new("db.operation.batch.size", commands));
    }
    let mut span = tracer
        .span_builder(OPERATION)
        .with_kind(SpanKind::Client)
        .with_start_time(since)
        .with_attributes(attributes)
        .start_with_context(tracer, parent);
    if let Some(error) = error {
        span.set_attribute(KeyValue::new("error.type", error));
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(now);
}

/// The transaction of a batch.
const OPERATION: &str = "apply";
