//! Order is irrelevant: generated histories, shuffled, repeated and cut into batches at random, end in the same contacts,
//! through the pure inbox and through both real stores with two workers at once.
//!
//! To see it red: let `Slot::set` take any mark but the last, or give a create's fields its own stamp.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use proptest::{prelude::*, test_runner::TestRunner};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use shared::{
    domain::{
        Action, Changes, Command, CommandId, ContactId, ContactState, Email, Entry, IdIssuer, IdKey, IfMatch,
        Inbox, Life, Mark, Name, NewContact, Outcome, Phone, RequestHash, Slot, Stamp, Verdict, merge,
    },
    store::{Store, StoreError},
    wire::CommandStatus,
};

use super::TestStore;

/// How many ways each history is delivered in.
const WAYS: u64 = 20;
const BATCH_MAX: usize = 7;
const CONTACTS: usize = 4;

/// One generated step, before it is given ids.
#[derive(Clone, Debug)]
enum Step {
    Update {
        contact: usize,
        ms: u64,
        name: Option<u8>,
        phone: Option<Option<u8>>,
        email: Option<Option<u8>>,
    },
    Delete {
        contact: usize,
        ms: u64,
    },
    /// An update whose key was used twice by a client that retried: one id, two stamps.
    Retried {
        contact: usize,
        ms: [u64; 2],
        name: u8,
    },
    /// An update under the entity tag that the contact had after so many commands.
    Conditional {
        contact: usize,
        ms: u64,
        name: u8,
        after: usize,
    },
}

/// A history: for each contact a create, then steps. `plain` contacts have unconditional commands with one stamp each.
#[derive(Clone, Debug)]
struct History {
    entries: Vec<Entry>,
    plain: Vec<ContactId>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let contact = 0..CONTACTS;
    let value = proptest::option::of(proptest::option::of(0..5u8));
    let step = prop_oneof![
        6 => (contact.clone(), 1..40u64, proptest::option::of(0..5u8), value.clone(), value)
            .prop_map(|(contact, ms, name, phone, email)| Step::Update { contact, ms, name, phone, email }),
        1 => (contact.clone(), 1..40u64).prop_map(|(contact, ms)| Step::Delete { contact, ms }),
        2 => (contact.clone(), 1..40u64, 1..40u64, 0..5u8)
            .prop_map(|(contact, first, second, name)| Step::Retried { contact, ms: [first, second], name }),
        2 => (contact, 1..40u64, 0..5u8, 0..20usize)
            .prop_map(|(contact, ms, name, after)| Step::Conditional { contact, ms, name, after }),
    ];
    proptest::collection::vec(step, 5..30)
}

fn name(n: u8) -> Name {
    Name::parse(["Ana", "Bia", "Caio", "Davi", "Eva"][usize::from(n)]).unwrap()
}

fn phone(n: u8) -> Phone {
    Phone::parse(&format!("11 98765-432{n}")).unwrap()
}

fn email(n: u8) -> Email {
    Email::parse(&format!("p{n}@example.com")).unwrap()
}

fn history(steps: &[Step]) -> History {
    let issuer = IdIssuer::new(IdKey::new(&[3; 32]).unwrap());
    let mut entries = Vec::new();
    let mut ids = Vec::new();
    for n in 0..CONTACTS {
        let issued = issuer.issue(1, n as u64);
        ids.push(issued.contact);
        let contact = NewContact {
            name: name(0),
            phone: Some(phone(0)),
            email: None,
        };
        entries.push(entry(
            issued.command,
            issued.contact,
            50,
            None,
            Action::Create(contact),
        ));
    }
    let mut special = [false; CONTACTS];
    for step in steps {
        let command = issuer.issue(2, 0).command;
        let rename = |n: u8| {
            Action::Update(Changes {
                name: Some(name(n)),
                ..Changes::default()
            })
        };
        match step {
            Step::Update {
                contact,
                ms,
                name: n,
                phone: p,
                email: e,
            } => {
                let changes = Changes {
                    name: n.map(name),
                    phone: p.map(|p| p.map(phone)),
                    email: e.map(|e| e.map(email)),
                };
                entries.push(entry(command, ids[*contact], *ms, None, Action::Update(changes)));
            }
            Step::Delete { contact, ms } => {
                entries.push(entry(command, ids[*contact], *ms, None, Action::Delete));
            }
            Step::Retried { contact, ms, name } => {
                special[*contact] = true;
                entries.extend(ms.map(|ms| entry(command, ids[*contact], ms, None, rename(*name))));
            }
            Step::Conditional {
                contact,
                ms,
                name,
                after,
            } => {
                special[*contact] = true;
                let state = fold(
                    entries
                        .iter()
                        .take(*after)
                        .filter(|entry| entry.command.contact_id == ids[*contact]),
                );
                let condition = state.map_or(IfMatch::Any, |state| IfMatch::Tags(vec![state.etag()]));
                entries.push(entry(
                    command,
                    ids[*contact],
                    *ms,
                    Some(condition.clone()),
                    rename(*name),
                ));
                // Another client under the same tag: at most one of the two can hold.
                let other = issuer.issue(2, 0).command;
                entries.push(entry(
                    other,
                    ids[*contact],
                    ms + 1,
                    Some(condition),
                    rename((*name + 1) % 5),
                ));
            }
        }
    }
    let plain = ids
        .iter()
        .zip(special)
        .filter(|(_, special)| !special)
        .map(|(id, _)| *id)
        .collect();
    History { entries, plain }
}

fn entry(id: CommandId, contact_id: ContactId, ms: u64, if_match: Option<IfMatch>, action: Action) -> Entry {
    let stamp = Stamp::at_ms(ms);
    Entry {
        command: Command {
            id,
            contact_id,
            stamp,
            if_match,
            action,
        },
        key_hash: None,
        request_hash: RequestHash::from_bytes(id.as_uuid().as_bytes()).unwrap(),
        contact_is_ours: true,
        attempt: 1,
    }
}

fn fold<'a>(entries: impl Iterator<Item = &'a Entry>) -> Option<ContactState> {
    entries.fold(None, |state, entry| merge(state, &entry.command).0)
}

/// The contacts that a history must end in, worked out without `merge`: gone if any delete is there; else each field is the
/// youngest update's that names it, by (stamp, id), and the create's if none does.
fn canonical(history: &History) -> BTreeMap<ContactId, Option<ContactState>> {
    history
        .plain
        .iter()
        .map(|id| (*id, Some(ends_as(history, *id))))
        .collect()
}

fn ends_as(history: &History, id: ContactId) -> ContactState {
    let commands = || {
        history
            .entries
            .iter()
            .map(|entry| &entry.command)
            .filter(|command| command.contact_id == id)
    };
    if commands().any(|command| command.action == Action::Delete) {
        let (name, phone, email) = (Slot::default(), Slot::default(), Slot::default());
        return ContactState {
            id,
            life: Life::Deleted,
            name,
            phone,
            email,
        };
    }
    let create = commands().find_map(|command| match &command.action {
        Action::Create(contact) => Some((command.id, contact)),
        Action::Update(_) | Action::Delete => None,
    });
    let (creator, contact) = create.expect("every contact of a history has a create");
    let updates = || {
        commands().filter_map(|command| match &command.action {
            Action::Update(changes) => Some((
                Mark {
                    stamp: command.stamp,
                    command: command.id,
                },
                changes,
            )),
            Action::Create(_) | Action::Delete => None,
        })
    };
    ContactState {
        id,
        life: Life::Born(creator),
        name: youngest(
            creator,
            Some(contact.name.clone()),
            updates().map(|(mark, changes)| (mark, changes.name.clone().map(Some))),
        ),
        phone: youngest(
            creator,
            contact.phone.clone(),
            updates().map(|(mark, changes)| (mark, changes.phone.clone())),
        ),
        email: youngest(
            creator,
            contact.email.clone(),
            updates().map(|(mark, changes)| (mark, changes.email.clone())),
        ),
    }
}

fn youngest<T>(
    creator: CommandId,
    created: Option<T>,
    updates: impl Iterator<Item = (Mark, Option<Option<T>>)>,
) -> Slot<T> {
    let named = updates.filter_map(|(mark, value)| value.map(|value| (mark, value)));
    match named.max_by_key(|(mark, _)| *mark) {
        Some((mark, value)) => Slot {
            value,
            set_by: Some(mark),
        },
        None => Slot {
            value: created,
            set_by: Some(Mark {
                stamp: Stamp::ZERO,
                command: creator,
            }),
        },
    }
}

/// A delivery of a history: shuffled, some entries repeated, cut into batches.
fn deliveries(history: &History, way: u64) -> Vec<Vec<Entry>> {
    let mut random = StdRng::seed_from_u64(way);
    let mut entries = history.entries.clone();
    for _ in 0..entries.len() / 3 {
        let again = entries[random.random_range(0..history.entries.len())].clone();
        entries.push(again);
    }
    entries.shuffle(&mut random);
    let mut batches = Vec::new();
    while !entries.is_empty() {
        let size = random.random_range(1..=BATCH_MAX).min(entries.len());
        batches.push(entries.drain(..size).collect());
    }
    batches
}

fn latest() -> Stamp {
    Stamp::at_ms(1_000)
}

/// Notes the outcomes that verdicts tell; no command may have two.
fn note(outcomes: &mut HashMap<CommandId, Outcome>, batch: &[Entry], verdicts: &[Verdict]) {
    for (entry, verdict) in batch.iter().zip(verdicts) {
        let outcome = match verdict {
            Verdict::Finished(outcome) | Verdict::Repeat(outcome) => *outcome,
            Verdict::Poison(poison) => panic!("{poison:?}"),
        };
        let first = *outcomes.entry(entry.command.id).or_insert(outcome);
        assert_eq!(first, outcome, "{} has two outcomes", entry.command.id);
    }
}

#[test]
fn the_pure_inbox_ends_in_the_same_contacts() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&steps(), |steps| {
        let history = history(&steps);
        let expected = canonical(&history);
        for way in 0..WAYS {
            let mut inbox = Inbox::default();
            let mut outcomes = HashMap::new();
            for batch in deliveries(&history, way) {
                let verdicts: Vec<_> = batch
                    .iter()
                    .map(|entry| inbox.take(entry.clone(), latest()))
                    .collect();
                note(&mut outcomes, &batch, &verdicts);
            }
            let ended: BTreeMap<_, _> = inbox.changed().map(|state| (state.id, state.clone())).collect();
            for (id, state) in &expected {
                prop_assert_eq!(ended.get(id), state.as_ref());
            }
            one_per_tag(&history, &outcomes);
        }
        Ok(())
    });
    result.unwrap();
}

/// Of two commands of a contact under one entity tag at most one is applied.
fn one_per_tag(history: &History, outcomes: &HashMap<CommandId, Outcome>) {
    let mut applied: HashMap<String, CommandId> = HashMap::new();
    for entry in &history.entries {
        let Some(IfMatch::Tags(tags)) = &entry.command.if_match else {
            continue;
        };
        if outcomes[&entry.command.id] == Outcome::Applied {
            let condition = format!("{} {tags:?}", entry.command.contact_id);
            let first = *applied.entry(condition).or_insert(entry.command.id);
            assert_eq!(first, entry.command.id, "one tag, two effects");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_on_sqlite_end_in_the_same_contacts() {
    through(|| async { TestStore::sqlite().await.migrated().await }, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_on_postgres_end_in_the_same_contacts() {
    through(|| async { TestStore::postgres().await.migrated().await }, 3).await;
}

async fn through<F: Future<Output = TestStore>>(make: impl Fn() -> F, histories: usize) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..histories {
        let tree = steps().new_tree(&mut runner).unwrap();
        let history = history(&proptest::strategy::ValueTree::current(&tree));
        let expected = canonical(&history);
        for way in 0..WAYS {
            let TestStore { store, database } = make().await;
            let outcomes = two_workers(&store, deliveries(&history, way)).await;
            compare(&store, &history, &expected, &outcomes).await;
            store.close().await;
            drop(database);
        }
    }
}

/// Two workers take the batches in turn, at once.
async fn two_workers(store: &Store, batches: Vec<Vec<Entry>>) -> HashMap<CommandId, Outcome> {
    let (odd, even): (Vec<_>, Vec<_>) = batches.into_iter().enumerate().partition(|(n, _)| n % 2 == 1);
    let work = |batches: Vec<(usize, Vec<Entry>)>| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut seen = Vec::new();
            for (_, batch) in batches {
                let verdicts = loop {
                    match store.apply(&batch, Utc::now(), latest()).await {
                        Err(StoreError::Conflict(_)) => {}
                        result => break result.unwrap(),
                    }
                };
                seen.push((batch, verdicts));
            }
            seen
        })
    };
    let (first, second) = tokio::join!(work(odd), work(even));
    let mut outcomes = HashMap::new();
    for (batch, verdicts) in first.unwrap().into_iter().chain(second.unwrap()) {
        note(&mut outcomes, &batch, &verdicts);
    }
    outcomes
}

async fn compare(
    store: &Store,
    history: &History,
    expected: &BTreeMap<ContactId, Option<ContactState>>,
    outcomes: &HashMap<CommandId, Outcome>,
) {
    for (id, state) in expected {
        let stored = store.contact(*id).await.unwrap().map(|contact| contact.state);
        assert_eq!(&stored, state);
        let visible = state.as_ref().is_some_and(|state| state.life != Life::Unborn);
        assert!(visible, "every contact of a history has a create");
    }
    for entry in &history.entries {
        let record = store
            .command(entry.command.id)
            .await
            .unwrap()
            .expect("each command has a record");
        let status = match outcomes[&entry.command.id] {
            Outcome::Applied => CommandStatus::Applied,
            Outcome::Superseded => CommandStatus::Superseded,
            Outcome::Rejected(rejection) => CommandStatus::Rejected(rejection),
        };
        assert_eq!(record.status, status);
    }
    one_per_tag(history, outcomes);
}
