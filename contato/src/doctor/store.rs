//! Whether SQL is there with the schema of this program, lets the user do what the roles do, and has the same time.

use std::error::Error;

use shared::{
    role::open_store,
    service::Service,
    settings::{SecretUrl, Settings},
    store::{
        Store, StoreError,
        examine::{Right, ServerFacts, Side, knock},
        grants::rights_of,
    },
    tls::sslmode,
};

use super::report::Report;

/// From here on a clock is told apart from what asking takes.
const CLOCK_WARN_MS: i64 = 500;

pub(super) async fn look(settings: &Settings, roles: &[Service], report: &mut Report) {
    if let Some(path) = settings.store.url.expose().strip_prefix("sqlite://")
        && !std::path::Path::new(path.split('?').next().unwrap_or(path)).exists()
    {
        report.fine(
            "sql",
            format!(
                "{} is not there yet: the first start makes it",
                settings.store.url
            ),
        );
        return;
    }
    let read_url = settings.store.read_url.as_ref();
    if !answers("store.url", &settings.store.url, report).await {
        return;
    }
    let reads = match read_url {
        Some(url) => answers("store.readUrl", url, report).await,
        None => false,
    };
    match open_store(settings).await {
        Err(error) => report.fails("sql", format!("{error:#}"), "correct store.url"),
        Ok(store) => {
            if reads && let Some(url) = read_url {
                look_at(settings, Side::Read, url, &store, report).await;
            }
            if look_at(settings, Side::Write, &settings.store.url, &store, report).await {
                schema(settings, &store, roles, report).await;
            }
            store.close().await;
        }
    }
}

async fn answers(setting: &str, url: &SecretUrl, report: &mut Report) -> bool {
    match knock(url.secret()).await {
        Ok(()) => true,
        Err(text) => {
            report.fails(
                "sql",
                format!("nobody answers for {setting}: {text}"),
                "see that the database runs, that host and port are right, and that a NetworkPolicy or firewall lets this pod there",
            );
            false
        }
    }
}

/// Says whether there is more to ask.
async fn look_at(
    settings: &Settings,
    side: Side,
    url: &SecretUrl,
    store: &Store,
    report: &mut Report,
) -> bool {
    let facts = match store.examine(side).await {
        Ok(facts) => facts,
        Err(error) => {
            report.fails("sql", format!("{url}: {}", in_full(&error)), advice(&error));
            return false;
        }
    };
    report.fine("sql", format!("{url} answers: {}", facts.version));
    if let Some(warning) = encryption(facts.encrypted, url, settings.store.ca_file.is_some())
        && !url.is_on_this_machine()
    {
        report.warns(
            "sql",
            warning,
            "add ?sslmode=verify-full to the URL, and store.caFile for an authority of your own",
        );
    }
    if side == Side::Write && facts.read_only {
        report.fails(
            "sql",
            "store.url leads to a database that takes no writes, such as a standby",
            "let store.url lead to the primary; a standby is for store.readUrl",
        );
    }
    clock(settings, &facts, report);
    true
}

/// What is wrong with how SQL is spoken to.
fn encryption(encrypted: Option<bool>, url: &SecretUrl, ca_file: bool) -> Option<&'static str> {
    let mode = sslmode(url.expose());
    match (encrypted?, mode.as_deref()) {
        (false, _) => Some("contacts and passwords travel unencrypted"),
        (true, Some("verify-full")) => None,
        // An authority of one's own or any that the system knows: whoever has any certificate would pass.
        (true, Some("verify-ca")) => {
            Some("nobody checks whether the certificate of the server that answers is for its host")
        }
        (true, None) if ca_file => None,
        (true, _) => Some("nobody checks whether it is the right server that answers"),
    }
}

fn clock(settings: &Settings, facts: &ServerFacts, report: &mut Report) {
    let doubt = i64::try_from(facts.asked_in.as_millis() / 2).unwrap_or(i64::MAX);
    let off = facts.ahead_ms.saturating_abs().saturating_sub(doubt);
    let text = format!(
        "the clock of SQL is {} ms {} this machine's (± {doubt} ms)",
        facts.ahead_ms.saturating_abs(),
        if facts.ahead_ms < 0 { "behind" } else { "ahead of" },
    );
    let mend = "synchronise clocks (NTP, chrony) on every node: commands that are stamped further ahead than clock.maxAhead are dead-lettered";
    let limit = i64::try_from(settings.clock.max_ahead_ms()).unwrap_or(i64::MAX);
    if off > limit {
        report.fails("clocks", text, mend);
    } else if off > CLOCK_WARN_MS {
        report.warns("clocks", text, mend);
    } else {
        report.fine("clocks", text);
    }
}

async fn schema(settings: &Settings, store: &Store, roles: &[Service], report: &mut Report) {
    match store.check_schema().await {
        Err(error @ StoreError::Schema(_)) => {
            report.fails(
                "schema",
                error.to_string(),
                "run contato setup, or contato migrate up, as the owner of the tables",
            );
            return;
        }
        Err(error) => {
            report.fails("schema", in_full(&error), advice(&error));
            return;
        }
        Ok(()) => report.fine("schema", "is this program's, or newer"),
    }
    match store.lacks(Side::Write, &rights_of(roles)).await {
        Err(error) => report.fails("rights", in_full(&error), advice(&error)),
        Ok(lacking) if lacking.is_empty() => {
            report.fine("rights", "in SQL this user may do what its work takes");
            // Of a single role, since whoever has all three may well be who set it up. SQLite has no users.
            if roles.len() == 1 && !settings.store.is_sqlite() {
                too_many(store, report).await;
            }
        }
        Ok(lacking) => {
            let rights: Vec<_> = lacking.iter().map(ToString::to_string).collect();
            report.fails(
                "rights",
                format!("in SQL this user lacks {}", rights.join(", ")),
                "run contato setup --users, which grants each user the rights of its role",
            );
        }
    }
}

/// The audit is append-only by grants, too: nobody but its owner needs to remove from it.
async fn too_many(store: &Store, report: &mut Report) {
    let forbidden = [Right {
        privilege: "DELETE".to_owned(),
        object: "audit".to_owned(),
        column: None,
    }];
    let may = store
        .lacks(Side::Write, &forbidden)
        .await
        .is_ok_and(|lacking| lacking.is_empty());
    if may {
        report.warns(
            "rights",
            "in SQL this user may also remove entries of the audit",
            "give each role a user of its own: contato setup --users",
        );
    }
}

/// An error with what is below it.
pub(crate) fn in_full(error: &StoreError) -> String {
    if let Some(reason) = error.reason() {
        return reason;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        // Each level of these repeats the one below it.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

fn advice(error: &StoreError) -> &'static str {
    match error.code().as_deref() {
        Some("28P01" | "28000") => {
            "correct user and password in the URL, or run contato setup --users, which sets the passwords that stand in the Secrets; 28000 may also be a rule of pg_hba.conf, such as one that wants TLS"
        }
        Some("3D000") => "correct the database in the URL, or create it",
        Some("42501") => "run contato setup --users, which grants each user the rights of its role",
        Some("53300") => {
            "the database has no connection left: give it more (max_connections), or the services fewer (store.maxConnections)"
        }
        _ => {
            "see that the URL says sslmode=verify-full only where the server speaks TLS, that store.caFile has the authority that signed its certificate, and that the certificate is for the host in the URL; else see the log of the database"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_server_that_anybody_could_be_is_told() {
        for (encrypted, query, ca_file, warned) in [
            (Some(true), "", false, true),
            (Some(true), "", true, false),
            (Some(true), "?sslmode=require", false, true),
            (Some(true), "?sslmode=verify-ca", true, true),
            (Some(true), "?sslmode=verify-full", false, false),
            (Some(true), "?sslmode=require&x=sslmode=verify-full", false, true),
            (Some(false), "?sslmode=prefer", false, true),
            (None, "", false, false),
        ] {
            let url = SecretUrl::new(format!("postgres://u:p@h/d{query}"));
            assert_eq!(encryption(encrypted, &url, ca_file).is_some(), warned, "{query}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_apart_from_a_slow_answer() {
        for (ahead_ms, asked_in_ms, wrong, warnings) in [
            (0, 1, 0, 0),
            (-499, 1, 0, 0),
            (600, 1, 0, 1),
            (-600, 1, 0, 1),
            (600, 1000, 0, 0),
            (5001, 1, 1, 0),
            (-7000, 1, 1, 0),
            (5400, 1000, 0, 1),
        ] {
            let facts = ServerFacts {
                version: String::new(),
                encrypted: Some(true),
                read_only: false,
                ahead_ms,
                asked_in: Duration::from_millis(asked_in_ms),
            };
            let mut report = Report::default();
            clock(&Settings::default(), &facts, &mut report);
            assert_eq!(
                (report.wrong, report.warnings),
                (wrong, warnings),
                "{ahead_ms} {asked_in_ms}"
            );
        }
    }
}
