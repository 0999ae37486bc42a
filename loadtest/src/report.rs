//! What was measured: each figure's median with the smallest and the largest, and what is asked of them.

use std::fmt;

use serde_json::{Value, json};

/// The most memory a role may take, in MiB.
const MEMORY_MAX_MIB: f64 = 64.0;
/// What accepted-to-applied reaches of the broker alone, at least.
const HTTP_MIN: f64 = 0.6;
/// What the drain reaches of COPY, at least.
const DRAIN_MIN: f64 = 0.3;

/// Figures in the order in which they first came.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
}

#[derive(Debug)]
struct Figure {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
}

impl Report {
    pub const RAW: &str = "(a) publish + consume, best";
    pub const DRAIN: &str = "(c) drain of queued creates";
    pub const COPY: &str = "(d) COPY";
    pub const INSERT: &str = "(d) INSERT of 500 rows";
    pub const IMPORT: &str = "(g) rows imported";
    pub const READS: &str = "(e) GET /v1/contacts/{id}";
    pub const PGBENCH: &str = "(e) pgbench -S -M prepared";

    pub fn applied(connections: usize) -> String {
        format!("(b) accepted to applied, {connections} connections")
    }

    /// Notes a value, and shows it.
    pub fn add(&mut self, name: &str, unit: &'static str, value: f64) {
        println!("  {name:<50} {value:>10.1} {unit}");
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure {
                name: name.to_owned(),
                unit,
                values: vec![value],
            }),
        }
    }

    /// Notes a role's largest memory.
    pub fn memory(&mut self, role: &str, mib: f64) {
        self.add(&format!("memory of {role}, peak"), "MiB", mib);
    }

    fn median(&self, name: &str) -> Option<f64> {
        Some(self.figures.iter().find(|figure| figure.name == name)?.median())
    }

    /// What is asked of the figures that were measured: what, value, whether it holds.
    fn goals(&self) -> Vec<(String, f64, bool)> {
        let mut goals = Vec::new();
        let mut ratio = |what: &str, part: Option<f64>, whole: Option<f64>, least: f64| {
            if let (Some(part), Some(whole)) = (part, whole) {
                goals.push((format!("{what} >= {least}"), part / whole, part / whole >= least));
            }
        };
        for connections in [64, 256] {
            let applied = self.median(&Self::applied(connections));
            ratio(
                &format!("(b) / (a) at {connections} connections"),
                applied,
                self.median(Self::RAW),
                HTTP_MIN,
            );
        }
        ratio(
            "(c) / (d) COPY",
            self.median(Self::DRAIN),
            self.median(Self::COPY),
            DRAIN_MIN,
        );
        for figure in &self.figures {
            if figure.name.starts_with("memory") {
                let most = figure.values.iter().copied().fold(0.0, f64::max);
                goals.push((
                    format!("{} <= {MEMORY_MAX_MIB} MiB", figure.name),
                    most,
                    most <= MEMORY_MAX_MIB,
                ));
            }
        }
        goals
    }

    pub fn to_json(&self) -> Value {
        let figures = self
            .figures
            .iter()
            .map(|figure| json!({ "name": figure.name, "unit": figure.unit, "values": figure.values }));
        let goals = self.goals();
        let goals = goals
            .iter()
            .map(|(what, value, holds)| json!({ "goal": what, "value": value, "holds": holds }));
        json!({ "figures": figures.collect::<Vec<_>>(), "goals": goals.collect::<Vec<_>>() })
    }
}

impl Figure {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted[sorted.len() / 2]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "\n| what | median | smallest | largest | |\n|---|---:|---:|---:|---|"
        )?;
        for figure in &self.figures {
            let sorted = figure.sorted();
            let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
            let digits = usize::from(figure.median() < 1000.0);
            writeln!(
                formatter,
                "| {} | {:.digits$} | {least:.digits$} | {most:.digits$} | {} |",
                figure.name,
                figure.median(),
                figure.unit
            )?;
        }
        writeln!(formatter, "\n| asked | found | |\n|---|---:|---|")?;
        for (what, value, holds) in self.goals() {
            writeln!(
                formatter,
                "| {what} | {value:.2} | {} |",
                if holds { "holds" } else { "**does not hold**" }
            )?;
        }
        Ok(())
    }
}
