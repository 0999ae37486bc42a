//! What is printed at start: where everything is, and three lines to paste.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use shared::{
    domain::IdKey,
    settings::{AuthMode, Settings},
};

/// Where the roles listen.
pub(crate) struct Addresses {
    pub(crate) api: SocketAddr,
    pub(crate) dlq: SocketAddr,
    /// Of producer-api, consumer-worker and dlq-function.
    pub(crate) management: [SocketAddr; 3],
}

const CONTACT: &str = r#"{"name":"Ana Souza","phone":"(11) 98765-4321","email":"ana@example.com"}"#;

/// The text. The ids in it are those that its first line to paste will be answered with: ids follow from the Idempotency-Key, a
/// new one at each start.
pub(crate) fn banner(settings: &Settings, ids: &IdKey, addresses: &Addresses, now: DateTime<Utc>) -> String {
    let Addresses {
        api,
        dlq,
        management: [api_management, worker_management, dlq_management],
    } = addresses;
    let (broker, store) = (&settings.broker.url, &settings.store.url);
    format!(
        "contato runs on {broker} and {store}. Ctrl-C ends it and loses nothing.

  contacts      http://{api}/v1/contacts
  try the API   http://{api}/docs
  console       http://{dlq}/
  dead letters  http://{dlq}/v1/dead-letters
  health        http://{api}/health
  metrics       http://{api_management}/metrics  http://{worker_management}/metrics  http://{dlq_management}/metrics

{}",
        first_steps(settings, ids, *api, now)
    )
}

/// What to paste. Where callers say who they are, ids follow from who they are, too, which is not known here.
fn first_steps(settings: &Settings, ids: &IdKey, api: SocketAddr, now: DateTime<Utc>) -> String {
    let json = "-H 'Content-Type: application/json'";
    if settings.auth.mode == AuthMode::Required {
        return format!(
            "Callers need a token or a key (docs/access.md). With a key in KEY, paste this to create a contact:

  curl -i http://{api}/v1/contacts -H \"X-Api-Key: $KEY\" {json} -d '{CONTACT}'
"
        );
    }
    let key = format!("tour-{}", now.format("%Y%m%dT%H%M%S"));
    let issued = producer_api::ids_of_keyed_create(ids, &key, CONTACT.as_bytes())
        .expect("the key is of plain characters");
    let (command, contact) = (issued.command, issued.contact);
    format!(
        "Paste these to create a contact, follow its command, and read it back:

  curl -i http://{api}/v1/contacts {json} -H 'Idempotency-Key: {key}' -d '{CONTACT}'
  curl -i http://{api}/v1/commands/{command}
  curl -i http://{api}/v1/contacts/{contact}
"
    )
}
