//! JSON for people: indented, and nothing of it changed.

use serde_json::Value;

/// JSON that was masked, as it is shown; `None` if there is none.
pub(super) fn shown(masked: Option<&Value>) -> Option<String> {
    serde_json::to_string_pretty(masked?).ok()
}

/// JSON with a line for each member; `None` if it is no JSON. Only blanks between values change: what a parser would bring
/// into another form, such as a member that is there twice, shows as it came.
pub(super) fn indented(text: &str) -> Option<String> {
    // Also bounds how deep it is.
    serde_json::from_str::<Value>(text).ok()?;
    let mut shown = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_text, mut escaped, mut opened) = (0, false, false, false);
    for c in text.chars() {
        if in_text {
            shown.push(c);
            in_text = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth -= 1;
        }
        if opened != closes {
            line(&mut shown, depth);
        }
        opened = matches!(c, '{' | '[');
        shown.push(c);
        match c {
            '{' | '[' => depth += 1,
            ',' => line(&mut shown, depth),
            ':' => shown.push(' '),
            '"' => in_text = true,
            _ => {}
        }
    }
    Some(shown)
}

fn line(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_change() {
        let text = r#"{"a" :1.50,"a":"{[\\\",:", "b":[ ],"c":{},"d":[1,{"e":null}]}"#;
        let shown = "{\n  \"a\": 1.50,\n  \"a\": \"{[\\\\\\\",:\",\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n    1,\n    {\n      \"e\": null\n    }\n  ]\n}";
        assert_eq!(indented(text).unwrap(), shown);
        assert_eq!(indented(shown).unwrap(), shown);
        assert_eq!(indented("\"a b\"").unwrap(), "\"a b\"");
    }

    #[test]
    fn what_is_no_json_or_nested_without_end_is_not_indented() {
        assert_eq!(indented("{"), None);
        assert_eq!(indented(&"[".repeat(30_000)), None);
        assert_eq!(
            indented(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
            None
        );
    }
}
