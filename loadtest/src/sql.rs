//! (d) The database alone: the rows that the worker wrote, into empty tables with the same indexes, by COPY and by INSERTs
//! of 500 rows, as pg_dump writes them and psql reads them.

use std::{path::Path, process::Command, time::Instant};

use crate::{
    report::Report,
    stack::{Ground, Servers},
};

pub async fn measure(
    servers: &Servers,
    ground: &Ground,
    rows: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, options) in [
        (Report::COPY, &[][..]),
        (Report::INSERT, &["--rows-per-insert=500"][..]),
    ] {
        let file = folder.path().join("rows.sql");
        run(Command::new(servers.postgres_tools.join("pg_dump"))
            .args(["--data-only", "--table=contacts", "--table=commands"])
            .args(options)
            .arg("--file")
            .arg(&file)
            .arg(&ground.database_url))?;
        let empty = servers.ground().await?;
        let since = Instant::now();
        load(&servers.postgres_tools, &empty.database_url, &file)?;
        report.add(name, "/s", rows as f64 / since.elapsed().as_secs_f64());
    }
    Ok(())
}

fn load(tools: &Path, url: &str, file: &Path) -> anyhow::Result<()> {
    run(Command::new(tools.join("psql"))
        .args([
            "--quiet",
            "--no-psqlrc",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
            "--file",
        ])
        .arg(file)
        .arg(url))
}

pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status()?;
    anyhow::ensure!(status.success(), "{:?}: {status}", command.get_program());
    Ok(())
}
