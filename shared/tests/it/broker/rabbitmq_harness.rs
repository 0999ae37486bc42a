//! Queues of one test's own on a RabbitMQ.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use lapin::{Connection, ConnectionProperties, types::FieldTable};
use secrecy::{ExposeSecret, SecretString};
use shared::broker::{
    Broker, Queue, QueueOptions,
    rabbitmq::{RabbitMq, RabbitMqOptions},
};

use super::{proxy::Proxy, suite::Harness, support::until};

/// Where the shared broker is.
pub fn shared_url() -> SecretString {
    test_support::amqp_url().into()
}

/// Queues with a prefix of their own on a RabbitMQ.
pub struct RabbitMqHarness {
    pub options: RabbitMqOptions,
    keep: AtomicBool,
}

impl RabbitMqHarness {
    pub fn at(url: SecretString, queues: QueueOptions) -> Self {
        let options = RabbitMqOptions {
            prefix: format!("test-{}.", uuid::Uuid::now_v7()),
            queues,
            ..RabbitMqOptions::new(url)
        };
        Self {
            options,
            keep: AtomicBool::new(false),
        }
    }

    /// Leaves the queues: their broker is thrown away as a whole.
    pub fn keep(self) -> Self {
        self.keep.store(true, Ordering::Relaxed);
        self
    }

    /// A handle that publishes.
    pub async fn connected(&self) -> Arc<dyn Broker> {
        connected(self.options.clone()).await
    }

    /// A handle that has a proxy before its broker.
    pub async fn open_through(&self, proxy: &Proxy) -> Arc<dyn Broker> {
        connected(RabbitMqOptions {
            url: proxy.url(),
            ..self.options.clone()
        })
        .await
    }

    /// A connection around contato's code.
    pub async fn admin(&self) -> Connection {
        let url = self.options.url.expose_secret();
        Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("the broker is there")
    }

    pub fn name(&self, name: &str) -> lapin::types::ShortString {
        format!("{}{name}", self.options.prefix).into()
    }

    pub async fn delete_queue(&self, queue: Queue) {
        let connection = self.admin().await;
        let channel = connection.create_channel().await.expect("a channel");
        channel
            .queue_delete(self.name(queue.name()), Default::default())
            .await
            .expect("deleted");
    }

    /// Takes a queue's binding away, again and again, until aborted.
    pub fn keep_unbinding(&self, queue: Queue) -> impl Future<Output = ()> + Send + 'static {
        let (url, name, exchange) = (
            self.options.url.clone(),
            self.name(queue.name()),
            self.name("contato"),
        );
        async move {
            let connection = Connection::connect(url.expose_secret(), ConnectionProperties::default())
                .await
                .expect("the broker is there");
            let channel = connection.create_channel().await.expect("a channel");
            loop {
                channel
                    .queue_unbind(
                        name.clone(),
                        exchange.clone(),
                        name.clone(),
                        FieldTable::default(),
                    )
                    .await
                    .expect("unbound");
            }
        }
    }

    async fn delete_everything(&self) {
        for queue in Queue::ALL {
            self.delete_queue(queue).await;
        }
        let connection = self.admin().await;
        let channel = connection.create_channel().await.expect("a channel");
        channel
            .exchange_delete(self.name("contato"), Default::default())
            .await
            .expect("deleted");
    }
}

impl Drop for RabbitMqHarness {
    fn drop(&mut self) {
        if self.keep.load(Ordering::Relaxed) {
            return;
        }
        // From where nothing can be awaited, and also after a failed test, of which it must not hide the failure.
        std::thread::scope(|scope| {
            let deleting = scope.spawn(|| {
                tokio::runtime::Runtime::new()
                    .expect("a runtime")
                    .block_on(self.delete_everything());
            });
            let _ = deleting.join();
        });
    }
}

async fn connected(options: RabbitMqOptions) -> Arc<dyn Broker> {
    let broker = RabbitMq::start(options);
    until("the broker is connected", async || broker.connected()).await;
    broker
}

impl Harness for RabbitMqHarness {
    async fn new(options: QueueOptions) -> Self {
        Self::at(shared_url(), options)
    }

    async fn open(&self) -> Arc<dyn Broker> {
        self.connected().await
    }

    async fn beside(&self, _first: &Arc<dyn Broker>) -> Arc<dyn Broker> {
        self.connected().await
    }
}
