//! A client of producer-api that writes down what it is answered.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use shared::domain::{CommandId, ContactId, IdKey};
use uuid::Uuid;

use crate::history::{Answer, History, Request};

/// The longest that any answer may take: the default of `broker.publishTimeout`, and some time to be sent in.
const PATIENCE: Duration = Duration::from_secs(5 + 2);

/// The problem of a 503 that leaves it open whether the command was stored.
const OPEN: &str = "publish-unconfirmed";

/// A client of one producer-api.
#[derive(Clone, Debug)]
pub struct Api {
    origin: String,
    ids: IdKey,
    history: Arc<History>,
    client: reqwest::Client,
}

impl Api {
    pub(crate) fn new(origin: String, ids: IdKey, history: Arc<History>) -> Self {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self {
            origin,
            ids,
            history,
            client,
        }
    }

    /// Sends a request once.
    pub async fn send(&self, request: Request) -> Answer {
        let place = self.history.sending(request.clone(), &self.ids);
        self.again(place, &request).await
    }

    /// Sends every request with an idempotency key whose effect is unknown once more, as a client should. Says how many.
    pub async fn repeat_unknown(&self) -> usize {
        let mut repeated = 0;
        for (place, exchange) in self.history.exchanges().iter().enumerate() {
            if exchange.unknown() && exchange.request.key.is_some() {
                self.again(place, &exchange.request).await;
                repeated += 1;
            }
        }
        repeated
    }

    /// Sends a request and gives the ids of its command and its contact.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn accepted(&self, request: Request) -> (CommandId, ContactId) {
        match self.send(request).await {
            Answer::Accepted(command, contact) => (command, contact),
            answer => panic!("not accepted: {answer:?}"),
        }
    }

    async fn again(&self, place: usize, request: &Request) -> Answer {
        let answer = match self.exchange(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() => Answer::Hung,
            // Nobody listens: nothing was sent.
            Err(error) if error.is_connect() => Answer::Refused(0),
            Err(_) => Answer::Unknown,
        };
        self.history.answered(place, answer);
        answer
    }

    async fn exchange(&self, request: &Request) -> reqwest::Result<Answer> {
        let url = format!("{}{}", self.origin, request.path);
        let mut sent = self.client.request(request.method.clone(), url);
        if !request.body.is_empty() {
            sent = sent
                .header("content-type", request.content_type)
                .body(request.body.clone());
        }
        if let Some(key) = &request.key {
            sent = sent.header("idempotency-key", key);
        }
        let response = sent.send().await?;
        let status = response.status().as_u16();
        let body: Value = response.json().await?;
        let id = |member: &str| body[member].as_str().and_then(|id| Uuid::try_parse(id).ok());
        Ok(match status {
            202 => {
                let ids = id("id").zip(id("contactId"));
                let (command, contact) = ids.expect("a 202 names its command and its contact");
                Answer::Accepted(CommandId::from_uuid(command), ContactId::from_uuid(contact))
            }
            503 if !body["type"].as_str().is_some_and(|kind| kind.ends_with(OPEN)) => Answer::Refused(status),
            400..=499 => Answer::Refused(status),
            _ => Answer::Unknown,
        })
    }
}
