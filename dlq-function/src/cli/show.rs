//! `show`: one dead letter with all that is known of it.

use std::io::{IsTerminal, Write};

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use super::{
    by,
    output::{DONE, NOTHING_MATCHED, PARTLY_REFUSED, plain, print, print_dead_letters, print_json, words},
};
use crate::{
    actions::{ActionError, Actions, Revealed},
    view::{ContactNow, DeadLetterDetail, SendingView},
};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function show 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function show 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --json | jq .replayWould
  dlq-function show 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --reveal >message.json";

/// Which, and how it is shown.
#[derive(Debug, Args)]
pub struct Show {
    /// The dead letter's id.
    id: Uuid,
    /// Print the message alone, in the clear; the audit keeps who did.
    #[arg(long)]
    reveal: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(actions: &Actions, arguments: &Show) -> anyhow::Result<u8> {
    let id = arguments.id;
    if arguments.reveal {
        return reveal(actions, arguments).await;
    }
    let Some(detail) = actions.detail(id).await? else {
        return missing(id);
    };
    if arguments.json {
        print_json(&detail)?;
        return Ok(DONE);
    }
    print(&described(&detail)?);
    if detail.history.len() > 1 {
        print("\nall dead letters of this command, oldest first:");
        print_dead_letters(&detail.history);
    }
    Ok(DONE)
}

fn missing(id: Uuid) -> anyhow::Result<u8> {
    eprintln!("there is no dead letter {id}; `dlq-function list` shows those there are");
    Ok(NOTHING_MATCHED)
}

async fn reveal(actions: &Actions, arguments: &Show) -> anyhow::Result<u8> {
    let revealed = match actions.reveal(arguments.id, &by()).await {
        Ok(revealed) => revealed,
        Err(ActionError::Missing) => return missing(arguments.id),
        Err(error @ ActionError::Store(_)) => return Err(error.into()),
        Err(error) => {
            eprintln!("refused {}: {error}", arguments.id);
            return Ok(PARTLY_REFUSED);
        }
    };
    let Revealed {
        content_type,
        payload,
    } = revealed;
    if arguments.json {
        let text = String::from_utf8_lossy(&payload.0);
        print_json(&json!({ "id": arguments.id, "contentType": content_type, "body": text }))?;
        return Ok(DONE);
    }
    let mut output = std::io::stdout();
    if output.is_terminal() {
        // Its bytes are anybody's: a terminal must not obey them.
        let text = String::from_utf8_lossy(&payload.0);
        text.lines().for_each(|line| print(&plain(line)));
    } else {
        // A closed pipe is the reader's choice.
        drop(output.write_all(&payload.0).and_then(|()| output.flush()));
    }
    Ok(DONE)
}

fn described(detail: &DeadLetterDetail) -> anyhow::Result<String> {
    let view = &detail.letter;
    let or_none = |value: Option<&str>| plain(value.unwrap_or("-"));
    let body = match &detail.masked_body {
        Some(body) => serde_json::to_string_pretty(body)?,
        None if view.erased => "erased with its contact's data, or for its age".to_owned(),
        None if detail.locked => "encrypted with a key that deadLetters.keys does not have".to_owned(),
        None => format!("{} bytes that are not a JSON object", view.body_bytes),
    };
    let mut lines = vec![
        ("dead letter", view.id.clone()),
        ("reason", format!("{}: {}", view.reason, plain(&view.detail))),
        ("state", format!("{} since {}", view.state, view.state_changed_at)),
        ("operation", or_none(view.operation)),
        ("command", or_none(view.command_id.as_deref())),
        (
            "contact",
            detail.contact.as_ref().map_or_else(|| "-".to_owned(), contact),
        ),
        (
            "failed",
            format!(
                "{} on {}, attempt {}",
                view.failed_at,
                plain(&view.worker),
                view.attempt
            ),
        ),
        ("received", view.received_at.clone()),
        ("group", view.group.clone()),
        ("trace", or_none(detail.trace_id.as_deref())),
    ];
    lines.extend(detail.replaced_by.iter().map(|id| ("replaced by", id.clone())));
    lines.extend(detail.replaces.iter().map(|id| ("replaces", id.clone())));
    lines.extend(detail.replays.iter().map(|sending| ("sent again", sent(sending))));
    for newer in &detail.newer {
        let newer = format!(
            "{} {} {} at {}",
            newer.operation, newer.id, newer.status, newer.finished_at
        );
        lines.push(("newer", newer));
    }
    lines.push(("replay", words(detail.replay_would).to_owned()));
    lines.push(("message", body));
    let line = |(name, text): &(&str, String)| format!("{name:11}  {text}");
    Ok(lines.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The contact as it is now.
fn contact(contact: &ContactNow) -> String {
    let fields = [
        ("name", &contact.name),
        ("phone", &contact.phone),
        ("email", &contact.email),
    ];
    let shown: Vec<_> = fields
        .iter()
        .filter_map(|(field, value)| value.as_ref().map(|value| format!("{field} {}", plain(value))))
        .collect();
    let life = match contact.life {
        "born" => "now",
        "unborn" => "not yet created",
        "deleted" => "deleted",
        _ => "never applied so far",
    };
    match shown.is_empty() {
        true => format!("{}, {life}", contact.id),
        false => format!("{}, {life}: {}", contact.id, shown.join(", ")),
    }
}

fn sent(sending: &SendingView) -> String {
    let by = match sending.by.as_str() {
        "" => String::new(),
        by => format!(" by {}", plain(by)),
    };
    let replay = sending.replay_id.as_ref().map(|id| format!(" in replay {id}"));
    let corrected = if sending.corrected { ", corrected" } else { "" };
    format!("{}{by}{}{corrected}", sending.at, replay.unwrap_or_default())
}
