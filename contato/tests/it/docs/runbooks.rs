//! The runbooks (`docs/runbooks`): a page for each alert, which somebody reads at night and types from.
//!
//! **Invariant:** what the pages say of alerts, and type of contato's own commands, is what rules and programs know. What they
//! type of others (kubectl, rabbitmqctl, SQL) is not tried here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use super::{assert_links_lead_somewhere, build_dlq_function, page, with_contato};

const FOLDER: &str = "docs/runbooks";
const INDEX: [&str; 2] = ["README.md", "README.pt-BR.md"];
const RULES: &str = "helm/contato/files/rules";
/// What the name of a Portuguese page ends with.
const PORTUGUESE: &str = ".pt-BR.md";
/// The parts of a page, in order.
const SECTIONS: [[&str; 2]; 6] = [
    ["What it means", "O que significa"],
    ["How urgent", "Qual a urgência"],
    ["Look", "Olhe"],
    ["Likely causes and what to do", "Causas prováveis e o que fazer"],
    ["Afterwards", "Depois"],
    ["Related", "Relacionados"],
];
/// What the line below the title begins with.
const SEVERITY: [&str; 2] = ["Severity: ", "Severidade: "];
/// As many lines as somebody reads who was just woken.
const LINES_MAX: usize = 80;

/// The pages of an alert, English first.
fn pages_of(alert: &str) -> [String; 2] {
    [format!("{alert}.md"), format!("{alert}{PORTUGUESE}")]
}

fn text(name: &str) -> String {
    page::text(&format!("{FOLDER}/{name}"))
}

/// The pages that there are, but for the index.
fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(page::path(FOLDER)).expect(FOLDER);
    let names = entries.map(|entry| entry.expect(FOLDER).file_name().into_string().expect("UTF-8"));
    names.filter(|name| !INDEX.contains(&name.as_str())).collect()
}

/// The alerts of the rules, each with its severities: one may be a page for all of a role and a ticket for one process.
fn alerts() -> BTreeMap<String, BTreeSet<String>> {
    let mut alerts = BTreeMap::<_, BTreeSet<_>>::new();
    for entry in fs::read_dir(page::path(RULES)).expect(RULES) {
        let rules = fs::read_to_string(entry.expect(RULES).path()).expect("text");
        for rule in rules.split("- alert: ").skip(1) {
            let alert = rule.lines().next().unwrap_or_default().trim();
            let severity = rule
                .lines()
                .find_map(|line| line.trim().strip_prefix("severity: "))
                .unwrap_or_else(|| panic!("{alert} has no severity"));
            let severities = alerts.entry(alert.to_owned()).or_default();
            severities.insert(severity.trim().to_owned());
        }
    }
    alerts
}

/// The words in bold of a line.
fn bold(line: &str) -> BTreeSet<String> {
    line.split("**").skip(1).step_by(2).map(str::to_owned).collect()
}

/// To see it red: rename an alert, or take a page away.
#[test]
fn each_alert_has_its_pages_and_each_page_its_alert() {
    let expected: BTreeSet<_> = alerts().keys().flat_map(|alert| pages_of(alert)).collect();
    assert_eq!(pages(), expected);
}

/// To see it red: change a heading, or the severity of a rule.
#[test]
fn each_page_has_the_severity_and_the_parts_that_it_should() {
    for (alert, severities) in alerts() {
        for (language, name) in pages_of(&alert).iter().enumerate() {
            let text = text(name);
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some(format!("# {alert}").as_str()), "{name}");
            let head = lines.find(|line| !line.is_empty()).unwrap_or_default();
            let head = head
                .strip_prefix(SEVERITY[language])
                .unwrap_or_else(|| panic!("{name}: {head}"));
            let told = head.split('.').next().unwrap_or_default();
            assert_eq!(bold(told), severities, "{name}");
            let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
            let expected = SECTIONS.map(|section| section[language]);
            assert!(headings.eq(expected), "{name}: its parts");
            assert!(
                text.lines().count() <= LINES_MAX,
                "{name} is too long for a night"
            );
        }
    }
}

/// To see it red: take a row out, or change its severity.
#[test]
fn the_index_has_every_alert() {
    for (language, index) in INDEX.into_iter().enumerate() {
        let text = text(index);
        for (alert, severities) in alerts() {
            let severities = Vec::from_iter(severities).join(", ");
            let row = format!("\n| [{alert}]({}) | {severities} | ", pages_of(&alert)[language]);
            assert!(text.contains(&row), "{index}: {row}");
        }
    }
}

/// To see it red: change a letter of a command in one of the pages.
#[test]
fn both_languages_type_the_same() {
    let both = alerts().into_keys().map(|alert| pages_of(&alert));
    for [english, portuguese] in both.chain([INDEX.map(str::to_owned)]) {
        let typed = |name: &str| -> Vec<_> {
            let blocks = page::blocks(&text(name)).into_iter();
            blocks.map(|block| (block.language, block.lines)).collect()
        };
        let (ours, theirs) = (typed(&english), typed(&portuguese));
        assert!(!ours.is_empty(), "{english} has nothing to type");
        assert_eq!(ours, theirs, "{english}, {portuguese}");
    }
}

/// To see it red: change a link.
#[test]
fn links_of_runbooks_lead_somewhere() {
    for name in pages().iter().map(String::as_str).chain(INDEX) {
        assert_links_lead_somewhere(&format!("{FOLDER}/{name}"));
    }
}

/// The commands of contato that a page types, in blocks and within its text; there, words in capitals stand for what the
/// reader fills in.
fn own_commands(text: &str) -> Vec<String> {
    let blocks = page::blocks(text).into_iter().flat_map(|block| block.lines);
    let within = text.lines().filter(|line| !line.starts_with("```"));
    let within = within.flat_map(|line| line.split('`').skip(1).step_by(2));
    let within = within.map(|command| command.replace(" ID", " $ID").replace(" GROUP", " $GROUP"));
    let own = |command: &String| command.starts_with("dlq-function ") || command.starts_with("contato ");
    blocks.chain(within).filter(own).collect()
}

/// Each is typed with `--help` behind it: whatever stands before that is understood, or it is an error.
///
/// To see it red: misspell an option in a page.
#[test]
fn contatos_own_commands_are_understood() {
    build_dlq_function();
    let mut tried = 0;
    for name in pages() {
        for command in own_commands(&text(&name)) {
            let helped = Command::new("bash")
                .args(["--norc", "-c", &format!("{command} --help")])
                .env("PATH", with_contato())
                .env("api", "http://127.0.0.1:8080")
                .env("ID", "01a21473-2f98-70f3-a15c-af5ee0e76321")
                .env("GROUP", "34f094428c0843a7f8a2df39cbcd4de0")
                .output()
                .expect("bash is there");
            let said = String::from_utf8_lossy(&helped.stderr);
            assert!(helped.status.success(), "{name}: {command}\n{said}");
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried} commands were found");
}
