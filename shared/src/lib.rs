//! What two or more of contato's services need: the domain, the wire format, the broker, the store, settings and
//! telemetry.
//!
//! **Invariant:** arrows point one way, `domain` ← `wire` ← `broker`, `store` ← `settings`, `telemetry`.

pub mod broker;
pub mod domain;
pub mod wire;
