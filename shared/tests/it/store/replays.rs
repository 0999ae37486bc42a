//! Replays: what is frozen, whose turn it is, and what became of each dead letter.

use shared::{
    domain::Entry,
    store::{
        StoreError,
        audit::{self, Act},
        dead_letters::{Collected, Corrected, DeadLetterFilter, DeadLetterState, Replacement},
        replays::{ItemState, Lease, NewReplay, Refusal, ReplayItem, ReplaySet, ReplayState, Sent, Started},
    },
    wire::Reason,
};
use uuid::Uuid;

use super::{
    TestStore,
    suite::{Make, apply, at, count, letter_of, payload_keys},
};

cases!(
    a_replay_freezes_what_matches_oldest_first,
    an_unexpected_number_begins_nothing,
    one_process_at_a_time_has_the_turn,
    an_item_that_has_ended_stays_so,
    outcomes_are_those_of_the_message_that_was_sent,
    a_newer_failure_is_found_by_command_or_by_bytes,
    what_is_due_is_part_of_one_automatic_replay,
    of_a_correction_and_a_replay_one_is_sent,
    what_became_of_each_is_told,
);

/// So many dead letters, a second apart, oldest first.
async fn letters(test: &TestStore, make: &Make, count: u64, reason: Reason) -> Vec<(Entry, Collected)> {
    let mut kept = Vec::new();
    for n in 0..count {
        let create = make.create(n + 1, "Ana", None, None);
        let letter = letter_of(&create, reason, 0);
        let second = i64::try_from(n).unwrap() * 1000;
        test.store
            .keep_dead_letter(&letter, &payload_keys(), at(second))
            .await
            .unwrap();
        kept.push((create, letter));
    }
    kept
}

fn new_replay(principal: &str) -> NewReplay {
    NewReplay {
        id: Uuid::now_v7(),
        principal: principal.to_owned(),
        request: "{}".to_owned(),
        rate: 100,
        brake: 20,
    }
}

fn open() -> DeadLetterFilter {
    DeadLetterFilter {
        state: Some(DeadLetterState::Open),
        ..DeadLetterFilter::default()
    }
}

fn entry(act: Act, ms: i64) -> audit::Entry {
    audit::Entry::new(act, "key:ana", at(ms))
}

/// Begins a replay of all that is open.
async fn begin(test: &TestStore, limit: u32) -> Uuid {
    let new = new_replay("key:ana");
    let entry = entry(Act::ReplayStarted, 0);
    let set = ReplaySet::Matching(&open());
    test.store
        .start_replay(&new, set, limit, None, &entry)
        .await
        .unwrap();
    new.id
}

fn lease(replay: Uuid, ms: i64) -> Lease {
    Lease {
        replay,
        owner: Uuid::now_v7(),
        now: at(ms),
        until: at(ms + 30_000),
    }
}

fn at_time(lease: Lease, ms: i64) -> Lease {
    Lease {
        now: at(ms),
        until: at(ms + 30_000),
        ..lease
    }
}

async fn a_replay_freezes_what_matches_oldest_first(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let kept = letters(&test, &make, 5, Reason::StoreRefused).await;
    let id = begin(&test, 3).await;
    let replay = test.store.replay(id).await.unwrap().unwrap();
    assert_eq!(
        (replay.total, replay.truncated, replay.state),
        (3, true, ReplayState::Running)
    );
    let items = test.store.waiting_items(id, 0, 10).await.unwrap();
    let frozen: Vec<_> = items
        .iter()
        .map(|item| (item.position, item.dead_letter))
        .collect();
    let expected: Vec<_> = (1..)
        .zip(kept.iter().map(|(_, letter)| letter.id))
        .take(3)
        .collect();
    assert_eq!(frozen, expected);

    // What waits in a replay that runs is not in another one.
    let filter = open();
    let rest = async || {
        let set = ReplaySet::Matching(&filter);
        test.store.replay_candidates(set, 10).await.unwrap()
    };
    let left: Vec<_> = kept[3..].iter().map(|(_, letter)| letter.id).collect();
    assert_eq!(rest().await, (left, false));
    let stopped = entry(Act::ReplayStopped, 1);
    test.store.stop_replay(id, &stopped).await.unwrap();
    assert_eq!(rest().await.0.len(), 5);

    let all = begin(&test, 5).await;
    let replay = test.store.replay(all).await.unwrap().unwrap();
    assert_eq!((replay.total, replay.truncated), (5, false));
    let none = begin(&test, 5).await;
    let replay = test.store.replay(none).await.unwrap().unwrap();
    assert_eq!((replay.total, replay.state), (0, ReplayState::Finished));
    assert_eq!(replay.finished_at, Some(at(0)));
    let entries = "SELECT COUNT(*) FROM audit WHERE replay_id IS NOT NULL AND action = 'replay-started' AND count IN (3, 5, 0)";
    assert_eq!(count(&test, entries).await, 3);
}

async fn an_unexpected_number_begins_nothing(test: TestStore) {
    let test = test.migrated().await;
    letters(&test, &Make::new(), 2, Reason::StoreRefused).await;
    let new = new_replay("");
    let entry = entry(Act::ReplayStarted, 0);
    let begin = async |expected| {
        let filter = open();
        let set = ReplaySet::Matching(&filter);
        let begun = test.store.start_replay(&new, set, 10, Some(expected), &entry);
        begun.await.unwrap()
    };
    assert_eq!(begin(3).await, Started::Unexpected(2));
    assert_eq!(test.store.replay(new.id).await.unwrap(), None);
    for table in ["audit", "replay_items"] {
        assert_eq!(count(&test, &format!("SELECT COUNT(*) FROM {table}")).await, 0);
    }
    assert_eq!(begin(2).await, Started::With(2));
}

async fn one_process_at_a_time_has_the_turn(test: TestStore) {
    let test = test.migrated().await;
    letters(&test, &Make::new(), 1, Reason::StoreRefused).await;
    let id = begin(&test, 10).await;
    let (one, other) = (lease(id, 0), lease(id, 1));
    assert_eq!(test.store.free_replays(at(0), 10).await.unwrap(), [id]);
    assert!(test.store.take_replay(&one).await.unwrap());
    assert!(!test.store.take_replay(&other).await.unwrap());
    assert!(test.store.free_replays(at(29_999), 10).await.unwrap().is_empty());
    assert!(test.store.hold_replay(&at_time(one, 20_000)).await.unwrap());
    assert!(!test.store.take_replay(&at_time(other, 49_999)).await.unwrap());
    // Its time has passed without a word: the other one goes on.
    assert!(test.store.take_replay(&at_time(other, 50_001)).await.unwrap());
    let items = test.store.waiting_items(id, 0, 10).await.unwrap();
    let late = at_time(one, 50_002);
    assert!(!test.store.hold_replay(&late).await.unwrap());
    assert_eq!(test.store.announce_items(&late, &items).await.unwrap(), None);
    assert!(!test.store.end_replay(&late, ReplayState::Finished).await.unwrap());
    test.store.release_replay(&late).await.unwrap();
    assert!(test.store.hold_replay(&at_time(other, 50_003)).await.unwrap());
    test.store.release_replay(&other).await.unwrap();
    assert_eq!(test.store.free_replays(at(50_004), 10).await.unwrap(), [id]);

    // A person stops it: nobody has the turn.
    assert!(test.store.take_replay(&at_time(one, 50_005)).await.unwrap());
    let stop = entry(Act::ReplayStopped, 50_006);
    let before = test.store.stop_replay(id, &stop).await.unwrap();
    assert_eq!(before, Some(ReplayState::Running));
    assert!(!test.store.hold_replay(&at_time(one, 50_007)).await.unwrap());
    assert_eq!(test.store.announce_items(&one, &items).await.unwrap(), None);
    assert!(test.store.free_replays(at(60_000), 10).await.unwrap().is_empty());
    assert_eq!(
        test.store.stop_replay(id, &stop).await.unwrap(),
        Some(ReplayState::Stopped)
    );
    let resume = entry(Act::ReplayResumed, 50_008);
    let before = test.store.resume_replay(id, &resume).await.unwrap();
    assert_eq!(before, Some(ReplayState::Stopped));
    assert!(test.store.take_replay(&at_time(one, 50_009)).await.unwrap());
    assert!(
        test.store
            .end_replay(&at_time(one, 50_010), ReplayState::Finished)
            .await
            .unwrap()
    );
    assert_eq!(
        test.store.resume_replay(id, &resume).await.unwrap(),
        Some(ReplayState::Finished)
    );
    assert_eq!(
        test.store.resume_replay(Uuid::now_v7(), &resume).await.unwrap(),
        None
    );
    let told = "SELECT COUNT(*) FROM audit WHERE action IN ('replay-stopped', 'replay-resumed')";
    assert_eq!(count(&test, told).await, 2, "only what was done");
}

/// To see it red: leave the condition out of `save`.
async fn an_item_that_has_ended_stays_so(test: TestStore) {
    let test = test.migrated().await;
    let kept = letters(&test, &Make::new(), 3, Reason::StoreRefused).await;
    let id = begin(&test, 10).await;
    let items = test.store.waiting_items(id, 0, 10).await.unwrap();
    let stand = |item: &ReplayItem, state, refusal| ReplayItem {
        state,
        refusal,
        sent_at: Some(at(5)),
        ..item.clone()
    };
    let ended = [
        stand(&items[0], ItemState::Sent, None),
        stand(&items[1], ItemState::Applied, None),
        stand(&items[2], ItemState::Refused, Some(Refusal::Newer)),
    ];
    test.store.save_items(id, &ended, at(5)).await.unwrap();
    let late: Vec<_> = items
        .iter()
        .map(|item| stand(item, ItemState::Unknown, None))
        .collect();
    test.store.save_items(id, &late, at(6)).await.unwrap();
    let tally = test.store.replay_tally(id).await.unwrap();
    let counts = (tally.counts.unknown, tally.counts.applied, tally.counts.refused);
    assert_eq!(counts, (1, 1, 1));
    assert_eq!(
        tally.refusals.into_iter().collect::<Vec<_>>(),
        [(Refusal::Newer, 1)]
    );
    // What is sent is marked; what is not waits.
    let state = async |place: usize| {
        let letter = test.store.dead_letter(kept[place].1.id).await.unwrap();
        letter.unwrap().state
    };
    assert_eq!(state(0).await, DeadLetterState::Replayed);
    assert_eq!(state(2).await, DeadLetterState::Open);
}

async fn outcomes_are_those_of_the_message_that_was_sent(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let kept = letters(&test, &make, 3, Reason::StoreRefused).await;
    let id = begin(&test, 10).await;
    let items = test.store.waiting_items(id, 0, 10).await.unwrap();
    let next: Vec<_> = kept
        .iter()
        .map(|(create, _)| letter_of(create, Reason::StoreRefused, 1))
        .collect();
    let of_command = |place: usize, command| ReplayItem {
        command,
        identity: Some(next[place].identity),
        state: ItemState::Sent,
        ..items[place].clone()
    };
    let known = |place: usize| Some(kept[place].0.command.id);
    // The outcome of the last one's id is not its own.
    let sent = [
        of_command(0, known(0)),
        of_command(1, known(1)),
        of_command(2, None),
    ];
    test.store.save_items(id, &sent, at(1)).await.unwrap();
    assert_eq!(test.store.item_outcomes(sent.iter()).await.unwrap(), []);
    test.store
        .keep_dead_letter(&next[1], &payload_keys(), at(2))
        .await
        .unwrap();
    let creates: Vec<_> = [0, 2].map(|place: usize| kept[place].0.clone()).into();
    apply(&test, &creates, 3).await;
    let outcomes = test.store.item_outcomes(sent.iter()).await.unwrap();
    assert_eq!(outcomes, [(1, ItemState::Applied), (2, ItemState::DeadAgain)]);
    // Nobody has noted them, and they count.
    let counts = test.store.replay_tally(id).await.unwrap().counts;
    assert_eq!((counts.applied, counts.dead_again, counts.sent), (1, 1, 1));
    // In the end the command was applied after all.
    apply(&test, std::slice::from_ref(&kept[1].0), 4).await;
    let outcomes = test.store.item_outcomes(sent.iter()).await.unwrap();
    assert_eq!(outcomes, [(1, ItemState::Applied), (2, ItemState::Applied)]);
}

async fn a_newer_failure_is_found_by_command_or_by_bytes(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let create = make.create(1, "Ana", None, None);
    let failures: Vec<_> = (0..3)
        .map(|replay| letter_of(&create, Reason::StoreRefused, replay))
        .collect();
    let conflict = letter_of(&create, Reason::IdConflict, 9);
    let anonymous = Collected {
        command: None,
        ..letter_of(&make.create(2, "Bia", None, None), Reason::Undecodable, 1)
    };
    for letter in failures.iter().chain([&conflict, &anonymous]) {
        test.store
            .keep_dead_letter(letter, &payload_keys(), at(1))
            .await
            .unwrap();
    }
    let of = |replay, next| Sent {
        command: Some(create.command.id),
        replay,
        next,
    };
    let nameless = |next| Sent {
        command: None,
        replay: 0,
        next,
    };
    let asked = [
        of(0, Some(failures[1].identity)),
        of(1, None),
        of(2, Some([7; 32])),
        nameless(Some(anonymous.identity)),
        nameless(Some([7; 32])),
        nameless(None),
    ];
    let newest = Some(failures[2].id);
    let expected = [newest, newest, None, Some(anonymous.id), None, None];
    assert_eq!(test.store.newer_failures(&asked).await.unwrap(), expected);
    apply(&test, std::slice::from_ref(&create), 2).await;
    let closed = test.store.newer_failures(&asked[..1]).await.unwrap();
    assert_eq!(closed, [None], "what is closed stands for nothing");
}

/// To see it red: leave `untried` out of the condition.
async fn what_is_due_is_part_of_one_automatic_replay(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let kept = letters(&test, &make, 3, Reason::StoreRefused).await;
    letters(&test, &make, 1, Reason::StampAhead).await;
    let again = letter_of(&make.create(9, "Bia", None, None), Reason::StoreRefused, 1);
    test.store
        .keep_dead_letter(&again, &payload_keys(), at(0))
        .await
        .unwrap();
    let reasons = [Reason::StoreRefused, Reason::Expired];
    let due = |replay, ms| ReplaySet::Due {
        reasons: &reasons,
        replay,
        received_before: at(ms),
        principal: "policy",
    };
    let found = async |set| test.store.replay_candidates(set, 10).await.unwrap().0;
    assert_eq!(found(due(0, 1500)).await, [kept[0].1.id, kept[1].1.id]);
    assert_eq!(found(due(1, 1500)).await, [again.id]);
    let new = new_replay("policy");
    let entry = entry(Act::ReplayStarted, 2000);
    let begun = test
        .store
        .start_replay(&new, due(0, 1500), 10, None, &entry)
        .await;
    assert_eq!(begun.unwrap(), Started::With(2));
    let stop = audit::Entry::new(Act::ReplayStopped, "key:ana", at(2001));
    test.store.stop_replay(new.id, &stop).await.unwrap();
    // Whatever became of it, it is not begun again; what came since is.
    assert_eq!(found(due(0, 9000)).await, [kept[2].1.id]);
    let twice = test
        .store
        .start_replay(&new, due(0, 9000), 10, None, &entry)
        .await;
    assert!(matches!(twice, Err(StoreError::Conflict(_))), "{twice:?}");
    assert_eq!(found(due(0, 9000)).await.len(), 1, "nothing of it was written");
}

/// To see it red: leave the locks out of `announce_items`, or the items out of `on_its_way`.
async fn of_a_correction_and_a_replay_one_is_sent(test: TestStore) {
    let test = test.migrated().await;
    let kept = letters(&test, &Make::new(), 2, Reason::StoreRefused).await;
    let id = begin(&test, 10).await;
    let turn = lease(id, 0);
    assert!(test.store.take_replay(&turn).await.unwrap());
    let mut items = test.store.waiting_items(id, 0, 10).await.unwrap();
    for item in &mut items {
        item.identity = Some([7; 32]);
    }
    let correct = async |letter: &Collected| {
        let replacement = Replacement {
            id: Uuid::now_v7(),
            payload: letter.letter.payload.clone(),
            command: letter.command.unwrap(),
            traceparent: None,
        };
        let (keys, entry) = (payload_keys(), entry(Act::EditAndReplay, 1));
        let corrected = test
            .store
            .replace_dead_letter(letter.id, &replacement, &keys, &entry);
        corrected.await.unwrap()
    };
    // Corrected before it was announced: it is left out.
    assert_eq!(correct(&kept[0].1).await, Corrected::Done);
    let announced = test.store.announce_items(&turn, &items).await.unwrap();
    assert_eq!(announced, Some([items[1].position].into()));
    // Announced: it may be on its way.
    assert_eq!(correct(&kept[1].1).await, Corrected::UnderWay);
    // Nobody works on it any more.
    let stop = entry(Act::ReplayStopped, 2);
    test.store.stop_replay(id, &stop).await.unwrap();
    assert_eq!(correct(&kept[1].1).await, Corrected::Done);
}

/// To see it red: leave out the outcomes that nobody has noted.
async fn what_became_of_each_is_told(test: TestStore) {
    let test = test.migrated().await;
    let make = Make::new();
    let kept = letters(&test, &make, 4, Reason::StoreRefused).await;
    let id = begin(&test, 10).await;
    let mut items = test.store.waiting_items(id, 0, 10).await.unwrap();
    let again: Vec<_> = kept
        .iter()
        .map(|(create, _)| letter_of(create, Reason::StoreRefused, 1))
        .collect();
    // Two are sent: one is applied, one fails again. One is refused, and one still waits.
    for (item, (create, _)) in items.iter_mut().zip(&kept).take(2) {
        item.command = Some(create.command.id);
        item.identity = Some(again[item.position as usize - 1].identity);
        item.state = ItemState::Sent;
        item.sent_at = Some(at(5_000));
    }
    items[2].state = ItemState::Refused;
    items[2].refusal = Some(Refusal::Erased);
    test.store.save_items(id, &items, at(5_000)).await.unwrap();
    let told = async |noted: &[ItemState], after: u32, limit: u64| {
        test.store.replayed_items(id, noted, after, limit).await.unwrap()
    };
    let states = async || {
        let items = told(&ItemState::ALL, 0, 10).await;
        items.iter().map(|item| item.state).collect::<Vec<_>>()
    };
    assert_eq!(
        states().await,
        [
            ItemState::Sent,
            ItemState::Sent,
            ItemState::Refused,
            ItemState::Waiting
        ]
    );
    apply(&test, std::slice::from_ref(&kept[0].0), 6_000).await;
    test.store
        .keep_dead_letter(&again[1], &payload_keys(), at(6_000))
        .await
        .unwrap();
    assert_eq!(
        states().await,
        [
            ItemState::Applied,
            ItemState::DeadAgain,
            ItemState::Refused,
            ItemState::Waiting
        ]
    );
    let all = told(&ItemState::ALL, 0, 10).await;
    let failures: Vec<_> = all.iter().map(|item| item.failure).collect();
    assert_eq!(failures, [None, Some(again[1].id), None, None]);
    for (item, (create, letter)) in all.iter().zip(&kept) {
        assert_eq!(
            (item.dead_letter, item.command),
            (letter.id, Some(create.command.id)),
            "those of unsent ones, too"
        );
    }
    assert_eq!(all[2].refusal, Some(Refusal::Erased));
    let paged = [
        told(&ItemState::ALL, 0, 3).await,
        told(&ItemState::ALL, 3, 3).await,
    ]
    .concat();
    assert_eq!(paged, all);
    assert_eq!(
        told(&[ItemState::Refused, ItemState::Waiting], 0, 10).await,
        all[2..]
    );
    assert_eq!(
        test.store
            .replayed_items(Uuid::nil(), &ItemState::ALL, 0, 9)
            .await
            .unwrap(),
        []
    );
}
