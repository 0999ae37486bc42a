//! The three roles in one process. They share the broker and SQL, and know nothing else of each other.

use std::net::SocketAddr;

use shared::{
    role::{Parts, run_until_stopped, stop_at_signal},
    settings::Settings,
};

use crate::banner::{Addresses, banner};

/// Where the three roles tell their health.
pub(crate) fn management(settings: &Settings) -> [SocketAddr; 3] {
    [
        settings.producer_api.management,
        settings.consumer_worker.management,
        settings.dlq_function.management,
    ]
}

pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let stop = stop_at_signal()?;
    let parts = Parts::connect(settings, "contato").await?;
    if settings.store.is_sqlite() {
        parts.store.migrate_up(None).await?;
    }
    let api = producer_api::build(settings, parts.clone()).await?;
    let worker = consumer_worker::build(settings, parts.clone()).await?;
    let dlq = dlq_function::build(settings, parts.clone()).await?;

    let addresses = Addresses {
        api: api.address(),
        dlq: dlq.address(),
        management: [
            api.management_address(),
            worker.management_address(),
            dlq.management_address(),
        ],
    };
    println!(
        "{}",
        banner(settings, &parts.id_key, &addresses, chrono::Utc::now())
    );

    // Each off the stack of the main thread, which all three together would not fit on.
    let roles = async {
        tokio::try_join!(
            Box::pin(api.run(stop.clone())),
            Box::pin(worker.run(stop.clone())),
            Box::pin(dlq.run(stop.clone()))
        )
        .map(drop)
    };
    run_until_stopped(roles, stop.clone(), &settings.shutdown).await?;
    parts.close().await;
    println!("contato has stopped; nothing that was answered 202 is lost");
    Ok(())
}
