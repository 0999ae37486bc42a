//! What was answered, a line each, or JSON.

use std::{process::ExitCode, time::Duration};

use serde_json::{Value, json};

use super::Face;

/// What a face has answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    face: Face,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Up(Asked),
    Down(Asked),
    NotAsked,
}

/// A question that was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Where, without a password.
    pub(super) place: String,
    /// How long the answer took, or was waited for.
    pub(super) took: Duration,
    /// What was answered, or what is wrong.
    pub(super) text: String,
}

impl Answer {
    pub(super) fn up(face: Face, asked: Asked) -> Self {
        let state = State::Up(asked);
        Self { face, state }
    }

    pub(super) fn down(face: Face, asked: Asked) -> Self {
        let state = State::Down(asked);
        Self { face, state }
    }

    pub(super) fn not_asked(face: Face) -> Self {
        let state = State::NotAsked;
        Self { face, state }
    }

    fn asked(&self) -> Option<&Asked> {
        match &self.state {
            State::Up(asked) | State::Down(asked) => Some(asked),
            State::NotAsked => None,
        }
    }

    fn line(&self) -> String {
        let name = self.face.name();
        let state = match self.state {
            State::Up(_) => "up",
            State::Down(_) => "DOWN",
            State::NotAsked => "not asked",
        };
        let text = match self.asked() {
            Some(Asked { place, took, text }) => {
                format!(
                    "{state:9}  {name:15}  {:>5} ms  {place}: {text}",
                    took.as_millis()
                )
            }
            None => format!("{state:9}  {name}"),
        };
        // What a server says may have lines.
        text.replace(['\r', '\n'], " ")
    }

    fn json(&self) -> Value {
        let state = match self.state {
            State::Up(_) => "up",
            State::Down(_) => "down",
            State::NotAsked => "notAsked",
        };
        let mut face = json!({ "face": self.face.name(), "state": state });
        if let Some(Asked { place, took, text }) = self.asked() {
            face["place"] = json!(place);
            face["milliseconds"] = json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            face["text"] = json!(text);
        }
        face
    }
}

/// Prints all, and gives the exit code.
pub(super) fn tell(answers: &[Answer], as_json: bool) -> ExitCode {
    let asked = answers.iter().filter(|answer| answer.asked().is_some()).count();
    let down = answers
        .iter()
        .filter(|answer| matches!(answer.state, State::Down(_)))
        .count();
    if as_json {
        let faces: Vec<_> = answers.iter().map(Answer::json).collect();
        println!("{:#}", json!({ "up": down == 0, "faces": faces }));
    } else {
        for answer in answers {
            println!("{}", answer.line());
        }
        match down {
            0 => println!("All {asked} that were asked are up."),
            _ => println!("Down: {down} of {asked} that were asked."),
        }
    }
    if down == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
