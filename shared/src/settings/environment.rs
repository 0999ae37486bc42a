//! From environment variables to setting keys.

use std::collections::HashMap;

use super::SettingsError;
use crate::camel_case::camel_case;

const PREFIX: &str = "CONTATO__";
const FILE_SUFFIX: &str = "_FILE";
/// The settings whose own names end so: what they name is not read for its text.
const NAMES_OF_FILES: [&str; 2] = ["BROKER__CA_FILE", "STORE__CA_FILE"];

/// The settings in an environment: `CONTATO__SECTION__KEY` is `section.key`, and what ends in `_FILE` is read from a file,
/// its last line break dropped.
pub(super) fn settings(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<HashMap<String, String>, SettingsError> {
    let mut found = HashMap::new();
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let (name, value) = match name.strip_suffix(FILE_SUFFIX) {
            Some(text_of) if !NAMES_OF_FILES.contains(&name) => (text_of, read(&variable, &value)?),
            Some(_) | None => (name, value),
        };
        if found.insert(key(name), value).is_some() {
            let message = format!("{variable}: set both directly and by a file; keep one");
            return Err(SettingsError::Unreadable(message));
        }
    }
    Ok(found)
}

fn key(name: &str) -> String {
    let parts: Vec<_> = name
        .split("__")
        .map(|part| camel_case(&part.to_lowercase()))
        .collect();
    parts.join(".")
}

fn read(variable: &str, path: &str) -> Result<String, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::Unreadable(format!("{variable}: cannot read {path}: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// What ends in `_FILE` is read for its text, unless it is one of these.
    #[test]
    fn every_setting_that_names_a_file_can_be_set_by_a_variable() {
        let settings: serde_json::Value =
            serde_json::from_str(&Settings::default().to_masked_json()).unwrap();
        let mut named: Vec<_> = settings
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(section, keys)| {
                let keys = keys.as_object().unwrap().keys();
                keys.filter(|key| key.ends_with("File"))
                    .map(move |key| format!("{section}.{key}"))
            })
            .collect();
        named.sort();
        let listed = NAMES_OF_FILES.map(key);
        assert_eq!(named, listed);
    }
}
