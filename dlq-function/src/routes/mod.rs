//! The HTTP API for dead letters. One file per endpoint; the rules stand in [`actions`](crate::actions).

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data},
};
use anyhow::Context;
use shared::{
    domain::IdKey,
    http::{
        access::{Access, Caller, is_of_the_api},
        docs::Docs,
        drain::Drain,
        edge::{self, resource},
        listener::{Listening, serve},
        metrics::HttpMetrics,
        problem::{Code, Fault, Problem},
    },
    management::{Health, bind, health_routes},
    metrics::Metrics,
    role::Parts,
    runtime::ProcessRuntime,
    settings::{Http, Settings},
    traces::Traces,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    actions::{ActionError, Actions, By, Correction, Edited, Many, ManyDone, Selection},
    console::{self, Console, Visit, no_such_page},
    metrics::{DlqMetrics, How},
    view::DeadLetterDetail,
    watch::Watch,
};

pub(crate) mod audit;
pub(crate) mod dead_letters;
pub(crate) mod filter;
pub(crate) mod groups;
pub(crate) mod paging;
pub(crate) mod pieces;
pub(crate) mod replays;
mod selection;

pub(crate) use selection::IDS_MAX;

use dead_letters::{archive, discard, discard_many, edit_and_replay, get, list, replay, restore, reveal};

pub(crate) const DEAD_LETTERS: &str = "/v1/dead-letters";
pub(crate) const DEAD_LETTER: &str = "/v1/dead-letters/{id}";
pub(crate) const REPLAY: &str = "/v1/dead-letters/{id}/replay";
pub(crate) const DISCARD: &str = "/v1/dead-letters/{id}/discard";
pub(crate) const ARCHIVE: &str = "/v1/dead-letters/archive";
pub(crate) const RESTORE: &str = "/v1/dead-letters/restore";
pub(crate) const DISCARD_MANY: &str = "/v1/dead-letters/discard";
pub(crate) const GROUPS: &str = "/v1/dead-letter-groups";
pub(crate) const AUDIT: &str = "/v1/audit";
pub(crate) const EDIT_AND_REPLAY: &str = "/v1/dead-letters/{id}/edit-and-replay";
pub(crate) const REVEAL: &str = "/v1/dead-letters/{id}/reveal";

pub(crate) const REPLAYS: &str = "/v1/replays";
pub(crate) const REPLAY_OF_MANY: &str = "/v1/replays/{id}";
pub(crate) const REPLAY_ITEMS: &str = "/v1/replays/{id}/items";
pub(crate) const REPLAY_STOP: &str = "/v1/replays/{id}/stop";
pub(crate) const REPLAY_RESUME: &str = "/v1/replays/{id}/resume";

/// Method, route and success of what matters most: there are many more routes than there is room for.
const KNOWN: [(&str, &str, &str); 4] = [
    ("GET", DEAD_LETTERS, "200"),
    ("GET", DEAD_LETTER, "200"),
    ("POST", REPLAY, "202"),
    ("POST", REPLAYS, "202"),
];

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) actions: Actions,
    pub(crate) ids: IdKey,
    pub(crate) metrics: DlqMetrics,
    pub(crate) watch: Watch,
    pub(crate) runtime: ProcessRuntime,
}

impl Desk {
    /// Sends a dead letter again.
    pub(crate) async fn send_again(&self, id: Uuid, by: By) -> Result<(), ActionError> {
        self.resolve(How::Replayed, async move |actions| actions.replay(id, &by).await)
            .await
    }

    /// Gives a dead letter up.
    pub(crate) async fn discard(&self, id: Uuid, by: By) -> Result<(), ActionError> {
        self.resolve(How::Discarded, async move |actions| {
            actions.discard(id, &by).await
        })
        .await
    }

    /// Sends a corrected one in the place of a dead letter.
    pub(crate) async fn edit(&self, id: Uuid, correction: Correction, by: By) -> Result<Edited, ActionError> {
        let edit = async move |actions: Actions| actions.edit(id, &correction, &by).await;
        self.resolve(How::Replayed, edit).await
    }

    /// Does an act of a person, and counts it.
    async fn resolve<T, F>(&self, how: How, act: impl FnOnce(Actions) -> F) -> Result<T, ActionError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ActionError>> + Send + 'static,
    {
        let (act, metrics) = (act(self.actions.clone()), self.metrics.clone());
        let work = async move { act.await.inspect(|_| metrics.resolved(how)) };
        self.runtime.run(work).await
    }

    /// Does an act on many, and counts it.
    pub(crate) async fn act_on_many(
        &self,
        act: Many,
        selection: Selection,
        expected: Option<u64>,
        by: By,
    ) -> Result<ManyDone, ActionError> {
        let (actions, metrics) = (self.actions.clone(), self.metrics.clone());
        let work = async move {
            let came_to = actions.act_on_many(act, &selection, expected, &by).await?;
            if act == Many::Discard {
                metrics.resolved_many(How::Discarded, came_to.done);
            }
            Ok(came_to)
        };
        self.runtime.run(work).await
    }

    /// One dead letter with all that is known of it.
    pub(crate) async fn detail(&self, id: Uuid) -> Result<DeadLetterDetail, ActionError> {
        let actions = self.actions.clone();
        let read = async move { actions.detail(id).await };
        self.runtime.run(read).await?.ok_or(ActionError::Missing)
    }
}

/// The API, bound.
#[derive(Debug)]
pub(crate) struct Api {
    desk: Data<Desk>,
    console: Data<Console>,
    http_metrics: HttpMetrics,
    access: Access,
    traces: Traces,
    listener: TcpListener,
    address: SocketAddr,
    http: Http,
    drain: Duration,
    deadline: Duration,
}

impl Api {
    pub(crate) fn bind(
        settings: &Settings,
        actions: Actions,
        parts: &Parts,
        metrics: DlqMetrics,
        watch: Watch,
        series: &Metrics,
    ) -> anyhow::Result<Self> {
        let (console, access) = Console::at_start(settings, parts)?;
        let (listener, address) = bind(settings.dlq_function.listen)?;
        let desk = Data::new(Desk {
            actions,
            ids: parts.id_key.clone(),
            metrics,
            watch,
            runtime: ProcessRuntime::current(),
        });
        Ok(Self {
            desk,
            console: Data::new(console),
            http_metrics: HttpMetrics::new(series, &KNOWN),
            access,
            traces: parts.traces.clone(),
            listener,
            address,
            http: settings.http.clone(),
            drain: settings.shutdown.drain.0,
            deadline: settings.shutdown.deadline.0,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the drain is over, then finishes the requests in hand.
    pub(crate) async fn run(self, health: Arc<dyn Health>, stop: CancellationToken) -> anyhow::Result<()> {
        let listening = Listening {
            socket: self.listener,
            http: self.http,
            metrics: self.http_metrics,
            access: self.access,
            traces: self.traces,
            drain: Drain::new(stop, self.drain),
            deadline: self.deadline,
            threads: 1,
        };
        let desk = self.desk;
        let docs = Docs::new(&crate::openapi::api().document());
        let console = self.console;
        let server = serve(listening, move |config| {
            config
                .app_data(desk.clone())
                .configure(health_routes(health.clone()))
                .configure(docs.clone().routes())
                .configure(routes)
                .configure(console::routes(console.clone()))
                .default_service(web::to(nothing_there));
        })?;
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
        // Before the path with an id, which would match these words too.
        .service(resource(ARCHIVE, "POST").post(archive::archive))
        .service(resource(RESTORE, "POST").post(restore::restore))
        .service(resource(DISCARD_MANY, "POST").post(discard_many::discard_many))
        .service(
            resource(GROUPS, "GET, HEAD")
                .get(groups::list::list)
                .head(groups::list::list),
        )
        .service(
            resource(AUDIT, "GET, HEAD")
                .get(audit::list::list)
                .head(audit::list::list),
        )
        .service(resource(DEAD_LETTER, "GET, HEAD").get(get::get).head(get::get))
        .service(resource(REPLAY, "POST").post(replay::replay))
        .service(resource(DISCARD, "POST").post(discard::discard))
        .service(resource(EDIT_AND_REPLAY, "POST").post(edit_and_replay::edit_and_replay))
        .service(resource(REVEAL, "POST").post(reveal::reveal))
        .service(
            resource(REPLAYS, "GET, HEAD, POST")
                .get(replays::list::list)
                .head(replays::list::list)
                .post(replays::start::start),
        )
        .service(
            resource(REPLAY_OF_MANY, "GET, HEAD")
                .get(replays::get::get)
                .head(replays::get::get),
        )
        .service(
            resource(REPLAY_ITEMS, "GET, HEAD")
                .get(replays::items::list)
                .head(replays::items::list),
        )
        .service(resource(REPLAY_STOP, "POST").post(replays::stop::stop))
        .service(resource(REPLAY_RESUME, "POST").post(replays::resume::resume));
}

/// What is not there is answered to programs or to people, by whose path it would be.
async fn nothing_there(visit: Visit, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if is_of_the_api(request.path()) {
        return Err(edge::nothing_there());
    }
    Ok(no_such_page(&visit))
}

/// Who asks.
fn by(caller: &Caller) -> By {
    By(caller.principal().to_owned())
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
        ActionError::Resolved | ActionError::Discarded | ActionError::Replaced | ActionError::UnderWay => {
            Problem::new(Code::DeadLetterClosed, format!("Nothing was done: {error}."))
        }
        ActionError::Newer(_) => Problem::new(Code::DeadLetterClosed, format!("Nothing was done: {error}.")),
        ActionError::NoReplay => Problem::new(Code::ReplayNotFound, "No replay has this id."),
        ActionError::ReplayEnded => Problem::new(Code::ReplayEnded, format!("Nothing was done: {error}.")),
        ActionError::Unexpected { .. } => {
            Problem::new(Code::SelectionChanged, format!("Nothing was done: {error}."))
        }
        ActionError::Erased => Problem::new(Code::DeadLetterErased, format!("Nothing was done: {error}.")),
        ActionError::Locked(_) => Problem::new(Code::PayloadLocked, format!("Nothing was done: {error}.")),
        ActionError::Broken(rules) => Problem::invalid(rules.into_iter().map(|rule| {
            let pointer = if rule.member.is_empty() { "" } else { "/" };
            Fault::of(format!("{pointer}{}", rule.member), rule.code, rule.detail)
        })),
        ActionError::Unsent(id, error) => {
            let detail = format!(
                "It was corrected as the dead letter {id}, which was not sent and waits: replay that."
            );
            Problem::not_sent(error).with_detail(detail)
        }
        ActionError::Broker(error) => Problem::not_sent(error),
        ActionError::Store(error) => Problem::store(&error),
    }
}
