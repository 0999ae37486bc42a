//! The integration tests of producer-api. They speak HTTP to the real service; files mirror routes.

/// Makes a test of each function for each pair of broker and database.
macro_rules! on_both_pairs {
    ($($name:ident),+ $(,)?) => {
        mod embedded {
            use crate::app::{Pair, TestApp};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let app = TestApp::start(Pair::Embedded).await;
                super::$name(&app).await;
                app.stop().await;
            })+
        }
        mod services {
            use crate::app::{Pair, TestApp};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let app = TestApp::start(Pair::Services).await;
                super::$name(&app).await;
                app.stop().await;
            })+
        }
    };
}

mod access;
mod app;
mod coalescing;
mod commands;
mod contacts;
mod edge;
mod imports;
mod management;
mod openapi;
mod outage;
mod wait;
