//! The users of RabbitMQ and their permissions.
//!
//! The server is sent a password's hash, as it keeps it, so that the password itself is on no wire and in no log.

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use shared::{broker::rabbitmq::rights::Account, intent::Intent, settings::Settings};

use super::{
    accounts::{Users, refuse_who_runs_this},
    address::Login,
    done,
    management::{Management, NewUser, User},
    say,
};

/// How RabbitMQ calls SHA-256 over four bytes of salt and the password, these four before it ("Credentials and Passwords" guide).
const ALGORITHM: &str = "rabbit_password_hashing_sha256";
const SALT_BYTES: usize = 4;
/// Whom RabbitMQ brings.
const GUEST: &str = "guest";

pub(super) async fn set_up(
    settings: &Settings,
    management: &Management,
    users: &Users,
    intent: Intent,
) -> anyhow::Result<()> {
    for (account, login) in &users.broker {
        refuse_who_runs_this(*account, login, management.user(), "--broker-management")?;
        refuse_administrator(management, login).await?;
    }
    if management.is_open_to_all() {
        let advice = "the administrator's password travels unencrypted: https:// and port 15671, where the broker has TLS";
        say("management", "http", advice);
    }
    for (account, login) in &users.broker {
        let made = set_up_user(management, *account, login, intent).await?;
        let given = set_up_permission(settings, management, *account, login, &users.vhost, intent).await?;
        say("broker user", &login.user, &format!("{made}; {given}"));
    }
    if management.find_user(GUEST).await?.is_some() {
        let advice = "is there, as RabbitMQ brings it; once nobody uses it: rabbitmqctl delete_user guest";
        say("broker user", GUEST, advice);
    }
    Ok(())
}

/// Somebody's own account, most likely: it would lose its tag, and maybe its password.
async fn refuse_administrator(management: &Management, login: &Login) -> anyhow::Result<()> {
    let found = management.find_user(&login.user).await?;
    let name = &login.user;
    ensure!(
        !found.is_some_and(|user| user.administers()),
        "{name} is an administrator of the broker, and a service is none: name another user, or take the tag away \
         (rabbitmqctl set_user_tags {name})"
    );
    Ok(())
}

async fn set_up_user(
    management: &Management,
    account: Account,
    login: &Login,
    intent: Intent,
) -> anyhow::Result<&'static str> {
    let tags = account.rights().tags;
    let found = management.find_user(&login.user).await?;
    let password = login.password.expose_secret();
    let what = match &found {
        None => done(intent, "made", "would be made"),
        Some(user) if !has_password(user, password) => {
            done(intent, "given this password", "would be given this password")
        }
        Some(user) if !user.has_exactly(tags) => done(intent, "given its tags", "would be given its tags"),
        Some(_) => return Ok("was there"),
    };
    if intent == Intent::Change {
        // The last bytes of a UUID are random (RFC 9562, section 5.7).
        let salt: [u8; SALT_BYTES] = uuid::Uuid::now_v7().as_bytes()[12..].try_into()?;
        let user = NewUser {
            password_hash: &hash(salt, password),
            hashing_algorithm: ALGORITHM,
            tags,
        };
        management.put_user(&login.user, &user).await?;
    }
    Ok(what)
}

async fn set_up_permission(
    settings: &Settings,
    management: &Management,
    account: Account,
    login: &Login,
    vhost: &str,
    intent: Intent,
) -> anyhow::Result<String> {
    let permission = account.permission(&settings.broker.prefix);
    let found = management.permissions(&login.user).await?;
    let here = found.iter().find(|found| found.vhost == vhost);
    let mut what = match here {
        Some(here) if here.is(&permission) => "rights were there",
        Some(_) => done(intent, "rights changed", "rights would be changed"),
        None => done(intent, "rights given", "rights would be given"),
    }
    .to_owned();
    if intent == Intent::Change && !here.is_some_and(|here| here.is(&permission)) {
        let put = management.put_permission(vhost, &login.user, &permission).await;
        put.with_context(|| format!("the rights of {} on the virtual host {vhost:?}", login.user))?;
    }
    let others: Vec<_> = found
        .iter()
        .map(|found| found.vhost.as_str())
        .filter(|other| *other != vhost)
        .collect();
    if !others.is_empty() {
        what += &format!("; it also has rights, left alone, on {}", others.join(", "));
    }
    Ok(what)
}

fn hash(salt: [u8; SALT_BYTES], password: &str) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(password).finalize();
    BASE64_STANDARD.encode([&salt[..], &digest[..]].concat())
}

/// Another algorithm's hash is nothing that could be compared: then the password is set.
fn has_password(user: &User, password: &str) -> bool {
    let kept = BASE64_STANDARD.decode(&user.password_hash).unwrap_or_default();
    let salt = kept.first_chunk::<SALT_BYTES>();
    user.hashing_algorithm.as_deref() == Some(ALGORITHM)
        && salt.is_some_and(|salt| hash(*salt, password) == user.password_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_as_rabbitmq_documents_it() {
        let salt = [0x90, 0x8d, 0xc6, 0x0a];
        assert_eq!(
            hash(salt, "test12"),
            "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
        );
    }
}
