//! The folder of `--users`: who is to sign in where, by the files that the services themselves read.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, bail, ensure};
use shared::{broker::rabbitmq::rights::Account, service::Service, settings::Settings};

use super::{address::Login, refuse_embedded};

/// Everybody.
pub(super) struct Users {
    /// The virtual host of all of them.
    pub(super) vhost: String,
    /// Who signs in at the broker.
    pub(super) broker: Vec<(Account, Login)>,
    /// Who signs in at the database, in the order of [`Service::ALL`].
    pub(super) store: [Login; 3],
}

impl Users {
    pub(super) fn read(folder: &Path, settings: &Settings) -> anyhow::Result<Self> {
        refuse_embedded(settings)?;
        let admin = Login::parse(settings.broker.url.expose(), "broker.url")?;
        let owner = Login::parse(settings.store.url.expose(), "store.url")?;
        let (vhost, database) = (admin.vhost().to_owned(), owner.place.clone());
        let mut broker = Vec::new();
        for account in Account::ALL {
            let Some((login, what)) = broker_login(folder, account)? else {
                continue;
            };
            let named = if account == Account::Keda {
                login.vhost_for_keda()
            } else {
                login.vhost()
            };
            ensure!(
                named == vhost,
                "{what} names the virtual host {named:?}, but broker.url, where the queues are, {vhost:?}: make them the same"
            );
            broker.push((account, login));
        }
        let services = Service::ALL.map(Account::from);
        let store = services.map(|account| store_login(folder, account, database.as_deref()));
        let [api, worker, dlq] = store;
        let users = Self {
            vhost,
            broker,
            store: [api?, worker?, dlq?],
        };
        for (account, login) in &users.broker {
            refuse_who_runs_this(*account, login, &admin.user, "broker.url")?;
        }
        for (account, login) in services.into_iter().zip(&users.store) {
            refuse_who_runs_this(account, login, &owner.user, "store.url")?;
        }
        one_each(
            users.broker.iter().map(|(account, login)| (*account, login)),
            "broker",
        )?;
        one_each(services.into_iter().zip(&users.store), "database")?;
        Ok(users)
    }
}

fn broker_login(folder: &Path, account: Account) -> anyhow::Result<Option<(Login, String)>> {
    let (file, optional) = match account {
        Account::ProducerApi | Account::ConsumerWorker | Account::DlqFunction => ("broker-url", false),
        Account::FunctionsTrigger => ("broker-url", true),
        Account::Keda => ("host", true),
    };
    if optional && !folder.join(account.name()).exists() {
        return Ok(None);
    }
    let (url, what) = read(folder, account, file)?;
    Ok(Some((Login::parse(&url, &what)?.complete(&what)?, what)))
}

fn store_login(folder: &Path, account: Account, database: Option<&str>) -> anyhow::Result<Login> {
    let (url, what) = read(folder, account, "store-url")?;
    let login = Login::parse(&url, &what)?.complete(&what)?;
    ensure!(
        login.place.as_deref() == database,
        "{what} names the database {:?}, but store.url {:?}: make them the same",
        login.place.as_deref().unwrap_or_default(),
        database.unwrap_or_default()
    );
    Ok(login)
}

fn read(folder: &Path, account: Account, file: &str) -> anyhow::Result<(String, String)> {
    let path = folder.join(account.name()).join(file);
    let url = fs::read_to_string(&path).with_context(|| {
        format!(
            "{} cannot be read; --users wants a folder of this kind (contato setup --help)",
            path.display()
        )
    })?;
    Ok((url, path.display().to_string()))
}

/// A service with the rights of who sets up could delete queues, or change the audit and the schema.
pub(super) fn refuse_who_runs_this(
    account: Account,
    login: &Login,
    runs_this: &str,
    place: &str,
) -> anyhow::Result<()> {
    ensure!(
        login.user != runs_this,
        "{} would sign in as {runs_this}, who sets up ({place}) and may do everything there: give it a user of its own",
        account.name()
    );
    Ok(())
}

/// Two with one name would have each other's rights, or none.
fn one_each<'a>(logins: impl Iterator<Item = (Account, &'a Login)>, place: &str) -> anyhow::Result<()> {
    let mut seen = HashMap::new();
    for (account, login) in logins {
        if let Some(other) = seen.insert(&login.user, account) {
            bail!(
                "{} and {} have the same user at the {place}, {:?}: each needs its own, since each has its own rights",
                other.name(),
                account.name(),
                login.user
            );
        }
    }
    Ok(())
}
