//! `contato smoke`: a contact of nobody's is created, followed, read and deleted, so that whoever has just installed or upgraded
//! contato sees whether API, queue, worker and SQL work together.
//!
//! **Invariant:** what it creates it deletes; where it cannot, the id has been printed. Each write has one key, however often it
//! is sent.

use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode, header::LOCATION};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Ended,
    api::{Api, Server},
    failure::Failure,
    follow::{self, LOOK_AGAIN, WAIT},
    print,
    resources::{Answered, CommandView},
};

/// How long all of it may take.
#[derive(Debug, clap::Args)]
pub(crate) struct Smoke {
    /// How long all of it may take.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "1min", value_name = "DURATION")]
    within: Duration,
    #[command(flatten)]
    server: Server,
}

/// A contact, as far as it matters here.
#[derive(Debug, Deserialize)]
struct ContactView {
    id: String,
    name: String,
}

/// What became of a write.
enum Written {
    /// It is done, to the contact with this id, if the answer says to which.
    Done(Option<String>),
    /// It was rejected, or is a dead letter.
    Refused(Box<Answered<CommandView>>),
}

pub(super) async fn run(arguments: &Smoke) -> Result<Ended, Failure> {
    let api = Api::new(&arguments.server)?;
    tokio::time::timeout(arguments.within, steps(&api))
        .await
        .unwrap_or(Err(Failure::Stalled(arguments.within)))
}

async fn steps(api: &Api) -> Result<Ended, Failure> {
    let name = format!("contato smoke {}", Uuid::now_v7());
    let since = Instant::now();
    let id = match create(api, &name).await? {
        Written::Done(Some(id)) => id,
        Written::Done(None) => return Err(Failure::NotUnderstood),
        Written::Refused(command) => return refused(&command),
    };
    step("created", format_args!("contact {id}"), since)?;

    let since = Instant::now();
    loop {
        match read(api, &id).await? {
            Some(contact) if contact.id == id && contact.name == name => break,
            Some(_) => return Err(Failure::NotUnderstood),
            // A standby that answers the reads may be behind.
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    step("read", format_args!("it is as it was sent"), since)?;

    let since = Instant::now();
    if let Written::Refused(command) = delete(api, &id).await? {
        return refused(&command);
    }
    while read(api, &id).await?.is_some() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    step("deleted", format_args!("it is gone"), since)?;
    Ok(Ended::Done)
}

fn step(name: &str, what: std::fmt::Arguments<'_>, since: Instant) -> Result<(), Failure> {
    print(format_args!(
        "{name:<12}  {what} ({} ms)\n",
        since.elapsed().as_millis()
    ))
}

fn refused(command: &Answered<CommandView>) -> Result<Ended, Failure> {
    print(format_args!("{}", command.view))?;
    Ok(command.view.ended())
}

async fn create(api: &Api, name: &str) -> Result<Written, Failure> {
    let key = Uuid::now_v7().to_string();
    // A domain that is never anybody's (RFC 2606, section 2).
    let contact = json!({ "name": name, "email": format!("{key}@contato.invalid") });
    let request = || {
        let request = api
            .request(Method::POST, api.url(&["v1", "contacts"]))
            .json(&contact);
        request.header("prefer", WAIT).header("idempotency-key", &key)
    };
    written(api, api.send_again(request).await?).await
}

async fn delete(api: &Api, id: &str) -> Result<Written, Failure> {
    let key = Uuid::now_v7().to_string();
    let request = || {
        let request = api.request(Method::DELETE, api.url(&["v1", "contacts", id]));
        request.header("prefer", WAIT).header("idempotency-key", &key)
    };
    written(api, api.send_again(request).await?).await
}

/// What became of a write: the answer says it, or, where it took longer than the API waits, its command.
async fn written(api: &Api, response: Response) -> Result<Written, Failure> {
    if response.status() != StatusCode::ACCEPTED {
        let location = response.headers().get(LOCATION);
        let id = location.and_then(|location| location.to_str().ok()?.rsplit('/').next());
        return Ok(Written::Done(id.map(str::to_owned)));
    }
    let accepted = Answered::<CommandView>::read(response).await?;
    let command = follow::ended_command(api, &accepted.view.id).await?;
    Ok(match command.view.ended() {
        Ended::Done => Written::Done(command.view.contact_id),
        Ended::WithRefusals => Written::Refused(Box::new(command)),
    })
}

/// The contact, if it is there.
async fn read(api: &Api, id: &str) -> Result<Option<ContactView>, Failure> {
    let request = || api.request(Method::GET, api.url(&["v1", "contacts", id]));
    match api.send_again(request).await {
        Ok(response) => {
            let contact = response.json().await.map_err(|_| Failure::NotUnderstood)?;
            Ok(Some(contact))
        }
        Err(failure) if failure.is_not_found() || failure.is_gone() => Ok(None),
        Err(failure) => Err(failure),
    }
}
