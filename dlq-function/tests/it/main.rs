//! dlq-function against real brokers, databases and workers, on the embedded pair and on RabbitMQ with PostgreSQL alike.

mod access;
mod audit;
mod azure;
mod cli;
mod console;
mod dead_letters;
mod detail;
mod edge;
mod edit;
mod edit_safety;
mod grants;
mod groups;
mod keys;
mod many;
mod openapi;
mod parking;
mod replays;
mod retention;
mod reveal;
