//! Dead letters that failed alike, counted.
//!
//! One statement goes once through the index that has all that is counted (`dead_letters_groups`); what a group has in words is
//! then read from the newest dead letter of each of the page's groups.

use chrono::{DateTime, Utc};
use sea_orm::{
    FromQueryResult, Order,
    sea_query::{Asterisk, Expr, ExprTrait, Func, Query, SelectStatement},
};

use super::{DeadLetterFilter, DeadLetterState, matching, standing};
use crate::{
    domain::Operation,
    store::{
        Pool, SqlOperation, Store, StoreError, corrupt,
        entities::dead_letters::{Column, Entity},
    },
    wire::Reason,
};

/// Dead letters with one fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The fingerprint.
    pub fingerprint: String,
    /// Why they are dead.
    pub reason: Reason,
    /// The operation, where it could be read.
    pub operation: Option<Operation>,
    /// What happened to the newest of them.
    pub detail: String,
    /// How many stand how, in the order of [`DeadLetterState::ALL`].
    pub counts: [u64; DeadLetterState::ALL.len()],
    /// When the first was stored.
    pub first_seen: DateTime<Utc>,
    /// When the last was stored.
    pub last_seen: DateTime<Utc>,
}

/// Where in a list of groups, last seen first, a page starts, itself excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPosition {
    /// When the last of the group was stored.
    pub last_seen: DateTime<Utc>,
    /// The group.
    pub fingerprint: String,
}

#[derive(FromQueryResult)]
struct Row {
    fingerprint: String,
    reason: String,
    operation: Option<String>,
    detail: String,
    open: i64,
    archived: i64,
    replayed: i64,
    resolved: i64,
    replaced: i64,
    discarded: i64,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
}

impl Store {
    /// A page of groups, last seen first, from a position on. What the filter lets through is counted and gives the times; of
    /// its state a group must have something, and all of the others are counted too.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letter_groups(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&GroupPosition>,
        limit: u64,
    ) -> Result<Vec<Group>, StoreError> {
        let statement = page(filter, after, limit);
        let statement = self.write.get_database_backend().build(&statement);
        let read = async { Ok(Row::find_by_statement(statement).all(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, read)
            .await?
            .into_iter()
            .map(Group::try_from)
            .collect()
    }
}

fn page(filter: &DeadLetterFilter, after: Option<&GroupPosition>, limit: u64) -> SelectStatement {
    let last_seen = || Expr::from(Func::max(Expr::col(Column::ReceivedAt)));
    let of_any_state = DeadLetterFilter {
        state: None,
        ..filter.clone()
    };
    let mut groups = Query::select();
    groups
        .column(Column::Fingerprint)
        .expr_as(Func::min(Expr::col(Column::ReceivedAt)), "first_seen")
        .expr_as(last_seen(), "last_seen")
        .from(Entity)
        .cond_where(matching(&of_any_state))
        .group_by_col(Column::Fingerprint)
        .order_by_expr(last_seen(), Order::Desc)
        .order_by(Column::Fingerprint, Order::Desc)
        .limit(limit);
    for state in DeadLetterState::ALL {
        groups.expr_as(how_many(state), state.as_str());
    }
    if let Some(state) = filter.state {
        groups.and_having(how_many(state).gt(0));
    }
    if let Some(after) = after {
        let place = Expr::tuple([last_seen(), Expr::col(Column::Fingerprint)]);
        let start = Expr::tuple([Expr::val(after.last_seen), Expr::val(after.fingerprint.as_str())]);
        groups.and_having(place.lt(start));
    }
    let mut page = Query::select();
    page.column(Asterisk);
    for word in ["reason", "operation", "detail"] {
        page.expr_as(of_the_newest(word), word);
    }
    page.from_subquery(groups, "groups")
        .order_by("last_seen", Order::Desc)
        .order_by("fingerprint", Order::Desc);
    page
}

/// How many of a group stand so.
fn how_many(state: DeadLetterState) -> Expr {
    Func::count(Expr::case(standing(state), 1)).into()
}

/// What stands in a column of a group's newest dead letter.
fn of_the_newest(column: &str) -> Expr {
    Expr::cust(format!(
        "(SELECT {column} FROM dead_letters AS newest WHERE newest.fingerprint = groups.fingerprint \
         ORDER BY newest.received_at DESC, newest.id DESC LIMIT 1)"
    ))
}

impl TryFrom<Row> for Group {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let operation = row.operation.map(|operation| operation.parse()).transpose();
        let count = |state| {
            let count = match state {
                DeadLetterState::Open => row.open,
                DeadLetterState::Archived => row.archived,
                DeadLetterState::Replayed => row.replayed,
                DeadLetterState::Resolved => row.resolved,
                DeadLetterState::Replaced => row.replaced,
                DeadLetterState::Discarded => row.discarded,
            };
            count.try_into().unwrap_or_default()
        };
        Ok(Self {
            fingerprint: row.fingerprint,
            reason: Reason::from_code(&row.reason).ok_or_else(|| corrupt("reason"))?,
            operation: operation.map_err(|_| corrupt("operation"))?,
            detail: row.detail,
            counts: DeadLetterState::ALL.map(count),
            first_seen: row.first_seen,
            last_seen: row.last_seen,
        })
    }
}
