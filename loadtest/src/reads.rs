//! (e) Reads of one contact through the API, and what pgbench reads by primary key on the same server.

use std::{process::Command, time::Instant};

use anyhow::Context;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

use crate::{
    http::{APPLIED, create, load, read},
    report::Report,
    sql::run,
    stack::Servers,
};

/// Contacts that are read; pgbench's table has as many rows.
const ROWS: usize = 100_000;
const CONTACTS: usize = 20_000;
const CLIENTS: usize = 64;
/// pgbench's clients: one for each connection of the API's pool.
const PGBENCH_CLIENTS: usize = 10;

pub async fn measure(servers: &Servers, seconds: u64, report: &mut Report) -> anyhow::Result<()> {
    let ground = servers.ground().await?;
    let worker = servers.start("consumer-worker", &ground).await?;
    let api = servers.start("producer-api", &ground).await?;
    load(api.listen, CLIENTS, CONTACTS, create, 202).await?;
    worker
        .counted(APPLIED, CONTACTS, std::time::Duration::from_secs(60))
        .await?;
    drop(worker);
    let paths = contacts(&ground.database_url).await?;
    let request = move |number: usize| {
        // A stride that is prime to the number of contacts visits all of them, out of order.
        read(&paths[number * 7919 % paths.len()])
    };
    // Once to warm up and to learn how many take so long.
    let since = Instant::now();
    load(api.listen, CLIENTS, CONTACTS, request.clone(), 200).await?;
    let requests = (CONTACTS as f64 / since.elapsed().as_secs_f64()) as usize * seconds as usize;
    let since = Instant::now();
    let times = load(api.listen, CLIENTS, requests, request, 200).await?;
    report.add(
        Report::READS,
        "/s",
        requests as f64 / since.elapsed().as_secs_f64(),
    );
    report.add(
        "(e) GET answered after, p99",
        "ms",
        times.value_at_quantile(0.99) as f64 / 1000.0,
    );
    report.memory("producer-api", api.peak_mib()?);
    drop(api);

    let tool = servers.postgres_tools.join("pgbench");
    run(Command::new(&tool)
        .args(["--quiet", "--initialize", &format!("--scale={}", ROWS / 100_000)])
        .arg(&ground.database_url)
        .stderr(std::process::Stdio::null()))?;
    let output = Command::new(&tool)
        .args(["-S", "-M", "prepared", "-n", "-j", "2"])
        .args(["-c", &PGBENCH_CLIENTS.to_string(), "-T", &seconds.to_string()])
        .arg(&ground.database_url)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench gave no rate: {text}"))?;
    report.add(Report::PGBENCH, "/s", rate);
    Ok(())
}

async fn contacts(url: &str) -> anyhow::Result<std::sync::Arc<Vec<String>>> {
    let database = Database::connect(url).await?;
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT id::text FROM contacts ORDER BY id");
    let rows = database.query_all_raw(statement).await?;
    let paths = rows
        .iter()
        .map(|row| Ok(format!("/v1/contacts/{}", row.try_get_by_index::<String>(0)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    database.close().await?;
    Ok(paths.into())
}
