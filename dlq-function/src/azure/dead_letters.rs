//! The function `contato-dlq`: keeps the dead letter that the host posts.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{Data, Payload},
};
use shared::{
    broker::{BrokerReason, Message, Queue},
    http::problem::{Code, Problem},
};

use super::{
    DEAD_LETTER_BINDING, Functions, answer, body, invocation::Invocation, original::original, properties,
};
use crate::{
    collect::Arrived,
    keeper::{Counts, Fate, Keeper},
};

/// How long a dead letter waits for its turn. This, what a body takes to arrive, [`KEEP_WITHIN`] and a publish
/// (`broker.publishTimeout`) are together less than the 100 s that the host waits for an answer; one that comes later costs the
/// message a try and nothing else.
const TURN_WITHIN: Duration = Duration::from_secs(20);
/// How long storing may take until the dead letter is parked instead.
const KEEP_WITHIN: Duration = Duration::from_secs(30);

/// Stores the dead letter. While SQL cannot be used it is parked instead: what the host is answered otherwise would use up the
/// five tries that a message has there.
///
/// # Errors
/// `malformed-request` for what is no invocation, `internal-error` if neither SQL nor the broker took it: the host keeps it.
pub(super) async fn keep(functions: Data<Functions>, payload: Payload) -> Result<HttpResponse, Problem> {
    let turn = functions.dead_letters.clone().acquire_owned();
    let turn = tokio::time::timeout(TURN_WITHIN, turn).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Problem::overloaded());
    };
    let (message, broker_reason) = {
        let body = body::read(payload).await?;
        let invocation = Invocation::read(&body)?;
        let value = invocation.value(DEAD_LETTER_BINDING)?;
        properties::message(original(value), invocation.metadata)
    };
    let keeper = functions.keeper.clone();
    let work = async move {
        let log = keep_or_park(&keeper, &message, broker_reason).await;
        drop(turn);
        log
    };
    functions.runtime.run(work).await.map(answer::taken)
}

/// Says what became of it, in words for the host's log.
async fn keep_or_park(
    keeper: &Keeper,
    message: &Message,
    broker_reason: Option<BrokerReason>,
) -> Result<String, Problem> {
    let arrived = Arrived {
        message,
        broker_reason,
    };
    match tokio::time::timeout(KEEP_WITHIN, keeper.keep(arrived)).await {
        Ok(Ok(Fate::Stored(counts))) => return Ok(stored(counts)),
        Ok(Ok(Fate::Parked)) => return Ok(parked("SQL refuses it")),
        Ok(Err(error)) => tracing::warn!(
            error.kind = error.kind(),
            error.code = error.code(),
            "SQL cannot be used: a dead letter is parked"
        ),
        Err(_) => tracing::warn!("SQL did not answer within {KEEP_WITHIN:?}: a dead letter is parked"),
    }
    match keeper.park(arrived).await {
        Ok(()) => Ok(parked("SQL cannot be used")),
        Err(error) => {
            tracing::warn!(error = %error, queue.name = Queue::Parking.name(), "a dead letter could be neither stored nor parked");
            let detail = "Neither SQL nor the broker took the dead letter: it is still the host's.";
            Err(Problem::new(Code::InternalError, detail))
        }
    }
}

fn stored(Counts { new, known }: Counts) -> String {
    format!("dead letters stored: {new}, known already: {known}")
}

fn parked(why: &str) -> String {
    format!(
        "parked in {}, since {why}: `dlq-function parking restore` brings it back",
        Queue::Parking.name()
    )
}
