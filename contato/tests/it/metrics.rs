//! `docs/metrics.md` against what the three roles tell, in either direction.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
};

use tempfile::TempDir;

use super::{Contato, docs};

/// The roles as the page names them, each with the setting of its management listener.
const ROLES: [(&str, &str); 3] = [
    ("producer-api", "PRODUCER_API"),
    ("consumer-worker", "CONSUMER_WORKER"),
    ("dlq-function", "DLQ_FUNCTION"),
];
const EVERY_ROLE: &str = "all";
/// In place of label values that the page does not list.
const ANY: &str = "any";
/// How the page writes an empty label value.
const EMPTY: &str = "\"\"";

/// Fewer series than this has a role that has just started.
const FRESH_MAX: usize = 220;

/// A metric as a scrape has it, or as the page describes it.
#[derive(Debug, PartialEq, Eq)]
struct Metric {
    kind: String,
    help: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// The metrics of a scrape by name; names of histograms without what follows them in series.
fn scraped(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::new();
    let mut help = String::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').unwrap().1.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (named, kind) = rest.split_once(' ').unwrap();
            name = named.to_owned();
            let metric = Metric {
                kind: kind.to_owned(),
                help: help.clone(),
                labels: BTreeMap::new(),
            };
            assert!(metrics.insert(name.clone(), metric).is_none(), "{name} twice");
        } else {
            let metric: &mut Metric = metrics.get_mut(&name).unwrap();
            for (label, value) in labels(line).filter(|(label, _)| label != "le") {
                metric.labels.entry(label).or_default().insert(value);
            }
        }
    }
    metrics
}

/// The labels of a series. No value of ours has a quote in it.
fn labels(series: &str) -> impl Iterator<Item = (String, String)> {
    let inside = series
        .split_once('{')
        .map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
    inside.split_terminator("\",").map(|pair| {
        let (label, value) = pair.trim_matches(',').split_once("=\"").unwrap();
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    })
}

/// The rows of the page's tables of metrics: name, roles, metric.
fn described(page: &str) -> Vec<(String, Vec<String>, Metric)> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, roles, help] = cells[..] else {
            panic!("{row}");
        };
        let labels = labels.split(';').filter(|label| !label.trim().is_empty());
        let labels = labels.map(|label| {
            let (label, values) = label.split_once(':').unwrap_or_else(|| panic!("{row}"));
            let values = values
                .split(',')
                .map(|value| value.trim().trim_matches('`').to_owned());
            (label.trim().trim_matches('`').to_owned(), values.collect())
        });
        let metric = Metric {
            kind: kind.to_owned(),
            help: help.to_owned(),
            labels: labels.collect(),
        };
        let roles = roles.split(',').map(|role| role.trim().to_owned()).collect();
        (name.trim_matches('`').to_owned(), roles, metric)
    })
    .collect()
}

/// What a role has that the page describes otherwise.
fn faults(described: &Metric, found: &Metric) -> Vec<String> {
    let mut faults = Vec::new();
    if (&described.kind, &described.help) != (&found.kind, &found.help) {
        faults.push(format!("{:?} is {:?}", described, found));
    }
    let names = |metric: &Metric| metric.labels.keys().cloned().collect::<BTreeSet<_>>();
    if names(described) != names(found) {
        faults.push(format!("labels {:?} are {:?}", names(described), names(found)));
    }
    for (label, values) in &found.labels {
        let Some(listed) = described.labels.get(label).filter(|listed| !listed.contains(ANY)) else {
            continue;
        };
        let written = |value: &String| {
            if value.is_empty() {
                EMPTY.to_owned()
            } else {
                value.clone()
            }
        };
        let values: BTreeSet<_> = values.iter().map(written).collect();
        // A histogram has series for what has happened; all others have all of theirs from the start.
        let agree = if found.kind == "histogram" {
            values.is_subset(listed)
        } else {
            values == *listed
        };
        if !agree {
            faults.push(format!("{label}: {listed:?} are {values:?}"));
        }
    }
    faults
}

/// To see it red: take a row away from the page, or a value; or rename a metric in the code.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_metrics_describes_those_that_there_are() {
    let folder = TempDir::new().unwrap();
    // All at once, so that they differ; free again when they are given out.
    let listeners = ROLES.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = listeners.map(|listener| listener.local_addr().unwrap().to_string());
    // What is there only if somebody wants it is on the page, too.
    let canary = [("CONTATO__CANARY__EVERY".to_owned(), "1m".to_owned())];
    let settings: Vec<_> = ROLES
        .iter()
        .zip(&addresses)
        .map(|((_, setting), address)| (format!("CONTATO__{setting}__MANAGEMENT"), address.clone()))
        .chain(canary)
        .collect();
    let contato = Contato::start_with(folder.path(), &settings);
    let page = docs::text(docs::METRICS[0]);
    let described = described(&page);
    let mut wrong = Vec::new();
    for ((role, _), address) in ROLES.into_iter().zip(&addresses) {
        let text = reqwest::get(format!("http://{address}/metrics"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(series < FRESH_MAX, "{role} has {series} series");
        let found = scraped(&text);
        let of_role = |roles: &[String]| roles.iter().any(|named| named == role || named == EVERY_ROLE);
        let of_role: BTreeMap<_, _> = described
            .iter()
            .filter(|(_, roles, _)| of_role(roles))
            .map(|(name, _, metric)| (name, metric))
            .collect();
        for (name, metric) in &found {
            match of_role.get(name) {
                None => wrong.push(format!("{role}: {name} is not on the page: {metric:?}")),
                Some(described) => {
                    wrong.extend(
                        faults(described, metric)
                            .into_iter()
                            .map(|fault| format!("{role}: {name}: {fault}")),
                    );
                }
            }
        }
        wrong.extend(
            of_role
                .keys()
                .filter(|name| !found.contains_key(**name))
                .map(|name| format!("{role} has no {name}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

#[test]
fn both_languages_describe_the_same_metrics() {
    let [english, portuguese] = docs::METRICS.map(|name| {
        let rows = described(&docs::text(name)).into_iter();
        rows.map(|(name, roles, metric)| (name, roles, metric.kind, metric.labels))
            .collect::<Vec<_>>()
    });
    assert!(!english.is_empty());
    assert_eq!(english, portuguese);
}
