//! What every broker must do, whatever it is made of.
//!
//! A broker takes part by a [`Harness`] and one line, `conformance!(TheHarness);`.

use std::{sync::Arc, time::Duration};

use shared::broker::{Broker, QueueOptions};

pub mod publishing;
pub mod retries;
pub mod settling;

/// Queues of one test's own, and the way to open them.
pub trait Harness: Sized {
    /// Makes a place for queues with these options. They are gone once the harness is dropped.
    async fn new(options: QueueOptions) -> Self;

    /// Opens the queues, as a process does when it starts, and waits until messages can be published. Called again
    /// only after the handle before was closed or dropped.
    async fn open(&self) -> Arc<dyn Broker>;

    /// A handle beside one that is in use. Where only one process may have the queues, this is the same.
    async fn beside(&self, first: &Arc<dyn Broker>) -> Arc<dyn Broker>;
}

/// Makes a test of every case, for the given harness.
macro_rules! conformance {
    ($harness:ty) => {
        $crate::broker::suite::conformance!($harness:
            publishing::a_publish_means_stored,
            settling::no_more_are_in_hand_than_the_bound,
            retries::a_retry_comes_back_after_its_delay,
            retries::a_short_tier_does_not_wait_for_a_long_one,
            retries::dead_letters_and_parking_are_queues_too,
            settling::abandoned_deliveries_come_again,
            settling::given_back_deliveries_come_again,
            settling::a_stopped_consumer_hoards_nothing,
            settling::another_consumer_takes_over_without_a_return,
            settling::what_is_in_hand_keeps_the_next_from_being_on_its_way,
            settling::one_that_is_waited_for_can_cease,
            settling::what_comes_back_says_how_often,
            settling::a_batch_is_settled_in_one_call,
            settling::settling_some_leaves_the_others,
            settling::settling_twice_or_elsewhere_settles_nothing,
            publishing::a_full_queue_refuses_until_there_is_room,
            publishing::publishes_run_concurrently,
            publishing::depth_counts_what_waits,
            retries::what_is_delivered_too_often_is_dead_lettered,
            retries::a_replay_survives_a_retry_tier,
            retries::what_is_rejected_is_dead_lettered,
            publishing::two_handles_share_the_queues,
            publishing::a_closed_broker_says_so,
        );
    };
    ($harness:ty: $($part:ident::$case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::broker::suite::$part::$case::<$harness>().await;
            }
        )+
    };
}
pub(crate) use conformance;

async fn fresh<H: Harness>(options: QueueOptions) -> (H, Arc<dyn Broker>) {
    let harness = H::new(options).await;
    let broker = harness.open().await;
    (harness, broker)
}

fn with_delays(milliseconds: [u64; 3]) -> QueueOptions {
    QueueOptions {
        retry_delays: milliseconds.map(Duration::from_millis),
        ..QueueOptions::default()
    }
}
