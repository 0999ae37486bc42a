//! The integration tests of `shared`. Files mirror modules.

mod asyncapi;
mod broker;
mod layers;
mod metered;
mod store;
mod tls;
mod wire;
