//! What a process tells of itself: logs and metrics.
//!
//! **Invariant:** personal data reaches neither. Log fields are ids and names of ours; metric labels come from closed
//! sets.

mod logs;

pub use crate::metrics::{BoundedHistograms, Family, Metrics, OTHER};
pub use logs::start_logs;
