//! The roles of PostgreSQL and their rights; what is done is in [`shared::store::roles`].

use anyhow::{Context, ensure};
use shared::{
    intent::Intent,
    role::open_store,
    settings::{SecretUrl, Settings},
    store::{
        StoreError,
        roles::{Done, RoleDone, ServiceRole},
    },
};

use super::{accounts::Users, address::Login, done, say};

pub(super) async fn set_up(settings: &Settings, users: &Users, intent: Intent) -> anyhow::Result<()> {
    let [api, worker, dlq] = &users.store;
    let roles = [
        role(settings, api).await?,
        role(settings, worker).await?,
        role(settings, dlq).await?,
    ];
    let store = open_store(settings).await?;
    let set_up = store.set_up_roles(&roles, intent).await;
    store.close().await;
    let url = &settings.store.url;
    let set_up = set_up.with_context(|| format!("the roles are not set up on {url} (store.url)"))?;
    for role in &set_up.roles {
        say("role", &role.name, told(role, intent));
    }
    let rights = if set_up.rights_changed {
        done(intent, "given", "would be given")
    } else {
        "were there"
    };
    say("rights", "database", rights);
    if set_up.public_connects {
        let advice =
            "every role may connect: the database has another owner, who could REVOKE CONNECT … FROM PUBLIC";
        say("rights", "database", advice);
    }
    if set_up.public_creates {
        let advice = "every role may make tables in the schema public, services too: its owner, a superuser before PostgreSQL 15, \
                      could REVOKE CREATE ON SCHEMA public FROM PUBLIC";
        say("rights", "schema", advice);
    }
    if intent == Intent::Change {
        for login in &users.store {
            ensure!(
                lets_in(settings, login).await?,
                "PostgreSQL does not let {} in with the password that was set just now: does pg_hba.conf let it come from here?",
                login.user
            );
        }
    }
    Ok(())
}

fn told(role: &RoleDone, intent: Intent) -> &'static str {
    match role.done {
        Done::Made => done(intent, "made", "would be made"),
        Done::PasswordSet => done(intent, "given this password", "would be given this password"),
        Done::LimitsSet => done(intent, "given its limits", "would be given its limits"),
        Done::Nothing => "was there",
    }
}

async fn role(settings: &Settings, login: &Login) -> anyhow::Result<ServiceRole> {
    Ok(ServiceRole {
        name: login.user.clone(),
        password: login.password.clone(),
        lets_in: lets_in(settings, login).await?,
    })
}

/// Whether PostgreSQL lets somebody in. It tells nobody but a superuser what it keeps of a password, so that is tried.
async fn lets_in(settings: &Settings, login: &Login) -> anyhow::Result<bool> {
    /// PostgreSQL manual, appendix A: wrong password or no such role; not allowed to sign in.
    const REFUSED: [&str; 2] = ["28P01", "28000"];
    /// In, but without the right to connect to this database.
    const FORBIDDEN: &str = "42501";
    let mut theirs = settings.clone();
    theirs.store.url = SecretUrl::new(login.on(settings.store.url.expose(), "store.url")?);
    theirs.store.read_url = None;
    let store = open_store(&theirs).await?;
    let answer = store.ping_writer().await;
    store.close().await;
    match answer.as_ref().map_err(StoreError::code) {
        Ok(()) => Ok(true),
        Err(Some(code)) if code == FORBIDDEN => Ok(true),
        Err(Some(code)) if REFUSED.contains(&code.as_str()) => Ok(false),
        Err(_) => {
            answer
                .with_context(|| format!("whether {} gets in to the database cannot be told", login.user))?;
            Ok(true)
        }
    }
}
