//! The canary of producer-api, with a real worker: it goes the whole way, says so in its metrics, and leaves nothing that is shown.

use std::{num::NonZeroU16, time::Duration};

use producer_api::canary::{NAME, PRINCIPAL};
use shared::{broker::Queue, domain::Action, settings::Span, wire::decode_message};
use test_support::{Pair, Running, Series, eventually, on_both_pairs};

on_both_pairs!(
    runs_succeed_fail_without_a_worker_and_succeed_again,
    it_is_off_unless_it_is_wanted,
);

/// Shorter than settings may say, so that a test sees several runs.
const EVERY: Duration = Duration::from_secs(3);

/// producer-api, and where it tells its metrics.
async fn api(pair: &Pair, every: Option<Duration>) -> (Running, String) {
    let mut settings = pair.settings.clone();
    settings.canary.every = every.map(Span);
    let service = producer_api::build(&settings, pair.parts.clone()).await.unwrap();
    let metrics = format!("http://{}/metrics", service.management_address());
    (pair.run(|stop| service.run(stop)), metrics)
}

async fn worker(pair: &Pair) -> Running {
    let service = consumer_worker::build(&pair.settings, pair.parts.clone()).await;
    let service = service.unwrap();
    pair.run(|stop| service.run(stop))
}

async fn metrics(url: &str) -> String {
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let value = Series::parse(text).value(series);
    value.unwrap_or_else(|| panic!("no {series}: {text}"))
}

/// Waits until one more run has ended so; gives all that is told then.
async fn one_more(url: &str, outcome: &str) -> String {
    let series = format!("contato_canary_runs_total{{outcome=\"{outcome}\"}}");
    let before = value(&metrics(url).await, &series);
    eventually("another run", async || {
        let text = metrics(url).await;
        (value(&text, &series) > before).then_some(text)
    })
    .await
}

/// To see it red: leave out the clean-up, the step that reads, or the wait for a worker.
async fn runs_succeed_fail_without_a_worker_and_succeed_again(pair: Pair) {
    let working = worker(&pair).await;
    let (api, url) = api(&pair, Some(EVERY)).await;
    let text = one_more(&url, "succeeded").await;
    assert_eq!(value(&text, "contato_canary_runs_total{outcome=\"failed\"}"), 0.0);
    let seconds = value(&text, "contato_canary_duration_seconds_sum");
    assert!(seconds > 0.0 && seconds < EVERY.as_secs_f64(), "{seconds}");
    for edge in ["5", "60"] {
        let series = format!("contato_canary_duration_seconds_bucket{{le=\"{edge}\"}}");
        assert!(value(&text, &series) >= 1.0);
    }
    assert_eq!(
        value(&text, "contato_canary_interval_seconds"),
        EVERY.as_secs_f64()
    );
    let last = value(&text, "contato_canary_last_success_timestamp_seconds");
    let now = pair.parts.clock.now().timestamp() as f64;
    assert!((now - 60.0..=now).contains(&last), "{last}, and it is {now}");
    for operation in ["create", "delete"] {
        let series = format!("contato_commands_accepted_total{{operation=\"{operation}\"}}");
        assert!(value(&text, &series) >= 1.0, "the code of all writes");
    }

    working.stop().await;
    one_more(&url, "failed").await;
    is_of_nobody(&pair).await;
    let working = worker(&pair).await;
    one_more(&url, "succeeded").await;

    api.stop().await;
    pair.drained().await;
    working.stop().await;
    let created = pair.count("FROM contacts").await;
    let deleted = pair.count("FROM contacts WHERE life = 'deleted'").await;
    assert!(created >= 3 && deleted == created, "{deleted} of {created}");
    let applied = pair.count("FROM commands WHERE status = 'applied'").await;
    let superseded = pair.count("FROM commands WHERE status = 'superseded'").await;
    // One more or less of a run that was in hand when it was to stop.
    let commands = applied + superseded;
    assert!(
        (2 * created).abs_diff(commands) <= 1,
        "{commands} commands of {created} runs"
    );
}

/// Whoever looks at the queue sees whose the command is, and a person in none of it.
async fn is_of_nobody(pair: &Pair) {
    let bound = NonZeroU16::new(100).unwrap();
    let consumer = pair.parts.broker.consume(Queue::Commands, bound).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    let elements = decode_message(&delivery.message.body);
    let envelope = elements[0].envelope.as_ref().unwrap();
    assert_eq!(envelope.principal, PRINCIPAL);
    let Action::Create(contact) = &envelope.command.action else {
        panic!("a run begins with a create");
    };
    assert_eq!((contact.name.as_str(), &contact.phone), (NAME, &None));
    let email = contact.email.as_ref().unwrap().as_str();
    assert!(email.ends_with("@contato.invalid"), "{email}");
    consumer.stop().await;
}

async fn it_is_off_unless_it_is_wanted(pair: Pair) {
    let (api, url) = api(&pair, None).await;
    assert!(!metrics(&url).await.contains("contato_canary"));
    api.stop().await;
    assert_eq!(pair.parts.broker.depth(Queue::Commands).await.unwrap(), 0);
}
