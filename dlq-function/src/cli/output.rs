//! What commands say: results on standard output, questions and progress on standard error, and how they end.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use anyhow::bail;
use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{actions::Prediction, view::DeadLetterView};

/// Everything was done as asked.
pub(super) const DONE: u8 = 0;
/// It failed, or was stopped.
pub(super) const FAILED: u8 = 1;
/// No dead letter matched.
pub(super) const NOTHING_MATCHED: u8 = 3;
/// Some could not be acted on; the output says which and why.
pub(super) const PARTLY_REFUSED: u8 = 4;
/// A replay was stopped by its brake, or some of what it sent is dead again.
pub(super) const DEAD_AGAIN: u8 = 5;

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed, or was stopped; the output says why
  2  the command line cannot be understood
  3  no dead letter or replay matched
  4  some were refused; the output says which and why
  5  a replay braked, or some of what it sent is dead again";

/// How often a progress bar moves, so that one sees that the program lives.
const TICK: Duration = Duration::from_millis(200);
/// The most refusals that are told one by one to people.
const REFUSALS_SHOWN: usize = 20;

/// Prints a line. A closed pipe (`| head`) is the reader's choice, no error.
pub(super) fn print(line: &str) {
    print_line(line);
}

/// Prints a line and says whether anybody reads on.
pub(super) fn print_line(line: &str) -> bool {
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// Prints a value as JSON: to be read on a terminal, a line for a program.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = match std::io::stdout().is_terminal() {
        true => serde_json::to_string_pretty(value)?,
        false => serde_json::to_string(value)?,
    };
    print(&text);
    Ok(())
}

/// Text of a message, which whoever sent it chose: a terminal must not obey it.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    title: &'static str,
    /// Columns of the highest rank are the first to go where a terminal is too narrow; rank 0 stays.
    rank: u8,
    right: bool,
    /// Rather cut than left out: counted with so many characters at most.
    most: usize,
    /// Times, which a terminal shows as how long ago.
    time: bool,
}

impl Column {
    pub(super) const fn new(title: &'static str, rank: u8) -> Self {
        Self {
            title,
            rank,
            right: false,
            most: usize::MAX,
            time: false,
        }
    }

    /// With numbers in it.
    pub(super) const fn number(title: &'static str, rank: u8) -> Self {
        Self {
            right: true,
            ..Self::new(title, rank)
        }
    }

    /// With times in it.
    pub(super) const fn time(title: &'static str, rank: u8) -> Self {
        Self {
            time: true,
            ..Self::new(title, rank)
        }
    }

    /// With sentences in it: the last one, which is cut.
    pub(super) const fn sentence(title: &'static str, rank: u8) -> Self {
        const WORTH_SHOWING: usize = 20;
        Self {
            most: WORTH_SHOWING,
            ..Self::new(title, rank)
        }
    }
}

/// Prints a table. A terminal gets the columns that it has room for, and its last one cut; a pipe gets all of it, exactly.
pub(super) fn print_table(columns: &[Column], rows: &[Vec<String>]) {
    let terminal = console::Term::stdout();
    if !terminal.is_term() {
        print(&table(columns, rows, None));
        return;
    }
    let now = Utc::now();
    let cell = |(column, cell): (&Column, &String)| match column.time {
        true => ago(cell, now),
        false => cell.clone(),
    };
    let row = |row: &Vec<String>| columns.iter().zip(row).map(cell).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    print(&table(columns, &rows, Some(terminal.size().1.into())));
}

/// How long ago a time was; what is no time is left as it is.
fn ago(text: &str, now: DateTime<Utc>) -> String {
    let Ok(time) = DateTime::parse_from_rfc3339(text) else {
        return text.to_owned();
    };
    let since = now.signed_duration_since(time);
    match (since.num_seconds(), since.num_minutes(), since.num_hours()) {
        (..0, _, _) => "0s ago".to_owned(),
        (seconds @ ..60, _, _) => format!("{seconds}s ago"),
        (_, minutes @ ..60, _) => format!("{minutes}m ago"),
        (_, _, hours @ ..48) => format!("{hours}h ago"),
        (_, _, hours) => format!("{}d ago", hours / 24),
    }
}

/// The lines of a table that is at most so wide.
fn table(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> String {
    const BETWEEN: usize = 2;
    let length = |text: &str| text.chars().count();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().map(|row| length(&row[at]));
            cells.chain([length(column.title)]).max().unwrap_or_default()
        })
        .collect();
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let least = |at: &usize| widths[*at].min(columns[*at].most) + BETWEEN;
    let taken = |shown: &[usize]| shown.iter().map(least).sum::<usize>() - BETWEEN;
    while width.is_some_and(|width| taken(&shown) > width) {
        let Some(last) = shown
            .iter()
            .copied()
            .filter(|at| columns[*at].rank > 0)
            .max_by_key(|at| columns[*at].rank)
        else {
            break;
        };
        shown.retain(|at| *at != last);
    }
    let line = |cells: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for at in &shown {
            let cell = cells(*at);
            let fill = " ".repeat(widths[*at].saturating_sub(length(&cell)));
            let (before, after) = if columns[*at].right {
                (fill, String::new())
            } else {
                (String::new(), fill)
            };
            line.push_str(&format!("{before}{cell}{after}{}", " ".repeat(BETWEEN)));
        }
        let line = line.trim_end();
        match width {
            Some(width) if length(line) > width => {
                let cut: String = line.chars().take(width.saturating_sub(1)).collect();
                cut + "…"
            }
            _ => line.to_owned(),
        }
    };
    let mut lines = vec![line(&|at| columns[at].title.to_owned())];
    lines.extend(rows.iter().map(|row| line(&|at| plain(&row[at]))));
    lines.join("\n")
}

/// Dead letters as a table.
pub(super) fn print_dead_letters(views: &[DeadLetterView]) {
    const COLUMNS: [Column; 7] = [
        Column::new("ID", 0),
        Column::time("RECEIVED", 1),
        Column::new("REASON", 0),
        Column::new("OPERATION", 4),
        Column::new("STATE", 0),
        Column::number("REPLAYS", 3),
        Column::new("COMMAND", 5),
    ];
    let row = |view: &DeadLetterView| {
        vec![
            view.id.clone(),
            view.received_at.clone(),
            view.reason.to_owned(),
            view.operation.unwrap_or("-").to_owned(),
            view.state.to_owned(),
            view.replay.to_string(),
            view.command_id.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    print_table(&COLUMNS, &views.iter().map(row).collect::<Vec<_>>());
}

/// What a replay would come to, for people.
pub(super) fn words(prediction: Prediction) -> &'static str {
    match prediction {
        Prediction::WouldApply => "would apply",
        Prediction::WouldBeSuperseded => "would be superseded by newer commands",
        Prediction::WouldBeRejected => "would be rejected (a business answer)",
        Prediction::HasEnded => "would change nothing: the command has ended",
        Prediction::WouldFailAgain => "would fail again",
        Prediction::CannotBeSent => "cannot be sent: discarded or erased",
    }
}

/// `1 dead letter`, `2 dead letters`.
pub(super) fn dead_letters(count: u64) -> String {
    match count {
        1 => "1 dead letter".to_owned(),
        _ => format!("{count} dead letters"),
    }
}

/// [`ask`] for what has a dry run.
///
/// # Errors
/// If the answer is no, or nobody can be asked.
pub(super) fn confirm(what: &str, yes: bool) -> anyhow::Result<()> {
    if !yes && !std::io::stdin().is_terminal() {
        bail!(
            "about to {what}: say --yes to do it without being asked, or --dry-run to see what would happen; nothing was done"
        );
    }
    ask(what, yes)
}

/// Asks before something is done, unless told not to. A program that cannot be asked has to say so.
///
/// # Errors
/// If the answer is no, or nobody can be asked.
pub(super) fn ask(what: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("about to {what}: say --yes to do it without being asked; nothing was done");
    }
    eprint!("{what}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes" | "s" | "S" | "sim") {
        bail!("nothing was done");
    }
    Ok(())
}

/// A progress bar on standard error; on a pipe nothing is shown.
pub(super) fn bar(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar.enable_steady_tick(TICK);
    bar
}

/// What could not be acted on, and why.
pub(super) type Refused = Vec<(Uuid, String)>;

/// Refusals for programs.
pub(super) fn refusals(refused: &Refused) -> Vec<serde_json::Value> {
    refused
        .iter()
        .map(|(id, why)| json!({ "id": id, "why": why }))
        .collect()
}

/// Refusals for people.
pub(super) fn print_refused(refused: &Refused) {
    for (id, why) in refused.iter().take(REFUSALS_SHOWN) {
        print(&format!("refused {id}: {why}"));
    }
    if refused.len() > REFUSALS_SHOWN {
        print(&format!(
            "and {} more, which --json lists",
            refused.len() - REFUSALS_SHOWN
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_how_long_ago() {
        let now = DateTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let told = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (3_600, "1h"),
            (172_800, "2d"),
        ];
        for (seconds, told) in told {
            let time = shared::wire::rfc3339(now - Duration::from_secs(seconds));
            assert_eq!(ago(&time, now), format!("{told} ago"));
        }
        assert_eq!(ago("2030-01-01T00:00:00Z", now), "0s ago");
        assert_eq!(ago("-", now), "-");
    }

    #[test]
    fn a_table_fits_a_terminal_and_is_whole_on_a_pipe() {
        let columns = [
            Column::new("ID", 0),
            Column::number("COUNT", 1),
            Column::new("DETAIL", 0),
        ];
        let rows = [
            vec!["one".to_owned(), "7".to_owned(), "it failed".to_owned()],
            vec![
                "two".to_owned(),
                "12".to_owned(),
                "\u{1b}[2Jit failed twice".to_owned(),
            ],
        ];
        let whole = "ID   COUNT  DETAIL\none      7  it failed\ntwo     12  \u{fffd}[2Jit failed twice";
        assert_eq!(table(&columns, &rows, None), whole);
        assert_eq!(table(&columns, &rows, Some(40)), whole);
        let narrow = table(&columns, &rows, Some(20));
        assert_eq!(narrow, "ID   DETAIL\none  it failed\ntwo  \u{fffd}[2Jit failed …");
    }
}
