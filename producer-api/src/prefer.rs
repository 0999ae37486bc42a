//! `Prefer` (RFC 7240): how long a client would wait, and how much it wants to be told.
//!
//! A preference is a wish: what is unknown or malformed is ignored, and the first of several alike counts.

use std::time::Duration;

use actix_web::http::header::HeaderValue;

use shared::http::lists;

/// The longest wait that is honoured, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 30;

/// What `return` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// No representation.
    Minimal,
    /// The representation, as without the preference.
    Representation,
}

/// The preferences of a request that are known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// `wait`, in seconds, at most [`MAX_WAIT_SECONDS`].
    pub wait_seconds: Option<u64>,
    /// `respond-async`.
    pub respond_async: bool,
    /// `return`.
    pub answer: Option<Return>,
}

/// Which preferences an answer honoured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Honoured(Prefer);

/// The first of each preference; the inner value says whether it could be read.
#[derive(Default)]
struct Reading {
    wait: Option<Option<u64>>,
    respond_async: Option<bool>,
    answer: Option<Option<Return>>,
}

impl Reading {
    fn take(&mut self, name: &str, value: &str) {
        match name {
            "wait" => {
                self.wait.get_or_insert_with(|| delta_seconds(value));
            }
            "respond-async" => {
                self.respond_async.get_or_insert(value.is_empty());
            }
            "return" => {
                self.answer.get_or_insert_with(|| return_of(value));
            }
            _ => {}
        }
    }
}

fn return_of(value: &str) -> Option<Return> {
    match value {
        "minimal" => Some(Return::Minimal),
        "representation" => Some(Return::Representation),
        _ => None,
    }
}

impl Prefer {
    /// Reads the header lines.
    pub fn read<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Self {
        let mut read = Reading::default();
        for line in lines.filter_map(|line| line.to_str().ok()) {
            for (name, value) in lists::split(line, ',').filter_map(preference) {
                read.take(&name, &value);
            }
        }
        Self {
            wait_seconds: read.wait.flatten(),
            respond_async: read.respond_async.unwrap_or_default(),
            answer: read.answer.flatten(),
        }
    }

    /// How long to wait, if at all.
    pub fn wait(&self) -> Option<Duration> {
        self.wait_seconds
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs)
    }
}

impl Honoured {
    /// With the wait of these preferences.
    pub fn waited(mut self, prefer: Prefer) -> Self {
        self.0.wait_seconds = prefer.wait_seconds;
        self
    }

    /// With their `respond-async`.
    pub fn answered_async(mut self, prefer: Prefer) -> Self {
        self.0.respond_async = prefer.respond_async;
        self
    }

    /// With a `return`.
    pub fn returned(mut self, answer: Option<Return>) -> Self {
        self.0.answer = answer;
        self
    }

    /// `Preference-Applied`; `None` if no preference was honoured.
    pub fn header(&self) -> Option<String> {
        let mut applied = Vec::new();
        if self.0.respond_async {
            applied.push("respond-async".to_owned());
        }
        if let Some(seconds) = self.0.wait_seconds {
            applied.push(format!("wait={seconds}"));
        }
        match self.0.answer {
            Some(Return::Minimal) => applied.push("return=minimal".to_owned()),
            Some(Return::Representation) => applied.push("return=representation".to_owned()),
            None => {}
        }
        (!applied.is_empty()).then(|| applied.join(", "))
    }
}

/// The name in lower case and the value (empty if there is none) of one preference; its parameters do not matter here.
fn preference(element: &str) -> Option<(String, String)> {
    let first = lists::split(element, ';').next()?;
    let (name, value) = match first.split_once('=') {
        Some((name, value)) => (name.trim(), lists::word(value.trim())?),
        None => (first, String::new()),
    };
    lists::is_token(name).then(|| (name.to_ascii_lowercase(), value))
}

/// `delta-seconds` (RFC 9111 section 1.2.2); a greater number than can be held is the greatest.
fn delta_seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX).min(MAX_WAIT_SECONDS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Prefer {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| HeaderValue::from_bytes(line.as_bytes()).unwrap())
            .collect();
        Prefer::read(lines.iter())
    }

    #[test]
    fn known_preferences_are_read_in_every_form() {
        let wait = |seconds| Prefer {
            wait_seconds: Some(seconds),
            ..Prefer::default()
        };
        assert_eq!(read(&["wait=5"]), wait(5));
        assert_eq!(read(&["Wait = \"5\"; foo=bar"]), wait(5));
        assert_eq!(read(&["wait=99999999999999999999999"]), wait(MAX_WAIT_SECONDS));
        assert_eq!(read(&["wait=5, wait=7"]), wait(5));
        assert_eq!(
            read(&["respond-async, return=minimal", "wait=3"]),
            Prefer {
                wait_seconds: Some(3),
                respond_async: true,
                answer: Some(Return::Minimal)
            }
        );
    }

    #[test]
    fn what_is_unknown_or_malformed_is_ignored() {
        for text in [
            "",
            ",,",
            "wait",
            "wait=",
            "wait=-1",
            "wait=1.5",
            "wait=x",
            "wait=\"5",
            "return=maximal",
            "respond-async=yes",
            "handling=lenient",
            "=5",
            "wa it=5",
            "\u{e9}=1",
        ] {
            assert_eq!(read(&[text]), Prefer::default(), "{text}");
        }
        assert_eq!(read(&["wait=x, return=minimal"]).answer, Some(Return::Minimal));
        assert_eq!(read(&["wait=x, wait=3"]), Prefer::default());
        assert!(read(&["foo=\"a,wait=3\", bar"]).wait_seconds.is_none());
    }

    #[test]
    fn no_wait_is_no_wait() {
        assert_eq!(read(&["wait=0"]).wait(), None);
    }

    proptest! {
        #[test]
        fn anything_is_read(text in "[ -~]{0,60}") {
            let prefer = read(&[&text]);
            prop_assert!(prefer.wait_seconds.unwrap_or_default() <= MAX_WAIT_SECONDS);
        }

        #[test]
        fn what_is_applied_reads_back(wait in proptest::option::of(0..=MAX_WAIT_SECONDS), respond_async: bool, minimal: bool) {
            let answer = Some(if minimal { Return::Minimal } else { Return::Representation });
            let prefer = Prefer { wait_seconds: wait, respond_async, answer };
            let header = Honoured::default().waited(prefer).answered_async(prefer).returned(answer).header();
            prop_assert_eq!(read(&[&header.unwrap()]), prefer);
        }
    }
}
