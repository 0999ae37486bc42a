//! The HTTP API for dead letters.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{App, HttpServer};
use anyhow::Context;
use shared::management::{Health, bind, health_routes};
use tokio_util::sync::CancellationToken;

use crate::{actions::Actions, metrics::DlqMetrics};

#[derive(Debug)]
pub(crate) struct Api {
    listener: TcpListener,
    address: SocketAddr,
}

impl Api {
    pub(crate) fn bind(address: SocketAddr, _: Actions, _: DlqMetrics) -> anyhow::Result<Self> {
        let (listener, address) = bind(address)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn run(self, health: Arc<dyn Health>, stop: CancellationToken) -> anyhow::Result<()> {
        let server = HttpServer::new(move || App::new().configure(health_routes(health.clone())))
            .workers(1)
            .disable_signals()
            .shutdown_signal(stop.cancelled_owned())
            .listen(self.listener)?
            .run();
        server.await.context("the listener failed")
    }
}
