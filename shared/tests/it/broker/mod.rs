//! The brokers.

mod embedded;
