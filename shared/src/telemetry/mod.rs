//! What a process tells of itself: logs, metrics and traces.
//!
//! **Invariant:** personal data reaches none of them. Log fields are ids and names of ours; metric labels come from closed
//! sets.

mod logs;
pub mod traces;

pub use crate::metrics::{BoundedHistograms, Family, Metrics, OTHER};
pub use logs::start_logs;
