//! How many dead letters arrived in each of the last hours.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, Database, Statement};
use shared::{
    store::dead_letters::{ARRIVAL_HOURS, Arrivals, DeadLetterFilter},
    wire::Reason,
};

use super::{
    TestStore,
    suite::{Make, at, letter_of, payload_keys, sql},
};

cases!(arrivals_are_counted_by_the_hour, an_index_has_all_that_is_counted,);

/// To see it red: let the hours begin with those of the clock.
async fn arrivals_are_counted_by_the_hour(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    // Ten to, so that hours of the clock are others.
    let now = at(0) + TimeDelta::milliseconds(3_000_123);
    let ago = [
        (1, 0),
        (59 * 60, 0),
        (61 * 60, 0),
        (25 * 3_600 + 60, 0),
        (48 * 3_600 - 1, 0),
        (48 * 3_600 + 2, 0),
        (-30, 0),
        (2 * 3_600 + 1, 1),
    ];
    let mut contact = None;
    for (n, (seconds, group)) in (1..).zip(ago) {
        let create = make.create(n, "Ana", None, None);
        contact.get_or_insert(create.command.contact_id);
        let reason = [Reason::StoreRefused, Reason::HandlerPanic][group];
        let received = now - TimeDelta::seconds(seconds);
        test.store
            .keep_dead_letter(&letter_of(&create, reason, 0), &payload_keys(), received)
            .await
            .unwrap();
    }
    let groups = [Reason::StoreRefused, Reason::HandlerPanic].map(|reason| format!("{:032x}", reason as u8));
    let told = async |groups: &[String], filter: &DeadLetterFilter| {
        test.store
            .dead_letter_arrivals(groups, filter, now)
            .await
            .unwrap()
    };
    let of = |counts: &[(usize, u64)]| {
        let mut arrivals = Arrivals::default();
        for (hour, count) in counts {
            arrivals.0[*hour] = *count;
        }
        arrivals
    };
    let last = ARRIVAL_HOURS - 1;
    let all = told(&groups, &DeadLetterFilter::default()).await;
    assert_eq!(
        all[&groups[0]],
        of(&[(last, 3), (last - 1, 1), (last - 25, 1), (0, 1)])
    );
    assert_eq!(all[&groups[1]], of(&[(last - 2, 1)]));
    assert_eq!(told(&groups[1..], &DeadLetterFilter::default()).await.len(), 1);
    assert_eq!(told(&[], &DeadLetterFilter::default()).await.len(), 0);

    let of_one = DeadLetterFilter {
        contact_id: contact,
        ..DeadLetterFilter::default()
    };
    assert_eq!(told(&groups, &of_one).await[&groups[0]], of(&[(last, 1)]));
    let of_long_ago = DeadLetterFilter {
        until: Some(now - TimeDelta::hours(24)),
        ..DeadLetterFilter::default()
    };
    assert_eq!(
        told(&groups, &of_long_ago).await[&groups[0]],
        of(&[(last - 25, 1), (0, 1)])
    );
}

/// So many of one group, a minute apart, among as many of others.
async fn fill(test: &TestStore) {
    let rows = 20_000;
    let columns = "id, identity, reason, detail, fingerprint, attempt, replay, failed_at, received_at, worker, \
                   content_type, body_bytes, state, state_changed_at";
    let fill = if test.is_postgres() {
        format!(
            "INSERT INTO dead_letters ({columns}) SELECT gen_random_uuid(), sha256(n::text::bytea), 'expired', '', \
             md5((n % 50)::text), 1, 0, now(), now() - n * interval '1 minute', 'w', 'a/b', 1, 'open', now() \
             FROM generate_series(1, {rows}) AS n"
        )
    } else {
        let time = "strftime('%Y-%m-%d %H:%M:%f +00:00', 'now', '-' || n || ' minutes')";
        format!(
            "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) \
             INSERT INTO dead_letters ({columns}) SELECT randomblob(16), randomblob(32), 'expired', '', \
             printf('%032x', n % 50), 1, 0, {time}, {time}, 'w', 'a/b', 1, 'open', {time} FROM s"
        )
    };
    sql(test, &fill).await;
    sql(test, "ANALYZE dead_letters").await;
}

/// To see it red: filter by reason, too.
async fn an_index_has_all_that_is_counted(test: TestStore) {
    let test = test.migrated().await;
    fill(&test).await;
    // PostgreSQL reads the rows too of what no vacuum has seen.
    sql(&test, "VACUUM").await;
    let connection = Database::connect(test.database.url()).await.unwrap();
    let (explain, column, expected) = if test.is_postgres() {
        ("EXPLAIN", 0, "Index Only Scan using dead_letters_group ")
    } else {
        (
            "EXPLAIN QUERY PLAN",
            3,
            "USING COVERING INDEX dead_letters_group (fingerprint=? AND received_at>?",
        )
    };
    let groups: Vec<String> = if test.is_postgres() {
        [
            "cfcd208495d565ef66e7dff9f98764da",
            "c4ca4238a0b923820dcc509a6f75849b",
        ]
        .map(str::to_owned)
        .to_vec()
    } else {
        (0..2).map(|n| format!("{n:032x}")).collect()
    };
    let filter = DeadLetterFilter {
        reason: Some(Reason::Expired),
        ..DeadLetterFilter::default()
    };
    let now = shared::clock::Clock::system().now();
    let statement = test.store.arrivals_statement(&groups, &filter, now);
    let explain = format!("{explain} {statement}");
    let explain = Statement::from_string(connection.get_database_backend(), explain);
    let rows = connection.query_all_raw(explain).await.unwrap();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(column).unwrap())
        .collect();
    let plan = lines.join("\n");
    assert!(plan.contains(expected), "{plan}");
    let arrivals = test
        .store
        .dead_letter_arrivals(&groups, &filter, now)
        .await
        .unwrap();
    assert_eq!(arrivals.len(), 2, "both are of the last two days");
    connection.close().await.unwrap();
}
