//! What has happened to a command that is dead, as a time line.

use shared::store::dead_letters::DeadLetterState;

use crate::{
    console::{
        Visit,
        pages::{letter_path, replay_path},
        texts,
        times::{Time, of_view},
    },
    view::{DeadLetterDetail, DeadLetterView, SendingView},
};

texts! {
    failed: "Failed:", "Falhou:";
    this: "this dead letter", "esta mensagem morta";
    attempt: "attempt", "tentativa";
    worker: "worker", "worker";
    received: "Stored as a dead letter", "Guardada como mensagem morta";
    sent: "Sent again", "Reenviada";
    corrected: "Corrected and sent", "Corrigida e enviada";
    by: "by", "por";
    archived: "Archived", "Arquivada";
    resolved: "Its command ended", "O comando terminou";
    replaced: "A corrected one took its place", "Uma versão corrigida tomou o lugar";
    discarded: "Discarded", "Descartada";
    in_replay: "in a replay of many", "em um reenvio em lote";
    see: "see it", "ver";
}

/// Something that happened.
pub(super) struct Event {
    /// As views have it, which sorts as time does.
    when: String,
    pub(super) at: Option<Time>,
    pub(super) what: String,
    pub(super) link: Option<(String, &'static str)>,
}

/// All that is known to have happened, oldest first.
pub(super) fn events(visit: &Visit, detail: &DeadLetterDetail) -> Vec<Event> {
    let t = Texts::of(visit.language);
    let failures = detail.history.iter().map(|letter| failure(t, letter, detail));
    let sendings = detail.replays.iter().map(|sending| sending_of(t, sending));
    let mut events: Vec<_> = failures
        .chain(sendings)
        .chain([arrival(t, &detail.letter)])
        .chain(change(t, &detail.letter))
        .collect();
    events.sort_by(|a, b| a.when.cmp(&b.when));
    events
}

impl Event {
    fn new(when: &str, what: String, link: Option<(String, &'static str)>) -> Self {
        Self {
            when: when.to_owned(),
            at: of_view(when),
            what,
            link,
        }
    }
}

fn failure(t: &'static Texts, letter: &DeadLetterView, detail: &DeadLetterDetail) -> Event {
    let what = format!(
        "{} {}: {} ({} {}, {} {})",
        t.failed, letter.reason, letter.detail, t.attempt, letter.attempt, t.worker, letter.worker
    );
    if letter.id == detail.letter.id {
        return Event::new(&letter.failed_at, format!("{what}: {}", t.this), None);
    }
    let link = (letter_path(&letter.id), t.see);
    Event::new(&letter.failed_at, what, Some(link))
}

fn sending_of(t: &'static Texts, sending: &SendingView) -> Event {
    let what = if sending.corrected { t.corrected } else { t.sent };
    let by = match sending.by.as_str() {
        "" => String::new(),
        by => format!(" {} {by}", t.by),
    };
    let replay = sending.replay_id.as_ref();
    let link = replay.map(|id| (replay_path(id), t.in_replay));
    Event::new(&sending.at, format!("{what}{by}"), link)
}

fn arrival(t: &'static Texts, letter: &DeadLetterView) -> Event {
    Event::new(&letter.received_at, t.received.to_owned(), None)
}

/// How it came to stand as it does, unless it has stood so from the start.
fn change(t: &'static Texts, letter: &DeadLetterView) -> Option<Event> {
    let what = match DeadLetterState::from_word(letter.state)? {
        // That it was sent again stands there by itself.
        DeadLetterState::Open | DeadLetterState::Replayed => return None,
        DeadLetterState::Archived => t.archived,
        DeadLetterState::Resolved => t.resolved,
        DeadLetterState::Replaced => t.replaced,
        DeadLetterState::Discarded => t.discarded,
    };
    Some(Event::new(&letter.state_changed_at, what.to_owned(), None))
}
