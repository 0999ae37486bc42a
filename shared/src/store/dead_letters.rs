//! Dead letters: kept until their command has ended, a person discards them, or their contact is deleted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Iterable, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError,
    bulk::any_of,
    corrupt,
    entities::dead_letters::{Column, Entity},
};
use crate::{
    domain::{CommandId, ContactId, Operation, RequestHash, Stamp},
    payload_keys::SealedPayload,
    wire::{DeadLetter, Reason},
};

mod archive;
mod arrivals;
mod close;
mod erase;
mod groups;
mod keep;
mod rekey;
mod replace;
mod rows;
mod sent;

pub use archive::Which;
pub use arrivals::{ARRIVAL_HOURS, Arrivals};
pub use groups::{Group, GroupPosition};

pub(super) use close::resolve;
pub(super) use erase::{closed_before, erase};
pub use replace::{Corrected, REPLACED_MAX, Replacement, under_way};
use rows::Listed;
pub use sent::Sending;

/// What waits for a person or a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenDeadLetters {
    /// How many, by reason; reasons without any are left out.
    pub by_reason: BTreeMap<Reason, u64>,
    /// When the one that waits for longest was stored.
    pub oldest: Option<DateTime<Utc>>,
}

/// Where a dead letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadLetterState {
    /// Waits for a person or a policy.
    Open,
    /// Waits, put aside by a person.
    Archived,
    /// Sent again; its outcome is not known yet.
    Replayed,
    /// Its command has ended.
    Resolved,
    /// A corrected one was sent in its place.
    Replaced,
    /// Given up by a person.
    Discarded,
}

impl DeadLetterState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::Archived,
        Self::Replayed,
        Self::Resolved,
        Self::Replaced,
        Self::Discarded,
    ];

    /// The word in JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Archived => "archived",
            Self::Replayed => "replayed",
            Self::Resolved => "resolved",
            Self::Replaced => "replaced",
            Self::Discarded => "discarded",
        }
    }

    /// The word in SQL: a program that knows of no archive and no corrections must still close what is archived and not
    /// send what was replaced.
    fn stored(self) -> &'static str {
        match self {
            Self::Archived => Self::Open.as_str(),
            Self::Replaced => Self::Discarded.as_str(),
            Self::Open | Self::Replayed | Self::Resolved | Self::Discarded => self.as_str(),
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The command in a dead letter, where it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadCommand {
    /// Which command.
    pub id: CommandId,
    /// Which contact.
    pub contact_id: ContactId,
    /// What it does.
    pub operation: Operation,
    /// When it was accepted.
    pub stamp: Stamp,
    /// The hash of its request.
    pub request_hash: RequestHash,
}

/// A dead letter that came out of the queue, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// A new id.
    pub id: Uuid,
    /// A hash of (command id or body, request hash, replay): a second copy has the same.
    pub identity: [u8; 32],
    /// What groups it with its like: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The command in it, where it could be read.
    pub command: Option<DeadCommand>,
    /// The dead letter itself.
    pub letter: DeadLetter,
}

/// What became of a dead letter that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It waits.
    Open,
    /// Its command had ended: stored, closed.
    Resolved,
    /// A copy of one that is stored.
    Duplicate,
}

/// A stored dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeadLetter {
    /// Which dead letter.
    pub id: Uuid,
    /// The command, where it could be read.
    pub command_id: Option<CommandId>,
    /// The contact, where it could be read.
    pub contact_id: Option<ContactId>,
    /// The operation, where it could be read.
    pub operation: Option<Operation>,
    /// What groups it with its like.
    pub fingerprint: String,
    /// Where it stands.
    pub state: DeadLetterState,
    /// Since when.
    pub state_changed_at: DateTime<Utc>,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// How many bytes the message had.
    pub body_bytes: u32,
    /// The dead letter without its payload.
    pub letter: DeadLetter,
    /// The payload, if it was asked for and not erased.
    pub body: Option<SealedPayload>,
    /// Whether the payload was erased with the contact's data, or for its age.
    pub erased: bool,
    /// The corrected dead letter that was sent in its place.
    pub replaced_by: Option<Uuid>,
}

/// Which dead letters; every filter that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Dead for this reason.
    pub reason: Option<Reason>,
    /// Of this operation.
    pub operation: Option<Operation>,
    /// With this fingerprint.
    pub group: Option<String>,
    /// Of this contact.
    pub contact_id: Option<ContactId>,
    /// Of this command.
    pub command_id: Option<CommandId>,
    /// Stored at or after.
    pub since: Option<DateTime<Utc>>,
    /// Stored before.
    pub until: Option<DateTime<Utc>>,
    /// Standing so.
    pub state: Option<DeadLetterState>,
}

/// Where in a list of dead letters, newest first, a page starts, itself excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterPosition {
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// The dead letter.
    pub id: Uuid,
}

/// What a discard did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// It is discarded, and its command, if any, has ended as rejected.
    Done,
    /// It had been discarded before.
    Already,
    /// Its command had ended otherwise; the dead letter is closed and nothing else changed.
    Resolved,
    /// There is no such dead letter.
    Missing,
}

impl Store {
    /// One dead letter.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letter(&self, id: Uuid) -> Result<Option<StoredDeadLetter>, StoreError> {
        let read = async { Ok(Entity::find_by_id(id).one(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, read)
            .await?
            .map(StoredDeadLetter::try_from)
            .transpose()
    }

    /// Several dead letters with their payloads, in no order.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letters_by_ids(&self, ids: &[Uuid]) -> Result<Vec<StoredDeadLetter>, StoreError> {
        let theirs = any_of(&self.write, Column::Id, ids.to_vec());
        let read = async { Ok(Entity::find().filter(theirs).all(&self.write).await?) };
        let rows = self
            .timed(Pool::Write, SqlOperation::ReadDeadLetters, read)
            .await?
            .into_iter();
        rows.map(StoredDeadLetter::try_from).collect()
    }

    /// A page of dead letters, newest first, from a position on; their payloads are left out.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letters_page(
        &self,
        filter: &DeadLetterFilter,
        after: Option<DeadLetterPosition>,
        limit: u64,
    ) -> Result<Vec<StoredDeadLetter>, StoreError> {
        let after = after.map(|after| {
            let place = Expr::tuple([Expr::col(Column::ReceivedAt), Expr::col(Column::Id)]);
            place.lt(Expr::tuple([Expr::val(after.received_at), Expr::val(after.id)]))
        });
        let query = Entity::find()
            .filter(matching(filter).add_option(after))
            .order_by_desc(Column::ReceivedAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        let listed = Column::iter().filter(|column| !matches!(column, Column::Body | Column::Identity));
        let query = query
            .select_only()
            .columns(listed)
            .column_as(Column::Body.is_null(), "erased");
        let read = async { Ok(query.into_model::<Listed>().all(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, read)
            .await?
            .into_iter()
            .map(StoredDeadLetter::try_from)
            .collect()
    }

    /// The dead letter that has been open for longest, and when it was stored.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn oldest_open_dead_letter(&self) -> Result<Option<(Uuid, DateTime<Utc>)>, StoreError> {
        let oldest = Entity::find()
            .select_only()
            .columns([Column::Id, Column::ReceivedAt])
            .filter(standing(DeadLetterState::Open))
            .order_by_asc(Column::ReceivedAt)
            .order_by_asc(Column::Id)
            .into_tuple();
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, async {
            Ok(oldest.one(&self.write).await?)
        })
        .await
    }

    /// How many dead letters are open, and since when.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn open_dead_letters(&self) -> Result<OpenDeadLetters, StoreError> {
        let counts = Entity::find()
            .select_only()
            .column(Column::Reason)
            .column_as(Column::Id.count(), "number")
            .column_as(Column::ReceivedAt.min(), "oldest")
            .filter(standing(DeadLetterState::Open))
            .group_by(Column::Reason)
            .into_tuple::<(String, i64, DateTime<Utc>)>();
        let read = async { Ok(counts.all(&self.write).await?) };
        let counts = self
            .timed(Pool::Write, SqlOperation::ReadDeadLetters, read)
            .await?;
        let mut open = OpenDeadLetters::default();
        for (reason, number, oldest) in counts {
            let reason = Reason::from_code(&reason).ok_or_else(|| corrupt("reason"))?;
            open.by_reason
                .insert(reason, number.try_into().unwrap_or_default());
            open.oldest = open.oldest.into_iter().chain([oldest]).min();
        }
        Ok(open)
    }

    /// How many dead letters a filter holds for.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letters_count(&self, filter: &DeadLetterFilter) -> Result<u64, StoreError> {
        let read = async { Ok(Entity::find().filter(matching(filter)).count(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, read).await
    }
}

pub(super) fn matching(filter: &DeadLetterFilter) -> Condition {
    Condition::all()
        .add_option(filter.reason.map(|reason| Column::Reason.eq(reason.as_str())))
        .add_option(
            filter
                .operation
                .map(|operation| Column::Operation.eq(operation.as_str())),
        )
        .add_option(
            filter
                .group
                .as_ref()
                .map(|group| Column::Fingerprint.eq(group.as_str())),
        )
        .add_option(filter.contact_id.map(|id| Column::ContactId.eq(id.as_uuid())))
        .add_option(filter.command_id.map(|id| Column::CommandId.eq(id.as_uuid())))
        .add_option(filter.since.map(|since| Column::ReceivedAt.gte(since)))
        .add_option(filter.until.map(|until| Column::ReceivedAt.lt(until)))
        .add_option(filter.state.map(standing))
}

/// Those that stand so.
fn standing(state: DeadLetterState) -> Condition {
    let condition = Condition::all().add(Column::State.eq(state.stored()));
    match state {
        DeadLetterState::Open => condition.add(Column::ArchivedAt.is_null()),
        DeadLetterState::Archived => condition.add(Column::ArchivedAt.is_not_null()),
        DeadLetterState::Replaced => condition.add(Column::ReplacedBy.is_not_null()),
        DeadLetterState::Discarded => condition.add(Column::ReplacedBy.is_null()),
        DeadLetterState::Replayed | DeadLetterState::Resolved => condition,
    }
}

async fn move_to(
    sql: &impl ConnectionTrait,
    which: Condition,
    state: DeadLetterState,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::val(state.stored()))
        .col_expr(Column::StateChangedAt, Expr::val(now))
        .filter(which)
        .exec(sql)
        .await
        .map(drop)
}
