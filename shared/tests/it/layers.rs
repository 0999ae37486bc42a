//! Who may know whom. The `use` lines are read and held against the arrows of `ARCHITECTURE.md`, section 2.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each module of `shared` and the modules that it may use.
const ARROWS: [(&str, &[&str]); 22] = [
    ("domain", &[]),
    ("camel_case", &[]),
    ("clock", &[]),
    ("files", &[]),
    ("intent", &[]),
    ("knock", &[]),
    ("metrics", &[]),
    ("service", &[]),
    ("tls", &[]),
    ("planned_fault", &["domain"]),
    ("wire", &["domain"]),
    (
        "broker",
        &["files", "intent", "knock", "metrics", "service", "tls", "wire"],
    ),
    ("traces", &["broker", "wire"]),
    ("runtime", &["traces"]),
    ("payload_keys", &["wire"]),
    (
        "store",
        &[
            "clock",
            "domain",
            "intent",
            "knock",
            "metrics",
            "payload_keys",
            "planned_fault",
            "service",
            "tls",
            "traces",
            "wire",
        ],
    ),
    (
        "settings",
        &["broker", "camel_case", "domain", "payload_keys", "tls", "wire"],
    ),
    ("logs", &["settings", "traces"]),
    ("management", &["http", "metrics"]),
    (
        "http",
        &[
            "broker",
            "camel_case",
            "domain",
            "files",
            "metrics",
            "runtime",
            "settings",
            "store",
            "traces",
            "wire",
        ],
    ),
    (
        "role",
        &[
            "broker",
            "clock",
            "domain",
            "files",
            "logs",
            "management",
            "metrics",
            "payload_keys",
            "planned_fault",
            "runtime",
            "settings",
            "store",
            "traces",
        ],
    ),
    ("lib", &[]),
];

/// Words in a line of the domain that would be IO, a clock or chance.
const IMPURE: [&str; 7] = [
    "tokio",
    "std::fs",
    "std::net",
    "Utc::now",
    "SystemTime",
    "Instant",
    "rand::",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file: no comments, no unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules that follow `crate::` in a text, also in a group of braces.
fn used(code: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if !rest.starts_with('{') {
            found.insert(word(rest));
            continue;
        }
        let (mut depth, mut begins) = (0, false);
        for (at, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if begins && c.is_alphabetic() => {
                    found.insert(word(&rest[at..]));
                    begins = false;
                }
                _ => {}
            }
            begins |= depth == 1 && matches!(c, '{' | ',');
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn arrows_inside_shared_point_one_way() {
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = BTreeMap::<_, BTreeSet<_>>::new();
    for path in sources(&root) {
        let place = path.strip_prefix(&root).unwrap();
        let module = place
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        let allowed = arrows
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{module} has no arrows yet"));
        let seen = seen.entry(module.clone()).or_default();
        for other in used(&code(&path)) {
            if other == module || !arrows.contains_key(other.as_str()) {
                continue;
            }
            let fine = allowed.contains(&other.as_str());
            assert!(fine, "{} must not use {other}", place.display());
            seen.insert(other);
        }
    }
    assert_eq!(seen.len(), ARROWS.len(), "arrows of modules that are gone");
    for (module, allowed) in ARROWS {
        for other in allowed {
            assert!(
                seen[module].contains(*other),
                "{module} does not use {other} any more"
            );
        }
    }
}

#[test]
fn the_domain_does_no_io_and_is_given_time_and_chance() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain");
    for path in sources(&root) {
        let code = code(&path);
        for word in IMPURE {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn services_do_not_depend_on_each_other() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let services = ["producer-api", "consumer-worker", "dlq-function"];
    for service in services {
        let manifest = fs::read_to_string(workspace.join(service).join("Cargo.toml")).unwrap();
        // Tests may run several together.
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for other in services.iter().filter(|other| **other != service) {
            assert!(
                !dependencies.contains(&format!("{other} =")),
                "{service} depends on {other}"
            );
        }
        assert!(
            !dependencies.contains("contato ="),
            "{service} depends on contato"
        );
    }
}
