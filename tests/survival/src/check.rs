//! What is left, held against what was answered.
//!
//! The final contacts are compared with what `merge` gives for the commands that have an outcome, folded in many orders.
//! Bodies are known from the history. Stamps are not answered to clients: those of commands that set a field stand in the
//! ledger, for the others the millisecond of `commands.accepted_at` is taken, which is the stamp or a little less. That
//! raises no false alarm, since whoever is not in the ledger must have lost anyway.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    time::Duration,
};

use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};
use shared::{
    domain::{Action, Command, CommandId, ContactId, ContactState, Stamp, merge},
    wire::Reason,
};
use test_support::within;
use uuid::Uuid;

use crate::{Answer, Exchange, Stack, writer::CANARIES};

/// How long everything may take to come to rest once nothing is in the way.
const REST_WITHIN: Duration = Duration::from_secs(180);

/// In how many random orders the commands of a contact are folded.
const ORDERS: u64 = 20;

/// More violations of one test than these are not listed.
const LISTED_MAX: usize = 30;

/// What a test expects beyond the promises.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// The dead letters that wait, each with its command, if that can be read. No other may wait.
    pub dead: Vec<(Option<CommandId>, Reason)>,
}

/// A row of `commands`.
#[derive(Clone, Debug)]
struct Row {
    contact: ContactId,
    status: String,
    accepted_ms: u64,
}

/// Everything that is compared.
struct Found {
    exchanges: Vec<Exchange>,
    rows: BTreeMap<CommandId, Row>,
    /// The stamp with which a command set a field.
    stamps: HashMap<CommandId, Stamp>,
    violations: Vec<String>,
}

impl Check {
    /// Waits until everything has come to rest, then compares. The roles that empty the queues must be running.
    ///
    /// # Panics
    /// With a list of what was violated.
    pub async fn hold(&self, stack: &Stack) {
        let late = self.rest(stack).await;
        let mut found = Found::read(stack, late).await;
        found.answers(&self.dead);
        found.ledger_of_fields(stack).await;
        found.ledger_of_outcomes(stack).await;
        found.contacts(stack).await;
        found.dead_letters(stack, &self.dead).await;
        found.logs(stack);
        let count = found.violations.len();
        found.violations.truncate(LISTED_MAX);
        assert!(count == 0, "{count} violations:\n{}", found.violations.join("\n"));
    }

    /// Waits until every accepted command has ended and every queue is empty; gives what did not come in time.
    async fn rest(&self, stack: &Stack) -> Vec<String> {
        let accepted: BTreeSet<_> = stack
            .history
            .exchanges()
            .into_iter()
            .filter(Exchange::accepted)
            .filter_map(|exchange| exchange.command)
            .collect();
        let dead: BTreeSet<_> = self.dead.iter().filter_map(|(id, _)| *id).collect();
        let what = format!("the {} accepted commands have ended", accepted.len());
        let ended = within(REST_WITHIN, &what, async || {
            let rows = commands(stack).await;
            let ended = |id: &CommandId| {
                rows.get(id)
                    .is_some_and(|row| is_final(&row.status) || dead.contains(id))
            };
            accepted.iter().all(ended).then_some(())
        })
        .await;
        let emptied = within(REST_WITHIN, "the queues are empty", async || {
            // They are looked at one after the other: a message that moves between two can be missed once.
            (empty(stack).await && empty(stack).await).then_some(())
        })
        .await;
        [ended, emptied].into_iter().filter_map(Result::err).collect()
    }
}

/// Whether no queue holds anything.
async fn empty(stack: &Stack) -> bool {
    let queues = stack.queues().await;
    queues.len() == shared::broker::Queue::ALL.len() && queues.iter().all(|(_, held)| *held == 0)
}

impl Found {
    async fn read(stack: &Stack, late: Vec<String>) -> Self {
        Self {
            exchanges: stack.history.exchanges(),
            rows: commands(stack).await,
            stamps: HashMap::new(),
            violations: late,
        }
    }

    fn violated(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Accepted commands have ended; refused ones have no row; what has a row was sent.
    fn answers(&mut self, dead: &[(Option<CommandId>, Reason)]) {
        let mut sent = BTreeSet::new();
        let mut unnamed = 0;
        for exchange in self.exchanges.clone() {
            if exchange.answers.contains(&Answer::Hung) {
                self.violated(format!(
                    "a request was not answered in time: {:?}",
                    exchange.command
                ));
            }
            let Some(id) = exchange.command else {
                unnamed += usize::from(exchange.unknown());
                continue;
            };
            if !sent.insert(id) {
                self.violated(format!("two requests have one command: {id}"));
            }
            let row = self.rows.get(&id).cloned();
            let is_dead = dead.iter().any(|(dead, _)| *dead == Some(id));
            let fine = match &row {
                _ if is_dead => row.as_ref().is_some_and(|row| row.status == "deadLettered"),
                Some(row) => is_final(&row.status) && (exchange.accepted() || exchange.unknown()),
                None => !exchange.accepted(),
            };
            if !fine {
                let status = row.as_ref().map(|row| &row.status);
                self.violated(format!(
                    "{id}: answered {:?}, recorded {status:?}",
                    exchange.answers
                ));
            }
            if let Some(row) = row
                && exchange.contact != Some(row.contact)
            {
                self.violated(format!("{id}: recorded for contact {}", row.contact));
            }
        }
        let strangers: Vec<_> = self.rows.keys().filter(|id| !sent.contains(*id)).collect();
        if strangers.len() > unnamed {
            let what = format!("commands that nobody sent ({unnamed} may be): {strangers:?}");
            self.violated(what);
        }
    }

    /// No field is set twice by one command with one stamp, nor goes back.
    async fn ledger_of_fields(&mut self, stack: &Stack) {
        let query = "SELECT contact, field, stamp, command FROM ledger_fields ORDER BY line";
        let mut last: HashMap<(Uuid, String), (i64, Uuid)> = HashMap::new();
        for row in stack.rows(query).await {
            let contact: Uuid = row.try_get("", "contact").unwrap();
            let field: String = row.try_get("", "field").unwrap();
            let stamp: i64 = row.try_get("", "stamp").unwrap();
            let command: Uuid = row.try_get("", "command").unwrap();
            let mark = (stamp, command);
            if let Some(before) = last.insert((contact, field.clone()), mark)
                && before >= mark
            {
                self.violated(format!("{contact}: {field} went from {before:?} to {mark:?}"));
            }
            let stamp = Stamp::from_i64(stamp).expect("a stamp");
            if stamp > Stamp::ZERO {
                self.stamps.insert(CommandId::from_uuid(command), stamp);
            }
        }
    }

    /// No final outcome is recorded twice or changes.
    async fn ledger_of_outcomes(&mut self, stack: &Stack) {
        // The nil id is that of the probe, which writes a row and removes it.
        let query = "SELECT command, before, after FROM ledger_outcomes \
                     WHERE command <> '00000000-0000-0000-0000-000000000000' ORDER BY line";
        let mut ended = BTreeSet::new();
        for row in stack.rows(query).await {
            let command: Uuid = row.try_get("", "command").unwrap();
            let before: Option<String> = row.try_get("", "before").unwrap();
            let after: Option<String> = row.try_get("", "after").unwrap();
            let changed = before.as_deref().is_some_and(is_final);
            let twice = after.as_deref().is_some_and(is_final) && !ended.insert(command);
            if changed || twice {
                self.violated(format!(
                    "{command}: its outcome went from {before:?} to {after:?}"
                ));
            }
        }
    }

    /// The contacts are what `merge` makes of the commands that have an outcome, in any order.
    async fn contacts(&mut self, stack: &Stack) {
        // An unknown request without a key may have made any command of its contact.
        let tainted: BTreeSet<_> = self
            .exchanges
            .iter()
            .filter(|exchange| exchange.command.is_none() && exchange.unknown())
            .filter_map(|exchange| exchange.contact)
            .collect();
        let mut commands: BTreeMap<ContactId, Vec<Command>> = BTreeMap::new();
        for exchange in &self.exchanges {
            if let (Some(id), Some(contact)) = (exchange.command, exchange.contact)
                && let Some(row) = self.rows.get(&id)
                && matches!(row.status.as_str(), "applied" | "superseded")
            {
                let stamp = match exchange.request.action {
                    Action::Create(_) => Stamp::ZERO,
                    Action::Update(_) | Action::Delete => Stamp::at_ms(row.accepted_ms),
                };
                commands.entry(contact).or_default().push(Command {
                    id,
                    contact_id: contact,
                    stamp: self.stamps.get(&id).copied().unwrap_or(stamp),
                    if_match: None,
                    action: exchange.request.action.clone(),
                });
            }
        }
        let ids: Vec<_> = commands.keys().copied().collect();
        let mut stored: HashMap<ContactId, ContactState> = HashMap::new();
        for contact in stack.store.contacts_by_ids(&ids).await.expect("SQL answers") {
            stored.insert(contact.state.id, contact.state);
        }
        for (id, mut commands) in commands {
            if tainted.contains(&id) {
                continue;
            }
            for order in 0..ORDERS {
                let folded = commands
                    .iter()
                    .fold(None, |state, command| merge(state, command).0);
                if folded.as_ref() != stored.get(&id) {
                    self.violated(different(id, order, folded.as_ref(), stored.get(&id)));
                    break;
                }
                commands.shuffle(&mut SmallRng::seed_from_u64(order));
            }
        }
    }

    /// The dead letters that wait are those that the test expects, each once.
    async fn dead_letters(&mut self, stack: &Stack, expected: &[(Option<CommandId>, Reason)]) {
        let query = "SELECT command_id, reason FROM dead_letters WHERE state IN ('open', 'replayed')";
        let mut dead: Vec<(Option<Uuid>, String)> = Vec::new();
        for row in stack.rows(query).await {
            dead.push((
                row.try_get("", "command_id").unwrap(),
                row.try_get("", "reason").unwrap(),
            ));
        }
        let mut expected: Vec<_> = expected
            .iter()
            .map(|(id, reason)| (id.map(|id| id.as_uuid()), reason.as_str().to_owned()))
            .collect();
        dead.sort();
        expected.sort();
        if dead != expected {
            self.violated(format!("dead letters {dead:?}, expected {expected:?}"));
        }
    }

    /// Nothing of what was sent is in a log.
    fn logs(&mut self, stack: &Stack) {
        for file in fs::read_dir(stack.logs()).expect("a folder") {
            let path = file.expect("a file").path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            if CANARIES.iter().any(|canary| text.contains(canary)) {
                self.violated(format!("personal data in {}", path.display()));
            }
        }
    }
}

fn different(
    id: ContactId,
    order: u64,
    folded: Option<&ContactState>,
    stored: Option<&ContactState>,
) -> String {
    let marks = |state: Option<&ContactState>| {
        state.map(|state| {
            (
                state.life,
                state.name.set_by,
                state.phone.set_by,
                state.email.set_by,
            )
        })
    };
    let (folded, stored) = (marks(folded), marks(stored));
    format!("{id}: merged in order {order} {folded:?}, stored {stored:?}")
}

fn is_final(status: &str) -> bool {
    matches!(status, "applied" | "superseded" | "rejected")
}

async fn commands(stack: &Stack) -> BTreeMap<CommandId, Row> {
    let query =
        "SELECT id, contact_id, status, (extract(epoch FROM accepted_at) * 1000)::bigint AS ms FROM commands";
    let mut rows = BTreeMap::new();
    for row in stack.rows(query).await {
        let id: Uuid = row.try_get("", "id").unwrap();
        let contact: Uuid = row.try_get("", "contact_id").unwrap();
        let ms: i64 = row.try_get("", "ms").unwrap();
        let read = Row {
            contact: ContactId::from_uuid(contact),
            status: row.try_get("", "status").unwrap(),
            accepted_ms: ms.try_into().expect("a time after 1970"),
        };
        rows.insert(CommandId::from_uuid(id), read);
    }
    rows
}
