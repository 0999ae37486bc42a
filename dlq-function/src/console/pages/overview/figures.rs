//! The figures of the overview, in words and plots: the part of the page that is kept fresh.

use askama::Template;
use chrono::{DateTime, Utc};
use shared::store::{commands::StatusCounts, replays::ReplayRecord};

use super::parts::PartLine;
use crate::{
    console::{
        language::Language,
        pages::{DEAD_LETTERS, letter_path, replay_path},
        plots::Bars,
        tags, texts,
        times::{Time, utc},
    },
    watch::Seen,
};

texts! {
    letters: "Dead letters", "Mensagens mortas";
    open: "Open", "Abertas";
    archived: "Archived", "Arquivadas";
    oldest: "Oldest open one", "Aberta há mais tempo";
    none_open: "none is open", "nenhuma aberta";
    arrivals: "Came in this hour", "Chegaram nesta hora";
    arrivals_plot: "Dead letters that came, by hour, last 24 hours", "Mensagens mortas que chegaram, por hora, últimas 24 horas";
    day: "in 24 hours", "em 24 horas";
    ended: "Commands that ended in the last whole minute", "Comandos que terminaram no último minuto completo";
    per_second: "a second", "por segundo";
    minutes_plot: "by minute, last 30 minutes", "por minuto, últimos 30 minutos";
    at_most: "at most", "no máximo";
    applied: "Applied", "Aplicados";
    superseded: "Superseded", "Superados";
    rejected: "Rejected", "Rejeitados";
    dead_lettered: "Dead-lettered", "Viraram mensagens mortas";
    backlog: "Waiting in the queues", "À espera nas filas";
    commands: "Commands", "Comandos";
    retries: "For their next attempt", "Para nova tentativa";
    letters_coming: "Dead letters, to be stored", "Mensagens mortas a guardar";
    parked: "Parked", "Na fila parking";
    parked_about: "Messages were parked: the database refused them, while it works. Find out why, then see them with", "Há mensagens na fila parking: o banco de dados as recusou, embora funcione. Descubra por quê e veja-as com";
    parked_restore: "and put them back with", "e devolva-as com";
    parts: "Parts", "Partes";
    part: "Part", "Parte";
    stands: "Stands", "Situação";
    replays: "Last replays of many", "Últimos reenvios em lote";
    no_replays: "No replay of many was started.", "Nenhum reenvio em lote foi iniciado.";
    replay_of: "Replay of", "Reenvio de";
    no_answer: "no answer", "sem resposta";
    counting: "being counted", "contando";
    schema: "Schema", "Esquema";
    missing: "missing", "faltando";
    keys: "payloads are kept under another key than the first, or plainly. They are encrypted anew by and by; take no key away before.", "conteúdos estão guardados com uma chave que não é a primeira, ou sem cifra. Aos poucos serão cifrados de novo; até lá, não retire nenhuma chave.";
}

#[derive(Debug, Template)]
#[template(path = "pages/overview/figures.html")]
pub(super) struct Figures {
    t: &'static Texts,
    letters: Option<[Figure; 2]>,
    oldest: Option<Oldest>,
    arrivals: Figure,
    ended: [Figure; 4],
    backlog: [Figure; 4],
    is_parked: bool,
    parts: Vec<PartLine>,
    schema: Option<String>,
    keys: Option<String>,
    replays: Option<Vec<ReplayLine>>,
}

/// Its template escapes.
impl askama::filters::HtmlSafe for Figures {}

/// One of the counts.
type CountOf = fn(&StatusCounts) -> u64;

/// A number, and what there is to know about it.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    number: String,
    about: Option<String>,
    link: Option<String>,
    plot: Option<Bars>,
}

#[derive(Debug)]
struct Oldest {
    path: String,
    age: String,
    since: Time,
}

#[derive(Debug)]
struct ReplayLine {
    path: String,
    total: String,
    state: &'static str,
    tag: &'static str,
    since: Time,
}

impl Figures {
    pub(super) fn of(language: Language, seen: &Seen, now: DateTime<Utc>) -> Self {
        let t = Texts::of(language);
        let ended: [(_, CountOf); 4] = [
            (t.applied, |counts| counts.applied),
            (t.superseded, |counts| counts.superseded),
            (t.rejected, |counts| counts.rejected),
            (t.dead_lettered, |counts| counts.dead_lettered),
        ];
        let backlog = [
            (t.commands, seen.backlog.commands),
            (t.retries, seen.backlog.retries),
            (t.letters_coming, seen.backlog.dead_letters),
            (t.parked, seen.backlog.parked),
        ];
        Self {
            t,
            letters: seen.letters.map(|letters| {
                [
                    (t.open, "open", letters.open),
                    (t.archived, "archived", letters.archived),
                ]
                .map(|(name, state, count)| Figure {
                    link: Some(format!("{DEAD_LETTERS}?state={state}")),
                    ..Figure::of(name, language.number(count))
                })
            }),
            oldest: seen.letters.and_then(|letters| {
                letters.oldest.map(|(id, since)| Oldest {
                    path: letter_path(id),
                    age: language.duration(now - since),
                    since: utc(since),
                })
            }),
            arrivals: arrivals(language, &seen.arrivals),
            ended: ended.map(|(name, count)| {
                let counts: Vec<_> = seen
                    .ended
                    .iter()
                    .map(|counts| counts.as_ref().map(count))
                    .collect();
                rate(language, name, &counts)
            }),
            backlog: backlog.map(|(name, depth)| {
                Figure::of(
                    name,
                    depth.map_or_else(|| t.no_answer.to_owned(), |depth| language.number(depth)),
                )
            }),
            is_parked: seen.backlog.parked.is_some_and(|parked| parked > 0),
            parts: seen
                .parts
                .iter()
                .map(|(part, stands)| PartLine::of(language, *part, *stands))
                .collect(),
            schema: schema(t, seen),
            keys: (seen.under_other_keys > 0).then(|| language.number(seen.under_other_keys)),
            replays: seen.replays.as_ref().map(|replays| {
                replays
                    .iter()
                    .map(|replay| ReplayLine::of(language, replay))
                    .collect()
            }),
        }
    }
}

impl Figure {
    fn of(name: &'static str, number: String) -> Self {
        Self {
            name,
            number,
            about: None,
            link: None,
            plot: None,
        }
    }
}

fn arrivals(language: Language, hours: &[Option<u64>]) -> Figure {
    let t = Texts::of(language);
    let this_hour = hours.last().copied().flatten();
    let number = this_hour.map_or_else(|| t.no_answer.to_owned(), |count| language.number(count));
    let whole = hours.iter().copied().sum::<Option<u64>>();
    Figure {
        about: whole.map(|count| format!("{} {}", language.number(count), t.day)),
        plot: plot(language, t.arrivals_plot.to_owned(), hours),
        ..Figure::of(t.arrivals, number)
    }
}

fn rate(language: Language, name: &'static str, minutes: &[Option<u64>]) -> Figure {
    let t = Texts::of(language);
    let Some(last) = minutes.last().copied().flatten() else {
        let known = minutes.iter().any(Option::is_some);
        let why = if known { t.counting } else { t.no_answer };
        return Figure::of(name, why.to_owned());
    };
    let about = format!("{} {}", per_second(language, last), t.per_second);
    Figure {
        about: Some(about),
        plot: plot(language, format!("{name}, {}", t.minutes_plot), minutes),
        ..Figure::of(name, language.number(last))
    }
}

/// A sixtieth, with one decimal while that says something.
fn per_second(language: Language, a_minute: u64) -> String {
    let tenths = a_minute / 6;
    if tenths >= 1_000 {
        return language.number(tenths / 10);
    }
    format!("{}{}{}", tenths / 10, language.either('.', ','), tenths % 10)
}

/// Nothing is drawn of what nobody has counted.
fn plot(language: Language, of: String, counts: &[Option<u64>]) -> Option<Bars> {
    if counts.iter().all(Option::is_none) {
        return None;
    }
    let counts: Vec<_> = counts.iter().map(|count| count.unwrap_or_default()).collect();
    let most = counts.iter().copied().max().unwrap_or_default();
    Some(Bars {
        label: format!("{of}: {} {}", Texts::of(language).at_most, language.number(most)),
        counts,
    })
}

fn schema(t: &'static Texts, seen: &Seen) -> Option<String> {
    let version = seen.version.as_ref()?;
    let missing = &seen.missing_versions;
    Some(match missing.is_empty() {
        true => version.clone(),
        false => format!("{version}; {}: {}", t.missing, missing.join(", ")),
    })
}

impl ReplayLine {
    fn of(language: Language, replay: &ReplayRecord) -> Self {
        Self {
            path: replay_path(replay.id),
            total: language.number(replay.total.into()),
            state: language.replay_state(replay.state),
            tag: tags::of_replay(replay.state),
            since: utc(replay.created_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_decimal_while_it_matters() {
        for (a_minute, english, portuguese) in [
            (0, "0.0", "0,0"),
            (90, "1.5", "1,5"),
            (59_940, "999", "999"),
            (600_000, "10,000", "10.000"),
        ] {
            assert_eq!(per_second(Language::English, a_minute), english);
            assert_eq!(per_second(Language::Portuguese, a_minute), portuguese);
        }
    }

    #[test]
    fn what_nobody_counted_is_no_zero() {
        let unknown = rate(Language::English, "Applied", &[None, None]);
        assert!(unknown.number == "no answer" && unknown.plot.is_none());
        let counting = rate(Language::English, "Applied", &[Some(1), None]);
        assert_eq!(counting.number, "being counted");
        let known = rate(Language::English, "Applied", &[None, Some(120)]);
        assert_eq!(
            (known.number.as_str(), known.about.as_deref()),
            ("120", Some("2.0 a second"))
        );
        let hours = arrivals(Language::English, &[Some(2), None, Some(1)]);
        assert_eq!((hours.number.as_str(), hours.about), ("1", None));
    }
}
