//! What holds for every broker ([`suite`]), and what holds for one kind only.

mod rabbitmq;
mod suite;
mod support;
