//! A public listener: the server, and what surrounds every request to it. producer-api and dlq-function are both served here.
//!
//! From the outside in: the connection bounds clients that are slow and answers what is no request; [`edge::surround`] names,
//! counts and measures; CORS; `admit` refuses what is beyond a bound and catches panics; the routes.
//!
//! **Invariant:** whoever serves by [`serve`] has all of it.

use std::{
    net::{SocketAddr, TcpListener},
    num::NonZeroU32,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use actix_http::HttpService;
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App, Error, HttpMessage,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{AppConfig, Server, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    rt::net::TcpStream,
    web::{Data, ServiceConfig},
};
use anyhow::Context;
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::{
    access::{Access, Identity},
    connection::{Connection, Timeouts},
    cors,
    drain::Drain,
    edge::{self, RequestNames},
    forwarded::Proxies,
    metrics::HttpMetrics,
    problem::{Code, Problem},
    quota::{Client, Quota, Quotas},
};
use crate::{settings::Http, traces::Traces};

/// The largest header section, names and values and what stands between them, in bytes.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The longest target of a request, in bytes.
pub const MAX_URI_BYTES: usize = 8 * 1024;
/// The most connections of a listener; more wait until others end.
pub const MAX_CONNECTIONS: usize = 16 * 1024;
/// How long an idle connection is kept: longer than balancers keep theirs (mostly 60 s), so that none sends a request into a
/// connection that ends.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a closed connection may take to end.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What tells orchestrators about the process: not counted, never refused.
pub(super) const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Bounds of connections. The defaults are the constants; tests have others.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionBounds {
    pub(super) connections: usize,
    pub(super) keep_alive: Duration,
    pub(super) timeouts: Timeouts,
}

impl Default for ConnectionBounds {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            keep_alive: KEEP_ALIVE,
            timeouts: Timeouts::default(),
        }
    }
}

/// What the requests of a listener share.
#[derive(Debug)]
pub struct Surroundings {
    pub(super) address: SocketAddr,
    pub(super) metrics: HttpMetrics,
    pub(super) drain: Drain,
    pub(super) proxies: Proxies,
    pub(super) access: Access,
    pub(super) traces: Traces,
    quotas: Quotas,
    in_hand: Arc<Semaphore>,
}

impl Surroundings {
    pub(super) fn new(
        address: SocketAddr,
        http: &Http,
        metrics: HttpMetrics,
        drain: Drain,
        access: Access,
        traces: Traces,
    ) -> Self {
        Self {
            address,
            metrics,
            drain,
            proxies: Proxies::new(http.trusted_proxies.clone()),
            access,
            traces,
            quotas: Quotas::new(NonZeroU32::new(http.rate_limit).unwrap_or(NonZeroU32::MIN)),
            in_hand: Arc::new(Semaphore::new(http.max_requests)),
        }
    }

    /// Counts a request: by its principal or, where that is not known, by where it comes from. A probe is not counted.
    pub(super) fn count(&self, request: &ServiceRequest, identity: Option<&Identity>) -> Option<Quota> {
        if is_probe(request) {
            return None;
        }
        let caller = identity.and_then(Identity::caller);
        if let Some(caller) = caller.filter(|caller| !caller.principal().is_empty()) {
            return Some(self.quotas.count(Client::principal(caller.principal())));
        }
        let peer = request.peer_addr()?.ip();
        let client = self.proxies.client(peer, request.headers());
        Some(self.quotas.count(client.into()))
    }
}

/// What a listener is made of.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub socket: TcpListener,
    /// What surrounds the requests.
    pub http: Http,
    /// Where they are counted.
    pub metrics: HttpMetrics,
    /// Who may call.
    pub access: Access,
    /// Where their spans begin.
    pub traces: Traces,
    /// When it ends.
    pub drain: Drain,
    /// How long requests in hand may take after that.
    pub deadline: Duration,
    /// How many threads answer.
    pub threads: usize,
}

/// Serves the routes until the drain is over, then finishes the requests in hand.
///
/// # Errors
/// If the socket cannot be served.
pub fn serve<R>(listening: Listening, routes: R) -> anyhow::Result<Server>
where
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    serve_within(listening, ConnectionBounds::default(), routes)
}

pub(super) fn serve_within<R>(
    listening: Listening,
    bounds: ConnectionBounds,
    routes: R,
) -> anyhow::Result<Server>
where
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let Listening {
        socket,
        http,
        metrics,
        access,
        traces,
        drain,
        deadline,
        threads,
    } = listening;
    let address = socket.local_addr()?;
    let surroundings = Surroundings::new(address, &http, metrics, drain.clone(), access, traces);
    let surroundings = Data::new(surroundings);
    let builder = ServerBuilder::new()
        .workers(threads)
        .max_concurrent_connections(bounds.connections.div_ceil(threads))
        .disable_signals()
        .shutdown_signal(drain.over())
        .shutdown_timeout(deadline.as_secs());
    let draining = builder.graceful_shutdown_signal();
    // What `actix_web::HttpServer` does, with a connection of ours instead of the bare stream.
    let service = move || {
        let app = App::new()
            .app_data(surroundings.clone())
            .configure(routes.clone())
            .wrap(from_fn(admit))
            .wrap(cors::middleware(&http.cors_origins))
            .wrap(from_fn(edge::surround));
        let app = app.into_factory().map_err(|error: Error| error.error_response());
        let draining = draining.clone();
        let requests = HttpService::build()
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .keep_alive(bounds.keep_alive)
            // The connection sees to it, and not for the first request only.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // Who has gone away no longer waits.
            .h1_allow_half_closed(false)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.requests());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        let metrics = surroundings.metrics.clone();
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let connection = Connection::new(stream, bounds.timeouts, metrics.clone());
            std::future::ready(Ok((connection, peer)))
        })
        .and_then(requests)
    };
    let server = builder
        .listen(format!("http-{address}"), socket, service)
        .context("the listener cannot be served")?;
    Ok(server.run())
}

fn is_probe(request: &ServiceRequest) -> bool {
    PROBES.contains(&request.path())
}

/// The middleware that lets requests in to the routes: those within all bounds. A panic of theirs ends here.
pub(super) async fn admit(
    surroundings: Data<Surroundings>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, BoxBody>>, Error> {
    let permit = if is_probe(&request) {
        Ok(None)
    } else {
        within_bounds(&surroundings, &request).map(Some)
    };
    let permit = match permit {
        Ok(permit) => permit,
        Err(problem) => {
            return Ok(request.error_response(problem).map_into_right_body());
        }
    };
    let id = request.extensions().get::<RequestNames>().map(RequestNames::id);
    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    drop(permit);
    match outcome {
        Ok(outcome) => outcome.map(ServiceResponse::map_into_left_body),
        Err(_) => {
            tracing::error!(request.id = id, "a handler panicked");
            let detail = "The request ended in a defect of the service.";
            Err(Problem::new(Code::InternalError, detail).into())
        }
    }
}

/// A permit to be in hand.
fn within_bounds(
    surroundings: &Surroundings,
    request: &ServiceRequest,
) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
    let quota = request.extensions().get::<Quota>().and_then(Quota::refused);
    if let Some(seconds) = quota {
        return Err(Problem::rate_limited(seconds));
    }
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if authority + target > MAX_URI_BYTES {
        let detail = format!("The target of a request has at most {MAX_URI_BYTES} bytes.");
        return Err(Problem::new(Code::UriTooLong, detail));
    }
    // With ": " and the line's end.
    let field = |(name, value): (
        &actix_web::http::header::HeaderName,
        &actix_web::http::header::HeaderValue,
    )| { name.as_str().len() + value.len() + 4 };
    if request.headers().iter().map(field).sum::<usize>() > MAX_HEADER_BYTES {
        return Err(edge::header_too_large());
    }
    if let Some(problem) = request.extensions().get::<Identity>().and_then(Identity::refused) {
        return Err(problem);
    }
    let in_hand = surroundings.in_hand.clone();
    in_hand.try_acquire_owned().map_err(|_| Problem::overloaded())
}

#[cfg(test)]
mod tests {
    use test_support::RawClient;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{metrics::Metrics, settings::Auth};

    const GOOD: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// Where the answer is so large that no buffer on its way takes it.
    const LARGE: &str = "/large";
    const LARGE_BYTES: usize = 64 * 1024 * 1024;

    /// A listener with these bounds; what ends it, and its end.
    fn listen(bounds: ConnectionBounds) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let listening = Listening {
            socket,
            http: Http::default(),
            metrics: HttpMetrics::new(&Metrics::new(), &[]),
            access: Access::at_start(&Auth::default(), None, "127.0.0.1:0".parse().unwrap()).unwrap(),
            traces: Traces::default(),
            drain: Drain::new(stop.clone(), Duration::ZERO),
            deadline: Duration::from_secs(20),
            threads: 1,
        };
        let server = serve_within(listening, bounds, |config| {
            let large = || async { "x".repeat(LARGE_BYTES) };
            config
                .route(LARGE, actix_web::web::get().to(large))
                .default_service(actix_web::web::to(edge::no_such_route));
        })
        .unwrap();
        let ended = tokio::spawn(async move { server.await.unwrap() });
        (address, stop, ended)
    }

    fn short() -> ConnectionBounds {
        ConnectionBounds {
            connections: 1,
            keep_alive: Duration::from_millis(200),
            timeouts: Timeouts {
                head: Duration::from_millis(300),
                write: Duration::from_millis(300),
                linger: Duration::from_millis(300),
            },
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_ended_without_a_word() {
        let (address, stop, ended) = listen(short());
        let mut client = RawClient::connect(&address).await;
        client.send(GOOD).await;
        assert_eq!(client.answer().await.unwrap().problem(404), "not-found");
        assert!(client.answer().await.is_none());
        stop.cancel();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_comes_in_drops_is_ended_also_later_on() {
        let (address, stop, ended) = listen(ConnectionBounds {
            keep_alive: Duration::from_secs(20),
            ..short()
        });
        let mut client = RawClient::connect(&address).await;
        for _ in 0..3 {
            client.send(GOOD).await;
            assert_eq!(client.answer().await.unwrap().problem(404), "not-found");
        }
        let dripped = async {
            for byte in GOOD.bytes().cycle().filter(|byte| *byte != b'\r') {
                client.send([byte]).await;
                let answer = tokio::time::timeout(Duration::from_millis(50), client.answer()).await;
                if let Ok(answer) = answer {
                    return answer;
                }
            }
            None
        };
        let answer = tokio::time::timeout(Duration::from_secs(10), dripped).await;
        assert_eq!(answer.unwrap().unwrap().problem(408), "request-timeout");
        assert!(client.answer().await.is_none());
        stop.cancel();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_for_others_to_end() {
        let (address, stop, ended) = listen(ConnectionBounds {
            keep_alive: Duration::from_secs(20),
            ..short()
        });
        let mut first = RawClient::connect(&address).await;
        first.send(GOOD).await;
        assert_eq!(first.answer().await.unwrap().status, 404);
        let mut second = RawClient::connect(&address).await;
        second.send(GOOD).await;
        let early = tokio::time::timeout(Duration::from_millis(300), second.answer()).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        assert_eq!(second.answer().await.unwrap().status, 404);
        stop.cancel();
        ended.await.unwrap();
    }

    /// To see it red: write without a bound.
    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_loses_the_connection() {
        let (address, stop, ended) = listen(ConnectionBounds {
            keep_alive: Duration::from_secs(20),
            ..short()
        });
        let mut first = RawClient::connect(&address).await;
        first
            .send(format!("GET {LARGE} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        // The one connection that there may be is free once the first has ended.
        let mut second = RawClient::connect(&address).await;
        second.send(GOOD).await;
        assert_eq!(second.answer().await.unwrap().status, 404);
        drop(first);
        stop.cancel();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn idle_connections_do_not_hold_up_the_end() {
        let (address, stop, ended) = listen(ConnectionBounds {
            connections: 10,
            keep_alive: Duration::from_secs(600),
            timeouts: Timeouts::default(),
        });
        let mut client = RawClient::connect(&address).await;
        client.send(GOOD).await;
        assert_eq!(client.answer().await.unwrap().status, 404);
        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
        ended.expect("the end, long before the keep-alive").unwrap();
        assert!(client.answer().await.is_none());
    }
}
