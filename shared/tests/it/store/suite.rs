//! What both databases must do alike: one list of cases, run against each.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Database, TransactionTrait};
use shared::{
    domain::{
        Action, Changes, Command, CommandId, ContactId, Email, Entry, IdIssuer, IdKey, KeyHash, Life, Name,
        NewContact, Operation, Outcome, Phone, Poison, Rejection, RequestHash, Stamp, Verdict,
    },
    payload_keys::PayloadKeys,
    store::{
        StoreError,
        audit::{self, Act},
        commands::{CommandFilter, CommandPosition},
        contacts::{Contact, ContactFilter, ContactPosition, Direction, SortBy},
        dead_letters::{
            Collected, DeadCommand, DeadLetterFilter, DeadLetterPosition, DeadLetterState, Discarded, Kept,
            Which,
        },
    },
    wire::{CommandStatus, DeadLetter, Payload, Reason},
};
use uuid::Uuid;

use super::TestStore;

cases!(
    the_schema_goes_up_and_down_and_up_again,
    an_older_schema_is_refused_with_what_to_run,
    a_newer_schema_is_taken,
    a_transaction_that_froze_lets_go_of_its_locks,
    payloads_of_closed_dead_letters_are_emptied_in_time,
    the_probe_writes_and_leaves_nothing,
    the_probe_fails_for_what_a_batch_fails_for,
    a_contact_lives_and_is_erased,
    repeats_conflicts_and_reused_keys_are_told_apart,
    poison_is_not_written,
    what_sql_refuses_is_told_from_an_outage,
    pages_go_through_everything_once,
    filters_hold_alone_and_together,
    changes_since_include_deletes,
    commands_are_listed_newest_first,
    old_outcomes_are_forgotten_but_not_of_open_dead_letters,
    closed_dead_letters_are_forgotten_in_steps,
    a_dead_letter_is_kept_once_and_closed_by_the_outcome,
    a_dead_letter_of_an_ended_command_is_stored_closed,
    a_dead_letter_of_a_deleted_contact_has_no_payload,
    a_discard_ends_the_command_unless_it_has_ended,
    dead_letters_are_paged_and_filtered,
    foreseeing_changes_nothing,
);

pub struct Make {
    pub ids: IdIssuer,
}

impl Make {
    pub fn new() -> Self {
        Self {
            ids: IdIssuer::new(IdKey::new(&[5; 32]).unwrap()),
        }
    }

    pub fn create(&self, ms: u64, name: &str, phone: Option<&str>, email: Option<&str>) -> Entry {
        let issued = self.ids.issue(ms, 0);
        let contact = NewContact {
            name: Name::parse(name).unwrap(),
            phone: phone.map(|phone| Phone::parse(phone).unwrap()),
            email: email.map(|email| Email::parse(email).unwrap()),
        };
        entry(issued.command, issued.contact, ms, Action::Create(contact))
    }

    pub fn rename(&self, of: ContactId, ms: u64, name: &str) -> Entry {
        let changes = Changes {
            name: Some(Name::parse(name).unwrap()),
            ..Changes::default()
        };
        entry(self.ids.issue(ms, 0).command, of, ms, Action::Update(changes))
    }

    pub fn delete(&self, of: ContactId, ms: u64) -> Entry {
        entry(self.ids.issue(ms, 0).command, of, ms, Action::Delete)
    }
}

pub fn entry(id: CommandId, contact_id: ContactId, ms: u64, action: Action) -> Entry {
    Entry {
        command: Command {
            id,
            contact_id,
            stamp: Stamp::at_ms(ms),
            if_match: None,
            action,
        },
        key_hash: None,
        request_hash: RequestHash::from_bytes(id.as_uuid().as_bytes()).unwrap(),
        contact_is_ours: true,
        attempt: 1,
    }
}

const LATEST_MS: u64 = 4_000_000_000_000;

pub fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_763_800_000_000 + ms).unwrap()
}

pub async fn apply(test: &TestStore, entries: &[Entry], ms: i64) -> Vec<Verdict> {
    test.store
        .apply(entries, at(ms), Stamp::at_ms(LATEST_MS))
        .await
        .unwrap()
}

const APPLIED: Verdict = Verdict::Finished(Outcome::Applied);

pub async fn sql(test: &TestStore, statement: &str) {
    let connection = Database::connect(test.database.url()).await.unwrap();
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

/// Takes all but the first versions of the schema back.
pub async fn down_to(test: &TestStore, versions: usize) {
    let all = test.store.schema().await.unwrap().len();
    let newer = (all - versions).try_into().unwrap();
    test.store.migrate_down(Some(newer)).await.unwrap();
}

pub async fn count(test: &TestStore, statement: &str) -> i64 {
    let connection = Database::connect(test.database.url()).await.unwrap();
    let row = connection.query_one_raw(sea_orm::Statement::from_string(
        connection.get_database_backend(),
        statement,
    ));
    let row = row.await.unwrap().unwrap();
    let count = row.try_get_by_index(0).unwrap();
    connection.close().await.unwrap();
    count
}

async fn the_schema_goes_up_and_down_and_up_again(test: TestStore) {
    let applied = async || {
        test.store
            .schema()
            .await
            .unwrap()
            .iter()
            .filter(|version| version.applied)
            .count()
    };
    assert_eq!(applied().await, 0);
    test.store.migrate_up(Some(1)).await.unwrap();
    assert_eq!(applied().await, 1);
    test.store.migrate_up(None).await.unwrap();
    let all = test.store.schema().await.unwrap().len();
    assert_eq!(applied().await, all);
    test.store.migrate_down(Some(1)).await.unwrap();
    assert_eq!(applied().await, all - 1);
    test.store.migrate_down(None).await.unwrap();
    assert_eq!(applied().await, 0);
    test.store.migrate_up(None).await.unwrap();
    apply(
        &test,
        &[Make::new().create(1, "Ana", None, Some("a@example.com"))],
        0,
    )
    .await;
}

async fn an_older_schema_is_refused_with_what_to_run(test: TestStore) {
    let error = test.store.check_schema().await.unwrap_err();
    assert!(
        matches!(error, StoreError::Schema(_)) && error.to_string().contains("contato migrate up"),
        "{error}"
    );
    let test = test.migrated().await;
    test.store.check_schema().await.unwrap();
    down_to(&test, 3).await;
    let error = test.store.check_schema().await.unwrap_err().to_string();
    assert!(error.contains("search"), "{error}");
    assert!(test.store.probe(at(0)).await.is_err());
}

/// A rolling upgrade migrates first: what is still running goes on.
async fn a_newer_schema_is_taken(test: TestStore) {
    let test = test.migrated().await;
    sql(
        &test,
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 1)",
    )
    .await;
    test.store.check_schema().await.unwrap();
    test.store.probe(at(0)).await.unwrap();
}

/// To see it red: leave out `idle_in_transaction_session_timeout`.
async fn a_transaction_that_froze_lets_go_of_its_locks(test: TestStore) {
    let test = test.migrated().await;
    if !test.is_postgres() {
        // A SQLite transaction ends with its process; one that froze is waited for, then it is an outage.
        return;
    }
    let create = Make::new().create(1, "Ana", None, None);
    apply(&test, std::slice::from_ref(&create), 0).await;
    // A worker that froze: it has begun a batch with the store's own options and is never polled again.
    let mut quick = super::options(test.database.url());
    quick.operation_timeout = std::time::Duration::from_secs(2);
    let frozen = shared::store::Store::open(&quick).await.unwrap();
    let half_way = [Make::new().rename(create.command.contact_id, 3, "Oi")];
    let mut held = Box::pin(frozen.apply(&half_way, at(1), Stamp::at_ms(LATEST_MS)));
    let gate = Database::connect(test.database.url()).await.unwrap();
    let closed = gate.begin().await.unwrap();
    closed
        .execute_unprepared("LOCK TABLE commands IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    // It has locked the contact and waits at the gate; from here on nobody polls it.
    let waits = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(waits, &mut held).await.is_err());
    closed.rollback().await.unwrap();
    let rename = Make::new().rename(create.command.contact_id, 5, "Eva");
    assert_eq!(
        apply(&test, &[rename], 1).await,
        [APPLIED],
        "within this store's 10 s"
    );
    drop(held);
}

async fn payloads_of_closed_dead_letters_are_emptied_in_time(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let (open, ended) = (
        make.create(1, "Ana", None, None),
        make.create(2, "Bia", None, None),
    );
    let letters = [
        letter_of(&open, Reason::StoreRefused, 0),
        letter_of(&ended, Reason::StoreRefused, 0),
    ];
    for letter in &letters {
        test.store
            .keep_dead_letter(letter, &payload_keys(), at(0))
            .await
            .unwrap();
    }
    apply(&test, &[ended], 10).await;
    assert_eq!(test.store.empty_old_dead_letters(at(10), 10).await.unwrap(), 0);
    assert_eq!(test.store.empty_old_dead_letters(at(11), 10).await.unwrap(), 1);
    assert!(
        !test
            .store
            .dead_letter(letters[0].id)
            .await
            .unwrap()
            .unwrap()
            .erased,
        "what waits is kept"
    );
    assert!(
        test.store
            .dead_letter(letters[1].id)
            .await
            .unwrap()
            .unwrap()
            .erased
    );
}

async fn the_probe_writes_and_leaves_nothing(test: TestStore) {
    let test = test.migrated().await;
    test.store.probe(at(0)).await.unwrap();
    test.store.probe(at(1)).await.unwrap();
    let nothing = ContactFilter {
        updated_since: Some(DateTime::UNIX_EPOCH),
        ..ContactFilter::default()
    };
    let page = test
        .store
        .contacts_page(&nothing, SortBy::UpdatedAt, Direction::Ascending, None, 10)
        .await
        .unwrap();
    assert!(page.is_empty());
    assert!(
        test.store
            .commands_page(&CommandFilter::default(), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn the_probe_fails_for_what_a_batch_fails_for(test: TestStore) {
    let test = test.migrated().await;
    sql(&test, "ALTER TABLE commands RENAME COLUMN attempts TO tries").await;
    let probe = test.store.probe(at(0)).await.unwrap_err();
    let batch = [Make::new().create(1, "Ana", None, None)];
    let batch = test
        .store
        .apply(&batch, at(0), Stamp::at_ms(LATEST_MS))
        .await
        .unwrap_err();
    // SQLite has no code of its own for a missing column.
    assert!(
        matches!(probe, StoreError::Outage(_) | StoreError::Unknown(_)),
        "{probe:?}"
    );
    assert_eq!(probe.kind(), batch.kind());
    sql(&test, "ALTER TABLE commands RENAME COLUMN tries TO attempts").await;
    test.store.probe(at(0)).await.unwrap();
}

async fn a_contact_lives_and_is_erased(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let create = make.create(10, "Ana Souza", Some("(11) 98765-4321"), Some("Ana@Example.com"));
    let id = create.command.contact_id;
    // The update comes first: kept, not shown.
    let rename = make.rename(id, 20, "Ana Lima");
    assert_eq!(apply(&test, std::slice::from_ref(&rename), 1).await, [APPLIED]);
    let unborn = test.store.contact(id).await.unwrap().unwrap();
    assert_eq!(
        (unborn.state.life, unborn.created_at, unborn.updated_at),
        (Life::Unborn, None, None)
    );
    assert!(test.store.contact_has_row(id).await.unwrap());

    assert_eq!(apply(&test, std::slice::from_ref(&create), 2).await, [APPLIED]);
    let born = test.store.contact(id).await.unwrap().unwrap();
    assert_eq!(born.state.life, Life::Born(create.command.id));
    assert_eq!(born.state.name.value.as_ref().unwrap().as_str(), "Ana Lima");
    assert_eq!(
        born.state.email.value.as_ref().unwrap().as_str(),
        "Ana@example.com"
    );
    assert_eq!((born.created_at, born.updated_at), (Some(at(2)), Some(at(2))));

    let nothing = entry(
        make.ids.issue(21, 0).command,
        id,
        21,
        Action::Update(Changes::default()),
    );
    assert_eq!(apply(&test, &[nothing], 3).await, [APPLIED]);
    assert_eq!(
        test.store.contact(id).await.unwrap().unwrap(),
        born,
        "a patch of nothing is no change"
    );

    let delete = make.delete(id, 1);
    assert_eq!(
        apply(&test, &[delete, make.rename(id, 99, "Eva")], 4).await,
        [APPLIED, Verdict::Finished(Outcome::Superseded)]
    );
    let gone = test.store.contact(id).await.unwrap().unwrap();
    assert_eq!(gone.state.life, Life::Deleted);
    assert_eq!(
        (
            &gone.state.name.value,
            &gone.state.phone.value,
            &gone.state.email.value
        ),
        (&None, &None, &None)
    );
    assert_eq!((gone.created_at, gone.deleted_at), (Some(at(2)), Some(at(4))));

    let record = test.store.command(rename.command.id).await.unwrap().unwrap();
    assert_eq!(
        (record.status, record.operation, record.attempts),
        (CommandStatus::Applied, Operation::Update, 1)
    );
    assert_eq!(record.accepted_at.timestamp_millis(), 20);
    assert_eq!(record.finished_at, at(1));
}

async fn repeats_conflicts_and_reused_keys_are_told_apart(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let key = KeyHash::from_bytes(&[1; 16]);
    let first = Entry {
        key_hash: key,
        ..make.create(10, "Ana", None, None)
    };
    let id = first.command.contact_id;
    let other_hash = Entry {
        request_hash: RequestHash::from_bytes(&[9; 16]).unwrap(),
        ..first.clone()
    };
    let other_request = Entry {
        key_hash: key,
        ..make.rename(id, 30, "Eva")
    };
    let reused = Verdict::Finished(Outcome::Rejected(Rejection::IdempotencyKeyReused));
    // In one batch and in the next: the same answers.
    let batch = [
        first.clone(),
        first.clone(),
        other_hash.clone(),
        other_request.clone(),
    ];
    let repeat = Verdict::Repeat(Outcome::Applied);
    let conflict = Verdict::Poison(Poison::IdConflict);
    assert_eq!(apply(&test, &batch, 1).await, [APPLIED, repeat, conflict, reused]);
    let rejected = Outcome::Rejected(Rejection::IdempotencyKeyReused);
    assert_eq!(
        apply(&test, &batch, 2).await,
        [repeat, repeat, conflict, Verdict::Repeat(rejected)]
    );
    let status = test
        .store
        .command(other_request.command.id)
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, CommandStatus::Rejected(Rejection::IdempotencyKeyReused));
    let contact = test.store.contact(id).await.unwrap().unwrap();
    assert_eq!(contact.state.name.value.unwrap().as_str(), "Ana");
}

async fn poison_is_not_written(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let ahead = make.create(LATEST_MS + 1, "Ana", None, None);
    let foreign = Entry {
        contact_is_ours: false,
        ..make.rename(ContactId::from_uuid(Uuid::now_v7()), 5, "Eva")
    };
    let good = make.create(7, "Bia", None, None);
    let verdicts = apply(&test, &[ahead.clone(), foreign.clone(), good.clone()], 1).await;
    let expected = [
        Verdict::Poison(Poison::StampAhead),
        Verdict::Poison(Poison::ContactUnknown),
        APPLIED,
    ];
    assert_eq!(verdicts, expected);
    for poison in [ahead, foreign] {
        assert_eq!(test.store.command(poison.command.id).await.unwrap(), None);
        assert!(
            !test
                .store
                .contact_has_row(poison.command.contact_id)
                .await
                .unwrap()
        );
    }
    // An id that is not ours but has a row is a contact like any other.
    let known = Entry {
        contact_is_ours: false,
        ..make.rename(good.command.contact_id, 9, "Eva")
    };
    assert_eq!(apply(&test, &[known], 2).await, [APPLIED]);
}

async fn what_sql_refuses_is_told_from_an_outage(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    sql(&test, "CREATE UNIQUE INDEX only_one ON contacts (email)").await;
    let first = make.create(1, "Ana", None, Some("a@example.com"));
    apply(&test, &[first], 1).await;
    let again = make.create(2, "Eva", None, Some("a@example.com"));
    let error = test
        .store
        .apply(&[again], at(2), Stamp::at_ms(LATEST_MS))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
    sql(&test, "DROP INDEX only_one").await;
    // More than the column holds: the check of a life, broken by hand.
    if test.is_postgres() {
        sql(
            &test,
            "ALTER TABLE contacts ADD CONSTRAINT short CHECK (length(name) < 5)",
        )
        .await;
        let long = make.create(3, "Maria das Dores", None, None);
        let error = test
            .store
            .apply(&[long], at(3), Stamp::at_ms(LATEST_MS))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
        assert_eq!(error.code().as_deref(), Some("23514"));
        sql(&test, "ALTER TABLE contacts RENAME TO hidden").await;
        let any = make.create(4, "Ana", None, None);
        let error = test
            .store
            .apply(&[any], at(4), Stamp::at_ms(LATEST_MS))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Outage(_)), "{error:?}");
    }
}

async fn some_contacts(test: &TestStore, make: &Make) -> Vec<ContactId> {
    let mut ids = Vec::new();
    let names = [
        "Álvaro", "ana", "Ana", "Bruno", "Çelik", "Davi", "Élida", "eva", "Zoe",
    ];
    for (n, name) in names.into_iter().enumerate() {
        let phone = if n % 2 == 0 { "11987654321" } else { "21987654321" };
        let create = make.create(
            10 + n as u64,
            name,
            Some(phone),
            Some(&format!("p{}@example.com", n % 3)),
        );
        ids.push(create.command.contact_id);
        // Two at a time have one commit time, so that the id decides.
        apply(test, &[create], n as i64 / 2).await;
    }
    ids
}

async fn pages_go_through_everything_once(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let mut all = some_contacts(&test, &make).await;
    all.sort();
    let filter = ContactFilter::default();
    for sort in [SortBy::Name, SortBy::CreatedAt, SortBy::UpdatedAt] {
        let mut forwards = Vec::new();
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut seen: Vec<Contact> = Vec::new();
            loop {
                let after = seen.last().map(|last| ContactPosition {
                    key: last.sort_key(sort),
                    id: last.state.id,
                });
                let page = test
                    .store
                    .contacts_page(&filter, sort, direction, after.as_ref(), 2)
                    .await
                    .unwrap();
                if page.is_empty() {
                    break;
                }
                seen.extend(page);
            }
            let mut ids: Vec<_> = seen.iter().map(|contact| contact.state.id).collect();
            if direction == Direction::Ascending {
                forwards.clone_from(&ids);
                if sort == SortBy::Name {
                    let names: Vec<_> = seen
                        .iter()
                        .map(|contact| contact.state.name.value.as_ref().unwrap().sort_key())
                        .collect();
                    assert_eq!(
                        names,
                        [
                            "alvaro", "ana", "ana", "bruno", "celik", "davi", "elida", "eva", "zoe"
                        ]
                    );
                }
            } else {
                forwards.reverse();
                assert_eq!(ids, forwards, "{sort:?}");
            }
            ids.sort();
            assert_eq!(ids, all, "{sort:?} {direction:?}");
        }
    }
}

async fn filters_hold_alone_and_together(test: TestStore) {
    let test = test.migrated().await;
    some_contacts(&test, &Make::new()).await;
    let count = async |filter: ContactFilter| {
        test.store
            .contacts_page(&filter, SortBy::Name, Direction::Ascending, None, 100)
            .await
            .unwrap()
            .len()
    };
    let phone = Phone::parse("11 98765-4321").unwrap();
    let email = Email::parse("p0@EXAMPLE.com").unwrap();
    let none = ContactFilter::default();
    assert_eq!(count(none.clone()).await, 9);
    assert_eq!(
        count(ContactFilter {
            area_code: phone.area_code(),
            ..none.clone()
        })
        .await,
        5
    );
    assert_eq!(
        count(ContactFilter {
            state: phone.state(),
            ..none.clone()
        })
        .await,
        5
    );
    assert_eq!(
        count(ContactFilter {
            phone: Some(phone.clone()),
            ..none.clone()
        })
        .await,
        5
    );
    assert_eq!(
        count(ContactFilter {
            email: Some(email.clone()),
            ..none.clone()
        })
        .await,
        3
    );
    let both = ContactFilter {
        phone: Some(phone),
        email: Some(email),
        ..none
    };
    assert_eq!(count(both).await, 2);
}

async fn changes_since_include_deletes(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let (kept, gone, unborn) = (
        make.create(1, "Ana", None, None),
        make.create(2, "Bia", None, None),
        make.create(3, "Eva", None, None),
    );
    apply(&test, &[kept.clone(), gone.clone()], 1).await;
    apply(&test, &[make.delete(gone.command.contact_id, 5)], 10).await;
    // Deleted before it was ever shown: nobody's news. Unborn: not shown.
    apply(
        &test,
        &[
            make.delete(unborn.command.contact_id, 5),
            make.rename(make.ids.issue(9, 9).contact, 5, "Oi"),
        ],
        11,
    )
    .await;
    let since = async |ms| {
        let filter = ContactFilter {
            updated_since: Some(at(ms)),
            ..ContactFilter::default()
        };
        let page = test
            .store
            .contacts_page(&filter, SortBy::UpdatedAt, Direction::Ascending, None, 10)
            .await
            .unwrap();
        page.into_iter()
            .map(|contact| contact.state.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(since(0).await, [kept.command.contact_id, gone.command.contact_id]);
    assert_eq!(since(2).await, [gone.command.contact_id]);
    assert_eq!(since(10).await, [gone.command.contact_id], "inclusive");
    assert!(since(12).await.is_empty());
}

async fn commands_are_listed_newest_first(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let create = make.create(10, "Ana", None, None);
    let id = create.command.contact_id;
    let renames: Vec<_> = (0..4).map(|n| make.rename(id, 20 + n / 2, "Eva")).collect();
    let other = make.create(90, "Bia", None, None);
    let mut batch = vec![create.clone(), other];
    batch.extend(renames.iter().rev().cloned());
    apply(&test, &batch, 1).await;
    let filter = CommandFilter {
        contact_id: Some(id),
        status: None,
    };
    let mut seen: Vec<CommandId> = Vec::new();
    let mut after = None;
    loop {
        let page = test.store.commands_page(&filter, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(CommandPosition {
            accepted_at: last.accepted_at,
            id: last.id,
        });
        seen.extend(page.iter().map(|record| record.id));
    }
    let mut expected: Vec<_> = renames.iter().map(|entry| entry.command.id).collect();
    expected.reverse();
    expected.push(create.command.id);
    assert_eq!(seen, expected);
    let superseded = CommandFilter {
        contact_id: Some(id),
        status: Some("superseded"),
    };
    assert_eq!(
        test.store
            .commands_page(&superseded, None, 10)
            .await
            .unwrap()
            .len(),
        3
    );
}

pub fn payload_keys() -> PayloadKeys {
    PayloadKeys::parse(&format!("1:{}", "0".repeat(64))).unwrap()
}

fn discarding(now: DateTime<Utc>) -> audit::Entry {
    audit::Entry::new(Act::Discard, "key:ana", now)
}

pub fn letter_of(entry: &Entry, reason: Reason, replay: u32) -> Collected {
    let command = &entry.command;
    let mut identity = [0; 32];
    identity[..16].copy_from_slice(command.id.as_uuid().as_bytes());
    identity[16..20].copy_from_slice(&replay.to_be_bytes());
    identity[20] = reason as u8;
    Collected {
        id: Uuid::now_v7(),
        identity,
        fingerprint: format!("{:032x}", reason as u8),
        command: Some(DeadCommand {
            id: command.id,
            contact_id: command.contact_id,
            operation: command.action.operation(),
            stamp: command.stamp,
            request_hash: entry.request_hash,
        }),
        letter: DeadLetter {
            reason,
            detail: "SQL refuses it".to_owned(),
            attempt: 4,
            replay,
            failed_at: at(0),
            worker: "w/1".to_owned(),
            traceparent: None,
            content_type: "application/json".to_owned(),
            payload: Payload(b"{}".to_vec()),
        },
    }
}

async fn old_outcomes_are_forgotten_but_not_of_open_dead_letters(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let old: Vec<_> = (0..5).map(|n| make.create(n + 1, "Ana", None, None)).collect();
    apply(&test, &old, 0).await;
    let young = make.create(9, "Bia", None, None);
    apply(&test, std::slice::from_ref(&young), 1_000).await;
    let waiting = make.create(10, "Eva", None, None);
    test.store
        .keep_dead_letter(
            &letter_of(&waiting, Reason::StoreRefused, 0),
            &payload_keys(),
            at(0),
        )
        .await
        .unwrap();
    let conflicting = letter_of(&old[0], Reason::IdConflict, 0);
    assert_eq!(
        test.store
            .keep_dead_letter(&conflicting, &payload_keys(), at(0))
            .await
            .unwrap(),
        Kept::Open
    );
    // Put aside, they still wait.
    let everything = DeadLetterFilter::default();
    let aside = audit::Entry::new(Act::Archive, "key:ana", at(0));
    let which = Which::Matching(&everything);
    assert_eq!(
        test.store.archive_dead_letters(which, 10, &aside).await.unwrap(),
        2
    );
    assert_eq!(test.store.forget_commands(at(500), 3).await.unwrap(), 3);
    assert_eq!(test.store.forget_commands(at(500), 3).await.unwrap(), 1);
    assert_eq!(test.store.forget_commands(at(500), 3).await.unwrap(), 0);
    let ids: Vec<_> = test
        .store
        .commands_page(&CommandFilter::default(), None, 10)
        .await
        .unwrap()
        .iter()
        .map(|r| r.id)
        .collect();
    assert_eq!(ids, [waiting.command.id, young.command.id, old[0].command.id]);
    // Sent again after it was forgotten, a create still has its one effect.
    assert_eq!(
        apply(&test, &old[1..2], 2_000).await,
        [Verdict::Finished(Outcome::Superseded)]
    );
}

async fn closed_dead_letters_are_forgotten_in_steps(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    for n in 1..=4 {
        let letter = letter_of(&make.create(n, "Ana", None, None), Reason::StoreRefused, 0);
        let kept = test.store.keep_dead_letter(&letter, &payload_keys(), at(5)).await;
        assert_eq!(kept.unwrap(), Kept::Open);
        if n < 4 {
            let entry = discarding(at(10));
            let discarded = test.store.discard_dead_letter(letter.id, &entry).await;
            assert_eq!(discarded.unwrap(), Discarded::Done);
        }
    }
    assert_eq!(test.store.forget_dead_letters(at(10), 2).await.unwrap(), 0);
    for gone in [2, 1, 0] {
        assert_eq!(test.store.forget_dead_letters(at(11), 2).await.unwrap(), gone);
    }
    let everything = DeadLetterFilter::default();
    assert_eq!(test.store.dead_letters_count(&everything).await.unwrap(), 1);
}

async fn a_dead_letter_is_kept_once_and_closed_by_the_outcome(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let create = make.create(1, "Ana", None, None);
    let first = letter_of(&create, Reason::StoreRefused, 0);
    assert_eq!(
        test.store
            .keep_dead_letter(&first, &payload_keys(), at(1))
            .await
            .unwrap(),
        Kept::Open
    );
    let copy = Collected {
        id: Uuid::now_v7(),
        ..first.clone()
    };
    assert_eq!(
        test.store
            .keep_dead_letter(&copy, &payload_keys(), at(2))
            .await
            .unwrap(),
        Kept::Duplicate
    );
    let status = async || {
        test.store
            .command(create.command.id)
            .await
            .unwrap()
            .unwrap()
            .status
    };
    assert_eq!(status().await, CommandStatus::DeadLettered);
    let state = async |id| test.store.dead_letter(id).await.unwrap().unwrap().state;

    test.store.mark_replayed(first.id, at(3)).await.unwrap();
    assert_eq!(state(first.id).await, DeadLetterState::Replayed);
    let second = letter_of(&create, Reason::StoreRefused, 1);
    assert_eq!(
        test.store
            .keep_dead_letter(&second, &payload_keys(), at(4))
            .await
            .unwrap(),
        Kept::Open,
        "a failure after a replay is new"
    );

    assert_eq!(apply(&test, std::slice::from_ref(&create), 5).await, [APPLIED]);
    assert_eq!(status().await, CommandStatus::Applied);
    assert_eq!(state(first.id).await, DeadLetterState::Resolved);
    assert_eq!(state(second.id).await, DeadLetterState::Resolved);
    test.store.mark_replayed(second.id, at(6)).await.unwrap();
    assert_eq!(
        state(second.id).await,
        DeadLetterState::Resolved,
        "closed stays closed"
    );
}

async fn a_dead_letter_of_an_ended_command_is_stored_closed(test: TestStore) {
    let test = test.migrated().await;
    let create = Make::new().create(1, "Ana", None, None);
    apply(&test, std::slice::from_ref(&create), 1).await;
    let late = letter_of(&create, Reason::DeliveryLimit, 0);
    assert_eq!(
        test.store
            .keep_dead_letter(&late, &payload_keys(), at(2))
            .await
            .unwrap(),
        Kept::Resolved
    );
    assert_eq!(
        test.store
            .command(create.command.id)
            .await
            .unwrap()
            .unwrap()
            .status,
        CommandStatus::Applied
    );
    assert_eq!(
        test.store.dead_letter(late.id).await.unwrap().unwrap().state,
        DeadLetterState::Resolved
    );
}

async fn a_dead_letter_of_a_deleted_contact_has_no_payload(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let create = make.create(1, "Ana", None, None);
    let id = create.command.contact_id;
    let before = letter_of(&make.rename(id, 2, "Eva"), Reason::StoreRefused, 0);
    test.store
        .keep_dead_letter(&before, &payload_keys(), at(1))
        .await
        .unwrap();
    assert!(!test.store.dead_letter(before.id).await.unwrap().unwrap().erased);
    apply(&test, &[create, make.delete(id, 3)], 2).await;
    let after = letter_of(&make.rename(id, 4, "Eva"), Reason::StoreRefused, 0);
    test.store
        .keep_dead_letter(&after, &payload_keys(), at(3))
        .await
        .unwrap();
    for letter in [before.id, after.id] {
        let stored = test.store.dead_letter(letter).await.unwrap().unwrap();
        assert!(stored.erased && stored.letter.payload.0.is_empty());
        assert_eq!(stored.body_bytes, 2, "how large it was is no secret");
    }
    sql(&test, "UPDATE dead_letters SET body = 'raced'").await;
    assert_eq!(test.store.erase_raced_dead_letters().await.unwrap(), 2);
    assert!(test.store.dead_letter(before.id).await.unwrap().unwrap().erased);
}

async fn a_discard_ends_the_command_unless_it_has_ended(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let (given_up, ended) = (
        make.create(1, "Ana", None, None),
        make.create(2, "Bia", None, None),
    );
    let letters = [
        letter_of(&given_up, Reason::StoreRefused, 0),
        letter_of(&given_up, Reason::StoreRefused, 1),
        letter_of(&ended, Reason::StoreRefused, 0),
    ];
    for letter in &letters {
        test.store
            .keep_dead_letter(letter, &payload_keys(), at(1))
            .await
            .unwrap();
    }
    assert_eq!(
        test.store
            .discard_dead_letter(letters[0].id, &discarding(at(2)))
            .await
            .unwrap(),
        Discarded::Done
    );
    assert_eq!(
        test.store
            .discard_dead_letter(letters[0].id, &discarding(at(3)))
            .await
            .unwrap(),
        Discarded::Already
    );
    let status = test
        .store
        .command(given_up.command.id)
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, CommandStatus::Rejected(Rejection::Discarded));
    assert_eq!(
        test.store
            .dead_letter(letters[1].id)
            .await
            .unwrap()
            .unwrap()
            .state,
        DeadLetterState::Resolved
    );
    let rejected = Verdict::Repeat(Outcome::Rejected(Rejection::Discarded));
    assert_eq!(
        apply(&test, &[given_up], 4).await,
        [rejected],
        "a copy on its way has no effect"
    );

    apply(&test, std::slice::from_ref(&ended), 5).await;
    assert_eq!(
        test.store
            .discard_dead_letter(letters[2].id, &discarding(at(6)))
            .await
            .unwrap(),
        Discarded::Resolved
    );
    assert_eq!(
        test.store
            .command(ended.command.id)
            .await
            .unwrap()
            .unwrap()
            .status,
        CommandStatus::Applied
    );
    assert_eq!(
        test.store
            .discard_dead_letter(Uuid::now_v7(), &discarding(at(7)))
            .await
            .unwrap(),
        Discarded::Missing
    );
}

async fn dead_letters_are_paged_and_filtered(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let mut ids = Vec::new();
    for n in 0..7_u64 {
        let reason = if n % 2 == 0 {
            Reason::StoreRefused
        } else {
            Reason::StampAhead
        };
        let letter = letter_of(&make.create(n + 1, "Ana", None, None), reason, 0);
        test.store
            .keep_dead_letter(&letter, &payload_keys(), at(n as i64 / 2))
            .await
            .unwrap();
        ids.push(letter);
    }
    let mut seen = Vec::new();
    let mut after = None;
    let all = DeadLetterFilter::default();
    loop {
        let page = test.store.dead_letters_page(&all, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(DeadLetterPosition {
            received_at: last.received_at,
            id: last.id,
        });
        seen.extend(page.iter().map(|letter| letter.id));
    }
    assert_eq!(seen, ids.iter().rev().map(|letter| letter.id).collect::<Vec<_>>());
    let count = async |filter| test.store.dead_letters_count(&filter).await.unwrap();
    assert_eq!(
        count(DeadLetterFilter {
            reason: Some(Reason::StampAhead),
            ..all.clone()
        })
        .await,
        3
    );
    assert_eq!(
        count(DeadLetterFilter {
            group: Some(ids[0].fingerprint.clone()),
            ..all.clone()
        })
        .await,
        4
    );
    assert_eq!(
        count(DeadLetterFilter {
            operation: Some(Operation::Delete),
            ..all.clone()
        })
        .await,
        0
    );
    assert_eq!(
        count(DeadLetterFilter {
            since: Some(at(2)),
            ..all.clone()
        })
        .await,
        3
    );
    assert_eq!(
        count(DeadLetterFilter {
            until: Some(at(2)),
            ..all.clone()
        })
        .await,
        4
    );
    let command = ids[3].command.unwrap();
    assert_eq!(
        count(DeadLetterFilter {
            command_id: Some(command.id),
            ..all.clone()
        })
        .await,
        1
    );
    assert_eq!(
        count(DeadLetterFilter {
            contact_id: Some(command.contact_id),
            ..all.clone()
        })
        .await,
        1
    );
    assert_eq!(
        count(DeadLetterFilter {
            state: Some(DeadLetterState::Open),
            ..all
        })
        .await,
        7
    );
}

async fn foreseeing_changes_nothing(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let (create, ended) = (
        make.create(1, "Ana", None, None),
        make.create(2, "Bia", None, None),
    );
    apply(&test, std::slice::from_ref(&ended), 1).await;
    let rename = make.rename(create.command.contact_id, 3, "Eva");
    let older = make.rename(create.command.contact_id, 2, "Oi");
    let verdicts = test
        .store
        .foresee(&[create.clone(), rename, older, ended], Stamp::at_ms(LATEST_MS))
        .await
        .unwrap();
    let superseded = Verdict::Finished(Outcome::Superseded);
    assert_eq!(
        verdicts,
        [APPLIED, APPLIED, superseded, Verdict::Repeat(Outcome::Applied)]
    );
    assert_eq!(test.store.contact(create.command.contact_id).await.unwrap(), None);
    let since = at(0) - TimeDelta::days(1);
    assert!(test.store.command(create.command.id).await.unwrap().is_none() && since < at(0));
}
