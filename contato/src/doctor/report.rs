//! What was found, a line each.

use std::process::ExitCode;

/// Prints findings as they come, and counts them.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) wrong: usize,
    pub(super) warnings: usize,
}

impl Report {
    /// Something is as it should be.
    pub(super) fn fine(&mut self, what: &str, text: impl AsRef<str>) {
        line("ok", what, text.as_ref());
    }

    /// Something works, and should be otherwise.
    pub(super) fn warns(&mut self, what: &str, text: impl AsRef<str>, mend: &str) {
        self.warnings += 1;
        line("warn", what, text.as_ref());
        advice(mend);
    }

    /// Something is wrong.
    pub(super) fn fails(&mut self, what: &str, text: impl AsRef<str>, mend: &str) {
        self.wrong += 1;
        line("WRONG", what, text.as_ref());
        advice(mend);
    }

    /// The last line, and the exit code.
    pub(super) fn end(self) -> ExitCode {
        match (self.wrong, self.warnings) {
            (0, 0) => println!("Nothing is wrong."),
            (wrong, warnings) => println!("Wrong: {wrong}. Warnings: {warnings}."),
        }
        if self.wrong == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn line(state: &str, what: &str, text: &str) {
    println!("{state:5}  {what:9} {text}");
}

fn advice(mend: &str) {
    println!("{:16} to mend it: {mend}", "");
}
