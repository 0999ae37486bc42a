//! What a person does to dead letters. The HTTP API and the command line call the same functions; each says who asks, and
//! stands in the audit.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use shared::{
    broker::{Broker, PublishError},
    clock::Clock,
    domain::IdKey,
    payload_keys::{Locked, PayloadKeys},
    role::{Parts, payload_keys},
    settings::Settings,
    store::{Store, StoreError},
    traces::Traces,
};
use uuid::Uuid;

mod archive;
mod audit;
mod correction;
mod detail;
mod discard;
mod edit;
mod follow;
mod foresee;
mod groups;
mod many;
mod replay;
mod replay_items;
mod replay_many;
mod reveal;
mod selection;

pub(crate) use correction::{BrokenRule, Correction, FieldChange, Message, all_fields};
pub(crate) use detail::{HISTORY_MAX, NEWER_MAX, SENDINGS_MAX};
pub(crate) use discard::{DISCARDABLE, DISCARDED_AT_ONCE_MAX};
pub(crate) use edit::{EditPreview, Edited, may_be_corrected};
pub(crate) use follow::Followed;
pub(crate) use foresee::Prediction;
pub(crate) use many::{Many, ManyDone};
pub(crate) use replay::Sendable;
pub(crate) use replay_many::{POLICY, Preview};
pub(crate) use reveal::Revealed;
pub(crate) use selection::{FROZEN_MAX, Selection};

/// Acts on dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Store,
    keys: PayloadKeys,
    id_key: IdKey,
    clock: Clock,
    traces: Traces,
    max_ahead_ms: u64,
    /// How long outcomes of commands are kept.
    outcomes_kept: Duration,
}

/// Who asks for an action: a principal, empty where nobody has to say who they are, or `cli:` and the name of the account.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct By(pub(crate) String);

/// Who somebody is may be personal data.
impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("By(…)")
    }
}

/// Why an action was refused or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    #[error("there is no such dead letter")]
    Missing,
    #[error("its command has ended; there is nothing left to send again")]
    Resolved,
    #[error("it was discarded; there is nothing left to send again")]
    Discarded,
    #[error("it was corrected, and the corrected one was sent in its place")]
    Replaced,
    #[error("it was sent again, and what became of it is not known yet")]
    UnderWay,
    #[error("the correction breaks rules: {}", sentences(.0))]
    Broken(Vec<BrokenRule>),
    #[error("it was corrected as {0}, which waits to be sent again: {1}")]
    Unsent(Uuid, PublishError),
    #[error("its payload was erased with its contact's data; it can only be discarded")]
    Erased,
    #[error("it failed again since; the newer failure is the one to replay: {0}")]
    Newer(Uuid),
    #[error("there is no such replay")]
    NoReplay,
    #[error("the replay has ended")]
    ReplayEnded,
    #[error("{expected} were expected and {found} match now")]
    Unexpected { expected: u64, found: u64 },
    #[error("its payload cannot be read: {0}")]
    Locked(#[from] Locked),
    #[error("it was not sent: {0}")]
    Broker(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn sentences(broken: &[BrokenRule]) -> String {
    let sentence = |rule: &BrokenRule| format!("{} {}", rule.member, rule.detail).trim().to_owned();
    broken.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

impl Actions {
    /// # Errors
    /// If the keys of payloads are not set, or cannot be used.
    pub(crate) fn new(settings: &Settings, parts: &Parts) -> anyhow::Result<Self> {
        Ok(Self {
            broker: parts.broker.clone(),
            store: parts.store.clone(),
            keys: payload_keys(settings)?,
            id_key: parts.id_key.clone(),
            clock: parts.clock.clone(),
            traces: parts.traces.clone(),
            max_ahead_ms: settings.clock.max_ahead_ms(),
            outcomes_kept: settings.retention.commands.0,
        })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
