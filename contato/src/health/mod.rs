//! `contato health`: whether every face of a deployment answers, a line each. Where something is down, `contato doctor` says more.
//!
//! It asks as anybody may ask: roles at `/health`, broker and SQL as the settings name them, and what watches them. Nothing is
//! changed, and no credential of the API is sent anywhere.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use clap::ValueEnum;
use futures_util::future::join_all;
use reqwest::Url;
use shared::{
    role::{CommonArguments, reachable},
    settings::Settings,
};

mod ask;
mod report;

use ask::{Asker, Question};
use report::Answer;

/// What the exit codes are, for `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0  all that was asked is up
  1  something is down, or the settings cannot be used
  2  the command line cannot be understood

Roles, broker and SQL are asked where the settings say that they are (CONTATO__SECTION__KEY, or --config FILE), unless options say
otherwise. What is embedded is told by the roles that it is in.";

/// Where a deployment is, so far as nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum At {
    /// Where the settings say; unless set, what `cargo run` starts.
    Desk,
    /// Where compose.yaml publishes it: the roles' management listeners are not, what watches them is.
    Compose,
}

/// A part of a deployment that answers for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Face {
    /// producer-api where clients call it.
    Api,
    /// dlq-function where people and programs call it.
    Console,
    /// producer-api's management listener.
    ProducerApi,
    /// consumer-worker's management listener.
    ConsumerWorker,
    /// dlq-function's management listener.
    DlqFunction,
    /// RabbitMQ.
    Broker,
    /// PostgreSQL.
    Sql,
    /// Prometheus.
    Prometheus,
    /// Alertmanager.
    Alertmanager,
    /// Grafana.
    Grafana,
}

impl Face {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Console => "console",
            Self::ProducerApi => "producer-api",
            Self::ConsumerWorker => "consumer-worker",
            Self::DlqFunction => "dlq-function",
            Self::Broker => "broker",
            Self::Sql => "sql",
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
            Self::Grafana => "grafana",
        }
    }
}

/// Whom to ask, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which addresses are meant unless others are given.
    #[arg(long, value_enum, default_value = "desk")]
    at: At,
    /// How long an answer may take. All are asked at once.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "5s", value_name = "DURATION")]
    within: Duration,
    /// Do not ask this one; may be given several times.
    #[arg(long, value_enum, value_name = "FACE")]
    skip: Vec<Face>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: Places,
}

#[derive(Clone, Debug, clap::Args)]
struct Places {
    /// producer-api where clients call it.
    #[arg(long, env = "CONTATO_URL", value_name = "URL")]
    api: Option<Url>,
    /// dlq-function where people and programs call it.
    #[arg(long, value_name = "URL")]
    console: Option<Url>,
    /// producer-api's management listener.
    #[arg(long, value_name = "URL")]
    producer_api: Option<Url>,
    /// consumer-worker's management listener.
    #[arg(long, value_name = "URL")]
    consumer_worker: Option<Url>,
    /// dlq-function's management listener.
    #[arg(long, value_name = "URL")]
    dlq_function: Option<Url>,
    /// RabbitMQ's management API, in place of AMQP: a file with its URL, or the URL: http://USER:PASSWORD@HOST:15672. It also tells
    /// of alarms. Without a name in it, that of broker.url.
    #[arg(
        long,
        value_name = "FILE_OR_URL",
        env = "CONTATO_BROKER_MANAGEMENT",
        hide_env_values = true
    )]
    broker_management: Option<String>,
    /// Prometheus, with whatever path it is served under.
    #[arg(long, value_name = "URL")]
    prometheus: Option<Url>,
    /// Alertmanager.
    #[arg(long, value_name = "URL")]
    alertmanager: Option<Url>,
    /// Grafana.
    #[arg(long, value_name = "URL")]
    grafana: Option<Url>,
}

/// Asks all, and prints a line for each.
pub(crate) async fn run(common: &CommonArguments, arguments: &Arguments) -> ExitCode {
    let settings = match common.start_command() {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(settings)) => settings,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let asker = match Asker::new(&settings, arguments.within) {
        Ok(asker) => asker,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let faces = questions(arguments, &settings)
        .into_iter()
        .map(async |(face, question)| match question {
            Some(question) if !arguments.skip.contains(&face) => asker.ask(face, question).await,
            _ => Answer::not_asked(face),
        });
    let answers = join_all(faces).await;
    report::tell(&answers, arguments.json)
}

/// What each face is asked, if it is known where it is.
fn questions(arguments: &Arguments, settings: &Settings) -> Vec<(Face, Option<Question>)> {
    let Places {
        api,
        console,
        producer_api,
        consumer_worker,
        dlq_function,
        broker_management,
        prometheus,
        alertmanager,
        grafana,
    } = arguments.places.clone();
    let (desk, compose) = (arguments.at == At::Desk, arguments.at == At::Compose);
    let here = |listener: SocketAddr| url(&format!("http://{}", reachable(listener)));
    let or_here = |given: Option<Url>, listener| given.or_else(|| here(listener).filter(|_| desk));
    let or_published = |given: Option<Url>, place: &str| given.or_else(|| url(place).filter(|_| compose));
    let roles = [
        (Face::Api, api.or_else(|| here(settings.producer_api.listen))),
        (
            Face::Console,
            console.or_else(|| here(settings.dlq_function.listen)),
        ),
        (
            Face::ProducerApi,
            or_here(producer_api, settings.producer_api.management),
        ),
        (
            Face::ConsumerWorker,
            or_here(consumer_worker, settings.consumer_worker.management),
        ),
        (
            Face::DlqFunction,
            or_here(dlq_function, settings.dlq_function.management),
        ),
    ];
    let broker = match broker_management {
        Some(place) => Some(Question::Alarms(place)),
        None => settings.embedded_queue().is_none().then_some(Question::Amqp),
    };
    let sql = (!settings.store.is_sqlite()).then_some(Question::Sql);
    let prometheus = or_published(prometheus, "http://127.0.0.1:9090/prometheus");
    let alertmanager = or_published(alertmanager, "http://127.0.0.1:9093");
    let grafana = or_published(grafana, "http://127.0.0.1:3000/grafana");
    roles
        .into_iter()
        .map(|(face, place)| (face, place.map(Question::Role)))
        .chain([
            (Face::Broker, broker),
            (Face::Sql, sql),
            (Face::Prometheus, prometheus.map(Question::Ready)),
            (Face::Alertmanager, alertmanager.map(Question::Ready)),
            (Face::Grafana, grafana.map(Question::Grafana)),
        ])
        .collect()
}

fn url(text: &str) -> Option<Url> {
    Url::parse(text).ok()
}
