//! The schema, as `contato migrate up` brings it up to date.

use anyhow::Context;
use shared::{intent::Intent, role::open_store, settings::Settings};

use super::{done, say};

/// Says whether the database has every version now.
pub(super) async fn set_up(settings: &Settings, intent: Intent) -> anyhow::Result<bool> {
    let store = open_store(settings).await?;
    let place = || {
        format!(
            "the schema is not set up on {} (store.url has to be the owner's)",
            settings.store.url
        )
    };
    let before = store.schema().await.with_context(place)?;
    if intent == Intent::Change {
        store.migrate_up(None).await.with_context(place)?;
    }
    let (there, missing): (Vec<_>, Vec<_>) = before.iter().partition(|version| version.applied);
    for (versions, what) in [
        (there.len(), "were there"),
        (missing.len(), done(intent, "applied", "would be applied")),
    ] {
        if versions > 0 {
            say("schema", &format!("{versions} versions"), what);
        }
    }
    store.close().await;
    Ok(missing.is_empty() || intent == Intent::Change)
}
