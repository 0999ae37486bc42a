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
    /// Taken for the next batch.
    gathered: Vec<Taken>,
    /// Taken, but to be handled on its own, after what is gathered.
    carried: Option<Taken>,
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
            gathered: Vec::new(),
            carried: None,
        }
    }

    pub(crate) fn consumer(&self) -> &Arc<dyn Consumer> {
        &self.consumer
    }

    /// Takes nothing more: what is not in a batch goes back, what is in hand can still be settled. A consumer that is only let
    /// go would hoard messages for as long as anything of it is in hand.
    pub(crate) async fn stop(self) {
        // First: what is given back would at once come again, and be returned once more.
        self.consumer.cease().await;
        let back: Vec<_> = self.gathered.into_iter().chain(self.carried).collect();
        let back = back.into_iter().map(|taken| taken.delivery).collect();
        if let Err(error) = self.consumer.give_back(back).await {
            tracing::debug!(error = %error, "deliveries could not be given back; they come again");
        }
        self.consumer.stop().await;
    }

    /// Waits until so many envelopes have arrived, and takes with them what else has, up to `max` envelopes and what the last
    /// message brings. A delivery that came before goes alone and at once: it may be what ended the worker then.
    /// Cancel-safe: what was taken is kept for the next call.
    pub(crate) async fn next(&mut self, least: usize, max: usize) -> Result<Vec<Taken>, BrokerError> {
        loop {
            self.gather(max);
            let enough = self.envelopes() >= least.min(max);
            if enough || self.carried.is_some() {
                return Ok(self.batch());
            }
            let delivery = self.consumer.next().await?;
            self.take(delivery);
        }
    }

    /// [`next`](Self::next) without waiting: for what was read ahead before the consumer ceased. `None` if there is nothing.
    pub(crate) fn read_ahead(&mut self, max: usize) -> Option<Vec<Taken>> {
        self.gather(max);
        let batch = self.batch();
        (!batch.is_empty()).then_some(batch)
    }

    /// Takes what has arrived.
    fn gather(&mut self, max: usize) {
        while self.carried.is_none() && self.envelopes() < max {
            let Some(delivery) = self.consumer.try_next() else {
                return;
            };
            self.take(delivery);
        }
    }

    fn take(&mut self, delivery: Delivery) {
        let taken = Taken::read(delivery);
        if taken.delivery.redelivered {
            self.carried = Some(taken);
        } else {
            self.gathered.push(taken);
        }
    }

    /// What is gathered; what goes alone, if nothing is.
    fn batch(&mut self) -> Vec<Taken> {
        if self.gathered.is_empty() {
            self.carried.take().into_iter().collect()
        } else {
            std::mem::take(&mut self.gathered)
        }
    }

    fn envelopes(&self) -> usize {
        self.gathered.iter().map(|taken| taken.elements.len()).sum()
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
