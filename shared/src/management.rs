//! The management listener that every role has: `/metrics`, `/livez`, `/readyz`, `/health`. Never on a public address.

use std::{
    borrow::Cow,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::{Method, StatusCode, header},
    web,
};
use anyhow::Context;
use async_trait::async_trait;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    http::{
        edge::resource,
        openapi::{
            Description,
            schema::{self, words},
        },
    },
    metrics::Metrics,
    schema_types,
};

/// How long `/health` waits for its parts.
pub const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// One part that a role needs, and whether it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is, such as `broker`.
    pub name: &'static str,
    /// Whether it works.
    pub up: bool,
}

/// What a role can say of itself.
#[async_trait]
pub trait Health: Send + Sync {
    /// Started and not draining.
    fn ready(&self) -> bool;

    /// The parts that it needs.
    async fn parts(&self) -> Vec<Part>;
}

const HEALTH: &str = "/health";
/// What the health routes allow.
const HEALTH_METHODS: &str = "GET, HEAD";

#[derive(Serialize)]
struct Report {
    status: &'static str,
    parts: Vec<Part>,
}

schema_types! {
    PartNameText = schema::text(1, 20).pattern(Some("^[a-z]+$"));
    UpText = words(["up", "down"]);
}

impl PartialSchema for Report {
    fn schema() -> RefOr<Schema> {
        const PARTS_MAX: usize = 10;
        let up = ObjectBuilder::new().schema_type(Type::Boolean);
        let part = ObjectBuilder::new()
            .property("name", PartNameText::schema())
            .property("up", up)
            .required("name")
            .required("up");
        ObjectBuilder::new()
            .property("status", UpText::schema())
            .property(
                "parts",
                ArrayBuilder::new().items(part.build()).max_items(Some(PARTS_MAX)),
            )
            .required("status")
            .required("parts")
            .into()
    }
}

impl ToSchema for Report {
    fn name() -> Cow<'static, str> {
        "Health".into()
    }
}

/// The group of the health routes in the description of an API.
pub const HEALTH_GROUP: (&str, &str) = ("health", "Whether the service works.");

/// `/health` in the description of an API: the other two are for orchestrators, and have no quota.
pub fn describe_health() -> (Method, &'static str, Description) {
    let (tag, _) = HEALTH_GROUP;
    let about = "503 when a part is down; what does not need that part goes on. Orchestrators ask `/livez` and `/readyz` instead, which look at no part.";
    let health = Description::new("get-health", tag, "The parts and whether they work", about)
        .json::<Report>(StatusCode::OK, "All parts work.", [], None)
        .json::<Report>(StatusCode::SERVICE_UNAVAILABLE, "A part is down.", [], None);
    (Method::GET, HEALTH, health)
}

/// The routes `/livez`, `/readyz` and `/health`.
pub fn health_routes(health: Arc<dyn Health>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |routes| {
        routes
            .app_data(web::Data::from(health))
            .service(resource("/livez", HEALTH_METHODS).get(livez).head(livez))
            .service(resource("/readyz", HEALTH_METHODS).get(readyz).head(readyz))
            .service(resource(HEALTH, HEALTH_METHODS).get(report).head(report));
    }
}

async fn livez() -> HttpResponse {
    text(StatusCode::OK, "alive\n")
}

async fn readyz(health: web::Data<dyn Health>) -> HttpResponse {
    if health.ready() {
        text(StatusCode::OK, "ready\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn report(health: web::Data<dyn Health>) -> HttpResponse {
    let parts = health.parts().await;
    let up = parts.iter().all(|part| part.up);
    let status = if up {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Report {
            status: if up { "up" } else { "down" },
            parts,
        })
}

fn text(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body(body)
}

async fn metrics(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics.text())
}

/// A bound listener, so that a port in use is an error at start.
#[derive(Debug)]
pub struct Management {
    listener: TcpListener,
    address: SocketAddr,
}

impl Management {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let (listener, address) = bind(address)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the token is cancelled.
    ///
    /// # Errors
    /// If the server cannot run.
    pub async fn run(
        self,
        series: Metrics,
        health: Arc<dyn Health>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let app = move || {
            App::new()
                .app_data(web::Data::new(series.clone()))
                .configure(health_routes(health.clone()))
                .service(web::resource("/metrics").get(metrics))
        };
        // Its own statement: the builder must not live across the await, or the future is not `Send`.
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .shutdown_signal(stop.cancelled_owned())
            .shutdown_timeout(1)
            .listen(self.listener)?
            .run();
        server.await.context("the management listener failed")
    }
}

/// Binds a listener.
///
/// # Errors
/// If the address is in use or not ours; the error names it.
pub fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
