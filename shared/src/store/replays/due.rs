//! Which dead letters a policy sends again by itself.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait,
    sea_query::{Expr, Query},
};

use super::rows::signed;
use crate::{
    store::{
        dead_letters::{DeadLetterFilter, DeadLetterState, matching},
        entities::{dead_letters, replay_items},
    },
    wire::Reason,
};

/// Open dead letters that died of one of the reasons, were sent again so often before and came before a time. Each is part of
/// one replay by this principal at most: what that could not mend waits for a person.
pub(super) fn condition(
    reasons: &[Reason],
    replay: u32,
    received_before: DateTime<Utc>,
    principal: &str,
) -> Condition {
    let open = DeadLetterFilter {
        state: Some(DeadLetterState::Open),
        until: Some(received_before),
        ..DeadLetterFilter::default()
    };
    // No join, as for what waits in a replay that runs.
    let begun_by = Query::select()
        .expr(Expr::cust(
            "(SELECT replays.principal FROM replays WHERE replays.id = replay_items.replay_id)",
        ))
        .from(replay_items::Entity)
        .and_where(
            Expr::col((replay_items::Entity, replay_items::Column::DeadLetterId))
                .equals((dead_letters::Entity, dead_letters::Column::Id)),
        )
        .to_owned();
    let untried = Expr::val(principal).not_in_subquery(begun_by);
    matching(&open)
        .add(dead_letters::Column::Reason.is_in(reasons.iter().map(|reason| reason.as_str())))
        .add(dead_letters::Column::Replay.eq(signed(replay)))
        .add(untried)
}
