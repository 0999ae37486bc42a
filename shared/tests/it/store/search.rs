//! Search by words: what both databases must find, held against what the domain says.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRng, TestRunner},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use shared::{
    domain::{ContactId, Email, Entry, SearchQuery, words},
    store::contacts::{Contact, ContactFilter, ContactPosition, Direction, SortBy},
};

use super::{
    TestStore,
    suite::{Make, apply, at, down_to, sql},
};

cases!(
    pages_of_a_search_go_through_everything_once,
    what_is_common_is_found_beyond_the_stretch,
    what_the_domain_finds_is_found,
    indexes_serve_a_search,
    an_index_finds_an_email,
    words_follow_the_contact,
    tombstones_come_whatever_is_searched_for,
    contacts_of_an_older_schema_are_found,
    contacts_that_an_older_program_wrote_are_mended,
);

fn query(text: &str) -> ContactFilter {
    ContactFilter {
        words: Some(SearchQuery::parse(text).unwrap()),
        ..ContactFilter::default()
    }
}

async fn page(
    test: &TestStore,
    filter: &ContactFilter,
    sort: SortBy,
    direction: Direction,
    after: Option<&Contact>,
    limit: u64,
) -> Vec<Contact> {
    let after = after.map(|last| ContactPosition {
        key: last.sort_key(sort),
        id: last.state.id,
    });
    test.store
        .contacts_page(filter, sort, direction, after.as_ref(), limit)
        .await
        .unwrap()
}

async fn everything(
    test: &TestStore,
    filter: &ContactFilter,
    sort: SortBy,
    direction: Direction,
) -> Vec<Contact> {
    let mut seen: Vec<Contact> = Vec::new();
    loop {
        let next = page(test, filter, sort, direction, seen.last(), 3).await;
        if next.is_empty() {
            return seen;
        }
        seen.extend(next);
    }
}

fn name_of(contact: &Contact) -> &str {
    contact
        .state
        .name
        .value
        .as_ref()
        .map_or("-", |name| name.as_str())
}

async fn names(test: &TestStore, filter: &ContactFilter) -> Vec<String> {
    let found = page(test, filter, SortBy::Name, Direction::Ascending, None, 100).await;
    found.iter().map(|contact| name_of(contact).to_owned()).collect()
}

/// Contacts of the given names, two with each commit time.
async fn contacts(test: &TestStore, make: &Make, names: &[&str]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let phone = if n % 2 == 0 { "11987654321" } else { "2123456789" };
        let entry = make.create(
            10 + n as u64,
            name,
            Some(phone),
            Some(&format!("p{n}@example.com")),
        );
        apply(test, std::slice::from_ref(&entry), n as i64 / 2).await;
        entries.push(entry);
    }
    entries
}

async fn pages_of_a_search_go_through_everything_once(test: TestStore) {
    let test = test.migrated().await;
    let all = [
        "Ána Souza",
        "Bia Anácleto",
        "Caio",
        "ana lima",
        "Duda",
        "Eva ANA",
        "Anália",
        "Joana",
        "Ana",
        "Zé Ana",
    ];
    contacts(&test, &Make::new(), &all).await;
    for sort in [SortBy::Name, SortBy::CreatedAt, SortBy::UpdatedAt] {
        let mut forwards = everything(&test, &query("ana"), sort, Direction::Ascending).await;
        let backwards = everything(&test, &query("ana"), sort, Direction::Descending).await;
        let found: BTreeSet<_> = forwards.iter().map(name_of).collect();
        assert_eq!(found.len(), 7, "{sort:?}");
        assert!(!found.contains("Joana") && !found.contains("Caio"));
        forwards.reverse();
        assert_eq!(forwards, backwards, "{sort:?}");
    }
    // With the other filters.
    let mut both = query("ana");
    both.area_code = shared::domain::AreaCode::from_digits("11");
    assert_eq!(names(&test, &both).await, ["Ana", "Ána Souza", "Anália"]);
    assert_eq!(
        names(&test, &query("ana 21")).await,
        ["ana lima", "Bia Anácleto", "Eva ANA", "Zé Ana"]
    );
}

/// The stretch of the sort order that is read first holds none of them, or not enough.
async fn what_is_common_is_found_beyond_the_stretch(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    contacts(&test, &make, &["Zoe Um", "Zoe Dois", "Zoe Três"]).await;
    fill(&test, 6_000).await;
    for (sort, direction) in [
        (SortBy::CreatedAt, Direction::Descending),
        (SortBy::UpdatedAt, Direction::Descending),
        (SortBy::Name, Direction::Ascending),
    ] {
        let found = everything(&test, &query("zoe"), sort, direction).await;
        assert_eq!(found.len(), 3, "{sort:?}");
    }
    let common = page(
        &test,
        &query("copia"),
        SortBy::CreatedAt,
        Direction::Descending,
        None,
        21,
    )
    .await;
    assert_eq!(common.len(), 21);
}

/// To see it red: leave out the index.
async fn indexes_serve_a_search(test: TestStore) {
    let test = test.migrated().await;
    contacts(&test, &Make::new(), &["Zoe", "Bia"]).await;
    fill(&test, 20_000).await;
    sql(&test, "ANALYZE contacts").await;
    let mut changes = query("zo");
    changes.updated_since = Some(at(0));
    let (stretch, words, tombstones) = if test.is_postgres() {
        (
            "using contacts_",
            "Bitmap Index Scan on contacts_words",
            "Bitmap Index Scan on contacts_deleted",
        )
    } else {
        (
            "USING INDEX contacts_",
            "contact_words VIRTUAL TABLE",
            "USING INDEX contacts_deleted",
        )
    };
    let connection = Database::connect(test.database.url()).await.unwrap();
    for (filter, sort) in [
        (query("zo"), SortBy::CreatedAt),
        (query("zo"), SortBy::Name),
        (query("zo (11) 9"), SortBy::UpdatedAt),
        (changes, SortBy::UpdatedAt),
    ] {
        let statements = test
            .store
            .page_statements(&filter, sort, Direction::Descending, None, 21);
        let plans = plans(&test, &connection, &statements).await;
        assert_eq!(plans.len(), 2);
        assert!(
            plans[0].contains(stretch) && !plans[0].contains(words),
            "{sort:?}: {}",
            plans[0]
        );
        assert!(plans[1].contains(words), "{sort:?}: {}", plans[1]);
        assert_eq!(
            plans[1].contains(tombstones),
            filter.updated_since.is_some(),
            "{}",
            plans[1]
        );
    }
    connection.close().await.unwrap();
}

/// How the database would run each of the statements.
async fn plans(test: &TestStore, connection: &DatabaseConnection, statements: &[Statement]) -> Vec<String> {
    let (explain, column) = if test.is_postgres() {
        ("EXPLAIN", 0)
    } else {
        ("EXPLAIN QUERY PLAN", 3)
    };
    let mut plans = Vec::new();
    for statement in statements {
        let backend = connection.get_database_backend();
        let explain = Statement::from_string(backend, format!("{explain} {statement}"));
        let rows = connection.query_all_raw(explain).await.unwrap();
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.try_get_by_index(column).unwrap())
            .collect();
        plans.push(lines.join("\n"));
    }
    plans
}

/// To see it red: leave the folded address out of `matching`.
async fn an_index_finds_an_email(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let [other, ana] =
        ["Bia@example.com", "Ana@example.com"].map(|email| make.create(1, "Ana", None, Some(email)));
    apply(&test, &[other, ana.clone()], 0).await;
    fill(&test, 20_000).await;
    sql(&test, "ANALYZE contacts").await;
    let connection = Database::connect(test.database.url()).await.unwrap();
    let exactly = |email| ContactFilter {
        email: Some(Email::parse(email).unwrap()),
        ..ContactFilter::default()
    };
    let found = async |email| {
        let (sort, direction) = (SortBy::CreatedAt, Direction::Descending);
        let statements = test
            .store
            .page_statements(&exactly(email), sort, direction, None, 21);
        let plan = plans(&test, &connection, &statements).await.concat();
        assert!(plan.contains("contacts_email_folded"), "{plan}");
        let page = test
            .store
            .contacts_page(&exactly(email), sort, direction, None, 21)
            .await
            .unwrap();
        page.iter().map(|contact| contact.state.id).collect::<Vec<_>>()
    };
    assert_eq!(found("Ana@example.com").await, [ana.command.contact_id]);
    assert_eq!(
        found("ana@example.com").await,
        [],
        "the case of the local part counts"
    );
    connection.close().await.unwrap();
}

/// So many contacts called Copia, by SQL alone.
async fn fill(test: &TestStore, count: u32) {
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ";
    let id = if test.is_postgres() {
        "gen_random_uuid()"
    } else {
        "randomblob(16)"
    };
    let insert = format!(
        "INSERT INTO contacts (id, life, created_by, name, name_key, created_at, updated_at, words)
         {numbers}{count}) SELECT {id}, 'born', {id}, 'Copia', 'copia', '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', 'copia' FROM numbers"
    );
    let insert = if test.is_postgres() {
        insert.replace("'2026-01-01 00:00:00+00:00'", "timestamptz '2026-01-01Z'")
    } else {
        insert
    };
    sql(test, &insert).await;
}

/// To see it red: leave a list out of `search::text`, or the space out of `search::seen`.
async fn what_the_domain_finds_is_found(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let names_of = "(Ána|ANA|Analu|Bia|O'Neill|Nguyễn|Straße|ΟΔΥΣΣΕΥΣ|李小龍|3M|d'Ávila)( (Ana|Souza|50|x{70}|한국)){0,3}";
    let queries = "(a|an|ANÁ|bia|o|ne|ngu|strass|οδυσσευς|李|3|m|d'av|souza|5|5511|\\(11\\) 9|987|p1|example\\.c|x{66}|한|')( (ana|5|11|s|com|OR|AND|NOT)){0,2}";
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Default::default()));
    let mut text = |pattern: &str| {
        let strategy = proptest::string::string_regex(pattern).unwrap();
        strategy.new_tree(&mut runner).unwrap().current()
    };
    let made: Vec<String> = (0..60)
        .map(|_| text(names_of))
        .filter(|name| name.chars().count() <= 100)
        .collect();
    contacts(&test, &make, &made.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let all = everything(
        &test,
        &ContactFilter::default(),
        SortBy::Name,
        Direction::Ascending,
    )
    .await;
    let mut found_some = 0;
    for _ in 0..150 {
        let text = text(queries);
        let Ok(query) = SearchQuery::parse(&text) else {
            continue;
        };
        let expected: Vec<ContactId> = all
            .iter()
            .filter(|contact| {
                let state = &contact.state;
                query.matches(&words(
                    state.name.value.as_ref(),
                    state.phone.value.as_ref(),
                    state.email.value.as_ref(),
                ))
            })
            .map(|contact| contact.state.id)
            .collect();
        let filter = ContactFilter {
            words: Some(query),
            ..ContactFilter::default()
        };
        // A page that the stretch fills, and one that it cannot fill.
        for limit in [expected.len().max(1), 100] {
            let found = page(
                &test,
                &filter,
                SortBy::Name,
                Direction::Ascending,
                None,
                limit as u64,
            )
            .await;
            let found: Vec<_> = found.iter().map(|contact| contact.state.id).collect();
            assert_eq!(found, expected, "{text:?} {limit}");
        }
        found_some += usize::from(!expected.is_empty());
    }
    assert!(found_some > 50, "{found_some}");
}

async fn words_follow_the_contact(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let create = make.create(10, "Ana Souza", Some("(11) 98765-4321"), None);
    let id = create.command.contact_id;
    let found = async |text: &str| names(&test, &query(text)).await;
    // Unborn: not found.
    apply(&test, &[make.rename(id, 20, "Ana Canário")], 1).await;
    assert!(found("canario").await.is_empty());
    apply(&test, &[create], 2).await;
    assert_eq!(found("canario 98765").await, ["Ana Canário"]);
    assert!(found("souza").await.is_empty());
    // Other letters, the same words.
    apply(&test, &[make.rename(id, 30, "Aná Canario")], 3).await;
    assert_eq!(found("canario").await, ["Aná Canario"]);
    apply(&test, &[make.rename(id, 40, "Eva")], 4).await;
    assert!(found("canario").await.is_empty());
    assert_eq!(found("ev").await, ["Eva"]);
    apply(&test, &[make.delete(id, 50)], 5).await;
    assert!(found("e").await.is_empty());
    assert_eq!(wordless(&test).await, 1, "a tombstone has no words");
}

async fn wordless(test: &TestStore) -> i64 {
    let connection = Database::connect(test.database.url()).await.unwrap();
    let backend = connection.get_database_backend();
    let count = Statement::from_string(backend, "SELECT count(*) FROM contacts WHERE words IS NULL");
    let row = connection.query_one_raw(count).await.unwrap().unwrap();
    connection.close().await.unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn tombstones_come_whatever_is_searched_for(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let made = contacts(&test, &make, &["Ana", "Bia", "Caio", "Ana Lima"]).await;
    apply(&test, &[make.delete(made[2].command.contact_id, 90)], 10).await;
    fill(&test, 5_100).await;
    let mut filter = query("ana");
    filter.updated_since = Some(at(0));
    let found = everything(&test, &filter, SortBy::UpdatedAt, Direction::Ascending).await;
    assert_eq!(
        found.iter().map(name_of).collect::<Vec<_>>(),
        ["Ana", "Ana Lima", "-"]
    );
    let found = everything(&test, &filter, SortBy::UpdatedAt, Direction::Descending).await;
    assert_eq!(
        found.iter().map(name_of).collect::<Vec<_>>(),
        ["-", "Ana Lima", "Ana"]
    );
    filter.updated_since = Some(at(1));
    assert_eq!(
        everything(&test, &filter, SortBy::UpdatedAt, Direction::Ascending)
            .await
            .len(),
        2
    );
}

async fn contacts_of_an_older_schema_are_found(test: TestStore) {
    test.store.migrate_up(Some(3)).await.unwrap();
    let rows = "INSERT INTO contacts (id, life, created_by, name, name_key, phone, email, created_at, updated_at) VALUES ";
    let id = if test.is_postgres() {
        "gen_random_uuid()"
    } else {
        "randomblob(16)"
    };
    for name in ["Ána", "Bia"] {
        let row = format!(
            "({id}, 'born', {id}, '{name}', 'x', '+5511987654321', 'x@example.com', '2026-01-01 00:00:00Z', '2026-01-01 00:00:00Z')"
        );
        sql(&test, &format!("{rows}{row}")).await;
    }
    let unborn =
        format!("INSERT INTO contacts (id, life, name, name_key) VALUES ({id}, 'unborn', 'Ana', 'ana')");
    sql(&test, &unborn).await;
    test.store.migrate_up(None).await.unwrap();
    assert_eq!(names(&test, &query("ana 987 example")).await, ["Ána"]);
    assert_eq!(wordless(&test).await, 1);
    // Back and forth again: nothing is in the way.
    down_to(&test, 3).await;
    test.store.migrate_up(None).await.unwrap();
    assert_eq!(names(&test, &query("bi")).await, ["Bia"]);
}

/// A rolling upgrade: programs that know of no words write too. To see it red: leave out the trigger.
async fn contacts_that_an_older_program_wrote_are_mended(test: TestStore) {
    let test = test.migrated().await;
    let made = contacts(&test, &Make::new(), &["Ana", "Bia"]).await;
    assert_eq!(test.store.mend_words().await.unwrap(), 0);
    let id = made[0].command.contact_id;
    sql(&test, "UPDATE contacts SET words = NULL WHERE name = 'Bia'").await;
    assert!(names(&test, &query("bia")).await.is_empty());
    assert_eq!(test.store.mend_words().await.unwrap(), 1);
    assert_eq!(names(&test, &query("bia")).await, ["Bia"]);
    if test.is_postgres() {
        sql(&test, "UPDATE contacts SET name = 'Eva' WHERE name = 'Ana'").await;
        assert!(names(&test, &query("ana")).await.is_empty());
        assert_eq!(test.store.mend_words().await.unwrap(), 1);
        assert_eq!(names(&test, &query("eva")).await, ["Eva"]);
        sql(&test, &format!("UPDATE contacts SET life = 'deleted', name = NULL, phone = NULL, email = NULL WHERE id = '{}'", id.as_uuid())).await;
        assert_eq!(
            (wordless(&test).await, test.store.mend_words().await.unwrap()),
            (1, 0)
        );
    }
}

/// Neither free pages nor the index keep what was deleted. To see it red: leave out `secure-delete` of the index.
#[tokio::test]
async fn a_deleted_contact_leaves_no_trace_in_the_file() {
    let test = TestStore::sqlite().await.migrated().await;
    let make = Make::new();
    let kept: Vec<String> = (0..200).map(|n| format!("Ana Quixaba{n}")).collect();
    contacts(&test, &make, &kept.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let gone = make.create(
        1,
        "Zulmira Canarinho",
        Some("(85) 3290-7777"),
        Some("canarinho@canario.example"),
    );
    apply(&test, std::slice::from_ref(&gone), 1_000).await;
    contacts(&test, &make, &["Bia", "Caio"]).await;
    let traces = async || {
        sql(&test, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        let path = test.database.url().trim_start_matches("sqlite://");
        let bytes = std::fs::read(path).unwrap();
        let holds = |canary: &str| {
            bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes())
        };
        // A term of the index stands without what it has in common with the one before it.
        ["anarinho", "Zulmira", "ulmira", "2907777"].map(holds)
    };
    assert_eq!(traces().await, [true; 4]);
    apply(&test, &[make.delete(gone.command.contact_id, 90)], 2_000).await;
    assert_eq!(traces().await, [false; 4]);
    let rows = Database::connect(test.database.url()).await.unwrap();
    let check = "INSERT INTO contact_words (contact_words) VALUES ('integrity-check')";
    rows.execute_raw(Statement::from_string(DbBackend::Sqlite, check))
        .await
        .unwrap();
}
