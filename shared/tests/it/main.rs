//! The integration tests of `shared`. Files mirror modules.

mod broker;
mod store;
mod wire;
