//! Contacts that share a phone or an e-mail address.

use sea_orm::{ConnectionTrait, Database, Statement};
use shared::store::{
    contacts::Contact,
    duplicates::{Group, MAX_MEMBERS, STRETCH_ROWS, SharedField},
};

use super::{
    TestStore,
    suite::{Make, apply, sql},
};

cases!(
    groups_are_of_born_contacts_with_the_same_value,
    the_oldest_of_a_large_group_are_told,
    pages_go_through_all_groups_once,
    a_stretch_without_duplicates_is_a_page_without_groups,
    indexes_serve_duplicates,
);

fn names(group: &Group) -> Vec<&str> {
    let name = |contact: &Contact| contact.state.name.value.clone();
    assert!(group.contacts.iter().all(|contact| name(contact).is_some()));
    let names = group
        .contacts
        .iter()
        .flat_map(|contact| &contact.state.name.value);
    names.map(|name| name.as_str()).collect()
}

/// All pages of so many groups.
async fn everything(test: &TestStore, by: SharedField, limit: u64) -> (Vec<Group>, usize) {
    let (mut groups, mut pages, mut after) = (Vec::new(), 0, None::<String>);
    loop {
        let page = test
            .store
            .duplicates_page(by, after.as_deref(), limit)
            .await
            .unwrap();
        pages += 1;
        assert!(page.groups.len() as u64 <= limit);
        groups.extend(page.groups);
        assert!(page.next > after || page.next.is_none(), "it goes on");
        after = page.next;
        if after.is_none() {
            return (groups, pages);
        }
    }
}

/// To see it red: leave out `lower`, or the condition of being born.
async fn groups_are_of_born_contacts_with_the_same_value(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let people = [
        ("A1", Some("11987654321"), Some("Ana@example.com")),
        ("A2", Some("+55 11 98765-4321"), None),
        ("B1", Some("2123456789"), Some("ana@EXAMPLE.com")),
        ("B2", None, Some("ANA@example.com")),
        ("C1", Some("11987654322"), Some("bia@example.com")),
        ("C2", Some("11987654322"), Some("bia.lima@example.com")),
    ];
    for (n, (name, phone, email)) in people.into_iter().enumerate() {
        let entry = make.create(1, name, phone, email);
        apply(&test, std::slice::from_ref(&entry), n as i64).await;
        // A tombstone shares nothing any more.
        if name == "C2" {
            apply(&test, &[make.delete(entry.command.contact_id, 2)], 10).await;
        }
    }
    let (by_phone, _) = everything(&test, SharedField::Phone, 20).await;
    assert_eq!(by_phone.iter().map(names).collect::<Vec<_>>(), [["A1", "A2"]]);
    let (by_email, _) = everything(&test, SharedField::Email, 20).await;
    assert_eq!(
        by_email.iter().map(names).collect::<Vec<_>>(),
        [["A1", "B1", "B2"]]
    );
    assert_eq!((by_phone[0].count, by_email[0].count), (2, 3));
}

async fn the_oldest_of_a_large_group_are_told(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    for n in 0..MAX_MEMBERS + 5 {
        let entry = make.create(1, &format!("N{n}"), Some("11987654321"), None);
        apply(&test, &[entry], n as i64).await;
    }
    let (groups, _) = everything(&test, SharedField::Phone, 20).await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].count, MAX_MEMBERS + 5);
    let expected: Vec<_> = (0..MAX_MEMBERS).map(|n| format!("N{n}")).collect();
    assert_eq!(names(&groups[0]), expected);
}

async fn pages_go_through_all_groups_once(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let phones = [
        "11987654321",
        "11987654322",
        "2123456789",
        "+351912345678",
        "8134567890",
    ];
    for round in 0..2 {
        let entries =
            phones.map(|phone| make.create(1, "Ana", Some(phone), Some(&format!("A{phone}@example.com"))));
        apply(&test, &entries, round).await;
    }
    for by in [SharedField::Phone, SharedField::Email] {
        for (limit, pages) in [(2, 3), (5, 1), (20, 1)] {
            let (groups, turned) = everything(&test, by, limit).await;
            assert_eq!((groups.len(), turned), (phones.len(), pages), "{by:?} {limit}");
        }
    }
}

/// So many more contacts than a page looks at, each with a phone and an address of its own.
async fn fill(test: &TestStore) {
    let rows = STRETCH_ROWS + 5_000;
    let columns = "id, life, created_by, name, phone, email, created_at, updated_at";
    let fill = if test.is_postgres() {
        format!(
            "INSERT INTO contacts ({columns}) SELECT gen_random_uuid(), 'born', gen_random_uuid(), 'Ana', \
             '+5511' || (900000000 + n), 'A' || (900000000 + n) || '@example.com', now(), now() \
             FROM generate_series(1, {rows}) AS n"
        )
    } else {
        format!(
            "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) \
             INSERT INTO contacts ({columns}) SELECT randomblob(16), 'born', randomblob(16), 'Ana', \
             '+5511' || (900000000 + n), 'A' || (900000000 + n) || '@example.com', \
             '2026-01-01 00:00:00.000 +00:00', '2026-01-01 00:00:00.000 +00:00' FROM s"
        )
    };
    sql(test, &fill).await;
    sql(test, "ANALYZE contacts").await;
}

/// To see it red: end the pages where one has no groups, or let the stretch end within a group.
async fn a_stretch_without_duplicates_is_a_page_without_groups(test: TestStore) {
    let test = test.migrated().await;
    fill(&test).await;
    let make = Make::new();
    // The last value of the stretch, and one behind it.
    for n in [STRETCH_ROWS, STRETCH_ROWS + 100] {
        let last = 900_000_000 + n;
        let other = make.create(
            1,
            "Bia",
            Some(&format!("11{last}")),
            Some(&format!("a{last}@example.com")),
        );
        apply(&test, &[other], 1).await;
    }
    for by in [SharedField::Phone, SharedField::Email] {
        let first = test.store.duplicates_page(by, None, 20).await.unwrap();
        assert_eq!(first.groups.len(), 1, "{by:?}");
        let (groups, pages) = everything(&test, by, 20).await;
        assert_eq!((groups.len(), pages), (2, 2), "{by:?}");
        assert!(groups.iter().all(|group| group.count == 2));
    }
}

/// To see it red: leave out the index, or what is included in it.
async fn indexes_serve_duplicates(test: TestStore) {
    let test = test.migrated().await;
    fill(&test).await;
    // PostgreSQL reads the rows too of what no vacuum has seen.
    sql(&test, "VACUUM").await;
    let connection = Database::connect(test.database.url()).await.unwrap();
    let (explain, column) = if test.is_postgres() {
        ("EXPLAIN", 0)
    } else {
        ("EXPLAIN QUERY PLAN", 3)
    };
    for (by, index) in [
        (SharedField::Phone, "contacts_phone"),
        (SharedField::Email, "contacts_email_folded"),
    ] {
        let (start, end) = match by {
            SharedField::Phone => ("+5511900000009", "+5511900000999"),
            SharedField::Email => ("a900000009@example.com", "a900000999@example.com"),
        };
        for (statement, covering) in [
            (test.store.duplicates_stretch(by, None), true),
            (test.store.duplicates_stretch(by, Some(start)), true),
            (test.store.duplicates_groups(by, None, Some(end), 20), true),
            (test.store.duplicates_groups(by, Some(start), Some(end), 20), true),
            (test.store.duplicates_members(by, start), false),
        ] {
            let explain = format!("{explain} {statement}");
            let explain = Statement::from_string(connection.get_database_backend(), explain);
            let rows = connection.query_all_raw(explain).await.unwrap();
            let lines: Vec<String> = rows
                .iter()
                .map(|row| row.try_get_by_index(column).unwrap())
                .collect();
            let plan = lines.join("\n");
            let expected = match (test.is_postgres(), covering) {
                (true, true) => format!("Index Only Scan using {index} "),
                (true, false) => format!("Index Scan using {index} "),
                (false, _) => format!("INDEX {index} "),
            };
            assert!(plan.contains(&expected), "{by:?}: {plan}");
            assert!(
                !plan.to_lowercase().contains("sort") && !plan.contains("TEMP B-TREE"),
                "{by:?}: {plan}"
            );
        }
    }
    connection.close().await.unwrap();
}
