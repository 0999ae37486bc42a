//! `contato key`: the file of API keys.
//!
//! A key is printed once, alone on standard output; the file has its hash only. Everything else goes to standard error.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    http::access::{
        Scope, key_file,
        keys::{KeyEntry, NAME_MAX_CHARS},
    },
    settings::Settings,
    wire::rfc3339,
};

/// What is done to keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Make a key and print it, this once.
    Create {
        /// What it may do; again for each scope.
        #[arg(long = "scope", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// What to call it, such as its owner.
        #[arg(long, value_parser = name)]
        name: Option<String>,
        /// After how long it ends, such as 90days; never without it.
        #[arg(long, value_parser = humantime::parse_duration)]
        expires_in: Option<Duration>,
        #[command(flatten)]
        file: FileArgument,
    },
    /// List the keys: what they are, not their secrets.
    List {
        /// Print JSON, one array.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: FileArgument,
    },
    /// End a key. Services notice within seconds.
    Revoke {
        /// The key's id: what stands between the first two underscores.
        id: String,
        #[command(flatten)]
        file: FileArgument,
    },
}

/// Which file.
#[derive(Debug, Args)]
pub(crate) struct FileArgument {
    /// The file of keys; that of the setting auth.apiKeys without it.
    #[arg(long)]
    file: Option<PathBuf>,
}

impl FileArgument {
    fn path<'a>(&'a self, settings: &'a Settings) -> anyhow::Result<&'a Path> {
        let path = self.file.as_deref().or(settings.auth.api_keys.as_deref());
        path.context("which file? name it with --file, or set auth.apiKeys (CONTATO__AUTH__API_KEYS)")
    }
}

fn scope(word: &str) -> Result<Scope, String> {
    let known = Scope::ALL.map(Scope::as_str).join(", ");
    Scope::from_word(word).ok_or_else(|| format!("must be one of {known}"))
}

fn name(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=NAME_MAX_CHARS).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must have 1 to {NAME_MAX_CHARS} characters that can be seen"
        ))
    }
}

pub(crate) fn run(settings: &Settings, action: Action) -> anyhow::Result<()> {
    let now = Utc::now().trunc_subsecs(0);
    match action {
        Action::Create {
            scopes,
            name,
            expires_in,
            file,
        } => {
            let end = expires_in.map(|after| end(now, after)).transpose()?;
            let path = file.path(settings)?;
            let (entry, key) = key_file::change(path, |document| Ok(document.add(name, &scopes, now, end)))?;
            println!("{key}");
            eprintln!(
                "The key {} is in {} as a hash. It is not shown again: keep it where secrets are kept.",
                entry.id,
                path.display()
            );
        }
        Action::List { json, file } => list(&key_file::read(file.path(settings)?)?.keys, now, json),
        Action::Revoke { id, file } => {
            let path = file.path(settings)?;
            key_file::change(path, |document| {
                let key = document.keys.iter_mut().find(|key| key.id == id);
                let key = key.with_context(|| {
                    format!(
                        "no key in {} has this id; contato key list shows them",
                        path.display()
                    )
                })?;
                key.revoked_at.get_or_insert(now);
                Ok(())
            })?;
            eprintln!(
                "The key {id} is revoked: services that read {} refuse it within seconds.",
                path.display()
            );
        }
    }
    Ok(())
}

fn end(now: DateTime<Utc>, after: Duration) -> anyhow::Result<DateTime<Utc>> {
    ensure!(!after.is_zero(), "--expires-in must be longer than nothing");
    let end = TimeDelta::from_std(after)
        .ok()
        .and_then(|after| now.checked_add_signed(after));
    end.context("--expires-in is longer than the calendar")
}

fn list(keys: &[KeyEntry], now: DateTime<Utc>, json: bool) {
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| {
                json!({
                    "id": key.id,
                    "name": key.name,
                    "state": state(key, now),
                    "scopes": key.scopes,
                    "createdAt": rfc3339(key.created_at),
                    "expiresAt": key.expires_at.map(rfc3339),
                    "revokedAt": key.revoked_at.map(rfc3339),
                })
            })
            .collect();
        println!("{:#}", json!(keys));
        return;
    }
    println!(
        "{:8}  {:7}  {:10}  {:10}  {:40}  NAME",
        "ID", "STATE", "CREATED", "EXPIRES", "SCOPES"
    );
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d").to_string();
    for key in keys {
        println!(
            "{:8}  {:7}  {:10}  {:10}  {:40}  {}",
            key.id,
            state(key, now),
            day(key.created_at),
            key.expires_at.map_or_else(|| "never".to_owned(), day),
            key.scopes.join(" "),
            key.name.as_deref().unwrap_or_default(),
        );
    }
}

fn state(key: &KeyEntry, now: DateTime<Utc>) -> &'static str {
    match key {
        _ if key.revoked_at.is_some() => "revoked",
        _ if key.expires_at.is_some_and(|end| end <= now) => "expired",
        _ => "active",
    }
}
