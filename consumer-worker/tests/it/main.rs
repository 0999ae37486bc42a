//! The worker against real brokers and databases, on the embedded pair and on RabbitMQ with PostgreSQL alike.

mod worker;
