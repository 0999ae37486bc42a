//! `drill`: dead letters to practise with, as a worker would send them.
//!
//! Of five dead letters three are commands that SQL refused at every attempt, which a replay applies; one has a phone that
//! SQL cannot hold, which an edit mends; one was cut off on its way and can only be discarded. The people are invented.

use clap::Args;
use serde_json::{Value, json};
use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Message, Queue},
    domain::{Action, Command, Email, IdIssuer, Name, NewContact, Phone, RequestHash, Stamp},
    role::Parts,
    store::dead_letters::DeadLetterFilter,
    wire::{DeadLetter, Envelope, Payload, Reason, rfc3339},
};
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

use super::output::{DONE, ask, bar, dead_letters, print, print_json};
use crate::actions::Actions;

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function drill
  dlq-function drill --count 100 --yes

The contacts are called \"Ensaio Um\", \"Ensaio Dois\" and so on, so that they are found and deleted afterwards.";

/// How many.
#[derive(Debug, Args)]
pub struct Drill {
    /// How many dead letters.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Where an attempt is the last one, as workers count unless set otherwise.
const LAST_ATTEMPT: u32 = 4;
/// How long is waited for the service to store them.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn run(actions: &Actions, parts: &Parts, arguments: &Drill) -> anyhow::Result<u8> {
    let count = arguments.count;
    let what = format!(
        "put {} with invented people on the queue {}",
        dead_letters(count.into()),
        Queue::DeadLetters.name()
    );
    ask(&what, arguments.yes)?;
    let ids = IdIssuer::new(parts.id_key.clone());
    let began = actions.now();
    // Names this drill, so that its dead letters are known from others.
    let worker = format!("drill-{:08x}", Uuid::now_v7().as_u128() as u32);
    let progress = bar("sending", count.into());
    for n in 0..count {
        let letter = letter(parts, &ids, n, &worker);
        send(parts.broker.as_ref(), &letter).await?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    let filter = DeadLetterFilter {
        since: Some(began - Duration::from_secs(60)),
        ..DeadLetterFilter::default()
    };
    let stored = stored(actions, &filter, &worker, count).await?;
    if arguments.json {
        print_json(&json!({ "sent": count, "stored": stored, "worker": worker, "since": rfc3339(began) }))?;
        return Ok(DONE);
    }
    print(&format!(
        "sent {}, as from the worker {worker}",
        dead_letters(count.into())
    ));
    match stored < u64::from(count) {
        true => print(&format!(
            "{stored} of them are stored; dlq-function, which stores them, does not seem to run: they wait in the queue"
        )),
        false => print("dlq-function has stored them; `dlq-function list` shows them"),
    }
    Ok(DONE)
}

/// How many of a drill are stored, once all are or patience is at its end.
async fn stored(
    actions: &Actions,
    filter: &DeadLetterFilter,
    worker: &str,
    count: u32,
) -> anyhow::Result<u64> {
    const PAGE: u64 = 2000;
    let until = Instant::now() + PATIENCE;
    loop {
        let page = actions.store.dead_letters_page(filter, None, PAGE).await?;
        let found = page
            .iter()
            .filter(|stored| stored.letter.worker == worker)
            .count() as u64;
        if found >= u64::from(count) || Instant::now() > until {
            return Ok(found);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn letter(parts: &Parts, ids: &IdIssuer, n: u32, worker: &str) -> DeadLetter {
    let envelope = create(parts, ids, n);
    let (payload, reason, detail, attempt) = match n % 5 {
        0..=2 => {
            let detail = "SQL refuses it: refused (code 23514)";
            (
                envelope.encode(),
                Reason::StoreRefused,
                detail.to_owned(),
                LAST_ATTEMPT,
            )
        }
        3 => poison(unstorable(&envelope)),
        _ => poison(cut_off(&envelope)),
    };
    DeadLetter {
        reason,
        detail,
        attempt,
        replay: 0,
        failed_at: parts.clock.now(),
        worker: worker.to_owned(),
        traceparent: None,
        content_type: CONTENT_TYPE_JSON.to_owned(),
        payload: Payload(payload),
    }
}

/// Dead at once, for the reason that a worker would find.
fn poison(body: Vec<u8>) -> (Vec<u8>, Reason, String, u32) {
    let (reason, detail) = match Envelope::decode(&body) {
        Err(error) => (error.reason, error.detail),
        Ok(_) => (Reason::Unknown, "a drill".to_owned()),
    };
    (body, reason, detail, 1)
}

fn create(parts: &Parts, ids: &IdIssuer, n: u32) -> Envelope {
    let now = parts.clock.now_ms();
    let issued = ids.issue(now, Uuid::now_v7().as_u128() as u64);
    let request_hash = RequestHash::from_bytes(issued.command.as_uuid().as_bytes());
    Envelope {
        command: Command {
            id: issued.command,
            contact_id: issued.contact,
            stamp: Stamp::at_ms(now),
            if_match: None,
            action: Action::Create(NewContact {
                name: Name::parse(&name(n)).expect("a name"),
                phone: Phone::parse("(11) 98765-4321").ok(),
                email: Email::parse(&format!("ensaio{}@example.com", n + 1)).ok(),
            }),
        },
        principal: String::new(),
        key_hash: None,
        request_hash: request_hash.expect("16 bytes"),
        traceparent: None,
    }
}

fn name(n: u32) -> String {
    const NUMBERS: [&str; 10] = [
        "Um", "Dois", "Três", "Quatro", "Cinco", "Seis", "Sete", "Oito", "Nove", "Dez",
    ];
    let number = usize::try_from(n).ok().and_then(|n| NUMBERS.get(n));
    number.map_or_else(
        || format!("Ensaio {}", n + 1),
        |number| format!("Ensaio {number}"),
    )
}

/// With a phone as somebody wrote it who was interrupted.
fn unstorable(envelope: &Envelope) -> Vec<u8> {
    let mut message: Value = serde_json::from_slice(&envelope.encode()).expect("an envelope is JSON");
    message["contact"]["phone"] = "11 98765-43".into();
    message.to_string().into_bytes()
}

fn cut_off(envelope: &Envelope) -> Vec<u8> {
    let mut body = envelope.encode();
    body.truncate(body.len() / 2);
    body
}

async fn send(broker: &dyn Broker, letter: &DeadLetter) -> anyhow::Result<()> {
    let message = Message {
        body: letter.encode(),
        kind: DeadLetter::MESSAGE_TYPE.to_owned(),
        message_id: Uuid::now_v7().to_string(),
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: letter.attempt,
        replay: letter.replay,
        traceparent: None,
    };
    Ok(broker.publish(Queue::DeadLetters, &message).await?)
}
