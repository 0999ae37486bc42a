//! What a process tells of itself: logs and metrics.
//!
//! **Invariant:** personal data reaches neither. Log fields are ids and names of ours; metric labels come from closed
//! sets.

mod asked;
mod bounded;
mod family;
mod logs;
mod metrics;

pub use bounded::BoundedHistograms;
pub use family::Family;
pub use logs::start_logs;
pub use metrics::{Metrics, OTHER};
