//! What holds for every broker ([`suite`]), and what holds for one kind only.

mod embedded;
mod proxy;
mod rabbitmq;
mod rabbitmq_faults;
mod rabbitmq_harness;
mod suite;
mod support;
