//! The three services, by name: who is granted rights, and whose settings a command looks at.

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Service {
    /// The API.
    ProducerApi,
    /// The worker.
    ConsumerWorker,
    /// The collector of dead letters, and the console.
    DlqFunction,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ProducerApi, Self::ConsumerWorker, Self::DlqFunction];
}
