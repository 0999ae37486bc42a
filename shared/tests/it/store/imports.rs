//! Imports: who has one, how far it has come, and what is kept of it.

use shared::{
    domain::{Action, ImportId, NewContact},
    store::{
        commands::StatusCounts,
        imports::{Held, ImportFormat, ImportRefusal, ImportStatus, MAX_REFUSALS_KEPT, NewImport, Progress},
    },
};
use uuid::Uuid;

use super::{
    TestStore,
    suite::{Make, apply, at, count, entry},
};

cases!(
    an_import_is_of_whoever_opened_it_last,
    an_import_keeps_its_refusals_once_and_to_a_bound,
    an_import_tells_its_own_commands_apart,
    old_imports_are_forgotten_with_their_refusals,
);

fn new(make: &Make, number: u64) -> NewImport {
    NewImport {
        id: make.ids.issue_import(1, number),
        session: Uuid::now_v7(),
        principal: "somebody".to_owned(),
        format: ImportFormat::Csv,
        columns: [("nome".to_owned(), "name".to_owned())].into(),
        ignored_columns: 2,
        start: Progress::start([0; 32]),
    }
}

fn progress(rows: u32) -> Progress {
    Progress {
        rows,
        accepted: rows - 1,
        refused: 1,
        faults: 2,
        digest: [rows as u8; 32],
    }
}

fn refusal(number: u32) -> ImportRefusal {
    ImportRefusal {
        number,
        line: u64::from(number) + 2,
        pointer: "/phone".to_owned(),
        code: "invalid".to_owned(),
        detail: "must be a number".to_owned(),
    }
}

async fn an_import_is_of_whoever_opened_it_last(test: TestStore) {
    let (test, make) = (test.migrated().await, Make::new());
    let (store, first) = (&test.store, new(&make, 0));
    assert_eq!(store.import(first.id).await.unwrap(), None);
    let record = store.open_import(&first, at(0)).await.unwrap();
    assert_eq!(
        (record.status, &record.confirmed),
        (ImportStatus::Receiving, &first.start)
    );
    assert_eq!(store.import(first.id).await.unwrap(), Some(record));

    // Nothing of it is anywhere yet: another file may come.
    let second = NewImport {
        session: Uuid::now_v7(),
        format: ImportFormat::VCard,
        ..first.clone()
    };
    let record = store.open_import(&second, at(1)).await.unwrap();
    assert_eq!((record.format, record.started_at), (ImportFormat::VCard, at(0)));
    let announce = async |session, from: &Progress, to: &Progress| {
        let held = store.announce_import(first.id, session, from, to, &[], at(2));
        held.await.unwrap()
    };
    assert_eq!(
        announce(first.session, &first.start, &progress(3)).await,
        Held::No
    );
    assert_eq!(
        announce(second.session, &first.start, &progress(3)).await,
        Held::Yes
    );

    let third = NewImport {
        session: Uuid::now_v7(),
        ..first.clone()
    };
    let record = store.open_import(&third, at(3)).await.unwrap();
    assert_eq!(
        (record.format, &record.announced),
        (ImportFormat::VCard, &progress(3))
    );
    assert_eq!(record.confirmed, first.start);
    let interrupted = store.interrupt_import(first.id, second.session, &first.start, at(4));
    assert_eq!(interrupted.await.unwrap(), Held::No);
    let interrupted = store.interrupt_import(first.id, third.session, &first.start, at(4));
    assert_eq!(interrupted.await.unwrap(), Held::Yes);
    assert_eq!(
        announce(third.session, &progress(3), &progress(5)).await,
        Held::No
    );

    let record = store.open_import(&third, at(5)).await.unwrap();
    assert_eq!(record.status, ImportStatus::Receiving);
    let end = progress(5);
    let completed = store.complete_import(first.id, third.session, &end, at(6));
    assert_eq!(completed.await.unwrap(), Held::Yes);
    let record = store.open_import(&first, at(7)).await.unwrap();
    assert_eq!(
        (
            record.status,
            &record.confirmed,
            record.finished_at,
            record.updated_at
        ),
        (ImportStatus::Complete, &progress(5), Some(at(6)), at(6))
    );
    assert_eq!(
        announce(third.session, &progress(5), &progress(7)).await,
        Held::No
    );
}

async fn an_import_keeps_its_refusals_once_and_to_a_bound(test: TestStore) {
    let (test, make) = (test.migrated().await, Make::new());
    let (store, import) = (&test.store, new(&make, 0));
    store.open_import(&import, at(0)).await.unwrap();
    let refusals: Vec<_> = (0..MAX_REFUSALS_KEPT + 5).map(refusal).collect();
    for part in [&refusals[..3], &refusals[..3], &refusals[3..]] {
        let (from, to) = (&import.start, &progress(9));
        let announced = store.announce_import(import.id, import.session, from, to, part, at(1));
        assert_eq!(announced.await.unwrap(), Held::Yes);
    }
    assert_eq!(
        store.import_refusals(import.id, 0, 4).await.unwrap(),
        refusals[..4]
    );
    assert_eq!(
        store.import_refusals(import.id, 4, 2).await.unwrap(),
        refusals[4..6]
    );
    let last = store
        .import_refusals(import.id, MAX_REFUSALS_KEPT - 2, 100)
        .await
        .unwrap();
    assert_eq!(last.len(), 2);
    let other = new(&make, 0);
    assert_eq!(store.import_refusals(other.id, 0, 4).await.unwrap(), []);
}

async fn an_import_tells_its_own_commands_apart(test: TestStore) {
    let (test, make) = (test.migrated().await, Make::new());
    let row = |import: ImportId, row| {
        let ids = make.ids.key().row_ids(import, row);
        let name = shared::domain::Name::parse("Ana").unwrap();
        let contact = NewContact {
            name,
            phone: None,
            email: None,
        };
        entry(ids.command, ids.contact, 10, Action::Create(contact))
    };
    let (import, other) = (make.ids.issue_import(1, 0), make.ids.issue_import(1, 0));
    let entries = [
        row(import, 0),
        row(import, 7),
        row(import, shared::domain::MAX_IMPORT_ROWS - 1),
        row(other, 0),
        make.create(11, "Bia", None, None),
    ];
    apply(&test, &entries, 0).await;
    let outcomes = |applied| StatusCounts {
        applied,
        ..StatusCounts::default()
    };
    let store = &test.store;
    assert_eq!(store.import_outcomes(import).await.unwrap(), outcomes(3));
    assert_eq!(store.import_outcomes(other).await.unwrap(), outcomes(1));
}

async fn old_imports_are_forgotten_with_their_refusals(test: TestStore) {
    let (test, make) = (test.migrated().await, Make::new());
    let (store, imports) = (&test.store, [0, 1, 2].map(|number| new(&make, number)));
    for (import, time) in imports.iter().zip([0, 5, 10]) {
        store.open_import(import, at(0)).await.unwrap();
        let (from, to, refusals) = (&import.start, &progress(2), &[refusal(0)]);
        let announced = store.announce_import(import.id, import.session, from, to, refusals, at(time));
        assert_eq!(announced.await.unwrap(), Held::Yes);
    }
    for forgotten in [1, 1, 0] {
        assert_eq!(store.forget_imports(at(10), 1).await.unwrap(), forgotten);
    }
    assert!(store.import(imports[2].id).await.unwrap().is_some());
    assert_eq!(count(&test, "SELECT count(*) FROM import_refusals").await, 1);
}
