//! One run of the canary: the steps of a client, and why one of them failed.

use std::fmt;

use actix_web::web::{Bytes, Data};
use serde_json::json;
use shared::{
    domain::{Action, CommandId, ContactId, Life},
    http::{
        access::Caller,
        contact_body::WholeContact,
        problem::{Code, Problem},
    },
    store::contacts::Contact,
    wire::CommandStatus,
};
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::{
    accept::{self, Accepted, Target},
    api::Api,
    idempotency_key::IdempotencyKey,
    prefer::Prefer,
    received::Received,
    server::CONTACTS,
    waiters::{Interest, Waited},
};

/// Whose commands these are, in envelopes and wherever commands are shown. No credentials have this name: theirs have a kind before it.
pub const PRINCIPAL: &str = "canary";
/// What the contact is called.
pub const NAME: &str = "contato canary";

/// When to look again for what was not there, or for a seat.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long asking may take why a command has not ended.
const ASK_MAX: Duration = Duration::from_secs(1);

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The broker is to confirm the create.
    Create,
    /// A worker is to apply it.
    ApplyCreate,
    /// SQL is to have the contact.
    Read,
    /// The broker is to confirm the delete.
    Delete,
    /// A worker is to apply it.
    ApplyDelete,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::ApplyCreate => "apply-create",
            Self::Read => "read",
            Self::Delete => "delete",
            Self::ApplyDelete => "apply-delete",
        })
    }
}

/// Why a step failed. Nothing of the contact is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Refused(Code),
    Ended(CommandStatus),
    Pending,
    NoSql(&'static str),
    NotThere,
    Differs,
    Late,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "refused: {}", code.declaration().word),
            Self::Ended(status) => write!(f, "the command ended otherwise: {}", status.as_str()),
            Self::Pending => f.write_str("no worker has applied it in time"),
            Self::NoSql(kind) => write!(f, "SQL does not answer: {kind}"),
            Self::NotThere => f.write_str("the contact is not there although its create was applied"),
            Self::Differs => f.write_str("the contact is not as it was sent"),
            Self::Late => f.write_str("no answer in time"),
        }
    }
}

impl From<Problem> for Why {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem.code())
    }
}

/// One run. Its contact's id is known before anything is sent, so that the contact can be deleted whatever happens.
#[derive(Debug)]
pub(super) struct Run<'a> {
    api: &'a Data<Api>,
    key: IdempotencyKey,
    /// When it is too late.
    until: Instant,
    pub(super) contact: ContactId,
    pub(super) step: Step,
}

impl<'a> Run<'a> {
    pub(super) fn new(api: &'a Data<Api>, until: Instant) -> Self {
        let key = IdempotencyKey::parse(&Uuid::now_v7().to_string()).expect("visible ASCII characters");
        let ids = api.id_key();
        Self {
            contact: ids.keyed_contact_id(ids.key_hash(PRINCIPAL, key.as_str())),
            api,
            key,
            until,
            step: Step::Create,
        }
    }

    /// Goes the whole way of a client's contact.
    pub(super) async fn steps(&mut self) -> Result<(), Why> {
        let created = self.create().await?;
        self.step = Step::ApplyCreate;
        self.applied(created.id).await?;
        self.step = Step::Read;
        self.read().await?;
        self.step = Step::Delete;
        let deleted = delete(self.api, self.contact, self.until).await?;
        self.step = Step::ApplyDelete;
        self.applied(deleted.id).await
    }

    async fn create(&self) -> Result<Accepted, Why> {
        // A domain that is never anybody's (RFC 2606, section 2), and an address that no other contact has.
        let email = format!("{}@contato.invalid", self.key.as_str());
        let body = json!({ "name": NAME, "email": email });
        let received = Received {
            key: Some(self.key.clone()),
            ..received("POST", CONTACTS.to_owned(), body.to_string())
        };
        let contact = WholeContact::read(received.members()?)?;
        accepted(
            self.api,
            &received,
            Action::Create(contact),
            Target::New,
            self.until,
        )
        .await
    }

    /// Waits as whoever sends `Prefer: wait` does.
    async fn applied(&self, command: CommandId) -> Result<(), Why> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            match self.api.waiters.wait(command, Interest::Record, left).await {
                Waited::Ended(ended) => {
                    return match ended.record.status {
                        CommandStatus::Applied => Ok(()),
                        status => Err(Why::Ended(status)),
                    };
                }
                Waited::Full if !left.is_zero() => sleep(LOOK_AGAIN).await,
                Waited::Full | Waited::NotYet => return Err(self.why_not(command).await),
            }
        }
    }

    /// Why a command has not ended: the task that looks for all that wait does not tell.
    async fn why_not(&self, command: CommandId) -> Why {
        match timeout(ASK_MAX, self.api.store.command(command)).await {
            Ok(Ok(_)) => Why::Pending,
            Ok(Err(error)) => Why::NoSql(error.kind()),
            Err(_) => Why::NoSql("no answer in time"),
        }
    }

    async fn read(&self) -> Result<(), Why> {
        loop {
            let found = timeout_at(self.until, self.api.store.contact(self.contact)).await;
            let found = found.map_err(|_| Why::Late)?;
            match found.map_err(|error| Why::NoSql(error.kind()))? {
                Some(contact) if is_shown(&contact) => {
                    self.api.stamps.saw_contact(&contact);
                    let name = contact.state.name.value.as_ref();
                    let same = name.is_some_and(|name| name.as_str() == NAME);
                    return if same { Ok(()) } else { Err(Why::Differs) };
                }
                // A standby that answers the reads may be behind.
                _ if Instant::now() < self.until => sleep(LOOK_AGAIN).await,
                _ => return Err(Why::NotThere),
            }
        }
    }
}

/// Deletes a contact of the canary's: the broker has confirmed it.
pub(super) async fn delete(api: &Data<Api>, contact: ContactId, until: Instant) -> Result<Accepted, Why> {
    let received = received("DELETE", format!("{CONTACTS}/{contact}"), String::new());
    accepted(api, &received, Action::Delete, Target::Existing(contact), until).await
}

async fn accepted(
    api: &Data<Api>,
    received: &Received,
    action: Action,
    target: Target,
    until: Instant,
) -> Result<Accepted, Why> {
    let caller = Caller::part_of_the_service(PRINCIPAL);
    let accepting = accept::accept(api, &caller, received, action, target);
    Ok(timeout_at(until, accepting).await.map_err(|_| Why::Late)??)
}

fn is_shown(contact: &Contact) -> bool {
    matches!(contact.state.life, Life::Born(_))
}

/// A request as a client would have sent it.
fn received(method: &str, path: String, body: String) -> Received {
    Received {
        method: method.to_owned(),
        path,
        body: Bytes::from(body),
        key: None,
        if_match_text: String::new(),
        if_match: None,
        prefer: Prefer::default(),
        traceparent: None,
        origin: String::new(),
    }
}
