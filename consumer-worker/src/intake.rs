//! Taking deliveries and reading what is in them.

use std::{ops::Range, panic::AssertUnwindSafe, sync::Arc};

use shared::{
    broker::{BrokerError, Consumer, Delivery},
    wire::{DecodeError, Envelope, Reason, decode_message},
};

/// Deliveries of one consumer, in batches of what has arrived.
#[derive(Debug)]
pub(crate) struct Intake {
    consumer: Arc<dyn Consumer>,
    /// Taken, but to be handled on its own, next.
    carried: Option<Delivery>,
}

/// A delivery and its elements.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) delivery: Delivery,
    pub(crate) elements: Vec<Element>,
}

/// One envelope of a message, or why it is none.
#[derive(Debug)]
pub(crate) struct Element {
    /// Where it stands in the message's body.
    pub(crate) span: Range<usize>,
    pub(crate) envelope: Result<Envelope, DecodeError>,
}

impl Intake {
    pub(crate) fn new(consumer: Arc<dyn Consumer>) -> Self {
        Self {
            consumer,
            carried: None,
        }
    }

    pub(crate) fn consumer(&self) -> &Arc<dyn Consumer> {
        &self.consumer
    }

    /// Takes nothing more: what is read ahead goes back, what is in hand can still be settled. A consumer that is only let
    /// go would hoard messages for as long as anything of it is in hand.
    pub(crate) async fn stop(mut self) {
        if let Some(carried) = self.carried.take()
            && let Err(error) = self.consumer.give_back(vec![carried]).await
        {
            tracing::debug!(error = %error, "a delivery could not be given back; it comes again");
        }
        self.consumer.stop().await;
    }

    /// Waits for a delivery and takes with it what has arrived already, up to `max` envelopes and what the last message
    /// brings. A delivery that came before goes alone: it may be what ended the worker then. Cancel-safe.
    pub(crate) async fn next(&mut self, max: usize) -> Result<Vec<Taken>, BrokerError> {
        let first = match self.carried.take() {
            Some(delivery) => delivery,
            None => self.consumer.next().await?,
        };
        Ok(self.with_what_has_arrived(first, max))
    }

    /// [`next`](Self::next) without waiting: for what was read ahead before the consumer ceased.
    pub(crate) fn read_ahead(&mut self, max: usize) -> Option<Vec<Taken>> {
        let first = self.carried.take().or_else(|| self.consumer.try_next())?;
        Some(self.with_what_has_arrived(first, max))
    }

    fn with_what_has_arrived(&mut self, first: Delivery, max: usize) -> Vec<Taken> {
        let alone = first.redelivered;
        let mut taken = vec![Taken::read(first)];
        let mut envelopes = taken[0].elements.len();
        while !alone && envelopes < max {
            match self.consumer.try_next() {
                Some(delivery) if delivery.redelivered => {
                    self.carried = Some(delivery);
                    break;
                }
                Some(delivery) => {
                    let next = Taken::read(delivery);
                    envelopes += next.elements.len();
                    taken.push(next);
                }
                None => break,
            }
        }
        taken
    }
}

impl Taken {
    /// Reads a delivery. A panic in the reader is that message's fault alone.
    fn read(delivery: Delivery) -> Self {
        let body = &delivery.message.body;
        let read = || {
            let start = body.as_ptr() as usize;
            decode_message(body)
                .into_iter()
                .map(|element| {
                    let begin = element.body.as_ptr() as usize - start;
                    Element {
                        span: begin..begin + element.body.len(),
                        envelope: element.envelope,
                    }
                })
                .collect()
        };
        let elements = std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
            let error = DecodeError {
                reason: Reason::HandlerPanic,
                detail: "reading the message panicked".to_owned(),
            };
            vec![Element {
                span: 0..body.len(),
                envelope: Err(error),
            }]
        });
        Self { delivery, elements }
    }
}
