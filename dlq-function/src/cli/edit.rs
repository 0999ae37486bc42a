//! `edit`: a dead letter is corrected, and the corrected one is sent in its place.

use std::{io::Read, path::PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use shared::domain::{Changes, Email, Name, Phone};
use uuid::Uuid;

use super::{
    by,
    output::{
        Column, DONE, FAILED, NOTHING_MATCHED, PARTLY_REFUSED, confirm, print, print_json, print_table, words,
    },
};
use crate::actions::{ActionError, Actions, Correction, EditPreview, FieldChange, Message};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function edit 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --set phone='(11) 98765-4321' --dry-run
  dlq-function edit 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --set name='Ana Souza' --clear email
  dlq-function edit 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --message corrected.json

Other users of the machine can read a command line while it runs; --message reads the correction from a file, or with - from
standard input. The corrected one keeps its command id; the original is kept, as replaced, and can no longer be sent.";

/// The largest message that is read, in bytes.
const MESSAGE_MAX_BYTES: u64 = 1024 * 1024;

/// Which, and what is corrected.
#[derive(Args)]
pub struct Edit {
    /// The dead letter's id.
    id: Uuid,
    /// Give a field of the contact this value: name, phone or email.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = setting, required_unless_present_any = ["clear", "message"])]
    set: Vec<Setting>,
    /// Empty a field of the contact: phone or email.
    #[arg(long, value_name = "FIELD")]
    clear: Vec<Clearable>,
    /// Take the whole message from a file instead; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "clear"])]
    message: Option<PathBuf>,
    /// Show what would change; change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Personal data stays out of logs.
impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edit({})", self.id)
    }
}

#[derive(Clone)]
enum Setting {
    Name(Name),
    Phone(Phone),
    Email(Email),
}

/// A field that may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Clearable {
    Phone,
    Email,
}

fn setting(text: &str) -> Result<Setting, String> {
    let (field, value) = text
        .split_once('=')
        .ok_or_else(|| "must be a field, an equals sign and a value, such as name='Ana Souza'".to_owned())?;
    match field {
        "name" => Name::parse(value)
            .map(Setting::Name)
            .map_err(|error| error.to_string()),
        "phone" => Phone::parse(value)
            .map(Setting::Phone)
            .map_err(|error| error.to_string()),
        "email" => Email::parse(value)
            .map(Setting::Email)
            .map_err(|error| error.to_string()),
        _ => Err("must set one of name, phone, email".to_owned()),
    }
}

impl Edit {
    /// Whether it sends something.
    pub(super) fn sends(&self) -> bool {
        !self.dry_run
    }

    fn correction(&self) -> anyhow::Result<Correction> {
        if let Some(file) = &self.message {
            return Ok(Correction::Message(Message(read(file)?)));
        }
        let mut changes = Changes {
            name: None,
            phone: None,
            email: None,
        };
        for field in &self.clear {
            match field {
                Clearable::Phone => changes.phone = Some(None),
                Clearable::Email => changes.email = Some(None),
            }
        }
        for setting in self.set.iter().cloned() {
            match setting {
                Setting::Name(name) => changes.name = Some(name),
                Setting::Phone(phone) => changes.phone = Some(Some(phone)),
                Setting::Email(email) => changes.email = Some(Some(email)),
            }
        }
        Ok(Correction::Fields(changes))
    }
}

fn read(file: &PathBuf) -> anyhow::Result<String> {
    let source: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => {
            Box::new(std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?)
        }
    };
    let mut text = String::new();
    source
        .take(MESSAGE_MAX_BYTES)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text)
}

pub(super) async fn run(actions: &Actions, arguments: &Edit) -> anyhow::Result<u8> {
    let correction = arguments.correction()?;
    let preview = match actions.preview_edit(arguments.id, &correction).await {
        Ok(preview) => preview,
        Err(error) => return refused(error, arguments),
    };
    if arguments.dry_run {
        if arguments.json {
            print_json(&json!({
                "dryRun": true,
                "changes": preview.changes,
                "replayWould": preview.replay_would,
            }))?;
        } else {
            print_changes(&preview);
            print(&format!("sent, it {}", words(preview.replay_would)));
        }
        return Ok(DONE);
    }
    if !arguments.yes {
        print_changes(&preview);
        eprintln!("sent, it {}", words(preview.replay_would));
    }
    confirm("put the corrected one in its place and send it", arguments.yes)?;
    let edited = match actions.edit(arguments.id, &correction, &by()).await {
        Ok(edited) => edited,
        Err(error) => return refused(error, arguments),
    };
    if arguments.json {
        print_json(&json!({
            "id": edited.id,
            "replaces": arguments.id,
            "changes": edited.preview.changes,
        }))?;
    } else {
        print(&format!("corrected and sent as {}", edited.id));
    }
    Ok(DONE)
}

fn refused(error: ActionError, arguments: &Edit) -> anyhow::Result<u8> {
    let code = match &error {
        ActionError::Store(_) => return Err(error.into()),
        ActionError::Missing => NOTHING_MATCHED,
        ActionError::Unsent(..) => FAILED,
        _ => PARTLY_REFUSED,
    };
    if arguments.json {
        print_json(&json!({ "refused": [{ "id": arguments.id, "why": error.to_string() }] }))?;
    } else {
        print(&format!("refused {}: {error}", arguments.id));
    }
    if let ActionError::UnderWay = error {
        eprintln!(
            "wait for its outcome: `dlq-function show {}` tells it",
            arguments.id
        );
    }
    Ok(code)
}

fn print_changes(preview: &EditPreview) {
    const COLUMNS: [Column; 3] = [
        Column::new("FIELD", 0),
        Column::new("BEFORE", 0),
        Column::new("AFTER", 0),
    ];
    if preview.changes.is_empty() {
        print("nothing changes");
        return;
    }
    let value = |value: &Option<Option<String>>| match value {
        None => "(not there)".to_owned(),
        Some(None) => "(empty)".to_owned(),
        Some(Some(text)) => text.clone(),
    };
    let row = |change: &FieldChange| vec![change.field.clone(), value(&change.before), value(&change.after)];
    print_table(&COLUMNS, &preview.changes.iter().map(row).collect::<Vec<_>>());
}
