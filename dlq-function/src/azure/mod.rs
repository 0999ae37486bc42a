//! dlq-function as a custom handler of Azure Functions: the host takes the messages off `contato.dlq` and posts each of them
//! here, and forwards HTTP requests for contacts. `dlq-function/azure/` is the function app around it.
//!
//! It is neither the collector nor the public API: of the service only what goes on in the background runs beside it.
//!
//! **Invariant:** the host is answered 200 for a dead letter only once that is stored or parked: whatever else it is answered
//! makes it try again, and after five times give the message to the broker's own dead-lettering, which parks it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    HttpResponse,
    web::{self, Data, ServiceConfig},
};
use anyhow::{Context, ensure};
use shared::{
    domain::IdKey,
    http::{
        access::Access,
        drain::Drain,
        edge::{no_such_route, resource},
        listener::{Listening, serve},
        metrics::HttpMetrics,
    },
    management::bind,
    metrics::Metrics,
    role::{Parts, payload_keys, refuse_older_schema},
    runtime::ProcessRuntime,
    settings::{Auth, Http, Settings},
    store::Store,
    traces::Traces,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{background::Background, keeper::Keeper, metrics::DlqMetrics};

mod answer;
mod body;
mod contacts;
mod dead_letters;
mod invocation;
mod original;
mod properties;

pub use body::MAX_INVOCATION_BYTES;

/// The variable in which the host says where it expects the handler.
pub const PORT_VARIABLE: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
/// Where the host posts dead letters: a slash and the name of the function.
pub const DEAD_LETTERS_PATH: &str = "/contato-dlq";
/// Where it posts requests for contacts.
pub const CONTACTS_PATH: &str = "/contacts";
/// The binding that has the dead letter.
pub const DEAD_LETTER_BINDING: &str = "deadLetter";
/// The binding that has the HTTP request.
pub const REQUEST_BINDING: &str = "req";
/// The binding that takes the HTTP response.
pub const RESPONSE_BINDING: &str = "res";
/// How many dead letters are in hand at once; what the host posts beyond that waits for its turn. Not less than what the host
/// prefetches (`host.json`).
pub const DEAD_LETTERS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(30).expect("not zero");
/// How many requests for contacts are in hand at once; more are answered 503.
pub const CONTACTS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(100).expect("not zero");

/// More than one host sends.
const REQUESTS_AT_ONCE: usize = 1000;
/// As many as can be set: the one client is the host, and a refusal would cost a dead letter one of its five tries.
const RATE_LIMIT: u32 = 1_000_000;

/// What the handlers of requests share.
#[derive(Debug)]
struct Functions {
    keeper: Keeper,
    store: Store,
    ids: IdKey,
    runtime: ProcessRuntime,
    dead_letters: Arc<Semaphore>,
    contacts: Arc<Semaphore>,
}

/// The custom handler, ready to run.
#[derive(Debug)]
pub struct Handler {
    functions: Data<Functions>,
    background: Background,
    listener: TcpListener,
    address: SocketAddr,
    http_metrics: HttpMetrics,
    access: Access,
    traces: Traces,
    drain: Duration,
    deadline: Duration,
}

/// The port that the host expects the handler at.
///
/// # Errors
/// If the variable does not say.
pub fn port() -> anyhow::Result<u16> {
    let said = std::env::var(PORT_VARIABLE);
    let said = said.ok().and_then(|port| port.trim().parse().ok());
    said.with_context(|| {
        format!(
            "{PORT_VARIABLE} names no port: the host of Azure Functions sets it when it starts this command, which is of no use without it (dlq-function/azure/README.md); to run the service by itself leave `azure-function` out"
        )
    })
}

/// Makes the handler and binds its listener, on this machine only.
///
/// # Errors
/// If the port is in use, a key is not set, or the database answers with an older schema.
pub async fn build(settings: &Settings, parts: Parts, port: u16) -> anyhow::Result<Handler> {
    let (listener, address) = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    // Whoever may call a function is the host's to decide; nothing but this machine reaches the listener.
    // The Functions host sees to who calls, and passes on the name that it was called by.
    let auth = Auth {
        none_beyond_loopback: true,
        ..Auth::default()
    };
    let access = Access::at_start(&auth, None, address)?;
    let series = Metrics::new();
    let metrics = DlqMetrics::new(&series, &parts.clock);
    let keeper = Keeper::new(&parts, payload_keys(settings)?, metrics.clone());
    refuse_older_schema(&parts.store).await?;
    Ok(Handler {
        background: Background::new(settings, &parts, metrics)?,
        functions: Data::new(Functions {
            keeper,
            store: parts.store,
            ids: parts.id_key,
            runtime: ProcessRuntime::current(),
            dead_letters: Arc::new(Semaphore::new(DEAD_LETTERS_AT_ONCE.get())),
            contacts: Arc::new(Semaphore::new(CONTACTS_AT_ONCE.get())),
        }),
        listener,
        address,
        http_metrics: HttpMetrics::new(&series, &[]),
        access,
        traces: parts.traces,
        drain: settings.shutdown.drain.0,
        deadline: settings.shutdown.deadline.0,
    })
}

/// Serves the host that started this process until the token is cancelled.
///
/// # Errors
/// As [`port`] and [`build`], if the settings name storage of this machine, or if the listener fails.
pub async fn run(settings: &Settings, parts: Parts, stop: CancellationToken) -> anyhow::Result<()> {
    let port = port()?;
    refuse_storage_of_this_machine(settings)?;
    let handler = build(settings, parts, port).await?;
    tracing::info!(address = %handler.address(), "dlq-function serves a host of Azure Functions");
    handler.run(stop).await
}

/// The defaults are files beside the program, which goes with the instance that the host has it on: what is answered 200 would be
/// gone.
fn refuse_storage_of_this_machine(settings: &Settings) -> anyhow::Result<()> {
    ensure!(
        settings.embedded_queue().is_none(),
        "broker.url names the embedded queue: set CONTATO__BROKER__URL to the RabbitMQ that the host takes the messages from"
    );
    ensure!(
        !settings.store.url.expose().starts_with("sqlite"),
        "store.url names SQLite, whose file goes with the instance that the host runs this on: set CONTATO__STORE__URL to PostgreSQL"
    );
    Ok(())
}

impl Handler {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the host until the token is cancelled.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let listening = Listening {
            socket: self.listener,
            http: Http {
                rate_limit: RATE_LIMIT,
                max_requests: REQUESTS_AT_ONCE,
                ..Http::default()
            },
            metrics: self.http_metrics,
            access: self.access,
            traces: self.traces,
            drain: Drain::new(stop.clone(), self.drain),
            deadline: self.deadline,
            threads: 1,
        };
        let functions = self.functions;
        let server = serve(listening, move |config| {
            config.app_data(functions.clone()).configure(routes);
        })?;
        let (served, ()) = tokio::join!(server, self.background.run(stop));
        served.context("the listener failed")
    }
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").get(ready).head(ready))
        .service(resource(DEAD_LETTERS_PATH, "POST").post(dead_letters::keep))
        .service(resource(CONTACTS_PATH, "POST").post(contacts::read))
        .default_service(web::to(no_such_route));
}

/// What the host asks to know whether the handler has started: any answer will do.
async fn ready() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ready\n")
}
