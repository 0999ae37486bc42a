//! Asking one face, and what its answer means.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::{Client, Response, Url, header::HeaderMap};
use serde::Deserialize;
use shared::{
    broker::rabbitmq::{QueueState, examine},
    role::{open_store, rabbitmq_options},
    settings::{SecretUrl, Settings},
    store::{
        Store,
        examine::{Side, knock},
    },
};

use super::{
    Face,
    report::{Answer, Asked},
};
use crate::{
    client::{below, http, innermost},
    doctor::{in_full, in_words},
    setup::management::Management,
};

/// What there is besides, for whoever reads a line.
const MORE: &str = "contato doctor says more";

/// What a face is asked.
#[derive(Debug)]
pub(super) enum Question {
    /// A role's `/health`.
    Role(Url),
    /// Whether RabbitMQ lets the user of `broker.url` in, and has what `contato setup` makes.
    Amqp,
    /// Whether an alarm is raised, of the management API at this URL or in this file.
    Alarms(String),
    /// Whether SQL lets the user of `store.url` in.
    Sql,
    /// `/-/ready`, of Prometheus and Alertmanager.
    Ready(Url),
    /// Grafana's `/api/health`.
    Grafana(Url),
}

/// Asks, and has what that takes.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    http: Client,
    settings: &'a Settings,
    within: Duration,
}

impl<'a> Asker<'a> {
    pub(super) fn new(settings: &'a Settings, within: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            // No credential: each of these is answered without.
            http: http(HeaderMap::new())?,
            settings,
            within,
        })
    }

    /// Asks a face, for so long as an answer may take.
    pub(super) async fn ask(&self, face: Face, question: Question) -> Answer {
        let since = Instant::now();
        let place = self.place(&question);
        let answer = tokio::time::timeout(self.within, self.answer(question)).await;
        let asked = |text: String| Asked {
            place,
            took: since.elapsed(),
            text,
        };
        match answer {
            Ok(Ok(text)) => Answer::up(face, asked(text)),
            Ok(Err(error)) => Answer::down(face, asked(format!("{error:#}"))),
            Err(_) => Answer::down(face, asked(format!("no answer within {:?}", self.within))),
        }
    }

    /// Where it is asked, as it may be shown.
    fn place(&self, question: &Question) -> String {
        match question {
            Question::Role(url) | Question::Ready(url) | Question::Grafana(url) => {
                SecretUrl::new(url.as_str().trim_end_matches('/')).to_string()
            }
            Question::Amqp => self.settings.broker.url.to_string(),
            Question::Alarms(_) => "management API".to_owned(),
            Question::Sql => self.settings.store.url.to_string(),
        }
    }

    async fn answer(&self, question: Question) -> anyhow::Result<String> {
        match question {
            Question::Role(url) => role(self.get(&below(&url, &["health"])).await?).await,
            Question::Amqp => self.amqp().await,
            Question::Alarms(place) => self.alarms(&place).await,
            Question::Sql => self.sql().await,
            Question::Ready(url) => {
                let answer = self.get(&below(&url, &["-", "ready"])).await?;
                ensure!(answer.status().is_success(), "not ready: {}", answer.status());
                Ok("ready".to_owned())
            }
            Question::Grafana(url) => grafana(self.get(&below(&url, &["api", "health"])).await?).await,
        }
    }

    async fn get(&self, url: &Url) -> anyhow::Result<Response> {
        let answer = self.http.get(url.clone()).send().await;
        answer.map_err(|error| {
            let what = if error.is_connect() {
                "nobody answers"
            } else {
                "the answer broke off"
            };
            anyhow::anyhow!("{what}: {}", innermost(&error.without_url()))
        })
    }

    async fn amqp(&self) -> anyhow::Result<String> {
        let found = examine(&rabbitmq_options(self.settings, "contato health"), &[]).await;
        let found = found.map_err(|why| anyhow::anyhow!("{}", in_words(&why).0))?;
        ensure!(found.exchange, "it answers, but has no exchange contato; {MORE}");
        let missing = found
            .queues
            .iter()
            .find(|queue| queue.state == QueueState::Missing);
        if let Some(queue) = missing {
            bail!("it answers, but has no queue {}; {MORE}", queue.name);
        }
        Ok(format!(
            "lets this user in, and has {} queues",
            found.queues.len()
        ))
    }

    async fn alarms(&self, place: &str) -> anyhow::Result<String> {
        match Management::at(self.settings, place)?.alarm().await? {
            None => Ok("no alarm is raised".to_owned()),
            Some(reason) => bail!("an alarm is raised, and writes are refused: {reason}"),
        }
    }

    async fn sql(&self) -> anyhow::Result<String> {
        let store = &self.settings.store;
        let urls = [
            ("store.url", Some(&store.url)),
            ("store.readUrl", store.read_url.as_ref()),
        ];
        for (setting, url) in urls {
            if let Some(url) = url {
                let knocked = knock(url.secret()).await;
                knocked.map_err(|text| anyhow::anyhow!("nobody answers for {setting}: {text}"))?;
            }
        }
        let opened = open_store(self.settings).await?;
        let facts = facts(&opened, store.read_url.is_some()).await;
        opened.close().await;
        facts
    }
}

async fn facts(store: &Store, has_standby: bool) -> anyhow::Result<String> {
    let examined = store.examine(Side::Write).await;
    let facts = examined.map_err(|error| anyhow::anyhow!("{}; {MORE}", in_full(&error)))?;
    ensure!(!facts.read_only, "it takes no writes; {MORE}");
    if has_standby {
        let examined = store.examine(Side::Read).await;
        examined.map_err(|error| anyhow::anyhow!("store.readUrl: {}; {MORE}", in_full(&error)))?;
    }
    Ok(facts.version)
}

/// What a role says of itself.
#[derive(Debug, Deserialize)]
struct Health {
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    name: String,
    up: bool,
}

async fn role(answer: Response) -> anyhow::Result<String> {
    let status = answer.status();
    let health: Option<Health> = answer.json().await.ok();
    let Some(Health { parts }) = health else {
        bail!("{status}, which is not contato's answer: is the address right?");
    };
    let words: Vec<_> = parts
        .iter()
        .map(|part| format!("{} {}", part.name, if part.up { "up" } else { "down" }))
        .collect();
    let words = words.join(", ");
    ensure!(status.is_success(), "{words}");
    Ok(words)
}

async fn grafana(answer: Response) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Grafana {
        database: String,
    }
    let status = answer.status();
    let health: Grafana = answer
        .json()
        .await
        .ok()
        .with_context(|| format!("{status}, which is not Grafana's answer: is the address right?"))?;
    ensure!(
        status.is_success() && health.database == "ok",
        "its database: {}",
        health.database
    );
    Ok("its database is up".to_owned())
}
