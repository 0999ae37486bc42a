//! Times and durations on pages. Times are written in UTC; a script turns them into the reader's zone, and UTC into the title.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::language::Language;

/// A time as an element of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(DateTime<Utc>);

/// A time as an element of a page.
pub(crate) fn utc(time: DateTime<Utc>) -> Time {
    Time(time)
}

/// A time as views have it (RFC 3339); `None` if it is none.
pub(crate) fn of_view(text: &str) -> Option<Time> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(utc(time.with_timezone(&Utc)))
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.0.to_rfc3339_opts(SecondsFormat::Millis, true);
        let human = self.0.format("%Y-%m-%d %H:%M:%S");
        write!(f, r#"<time datetime="{machine}">{human} UTC</time>"#)
    }
}

/// Made of digits and mark-up of ours alone.
impl askama::filters::HtmlSafe for Time {}

impl Language {
    /// A duration in its two largest units, rounded down, such as `2 h 5 min`. Units are those of both languages.
    pub(crate) fn duration(self, duration: TimeDelta) -> String {
        let seconds = duration.num_seconds().max(0);
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
        let day = self.counted(
            days.unsigned_abs(),
            self.either("day", "dia"),
            self.either("days", "dias"),
        );
        match (days, hours, minutes) {
            (0, 0, 0) => format!("{seconds} s"),
            (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
            (0, _, _) => format!("{hours} h {} min", minutes % 60),
            (_, _, _) => format!("{days} {day} {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_for_people_and_for_programs() {
        let time = of_view("2026-11-25T17:43:42.874-03:00").unwrap();
        assert_eq!(
            time.to_string(),
            r#"<time datetime="2026-11-25T20:43:42.874Z">2026-11-25 20:43:42 UTC</time>"#
        );
        assert!(of_view("<b>").is_none());
    }

    #[test]
    fn durations_have_two_units() {
        let (english, portuguese) = (Language::English, Language::Portuguese);
        for (seconds, told) in [(-5, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (7_500, "2 h 5 min")] {
            assert_eq!(english.duration(TimeDelta::seconds(seconds)), told);
        }
        let day = TimeDelta::seconds(86_400 + 3_600);
        assert_eq!(english.duration(day), "1 day 1 h");
        assert_eq!(portuguese.duration(day * 2), "2 dias 2 h");
    }
}
