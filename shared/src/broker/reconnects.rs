//! How often connections to the broker were lost, and by what.

use prometheus::{
    IntCounter, IntCounterVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// Why a connection, or a consumer with its own, was lost and had to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The connection broke, or the broker closed it.
    Io,
    /// The broker gave no sign of life.
    Heartbeat,
    /// The broker closed the channel, or answered nothing on it.
    Channel,
    /// The broker cancelled a consumer: its queue went, or moved.
    Cancelled,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::Io, Self::Heartbeat, Self::Channel, Self::Cancelled];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Heartbeat => "heartbeat",
            Self::Channel => "channel",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The counts of a broker. Cheap to clone; all clones count together. Registered by each role that uses the broker.
#[derive(Clone, Debug)]
pub struct Reconnects(IntCounterVec);

impl Reconnects {
    /// One more.
    pub fn count(&self, cause: Cause) {
        self.of(cause).inc();
    }

    /// How many there were by a cause.
    pub fn of(&self, cause: Cause) -> IntCounter {
        self.0.with_label_values(&[cause.as_str()])
    }
}

impl Default for Reconnects {
    fn default() -> Self {
        let options = Opts::new(
            "contato_broker_reconnects_total",
            "Connections to the broker that were lost and made again, by what was lost.",
        );
        let reconnects = Self(IntCounterVec::new(options, &["cause"]).expect("names are constants"));
        for cause in Cause::ALL {
            reconnects.of(cause);
        }
        reconnects
    }
}

impl Collector for Reconnects {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.collect()
    }
}
