//! The parts of header values (RFC 9110 section 5.6): lists, tokens, quoted strings.

/// Splits at a separator that stands outside of quoted strings; elements are trimmed, empty ones left out.
pub fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        if quoted {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => {}
            }
            return false;
        }
        quoted = c == '"';
        c == separator
    })
    .map(str::trim)
    .filter(|element| !element.is_empty())
}

/// Whether a text is a token.
pub fn is_token(text: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(tchar)
}

/// What a token or a quoted string says.
pub fn word(text: &str) -> Option<String> {
    if is_token(text) {
        return Some(text.to_owned());
    }
    quoted(text)
}

/// What a quoted string says.
pub fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?;
    let mut said = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => said.push(letters.next()?),
            '"' => return letters.as_str().is_empty().then_some(said),
            _ => said.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_quotes_do_not_split() {
        let elements: Vec<_> = split(r#" a , "b,\",c" ,, d"#, ',').collect();
        assert_eq!(elements, ["a", r#""b,\",c""#, "d"]);
    }

    #[test]
    fn quoted_strings_are_unescaped_and_must_end() {
        assert_eq!(quoted(r#""a\"b""#).as_deref(), Some("a\"b"));
        for text in [r#""a"#, r#""a\"#, r#""a"b"#, "a", ""] {
            assert_eq!(quoted(text), None, "{text}");
        }
    }
}
