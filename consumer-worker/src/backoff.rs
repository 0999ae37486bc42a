//! Waiting longer after every failure, with jitter, so that replicas do not come back in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// The wait before the next try: doubles from 100 ms to 5 s, each drawn from its upper half.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(FIRST)
    }

    /// Begins anew: something has succeeded.
    pub(crate) fn reset(&mut self) {
        self.0 = FIRST;
    }

    /// How long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0.mul_f64(rand::random_range(0.5..=1.0));
        self.0 = (self.0 * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..10).map(|_| backoff.next()).collect();
        assert!(
            waits[0] <= FIRST && waits[9] > LONGEST / 3 && waits.iter().all(|wait| *wait <= LONGEST),
            "{waits:?}"
        );
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
