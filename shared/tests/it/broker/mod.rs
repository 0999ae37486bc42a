//! What holds for every broker ([`suite`]), and what holds for one kind only.

mod embedded;
mod rabbitmq;
mod suite;
mod support;
