//! The resources of the API, as far as this client tells of them. New members of an answer are left alone.

use std::fmt;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Ended, failure::Failure};

/// An import.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ImportView {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) rows: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) outcomes: Outcomes,
    pub(super) refusals: Vec<Refused>,
    pub(super) started_at: Option<String>,
    pub(super) finished_at: Option<String>,
}

/// What became of the commands of an import.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Outcomes {
    pub(super) pending: u64,
    pub(super) applied: u64,
    pub(super) superseded: u64,
    pub(super) rejected: u64,
    pub(super) dead_lettered: u64,
}

/// A row that was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refused {
    line: u64,
    pointer: String,
    code: String,
    detail: String,
}

/// A command.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CommandView {
    pub(super) id: String,
    pub(super) status: String,
    operation: Option<String>,
    pub(super) contact_id: Option<String>,
    accepted_at: Option<String>,
    finished_at: Option<String>,
    attempts: Option<u32>,
    problem: Option<ProblemView>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProblemView {
    title: String,
    detail: String,
}

/// A resource as people are told of it, and as it was answered.
#[derive(Debug)]
pub(super) struct Answered<T> {
    pub(super) view: T,
    pub(super) json: Value,
}

impl<T: DeserializeOwned> Answered<T> {
    pub(super) async fn read(response: reqwest::Response) -> Result<Self, Failure> {
        let json: Value = response.json().await.map_err(|_| Failure::NotUnderstood)?;
        let view = T::deserialize(&json).map_err(|_| Failure::NotUnderstood)?;
        Ok(Self { view, json })
    }
}

impl ImportView {
    /// Whether nothing more will become of it by itself.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "finished" | "interrupted")
    }

    pub(super) fn ended(&self) -> Result<Ended, Failure> {
        let Outcomes {
            rejected,
            dead_lettered,
            ..
        } = self.outcomes;
        match self.status.as_str() {
            "interrupted" => Err(Failure::Interrupted),
            _ if self.refused + rejected + dead_lettered > 0 => Ok(Ended::WithRefusals),
            _ => Ok(Ended::Done),
        }
    }
}

impl CommandView {
    /// Whether nothing more will become of it by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.status != "pending"
    }

    pub(super) fn ended(&self) -> Ended {
        match self.status.as_str() {
            "rejected" | "deadLettered" => Ended::WithRefusals,
            _ => Ended::Done,
        }
    }
}

impl fmt::Display for ImportView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcomes {
            pending,
            applied,
            superseded,
            rejected,
            dead_lettered,
        } = self.outcomes;
        row(f, "import", &self.id)?;
        row(f, "status", &self.status)?;
        row(f, "rows", self.rows)?;
        row(f, "accepted", self.accepted)?;
        row(f, "refused", self.refused)?;
        row(f, "pending", pending)?;
        row(f, "applied", applied)?;
        row(f, "superseded", superseded)?;
        row(f, "rejected", rejected)?;
        row(f, "dead letters", dead_lettered)?;
        optional_row(f, "started", self.started_at.as_ref())?;
        optional_row(f, "finished", self.finished_at.as_ref())?;
        for refused in &self.refusals {
            let Refused {
                line,
                pointer,
                code,
                detail,
            } = refused;
            writeln!(f, "line {line}: {pointer} {code}: {detail}")?;
        }
        if self.refused > self.refusals.len() as u64 {
            writeln!(f, "All refusals: GET /v1/imports/{}/refusals", self.id)?;
        }
        Ok(())
    }
}

impl fmt::Display for CommandView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "command", &self.id)?;
        row(f, "status", &self.status)?;
        optional_row(f, "operation", self.operation.as_ref())?;
        optional_row(f, "contact", self.contact_id.as_ref())?;
        optional_row(f, "accepted", self.accepted_at.as_ref())?;
        optional_row(f, "finished", self.finished_at.as_ref())?;
        optional_row(f, "attempts", self.attempts)?;
        if let Some(ProblemView { title, detail }) = &self.problem {
            row(f, "problem", title)?;
            row(f, "", detail)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<12}  {value}")
}

fn optional_row(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| row(f, name, value))
}
