//! Exports: all that a filter lets through, as it was at one moment.

use shared::{
    domain::{ContactId, SearchQuery},
    store::{
        contacts::{Contact, ContactFilter, Direction, SortBy},
        export::{Export, MAX_EXPORTS, PAGE_ROWS},
    },
};

use super::{
    TestStore,
    suite::{Make, apply, at},
};

cases!(
    what_is_written_meanwhile_is_not_in_an_export,
    filters_and_sorts_hold_in_an_export,
    exports_take_no_connection_from_other_reads,
);

async fn begin(test: &TestStore, filter: &ContactFilter, sort: SortBy, direction: Direction) -> Export {
    test.store.export(filter.clone(), sort, direction).await.unwrap()
}

async fn rest(mut export: Export) -> Vec<Contact> {
    let mut found = Vec::new();
    loop {
        let page = export.next_page().await.unwrap();
        if page.is_empty() {
            export.end().await;
            return found;
        }
        found.extend(page);
    }
}

fn name_of(contact: &Contact) -> String {
    let name = contact.state.name.value.as_ref();
    name.map_or("-".to_owned(), |name| name.as_str().to_owned())
}

/// To see it red: read each page outside of the transaction, or leave out its isolation level.
async fn what_is_written_meanwhile_is_not_in_an_export(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let mut ids: Vec<ContactId> = Vec::new();
    for batch in 0..5_u64 {
        let create = |n: u64| {
            make.create(
                1,
                &format!("C{:05}", batch * 500 + n),
                None,
                Some("c@example.com"),
            )
        };
        let entries: Vec<_> = (0..500).map(create).collect();
        ids.extend(entries.iter().map(|entry| entry.command.contact_id));
        apply(&test, &entries, batch as i64).await;
    }
    let mut export = begin(
        &test,
        &ContactFilter::default(),
        SortBy::Name,
        Direction::Ascending,
    )
    .await;
    let first = export.next_page().await.unwrap();
    assert_eq!(first.len() as u64, PAGE_ROWS);
    // One goes, one moves from the end to the front, one from the front to the end, some come.
    let changes = [
        make.delete(ids[2_000], 2),
        make.rename(ids[2_400], 2, "A front"),
        make.rename(ids[10], 2, "Z end"),
        make.create(2, "C01500 new", None, Some("c@example.com")),
        make.create(2, "Zz new", None, Some("c@example.com")),
    ];
    apply(&test, &changes, 100).await;
    let found: Vec<_> = first.into_iter().chain(rest(export).await).collect();
    let names: Vec<_> = found.iter().map(name_of).collect();
    let expected: Vec<_> = (0..2_500).map(|n| format!("C{n:05}")).collect();
    assert_eq!(names, expected);
    let after = begin(
        &test,
        &ContactFilter::default(),
        SortBy::Name,
        Direction::Ascending,
    )
    .await;
    assert_eq!(rest(after).await.len(), 2_501);
}

async fn filters_and_sorts_hold_in_an_export(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let people = [
        ("Ana Souza", "11987654321"),
        ("Bia Lima", "2123456789"),
        ("Caio Souza", "11987654322"),
    ];
    let mut ids = Vec::new();
    for (n, (name, phone)) in people.into_iter().enumerate() {
        let entry = make.create(1, name, Some(phone), None);
        ids.push(entry.command.contact_id);
        apply(&test, &[entry], n as i64).await;
    }
    apply(&test, &[make.delete(ids[0], 2)], 10).await;
    let all = ContactFilter::default();
    let words = ContactFilter {
        words: Some(SearchQuery::parse("souza").unwrap()),
        ..all.clone()
    };
    let since = ContactFilter {
        updated_since: Some(at(2)),
        ..all.clone()
    };
    for (filter, sort, direction, expected) in [
        (
            &all,
            SortBy::Name,
            Direction::Descending,
            &["Caio Souza", "Bia Lima"][..],
        ),
        (
            &all,
            SortBy::CreatedAt,
            Direction::Ascending,
            &["Bia Lima", "Caio Souza"],
        ),
        (&words, SortBy::CreatedAt, Direction::Descending, &["Caio Souza"]),
        (
            &since,
            SortBy::UpdatedAt,
            Direction::Ascending,
            &["Caio Souza", "-"],
        ),
    ] {
        let found = rest(begin(&test, filter, sort, direction).await).await;
        let names: Vec<_> = found.iter().map(name_of).collect();
        assert_eq!(names, expected, "{sort:?}");
    }
}

/// To see it red: begin exports on the pool of the reads.
async fn exports_take_no_connection_from_other_reads(test: TestStore) {
    let test = test.migrated().await;
    let mut exports = Vec::new();
    for _ in 0..MAX_EXPORTS {
        let mut export = begin(
            &test,
            &ContactFilter::default(),
            SortBy::CreatedAt,
            Direction::Ascending,
        )
        .await;
        export.next_page().await.unwrap();
        exports.push(export);
    }
    // As many as the pool of the reads has connections.
    let reads = (0..5).map(|_| test.store.ping());
    for answered in futures_util::future::join_all(reads).await {
        answered.unwrap();
    }
    for export in exports {
        export.end().await;
    }
    let again = begin(
        &test,
        &ContactFilter::default(),
        SortBy::CreatedAt,
        Direction::Ascending,
    )
    .await;
    assert!(rest(again).await.is_empty());
}
