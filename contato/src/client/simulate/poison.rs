//! Messages that no worker can process. The API lets none through, so they go to the queue itself.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use serde_json::{Value, json};
use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Message, PublishError, Queue, connected_within},
    clock::Clock,
    domain::{Action, Command, IdIssuer, Name, NewContact, RequestHash, Stamp},
    role::{CommonArguments, id_key, open_broker},
    settings::{SecretUrl, Settings},
    wire::Envelope,
};
use uuid::Uuid;

use crate::client::{api::Server, failure::Failure};

/// How long the broker may take to let us in.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// What to do where the queue cannot be written to.
const ADVICE: &str = "--poison puts messages on the queue itself, for which it needs the settings of producer-api: CONTATO__BROKER__URL and \
                      CONTATO__IDS__KEY, or --config FILE; of a contato on embedded storage, run it in the folder where that was started";

/// The ways in which a message is spoilt, each a reason of dead letters.
#[derive(Clone, Copy, Debug)]
enum Spoilt {
    CutOff,
    OfAnotherVersion,
    OfAnotherOperation,
    Unstorable,
}

/// The way to the queue.
pub(super) struct Poison {
    broker: Arc<dyn Broker>,
    ids: IdIssuer,
    clock: Clock,
}

impl Poison {
    /// The queue of the settings; `None` if the settings were to be printed only.
    pub(super) async fn open(common: &CommonArguments, server: &Server) -> Result<Option<Self>, Failure> {
        let usage = |error: anyhow::Error| Failure::Usage(format!("{error:#}; {ADVICE}"));
        let Some(settings) = common.start_command().map_err(usage)? else {
            return Ok(None);
        };
        refuse_another_queue(&settings, server)?;
        let ids = IdIssuer::new(id_key(&settings).map_err(usage)?);
        let broker = open_broker(&settings, "contato simulate").await.map_err(usage)?;
        if !connected_within(broker.as_ref(), CONNECT_MAX).await {
            return Err(Failure::Failed(format!(
                "the broker ({}) does not let us in within {CONNECT_MAX:?}; contato doctor says why",
                settings.broker.url
            )));
        }
        Ok(Some(Self {
            broker,
            ids,
            clock: Clock::system(),
        }))
    }

    /// Publishes one, and waits until the broker has it.
    pub(super) async fn publish(&self) -> Result<(), PublishError> {
        let ways = [
            Spoilt::CutOff,
            Spoilt::OfAnotherVersion,
            Spoilt::OfAnotherOperation,
            Spoilt::Unstorable,
        ];
        let way = ways[rand::rng().random_range(0..ways.len())];
        let envelope = envelope(&self.ids, self.clock.now_ms());
        let message = Message {
            body: spoilt(&envelope, way),
            kind: "contato.create".to_owned(),
            message_id: envelope.command.id.to_string(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: 1,
            replay: 0,
            traceparent: None,
        };
        self.broker.publish(Queue::Commands, &message).await
    }

    pub(super) async fn close(&self) {
        self.broker.close().await;
    }
}

/// A create as good as any.
fn envelope(ids: &IdIssuer, now_ms: u64) -> Envelope {
    let issued = ids.issue(now_ms, rand::random());
    let request_hash = RequestHash::from_bytes(Uuid::now_v7().as_bytes());
    Envelope {
        command: Command {
            id: issued.command,
            contact_id: issued.contact,
            stamp: Stamp::at_ms(now_ms),
            if_match: None,
            action: Action::Create(NewContact {
                name: Name::parse("Ensaio de Veneno").expect("a name"),
                phone: None,
                email: None,
            }),
        },
        principal: String::new(),
        key_hash: None,
        request_hash: request_hash.expect("16 bytes"),
        traceparent: None,
    }
}

/// An embedded queue is one of this machine, and of the folder that contato was started in: one that is not there would be made, and
/// nobody would ever read it.
fn refuse_another_queue(settings: &Settings, server: &Server) -> Result<(), Failure> {
    let Some(path) = settings.embedded_queue() else {
        return Ok(());
    };
    if !path.exists() {
        let why = format!("there is no queue {}; {ADVICE}", path.display());
        return Err(Failure::Usage(why));
    }
    if !SecretUrl::new(server.url().as_str()).is_on_this_machine() {
        let why = format!(
            "the API is on another machine, whose embedded queue nobody can write to from here, and {} is this one's; {ADVICE}",
            path.display()
        );
        return Err(Failure::Usage(why));
    }
    Ok(())
}

fn spoilt(envelope: &Envelope, way: Spoilt) -> Vec<u8> {
    let mut body = envelope.encode();
    let mut message: Value = serde_json::from_slice(&body).expect("an envelope is JSON");
    match way {
        Spoilt::CutOff => {
            body.truncate(body.len() / 2);
            return body;
        }
        Spoilt::OfAnotherVersion => message["v"] = json!(99),
        Spoilt::OfAnotherOperation => message["operation"] = json!("merge"),
        Spoilt::Unstorable => message["contact"]["phone"] = json!("11 90000-00"),
    }
    message.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use shared::{domain::IdKey, wire::Reason};

    use super::*;

    #[test]
    fn each_way_is_a_reason_of_dead_letters() {
        let ids = IdIssuer::new(IdKey::new(&[7; 32]).unwrap());
        let envelope = envelope(&ids, 1_800_000_000_000);
        assert!(Envelope::decode(&envelope.encode()).is_ok());
        for (way, reason) in [
            (Spoilt::CutOff, Reason::Undecodable),
            (Spoilt::OfAnotherVersion, Reason::UnknownVersion),
            (Spoilt::OfAnotherOperation, Reason::UnknownOperation),
            (Spoilt::Unstorable, Reason::Unstorable),
        ] {
            let error = Envelope::decode(&spoilt(&envelope, way)).unwrap_err();
            assert_eq!(error.reason, reason, "{way:?}");
        }
    }
}
