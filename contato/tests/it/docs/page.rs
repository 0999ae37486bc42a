//! A page as its reader meets it: blocks of commands with what they print, and the table of codes.
//!
//! **Invariant:** what is in a block and not understood is an error of the page, never left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// What follows the fence: `console` for commands with what they print, `sh` for commands alone.
    pub language: String,
    /// The line of the page that the fence stands on, from 1.
    pub line: usize,
    /// What is in it.
    pub lines: Vec<String>,
}

/// A command and what it prints.
#[derive(Debug)]
pub struct Example {
    /// The line of the page.
    pub line: usize,
    /// What is typed.
    pub command: String,
    /// What is shown of the answer.
    pub shown: String,
}

/// Where a page is that is named from the top of the repository.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The text of a page.
pub fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The blocks of a page in order.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.to_owned(),
                    line: index + 1,
                    lines: Vec::new(),
                });
            }
            (Some(rest), Some(_)) => {
                assert_eq!(rest, "", "line {}: a fence in a block", index + 1);
                blocks.extend(open.take());
            }
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => assert!(
                !line.trim_start().starts_with("```"),
                "line {}: a fence must start its line",
                index + 1
            ),
        }
    }
    assert_eq!(open, None, "the last block is not closed");
    blocks
}

/// The examples of the blocks that are `console`.
pub fn examples(blocks: &[Block]) -> Vec<Example> {
    let console = blocks.iter().filter(|block| block.language == "console");
    console.flat_map(examples_of).collect()
}

fn examples_of(block: &Block) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    // Whether the line before was a command that goes on.
    let mut goes_on = false;
    for (line, text) in (block.line + 1..).zip(&block.lines) {
        let command = text.strip_prefix("$ ");
        match (command, examples.last_mut()) {
            (None, None) => panic!("line {line}: a console block starts with a command"),
            (None, Some(last)) if goes_on => {
                last.command.push('\n');
                last.command.push_str(text);
            }
            (None, Some(last)) => {
                last.shown.push_str(text);
                last.shown.push('\n');
            }
            (Some(_), _) if goes_on => panic!("line {line}: the command before is not complete"),
            (Some(command), _) => examples.push(Example {
                line,
                command: command.to_owned(),
                shown: String::new(),
            }),
        }
        goes_on = (goes_on || command.is_some()) && text.ends_with('\\');
    }
    assert!(!goes_on, "line {}: the last command is not complete", block.line);
    examples
}

/// The settings that the blocks that are `sh` give to `cargo run`, which is all that such a block may do.
pub fn settings(blocks: &[Block]) -> Vec<(String, String)> {
    let typed = blocks.iter().filter(|block| block.language == "sh");
    let lines = typed.flat_map(|block| block.lines.iter());
    lines.flat_map(|line| settings_of(line)).collect()
}

fn settings_of(line: &str) -> Vec<(String, String)> {
    let variables = line
        .strip_suffix("cargo run")
        .unwrap_or_else(|| panic!("not understood: {line}"));
    let variable = |word: &str| {
        let (name, value) = word
            .split_once('=')
            .unwrap_or_else(|| panic!("not understood: {line}"));
        (name.to_owned(), value.to_owned())
    };
    variables.split_whitespace().map(variable).collect()
}

/// The rows of tables whose first cell is one code and whose second is a status.
pub fn codes(text: &str) -> Vec<(String, u16)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let code = cells.next()?.strip_suffix('`')?;
        Some((code.to_owned(), cells.next()?.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

/// The numbers that the second cells of a section's table begin with.
pub fn numbers(text: &str, heading: &str) -> Vec<usize> {
    let section = text.split(&format!("\n{heading}\n")).nth(1).expect(heading);
    let section = section.split("\n#").next().unwrap_or_default();
    let number = |line: &str| {
        let cell = line.strip_prefix("| ")?.split(" | ").nth(1)?;
        // English has a comma between thousands, Portuguese a point.
        cell.split(' ').next()?.replace([',', '.'], "").parse().ok()
    };
    section.lines().filter_map(number).collect()
}

/// The targets of the links of a page.
pub fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchors of a page's headings, as GitHub makes them.
pub fn anchors(text: &str) -> Vec<String> {
    let kept = |c: char| c.is_alphanumeric() || c == ' ' || c == '-';
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        words
            .chars()
            .filter(|c| kept(*c))
            .collect::<String>()
            .replace(' ', "-")
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(anchor).collect()
}
