//! Running a transaction again where another one was in the way.

use shared::store::StoreError;

/// How often it runs again.
const RERUNS_MAX: u32 = 5;

/// Runs a transaction, and again, [`RERUNS_MAX`] times at most, while another one is in its way.
///
/// # Errors
/// What it failed with in the end.
pub(crate) async fn rerun<T, F>(transaction: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut reruns = 0;
    loop {
        match transaction().await {
            Err(StoreError::Conflict(_)) if reruns < RERUNS_MAX => reruns += 1,
            result => return result,
        }
    }
}
