//! How people sign in to this console, as the settings say: with a password, at the issuer, or both.

use std::num::NonZeroU32;

use anyhow::{Context, ensure};
use shared::{
    http::{
        access::Access,
        quota::{Client as Counted, Quotas},
    },
    settings::{AuthMode, Settings},
};

use super::{issuer::Client, operators::Operators};

/// How often a minute somebody may try a password for one name; so many may follow each other at once.
const TRIES_PER_NAME: u32 = 5;
/// The same for one client: there may be several people behind an address.
const TRIES_PER_CLIENT: u32 = 20;

/// How people sign in.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) operators: Option<Operators>,
    pub(crate) issuer: Option<Client>,
    of_names: Quotas,
    of_clients: Quotas,
}

/// Who may call, and how people sign in; nobody has to if that is not required.
///
/// # Errors
/// If the settings are not safe, or say too little; the error says what to set.
pub(crate) fn at_start(settings: &Settings) -> anyhow::Result<(Access, Option<Ways>)> {
    let console = &settings.dlq_function.console;
    let listen = settings.dlq_function.listen;
    let (operators, oidc) = (&console.operators, &console.oidc);
    if settings.auth.mode == AuthMode::None {
        ensure!(
            operators.is_none() && oidc.client_id.is_none(),
            "dlqFunction.console.operators and dlqFunction.console.oidc need auth.mode=required (CONTATO__AUTH__MODE): without it nobody has to sign in"
        );
        return Ok((Access::at_start(&settings.auth, None, listen)?, None));
    }
    let access = match operators {
        Some(_) => Access::for_people(&settings.auth, None, listen)?,
        None => Access::at_start(&settings.auth, None, listen)?,
    };
    let operators = operators.as_ref().map(|list| Operators::parse(list.expose()));
    let ways = Ways {
        operators: operators
            .transpose()
            .context("dlqFunction.console.operators cannot be used")?,
        issuer: client(settings, &access)?,
        of_names: quotas(TRIES_PER_NAME),
        of_clients: quotas(TRIES_PER_CLIENT),
    };
    Ok((access, Some(ways)))
}

fn client(settings: &Settings, access: &Access) -> anyhow::Result<Option<Client>> {
    let console = &settings.dlq_function.console;
    let oidc = &console.oidc;
    let Some(id) = &oidc.client_id else {
        ensure!(
            oidc.client_secret.is_none(),
            "dlqFunction.console.oidc.clientSecret needs dlqFunction.console.oidc.clientId, too"
        );
        return Ok(None);
    };
    let at = access.issuer(&settings.auth)?.context(
        "dlqFunction.console.oidc needs auth.issuer (CONTATO__AUTH__ISSUER) and auth.audience: people sign in at the issuer of tokens",
    )?;
    let public_url = console.public_url.clone().context(
        "dlqFunction.console.oidc needs dlqFunction.console.publicUrl (CONTATO__DLQ_FUNCTION__CONSOLE__PUBLIC_URL): the issuer sends people back there",
    )?;
    Ok(Some(Client {
        at,
        id: id.clone(),
        secret: oidc.client_secret.clone(),
        scope: oidc.scope.clone(),
        public_url,
    }))
}

fn quotas(per_minute: u32) -> Quotas {
    Quotas::new(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN))
}

impl Ways {
    /// Counts a try; after how many seconds to come again, if it is one too many.
    pub(crate) fn too_many(&self, client: Option<Counted>, name: &str) -> Option<u64> {
        let of_client = client.and_then(|client| self.of_clients.count(client).refused());
        // Whoever is beyond their own bound uses up nobody else's.
        of_client.or_else(|| self.of_names.count(Counted::principal(name)).refused())
    }
}
