//! An entry of the audit in words.

use askama::Template;
use serde_json::{Map, Value};
use shared::store::{audit::Entry, dead_letters::DeadLetterState, replays::ReplayState};

use crate::console::{
    Visit,
    language::Language,
    pages::{letter_path, replay_path},
    selections::{Fact, facts},
    texts,
    times::{Time, utc},
};

mod words {
    use super::texts;

    texts! {
        chosen_one: "one that was chosen", "uma escolhida";
        chosen: "chosen one by one", "escolhidas uma a uma";
        all: "all that were open", "todas as abertas";
        name: "name", "nome";
        phone: "phone", "telefone";
        email: "e-mail", "e-mail";
        with: "with", "com";
    }
}

/// A selection: in words, or the filters that were set.
#[derive(Debug, Default, Template)]
#[template(path = "pages/audit/selected.html")]
pub(super) struct Selected {
    words: String,
    facts: Vec<Fact>,
}

/// An entry.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: Time,
    pub(super) who: String,
    pub(super) act: &'static str,
    pub(super) word: &'static str,
    pub(super) letter: Option<String>,
    pub(super) replay: Option<String>,
    pub(super) selection: Option<Selected>,
    pub(super) count: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Line {
    pub(super) fn of(visit: &Visit, entry: &Entry) -> Self {
        let language = visit.language;
        let change = |text: &Option<String>| text.as_deref().map(|text| changed(language, text));
        Self {
            at: utc(entry.at),
            who: language.principal(&entry.principal),
            act: language.act(entry.act),
            word: entry.act.as_str(),
            letter: entry.dead_letter.map(letter_path),
            replay: entry.replay.map(replay_path),
            selection: entry
                .selection
                .as_deref()
                .map(|selection| selected(language, selection)),
            count: language.number(entry.count.into()),
            before: change(&entry.before),
            after: change(&entry.after),
        }
    }
}

/// A selection as it was asked for.
fn selected(language: Language, selection: &str) -> Selected {
    let t = words::Texts::of(language);
    let in_words = |words: &str| Selected {
        words: words.to_owned(),
        ..Selected::default()
    };
    let Ok(Value::Object(members)) = serde_json::from_str(selection) else {
        return in_words(selection);
    };
    if let Some(Value::Array(ids)) = members.get("ids") {
        return match ids.len() {
            1 => in_words(t.chosen_one),
            many => in_words(&format!("{} {}", language.number(many as u64), t.chosen)),
        };
    }
    if members.is_empty() {
        return in_words(t.all);
    }
    Selected {
        facts: facts(language, &members.into()),
        ..Selected::default()
    }
}

/// How something stood: a state; of a correction also which fields had values, as JSON.
fn changed(language: Language, text: &str) -> String {
    let t = words::Texts::of(language);
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(text) else {
        return state(language, text.to_owned());
    };
    let stands = member(&members, "state").map(|word| state(language, word));
    let fields = match members.get("fields") {
        Some(Value::Array(fields)) => fields.as_slice(),
        _ => &[],
    };
    let named = fields.iter().filter_map(Value::as_str).map(|field| match field {
        "name" => t.name,
        "phone" => t.phone,
        "email" => t.email,
        other => other,
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let fields = (!named.is_empty()).then(|| format!("{} {named}", t.with));
    [stands, fields]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

fn member(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name)?.as_str().map(str::to_owned)
}

/// A state of a dead letter or a replay. Their words differ.
fn state(language: Language, word: String) -> String {
    let letter = DeadLetterState::from_word(&word).map(|state| language.state(state));
    let replay = || ReplayState::from_word(&word).map(|state| language.replay_state(state));
    match letter.or_else(replay) {
        Some(told) => told.to_owned(),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_are_told_in_words() {
        for (selection, english, portuguese) in [
            (
                r#"{"ids":["a","b"]}"#,
                "2 chosen one by one",
                "2 escolhidas uma a uma",
            ),
            ("{}", "all that were open", "todas as abertas"),
            (
                r#"{"operation":"delete","reason":"expired","state":"archived"}"#,
                "Operation: delete; Reason: expired; State: archived",
                "Operação: excluir; Motivo: expired; Estado: arquivada",
            ),
            (
                r#"{"until":"2026-11-25T20:43:42.874Z"}"#,
                "Received before: <time datetime=\"2026-11-25T20:43:42.874Z\">2026-11-25 20:43:42 UTC</time>",
                "Recebidas antes de: <time datetime=\"2026-11-25T20:43:42.874Z\">2026-11-25 20:43:42 UTC</time>",
            ),
            ("no <JSON>", "no &#60;JSON&#62;", "no &#60;JSON&#62;"),
        ] {
            let told = |language| selected(language, selection).render().unwrap();
            assert_eq!(told(Language::English), english);
            assert_eq!(told(Language::Portuguese), portuguese);
        }
    }

    #[test]
    fn changes_are_told_in_words() {
        for (text, told) in [
            ("open", "aberta"),
            ("running", "em andamento"),
            ("whatever", "whatever"),
            (
                r#"{"state":"replaced","replacedBy":"a","fields":["name","email"]}"#,
                "corrigida com nome, e-mail",
            ),
        ] {
            assert_eq!(changed(Language::Portuguese, text), told);
        }
    }
}
