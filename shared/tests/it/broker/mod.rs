//! What holds for every broker ([`suite`]), and what holds for one kind only.

mod embedded;
pub mod proxy;
mod rabbitmq;
mod rabbitmq_faults;
pub mod rabbitmq_harness;
mod suite;
pub mod support;
