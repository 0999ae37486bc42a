//! What follows from an element of a message: nothing, its next attempt, or a dead letter.

use shared::{
    broker::{CONTENT_TYPE_JSON, Delivery, Message, Queue, RetryTier},
    clock::Clock,
    domain::{Poison, Verdict},
    traces::entered,
    wire::{DeadLetter, Envelope, Payload, Reason},
};

use crate::{
    decide::Fate,
    intake::{Element, Taken},
    metrics::{RetryReason, WorkerMetrics},
};

/// An array that came back so often is taken apart. Once can have been an outage, or the death of a neighbour's making.
const TAKEN_APART_AFTER: u32 = 2;

/// Makes the messages that follow.
#[derive(Debug)]
pub(crate) struct FollowUp {
    clock: Clock,
    metrics: WorkerMetrics,
    /// Who gives dead letters up.
    worker: String,
}

impl FollowUp {
    pub(crate) fn new(clock: Clock, metrics: WorkerMetrics) -> Self {
        Self {
            clock,
            metrics,
            worker: worker_name(),
        }
    }

    /// What an element sends on, if anything. Counts what became of it.
    pub(crate) fn of(
        &self,
        delivery: &Delivery,
        element: &Element,
        fate: Option<Fate>,
    ) -> Option<(Queue, Message)> {
        let envelope = match &element.envelope {
            Ok(envelope) => envelope,
            Err(error) => return Some(self.dead_letter(delivery, element, error.reason, &error.detail)),
        };
        let operation = envelope.command.action.operation();
        match fate? {
            Fate::Decided(Verdict::Finished(outcome)) => {
                let latency_ms = self.clock.now_ms().saturating_sub(envelope.command.stamp.ms());
                self.metrics.finished(delivery, operation, outcome, latency_ms);
                None
            }
            Fate::Decided(Verdict::Repeat(_)) => {
                self.metrics.repeated(delivery, operation);
                None
            }
            Fate::Decided(Verdict::Poison(poison)) => {
                let (reason, detail) = why(poison);
                Some(self.dead_letter(delivery, element, reason, detail))
            }
            Fate::Panicked => Some(self.dead_letter(
                delivery,
                element,
                Reason::HandlerPanic,
                "handling the command panicked",
            )),
            Fate::Refused { reason, detail } => match RetryTier::after_attempt(delivery.message.attempt) {
                Some(tier) => {
                    self.metrics.retried(tier, reason);
                    let attempt = delivery.message.attempt.saturating_add(1);
                    let message = on_its_own(delivery, element, envelope, attempt);
                    Some((Queue::Retry(tier), message))
                }
                None => Some(self.dead_letter(delivery, element, Reason::StoreRefused, &detail)),
            },
        }
    }

    /// The parts of an array that came back again and again, if it is one: one of its commands may be what ended the worker
    /// each time. Sent on as messages of their own, the others are not dead-lettered along with it. No attempt is counted.
    pub(crate) fn parts(&self, taken: &Taken) -> Option<Vec<(Queue, Message)>> {
        let delivery = &taken.delivery;
        if delivery.returns < TAKEN_APART_AFTER || taken.elements.len() <= 1 {
            return None;
        }
        let alone = |element: &Element| match &element.envelope {
            // By the shortest retry tier, which takes it also when the queue of commands is full.
            Ok(envelope) => {
                let message = on_its_own(delivery, element, envelope, delivery.message.attempt);
                self.metrics.retried(RetryTier::One, RetryReason::Other);
                (Queue::Retry(RetryTier::One), message)
            }
            Err(error) => self.dead_letter(delivery, element, error.reason, &error.detail),
        };
        Some(taken.elements.iter().map(alone).collect())
    }

    fn dead_letter(
        &self,
        delivery: &Delivery,
        element: &Element,
        reason: Reason,
        detail: &str,
    ) -> (Queue, Message) {
        let envelope = element.envelope.as_ref().ok();
        let traceparent = envelope.and_then(|envelope| envelope.traceparent.clone());
        let _entered = entered(traceparent.as_deref());
        let command = envelope.map(|envelope| &envelope.command);
        let operation = command.map(|command| command.action.operation());
        self.metrics.dead_lettered(delivery, operation, reason);
        let letter = DeadLetter {
            reason,
            detail: detail.to_owned(),
            attempt: delivery.message.attempt,
            replay: delivery.message.replay,
            failed_at: self.clock.now(),
            worker: self.worker.clone(),
            traceparent,
            content_type: delivery.message.content_type.clone(),
            payload: Payload(delivery.message.body[element.span.clone()].to_vec()),
        };
        tracing::warn!(
            command.id = command.map(|command| tracing::field::display(command.id)),
            contact.id = command.map(|command| tracing::field::display(command.contact_id)),
            reason = reason.as_str(),
            detail,
            "dead-lettered"
        );
        let message = Message {
            body: letter.encode(),
            kind: DeadLetter::MESSAGE_TYPE.to_owned(),
            message_id: command
                .map_or_else(uuid::Uuid::now_v7, |command| command.id.as_uuid())
                .to_string(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: delivery.message.attempt,
            replay: delivery.message.replay,
            traceparent: None,
        };
        (Queue::DeadLetters, message)
    }
}

fn why(poison: Poison) -> (Reason, &'static str) {
    match poison {
        Poison::IdConflict => (
            Reason::IdConflict,
            "the command id has ended with another request",
        ),
        Poison::StampAhead => (
            Reason::StampAhead,
            "stamped further ahead of the worker's clock than clock.maxAhead",
        ),
        Poison::ContactUnknown => (
            Reason::ContactUnknown,
            "the contact has no row and its id was not issued by contato",
        ),
    }
}

/// A command as a message of its own, at an attempt.
fn on_its_own(delivery: &Delivery, element: &Element, envelope: &Envelope, attempt: u32) -> Message {
    Message {
        body: delivery.message.body[element.span.clone()].to_vec(),
        kind: format!("contato.{}", envelope.command.action.operation()),
        message_id: envelope.command.id.to_string(),
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt,
        replay: delivery.message.replay,
        traceparent: delivery.message.traceparent.clone(),
    }
}

/// Who gave a dead letter up: the host's name (the pod's, on Kubernetes) and the process.
fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}
