//! What is counted to be watched: how commands end, and how long dead letters have waited.

use sea_orm::{ConnectionTrait, Database, Statement};
use shared::{
    store::{
        audit::{Act, Entry},
        commands::StatusCounts,
        dead_letters::Which,
    },
    wire::Reason,
};

use super::{
    TestStore,
    suite::{Make, apply, at, letter_of, payload_keys, sql},
};

cases!(
    ended_commands_are_counted_by_status_within_bounds,
    an_index_finds_the_commands_that_ended_within_a_minute,
    what_has_been_open_for_longest_is_found,
);

/// To see it red: change either bound.
async fn ended_commands_are_counted_by_status_within_bounds(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let counted = async |since, until| test.store.commands_ended(at(since), at(until)).await.unwrap();
    assert_eq!(counted(0, 60_000).await, StatusCounts::default());
    let ana = make.create(10, "Ana", None, None);
    let [newer, older] = [30, 20].map(|ms| make.rename(ana.command.contact_id, ms, "Eva"));
    apply(&test, &[ana, newer], 1_000).await;
    apply(&test, &[older], 2_000).await;
    let dead = letter_of(&make.create(20, "Bia", None, None), Reason::StoreRefused, 0);
    test.store
        .keep_dead_letter(&dead, &payload_keys(), at(3_000))
        .await
        .unwrap();
    let counts = |applied, superseded, dead_lettered| StatusCounts {
        applied,
        superseded,
        dead_lettered,
        rejected: 0,
    };
    assert_eq!(counted(1_000, 2_000).await, counts(2, 0, 0));
    assert_eq!(counted(1_001, 2_001).await, counts(0, 1, 0));
    assert_eq!(counted(3_000, 3_001).await, counts(0, 0, 1));
    assert_eq!(counted(0, 60_000).await, counts(2, 1, 1));
}

/// To see it red: take the index away, or count by when commands were accepted.
async fn an_index_finds_the_commands_that_ended_within_a_minute(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let creates: Vec<_> = (0..2_000).map(|n| make.create(n, "Ana", None, None)).collect();
    for (n, batch) in (0_i64..).zip(creates.chunks(100)) {
        apply(&test, batch, n * 60_000).await;
    }
    sql(&test, "ANALYZE commands").await;
    let connection = Database::connect(test.database.url()).await.unwrap();
    let (explain, column) = if test.is_postgres() {
        ("EXPLAIN", 0)
    } else {
        ("EXPLAIN QUERY PLAN", 3)
    };
    let statement = test.store.commands_ended_statement(at(0), at(60_000));
    let backend = connection.get_database_backend();
    let explain = Statement::from_string(backend, format!("{explain} {statement}"));
    let rows = connection.query_all_raw(explain).await.unwrap();
    let lines = rows
        .iter()
        .map(|row| row.try_get_by_index::<String>(column).unwrap());
    let plan = lines.collect::<Vec<_>>().join("\n");
    assert!(plan.contains("commands_finished"), "{plan}");
    connection.close().await.unwrap();
}

/// To see it red: look for the youngest, or take archived ones.
async fn what_has_been_open_for_longest_is_found(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    assert_eq!(test.store.oldest_open_dead_letter().await.unwrap(), None);
    let letters =
        [1_u64, 2, 3].map(|n| letter_of(&make.create(n, "Ana", None, None), Reason::StoreRefused, 0));
    for (n, letter) in (1_i64..).zip(&letters) {
        test.store
            .keep_dead_letter(letter, &payload_keys(), at(n))
            .await
            .unwrap();
    }
    let oldest = test.store.oldest_open_dead_letter().await.unwrap();
    assert_eq!(oldest, Some((letters[0].id, at(1))));
    let aside = Entry::new(Act::Archive, "", at(9));
    let first = [letters[0].id];
    let which = Which::Ids(&first);
    assert_eq!(
        test.store.archive_dead_letters(which, 1, &aside).await.unwrap(),
        1
    );
    let oldest = test.store.oldest_open_dead_letter().await.unwrap();
    assert_eq!(oldest, Some((letters[1].id, at(2))));
}
