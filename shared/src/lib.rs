//! What two or more of contato's services need: the domain, the wire format, the broker, the store, settings, logs, metrics
//! and traces.
//!
//! **Invariant:** arrows point one way, `domain` ← `wire`, `metrics` ← `broker` ← `traces` ← `store` ← `settings`, `logs`, `management`.

pub mod broker;
mod camel_case;
pub mod clock;
pub mod domain;
mod files;
pub mod http;
pub mod intent;
mod knock;
pub mod logs;
pub mod management;
pub mod metrics;
pub mod payload_keys;
pub mod planned_fault;
pub mod role;
pub mod runtime;
pub mod service;
pub mod settings;
pub mod store;
pub mod tls;
pub mod traces;
pub mod wire;
