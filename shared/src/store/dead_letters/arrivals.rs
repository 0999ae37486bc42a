//! How many dead letters of some groups arrived in each of the last hours.
//!
//! One statement reads the last two days of these groups from an index that has all that is counted (`dead_letters_group`):
//! never more than what counting the groups themselves reads.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, FromQueryResult, Statement,
    sea_query::{Expr, Func, Query},
};

use super::{DeadLetterFilter, matching};
use crate::store::{
    Pool, SqlOperation, Store, StoreError,
    entities::dead_letters::{Column, Entity},
};

/// How many hours are told.
pub const ARRIVAL_HOURS: usize = 48;

const HOUR_SECONDS: i64 = 3600;

/// How many arrived in each of the last hours, the newest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals(pub [u64; ARRIVAL_HOURS]);

impl Default for Arrivals {
    fn default() -> Self {
        Self([0; ARRIVAL_HOURS])
    }
}

#[derive(FromQueryResult)]
struct Row {
    fingerprint: String,
    hour: i64,
    arrived: i64,
}

impl Store {
    /// What arrived of these groups in the hours before a time, as far as a filter lets it through, whatever became of it.
    /// Groups of which nothing did are left out.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letter_arrivals(
        &self,
        groups: &[String],
        filter: &DeadLetterFilter,
        now: DateTime<Utc>,
    ) -> Result<HashMap<String, Arrivals>, StoreError> {
        let mut arrivals: HashMap<String, Arrivals> = HashMap::new();
        if groups.is_empty() {
            return Ok(arrivals);
        }
        let statement = self.arrivals_statement(groups, filter, now);
        let read = async { Ok(Row::find_by_statement(statement).all(&self.write).await?) };
        for row in self
            .timed(Pool::Write, SqlOperation::ReadDeadLetters, read)
            .await?
        {
            // What another machine's clock has put into the future arrived just now.
            let hour = usize::try_from(row.hour)
                .unwrap_or_default()
                .min(ARRIVAL_HOURS - 1);
            arrivals.entry(row.fingerprint).or_default().0[hour] += row.arrived.unsigned_abs();
        }
        Ok(arrivals)
    }

    /// The statement of [`dead_letter_arrivals`](Self::dead_letter_arrivals); public for those who ask the database how it runs
    /// it.
    pub fn arrivals_statement(
        &self,
        groups: &[String],
        filter: &DeadLetterFilter,
        now: DateTime<Utc>,
    ) -> Statement {
        let sql = self.write.get_database_backend();
        let hours = i64::try_from(ARRIVAL_HOURS).unwrap_or_default();
        let begin = now.trunc_subsecs(0) - TimeDelta::hours(hours);
        // What a fingerprint says already would only keep the index from having all of it.
        let filter = DeadLetterFilter {
            since: Some(filter.since.map_or(begin, |since| since.max(begin))),
            until: filter.until,
            contact_id: filter.contact_id,
            command_id: filter.command_id,
            ..DeadLetterFilter::default()
        };
        let mut hour = Query::select();
        hour.column(Column::Fingerprint)
            .expr_as(hour_after(begin, sql), "hour")
            .from(Entity)
            .cond_where(
                Condition::all()
                    .add(Column::Fingerprint.is_in(groups))
                    .add(matching(&filter)),
            );
        let mut counted = Query::select();
        counted
            .columns(["fingerprint", "hour"])
            .expr_as(Func::count(Expr::col("hour")), "arrived")
            .from_subquery(hour, "arrivals")
            .group_by_columns(["fingerprint", "hour"]);
        sql.build(&counted)
    }
}

/// In which hour after a time something arrived, from 0.
fn hour_after(begin: DateTime<Utc>, sql: DbBackend) -> Expr {
    let begin = begin.timestamp();
    Expr::cust(match sql {
        DbBackend::Postgres => {
            format!("floor((extract(epoch FROM received_at) - {begin}) / {HOUR_SECONDS})::bigint")
        }
        _ => format!("(CAST(strftime('%s', received_at) AS INTEGER) - {begin}) / {HOUR_SECONDS}"),
    })
}
