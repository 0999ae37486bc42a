//! `contato simulate`: people who do not exist write to a running API as people do, so that a deployment is seen at work.
//!
//! It is no load test: a stream is as fast as it was asked to be, and slower where the API says so.
//!
//! **Invariant:** at most `--at-once` requests are in hand; what is remembered of them is bounded. Nothing of anybody's is in it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::StatusCode;
use shared::role::{CommonArguments, stop_at_signal};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

mod check;
mod people;
mod poison;
mod tally;
mod traffic;
mod wishes;

use super::{
    Ended,
    api::{Api, Server},
    failure::Failure,
    print, progress,
};
use check::check;
use people::People;
use poison::Poison;
use traffic::{Traffic, list};
use wishes::{Mix, Rate, Share};

/// How long requests in hand may take once the stream has ended.
const END_MAX: Duration = Duration::from_secs(30);
/// How often the line of progress is written.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// A duration that is not nothing.
fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

/// What a stream is to be like.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many requests there are on average, such as 5/s, 300/min or 50/h. They come as people do: by chance.
    #[arg(long, default_value = "5/s", value_name = "RATE")]
    rate: Rate,
    /// There are more and fewer in waves of this length, such as 24h for days and nights.
    #[arg(long, value_parser = some_time, value_name = "DURATION")]
    wave: Option<Duration>,
    /// Ends after so long; at Ctrl-C unless set. Requests in hand may then take another half minute.
    #[arg(long = "for", value_parser = some_time, value_name = "DURATION")]
    lasting: Option<Duration>,
    /// Ends after so many requests.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// How much there is of what; what is not named does not come. Changes and deletes of nobody are creates.
    #[arg(long, default_value = Mix::DEFAULT, value_name = "MIX")]
    mix: Mix,
    /// What part of all is messages that no worker can process, such as 1%: they become dead letters. The API lets none through, so this
    /// needs the settings of producer-api, for the broker.
    #[arg(long, default_value = "0%", value_name = "PERCENT")]
    poison: Share,
    /// Which people there are; others every time unless set.
    #[arg(long)]
    seed: Option<u64>,
    /// How many requests are in hand at once at most.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    at_once: u32,
    /// At the end, ask what became of every command that was accepted; fail if one has no outcome.
    #[arg(long)]
    check: bool,
    /// How long the commands may take to have one.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "1min", value_name = "DURATION")]
    check_within: Duration,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(common: &CommonArguments, arguments: &Simulate) -> Result<Ended, Failure> {
    let api = Api::new(&arguments.server)?;
    let poison = match arguments.poison {
        Share(0.0) => None,
        Share(_) => match Poison::open(common, &arguments.server).await? {
            None => return Ok(Ended::Done),
            poison => poison.map(Arc::new),
        },
    };
    answers(&api).await?;
    let stop = stop_at_signal().map_err(|_| Failure::Stopped)?;
    let traffic = Arc::new(Traffic::new(api, stop));
    let bar = progress::line();
    let tell = async {
        loop {
            bar.set_message(traffic.tally().line());
            tokio::time::sleep(TELL_EVERY).await;
        }
    };
    tokio::select! {
        () = stream(arguments, &traffic, poison.as_ref()) => {}
        () = tell => {}
    }
    if let Some(poison) = poison {
        poison.close().await;
    }
    let accepted = {
        let mut tally = traffic.tally();
        tally.end();
        std::mem::take(&mut tally.accepted)
    };
    let checked = match arguments.check {
        true => {
            let at_once = arguments.at_once as usize;
            Some(check(&traffic.api, accepted, arguments.check_within, at_once, &bar).await)
        }
        false => None,
    };
    bar.finish_and_clear();
    print(format_args!("{}", traffic.tally()))?;
    if let Some(checked) = &checked {
        print(format_args!("{checked}"))?;
    }
    if let Some(failure) = traffic.fatal() {
        return Err(failure);
    }
    verdict(
        &traffic,
        checked.map_or(0, |checked| checked.open.len()),
        arguments,
    )
}

/// Whether anything was lost, or not as promised.
fn verdict(traffic: &Traffic, open: usize, arguments: &Simulate) -> Result<Ended, Failure> {
    let tally = traffic.tally();
    if tally.forgotten > 0 && arguments.check {
        let forgotten = tally.forgotten;
        eprintln!("{forgotten} commands were not checked: only the youngest are remembered");
    }
    if open > 0 {
        let within = arguments.check_within;
        return Err(Failure::Failed(format!(
            "{open} commands that were accepted have no outcome within {within:?}; contato health says what is down"
        )));
    }
    if tally.wrong > 0 {
        let wrong = tally.wrong;
        return Err(Failure::Failed(format!(
            "{wrong} answers were not as the API promises"
        )));
    }
    Ok(Ended::Done)
}

/// Whether the API is there, before anything begins. Who may write only is let in, too.
async fn answers(api: &Api) -> Result<(), Failure> {
    match api.send(list(api, 1)).await {
        Err(failure) if failure.status() == Some(StatusCode::FORBIDDEN) => Ok(()),
        answer => answer.map(drop),
    }
}

/// Sends until the end that was asked for, or Ctrl-C; then waits for what is in hand.
async fn stream(arguments: &Simulate, traffic: &Arc<Traffic>, poison: Option<&Arc<Poison>>) {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (mut people, mut random) = (People::new(seed), StdRng::seed_from_u64(seed));
    let places = Arc::new(Semaphore::new(arguments.at_once as usize));
    let mut in_hand = JoinSet::new();
    let began = Instant::now();
    let mut sent = 0;
    let mut due = began;
    while arguments.count.is_none_or(|count| sent < count) {
        let wave = |wave: Duration| began.elapsed().as_secs_f64() / wave.as_secs_f64().max(1.0);
        let next = arguments.rate.next_in(arguments.wave.map(wave), &mut random);
        // Whoever would have come while nobody could be taken does not come all at once afterwards.
        due = due.max(Instant::now()) + Duration::from_secs_f64(next);
        if arguments.lasting.is_some_and(|lasting| due - began > lasting) {
            break;
        }
        if traffic.rest(due.saturating_duration_since(Instant::now())).await {
            break;
        }
        traffic.quiet().await;
        let Some(permit) = place(&places, traffic).await else {
            break;
        };
        sent += 1;
        match poison.filter(|_| random.random_bool(arguments.poison.0)) {
            Some(poison) => drop(in_hand.spawn(poisoned(poison.clone(), traffic.clone(), permit))),
            None => {
                let plan = traffic.plan(arguments.mix.pick(&mut random), &mut people, &mut random);
                let traffic = traffic.clone();
                in_hand.spawn(async move {
                    traffic.send(plan).await;
                    drop(permit);
                });
            }
        }
        while in_hand.try_join_next().is_some() {}
    }
    // What is not answered by then was promised nothing.
    let _ = tokio::time::timeout(END_MAX, in_hand.join_all()).await;
}

async fn place(places: &Arc<Semaphore>, traffic: &Traffic) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = traffic.stop.cancelled() => None,
        permit = places.clone().acquire_owned() => permit.ok(),
    }
}

async fn poisoned(poison: Arc<Poison>, traffic: Arc<Traffic>, permit: OwnedSemaphorePermit) {
    let published = poison.publish().await;
    let mut tally = traffic.tally();
    match published {
        Ok(()) => tally.poison += 1,
        Err(_) => tally.poison_failed += 1,
    }
    drop(permit);
}
