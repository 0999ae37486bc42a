//! The service: its listeners, its routes, its life.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::web::{self, Data};
use anyhow::Context;
use shared::{
    broker::{Queue, Traffic, connected_within},
    http::{
        access::Access,
        docs::Docs,
        drain::Drain,
        edge::{no_such_route, resource},
        listener::{Listening, serve},
        metrics::HttpMetrics,
    },
    management::{Health, Management, bind, health_routes},
    metrics::Metrics,
    role::{Parts, refuse_older_schema},
    runtime,
    settings::{Http, Settings, Shutdown},
    store::SqlOperation,
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::Api,
    canary::Canary,
    metrics::ApiMetrics,
    openapi,
    routes::{commands, contacts, imports},
};

/// Where contacts are.
pub const CONTACTS: &str = "/v1/contacts";
/// Where commands are.
pub const COMMANDS: &str = "/v1/commands";
/// Where contacts are searched by a body.
pub const SEARCH: &str = "/v1/contacts/search";
/// Where many contacts are brought.
pub const IMPORT: &str = "/v1/contacts/import";
/// Where contacts are exported.
pub const EXPORT: &str = "/v1/contacts/export";
/// Where groups of contacts are that share a phone or an e-mail address.
pub const DUPLICATES: &str = "/v1/contacts/duplicates";
/// Where a contact is.
pub const CONTACT: &str = "/v1/contacts/{id}";
/// Where a command is.
pub const COMMAND: &str = "/v1/commands/{id}";
/// Where imports are.
pub const IMPORTS: &str = "/v1/imports";
/// Where an import is.
pub const IMPORT_BY_ID: &str = "/v1/imports/{id}";
/// Where the refusals of an import are.
pub const IMPORT_REFUSALS: &str = "/v1/imports/{id}/refusals";

/// Method, route and success of what objectives are set for.
const KNOWN: [(&str, &str, &str); 7] = [
    ("POST", CONTACTS, "202"),
    ("PUT", CONTACT, "202"),
    ("PATCH", CONTACT, "202"),
    ("DELETE", CONTACT, "202"),
    ("GET", CONTACT, "200"),
    ("GET", CONTACTS, "200"),
    ("GET", COMMAND, "200"),
];

/// What it does with the broker.
const TRAFFIC: Traffic = Traffic {
    published: &[Queue::Commands],
    consumed: &[],
};

/// What it mostly does with SQL.
const SQL: [SqlOperation; 3] = [
    SqlOperation::GetContact,
    SqlOperation::ListContacts,
    SqlOperation::GetCommand,
];

/// How long it is not ready for want of a first connection to the broker. Whoever were sent here before that would be
/// answered 503; whoever is sent here after that is told what is wrong.
const FIRST_CONNECTION_MAX: Duration = Duration::from_secs(5);
/// What is left of the shutdown's deadline for letting go of broker and SQL.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The API, ready to run.
#[derive(Debug)]
pub struct Service {
    api: Data<Api>,
    docs: Docs,
    http_metrics: HttpMetrics,
    access: Access,
    listener: TcpListener,
    address: SocketAddr,
    management: Management,
    series: Metrics,
    canary: Option<Canary>,
    http: Http,
    shutdown: Shutdown,
    threads: usize,
}

/// Makes the service and binds its listeners.
///
/// # Errors
/// If an address is in use, the settings of access are not safe, or the database answers with an older schema.
pub async fn build(settings: &Settings, parts: Parts) -> anyhow::Result<Service> {
    let own = &settings.producer_api;
    let access = Access::at_start(&settings.auth, own.gateway_key.as_ref(), own.listen)?;
    let (listener, address) = bind(own.listen)?;
    let management = Management::bind(own.management)?;
    if let Some(error) = refuse_older_schema(&parts.store).await? {
        tracing::warn!(
            error.kind = error.kind(),
            error.code = error.code(),
            error.reason = error.reason(),
            "SQL does not answer yet: writes are taken, reads are not"
        );
    }
    let series = Metrics::new();
    let metrics = ApiMetrics::new(&series);
    let refusals = metrics.clone();
    let http_metrics = HttpMetrics::new(&series, &KNOWN)
        .with_problems(move |method, route, code| refusals.problem(method, route, code));
    let api = Api::new(settings, parts.metered(&series, TRAFFIC, &SQL), metrics);
    let canary = Canary::new(&settings.canary, &series);
    Ok(Service {
        api: Data::new(api),
        docs: Docs::new(&openapi::api().document()),
        http_metrics,
        access,
        listener,
        address,
        management,
        series,
        canary,
        http: settings.http.clone(),
        shutdown: settings.shutdown.clone(),
        threads: own.threads.unwrap_or_else(runtime::half_the_processors),
    })
}

impl Service {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it tells its metrics and health.
    pub fn management_address(&self) -> SocketAddr {
        self.management.address()
    }

    /// Serves until the token is cancelled, then finishes the requests in hand; those that wait are answered at once.
    ///
    /// # Errors
    /// If a listener fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let api = self.api;
        // Whatever ends first, a listener that fails included, ends the rest.
        let stop = stop.child_token();
        let served = CancellationToken::new();
        let health: Arc<dyn Health> = api.clone().into_inner();
        let listening = Listening {
            socket: self.listener,
            http: self.http,
            metrics: self.http_metrics,
            access: self.access,
            traces: api.traces.clone(),
            drain: Drain::new(stop.clone(), self.shutdown.drain.0),
            deadline: self.shutdown.deadline.0.saturating_sub(CLOSING_TIME),
            threads: self.threads,
        };
        let server = serve(listening, routes(api.clone(), self.docs))?;
        let serve = async {
            let result = server.await.context("the listener failed");
            stop.cancel();
            served.cancel();
            result
        };
        let management = async {
            let result = self.management.run(self.series, health, served.clone()).await;
            stop.cancel();
            result
        };
        let ready = async {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                // If it did not come the broker is down, which is to be answered.
                _ = connected_within(api.broker.as_ref(), FIRST_CONNECTION_MAX) => {
                    api.set_running(true);
                    stop.cancelled().await;
                }
            }
            api.set_running(false);
            api.stopping.cancel();
        };
        let wait = api.waiters.run(&api.store, &api.stamps, stop.clone());
        let canary = async {
            if let Some(canary) = self.canary {
                canary.run(&api, stop.clone()).await;
            }
        };
        let (served, told, (), (), ()) = tokio::join!(serve, management, ready, wait, canary);
        served.and(told)
    }
}

fn routes(api: Data<Api>, docs: Docs) -> impl Fn(&mut web::ServiceConfig) + Clone {
    move |config| {
        let health: Arc<dyn Health> = api.clone().into_inner();
        config
            .app_data(api.clone())
            .configure(health_routes(health))
            .configure(docs.clone().routes())
            .service(
                resource(CONTACTS, "GET, HEAD, POST")
                    .get(contacts::list::list)
                    .head(contacts::list::list)
                    .post(contacts::create::create),
            )
            .service(resource(SEARCH, "POST").post(contacts::search::search))
            .service(resource(IMPORT, "POST").post(contacts::import::import))
            .service(
                resource(EXPORT, "GET, HEAD")
                    .get(contacts::export::export)
                    .head(contacts::export::export),
            )
            .service(
                resource(DUPLICATES, "GET, HEAD")
                    .get(contacts::duplicates::duplicates)
                    .head(contacts::duplicates::duplicates),
            )
            .service(
                resource(CONTACT, "GET, HEAD, PUT, PATCH, DELETE")
                    .get(contacts::get::get)
                    .head(contacts::get::get)
                    .put(contacts::replace::replace)
                    .patch(contacts::patch::patch)
                    .delete(contacts::delete::delete),
            )
            .service(
                resource(COMMANDS, "GET, HEAD")
                    .get(commands::list::list)
                    .head(commands::list::list),
            )
            .service(
                resource(COMMAND, "GET, HEAD")
                    .get(commands::get::get)
                    .head(commands::get::get),
            )
            .service(
                resource(IMPORT_BY_ID, "GET, HEAD")
                    .get(imports::get::get)
                    .head(imports::get::get),
            )
            .service(
                resource(IMPORT_REFUSALS, "GET, HEAD")
                    .get(imports::refusals::list)
                    .head(imports::refusals::list),
            )
            .default_service(web::to(no_such_route));
    }
}
