//! From environment variables to setting keys.

use std::collections::HashMap;

use super::SettingsError;
use crate::camel_case::camel_case;

const PREFIX: &str = "CONTATO__";
const FILE_SUFFIX: &str = "_FILE";

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
            Some(name) => (name, read(&variable, &value)?),
            None => (name, value),
        };
        let key: Vec<_> = name
            .split("__")
            .map(|part| camel_case(&part.to_lowercase()))
            .collect();
        if found.insert(key.join("."), value).is_some() {
            let message = format!("{variable}: set both directly and by a file; keep one");
            return Err(SettingsError::Unreadable(message));
        }
    }
    Ok(found)
}

fn read(variable: &str, path: &str) -> Result<String, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::Unreadable(format!("{variable}: cannot read {path}: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
