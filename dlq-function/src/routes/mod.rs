//! The HTTP API for dead letters. One file per endpoint; the rules stand in [`actions`](crate::actions).

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{
    App, HttpServer,
    middleware::from_fn,
    web::{self, Data},
};
use anyhow::Context;
use shared::{
    domain::IdKey,
    http::{
        drain::Drain,
        edge::{self, no_such_route, resource},
        metrics::HttpMetrics,
        problem::{Code, Problem},
    },
    management::{Health, bind, health_routes},
    runtime::ProcessRuntime,
    telemetry::Metrics,
};
use uuid::Uuid;

use crate::{
    actions::{ActionError, Actions},
    metrics::{DlqMetrics, How},
    view::DeadLetterDetail,
};

mod discard;
mod get;
mod list;
mod replay;

const DEAD_LETTERS: &str = "/v1/dead-letters";
const DEAD_LETTER: &str = "/v1/dead-letters/{id}";
const REPLAY: &str = "/v1/dead-letters/{id}/replay";
const DISCARD: &str = "/v1/dead-letters/{id}/discard";

const SUCCESSES: [(&str, &str, &str); 4] = [
    ("GET", DEAD_LETTERS, "200"),
    ("GET", DEAD_LETTER, "200"),
    ("POST", REPLAY, "202"),
    ("POST", DISCARD, "200"),
];

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) actions: Actions,
    pub(crate) ids: IdKey,
    pub(crate) metrics: DlqMetrics,
    pub(crate) runtime: ProcessRuntime,
}

impl Desk {
    /// Acts on one dead letter; then shows it as it stands.
    async fn act<F>(
        &self,
        id: Uuid,
        how: How,
        act: impl FnOnce(Actions, Uuid) -> F + Send + 'static,
    ) -> Result<DeadLetterDetail, Problem>
    where
        F: Future<Output = Result<(), ActionError>> + Send,
    {
        let actions = self.actions.clone();
        let work = async move {
            act(actions.clone(), id).await?;
            Ok(actions.detail(id).await?)
        };
        let detail = self.runtime.run(work).await.map_err(problem)?;
        self.metrics.resolved(how);
        detail.ok_or_else(missing)
    }
}

/// The API, bound.
#[derive(Debug)]
pub(crate) struct Api {
    desk: Data<Desk>,
    http_metrics: HttpMetrics,
    listener: TcpListener,
    address: SocketAddr,
}

impl Api {
    pub(crate) fn bind(
        address: SocketAddr,
        actions: Actions,
        ids: IdKey,
        metrics: DlqMetrics,
        series: &Metrics,
    ) -> anyhow::Result<Self> {
        let (listener, address) = bind(address)?;
        let desk = Data::new(Desk {
            actions,
            ids,
            metrics,
            runtime: ProcessRuntime::current(),
        });
        Ok(Self {
            desk,
            http_metrics: HttpMetrics::new(series, &SUCCESSES),
            listener,
            address,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the drain is over, then finishes the requests in hand.
    pub(crate) async fn run(self, health: Arc<dyn Health>, drain: Drain) -> anyhow::Result<()> {
        let (desk, metrics) = (self.desk, Data::new(self.http_metrics));
        let draining = Data::new(drain.clone());
        let app = move || {
            App::new()
                .app_data(desk.clone())
                .app_data(metrics.clone())
                .app_data(draining.clone())
                .configure(health_routes(health.clone()))
                .configure(routes)
                .wrap(from_fn(edge::surround))
        };
        // Its own statement: the builder must not live across the await, or the future is not `Send`.
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .shutdown_signal(drain.over())
            .listen(self.listener)?
            .run();
        server.await.context("the listener failed")
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource(DEAD_LETTERS, "GET, HEAD")
                .get(list::list)
                .head(list::list),
        )
        .service(resource(DEAD_LETTER, "GET, HEAD").get(get::get).head(get::get))
        .service(resource(REPLAY, "POST").post(replay::replay))
        .service(resource(DISCARD, "POST").post(discard::discard))
        .default_service(web::to(no_such_route));
}

/// The id in a path. What is no UUID names no dead letter.
fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::new(Code::DeadLetterNotFound, "No dead letter has this id.")
}

/// An action's refusal as a problem.
fn problem(error: ActionError) -> Problem {
    match error {
        ActionError::Missing => missing(),
        ActionError::Resolved | ActionError::Discarded => {
            Problem::new(Code::DeadLetterClosed, format!("Nothing was done: {error}."))
        }
        ActionError::Erased => Problem::new(Code::DeadLetterErased, format!("Nothing was done: {error}.")),
        ActionError::Broker(error) => Problem::not_sent(error),
        ActionError::Store(error) => Problem::store(&error),
    }
}
