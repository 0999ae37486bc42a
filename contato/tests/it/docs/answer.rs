//! What a page shows beside what was printed: the status, the headers that are shown, the body.
//!
//! Ids, also of keys, entity tags, stamps, times, cursors and what is left of a rate differ each time and are compared by their form.
//! **Invariant:** an id or entity tag that a page shows twice must come twice, and two that differ must differ.

use serde_json::Value;

/// The forms of what differs each time: `h` is a hexadecimal digit, `9` a digit, anything else stands for itself.
const NAMED_FORMS: [(&str, &str); 4] = [
    ("id", "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"),
    ("tag", "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"),
    ("stamp", "hhhhhhhhhhhhhhhh"),
    ("key", "hhhhhhhh"),
];
const TIME_FORMS: [&str; 2] = ["9999-99-99T99:99:99.999Z", "99999999T999999Z"];
/// The numbers of `RateLimit` that change from answer to answer.
const RATE_NUMBERS: [&str; 2] = [";r=", ";t="];
/// A word of base64url at least this long is a cursor.
const MIN_CURSOR_CHARS: usize = 50;

/// The ids and entity tags that one side has had, in the order in which they came.
#[derive(Debug, Default)]
pub struct Names(Vec<String>);

/// Both sides in one form, equal if the page is right.
pub fn both(
    shown: &str,
    printed: &str,
    of_page: &mut Names,
    of_run: &mut Names,
) -> (Vec<String>, Vec<String>) {
    let (shown_head, shown_body) = parts(shown);
    let (printed_head, printed_body) = parts(printed);
    let named: Vec<_> = shown_head.iter().skip(1).map(|line| name_of(line)).collect();
    let mut page = vec![shown_head.first().copied().unwrap_or_default().to_owned()];
    let mut run = vec![printed_head.first().copied().unwrap_or_default().to_owned()];
    for (line, name) in shown_head.iter().skip(1).zip(named) {
        page.push(of_page.form(line));
        let found = printed_head.iter().skip(1).find(|line| name_of(line) == name);
        run.push(match found {
            Some(line) => of_run.form(line),
            None => format!("no header {name}"),
        });
    }
    page.push(of_page.form(&one_form(shown_body)));
    run.push(of_run.form(&one_form(printed_body)));
    (page, run)
}

/// The lines of the head, and the body; without `curl -i` all is body.
fn parts(text: &str) -> (Vec<&str>, &str) {
    if !text.starts_with("HTTP/") {
        return (Vec::new(), text);
    }
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    (head.lines().map(str::trim_end).collect(), body)
}

fn name_of(header: &str) -> &str {
    header.split(':').next().unwrap_or_default()
}

/// JSON in one line, wherever a page breaks it; other text as it is, but for its end.
fn one_form(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(value) if value.is_object() || value.is_array() => value.to_string(),
        _ => body.trim_end().to_owned(),
    }
}

impl Names {
    /// The text with forms in place of what differs each time.
    fn form(&mut self, text: &str) -> String {
        let mut formed = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let in_word = formed.ends_with(|c: char| c.is_ascii_alphanumeric());
            let found = (!in_word).then(|| self.start(rest)).flatten();
            let length = match found {
                Some((length, form)) => {
                    formed.push_str(&form);
                    length
                }
                None => {
                    formed.push(letter);
                    letter.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        formed
    }

    /// What starts a text: how long it is, and its form.
    fn start(&mut self, text: &str) -> Option<(usize, String)> {
        for (kind, form) in NAMED_FORMS {
            if let Some(word) = starts_with_form(text, form) {
                return Some((word.len(), format!("<{kind} {}>", self.number(word))));
            }
        }
        for form in TIME_FORMS {
            if let Some(word) = starts_with_form(text, form) {
                return Some((word.len(), "<time>".to_owned()));
            }
        }
        for before in RATE_NUMBERS {
            if let Some(digits) = text.strip_prefix(before).map(leading_digits)
                && digits > 0
            {
                return Some((before.len() + digits, format!("{before}<number>")));
            }
        }
        let base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let length = text.bytes().take_while(|byte| base64url(byte)).count();
        (length >= MIN_CURSOR_CHARS).then(|| (length, "<cursor>".to_owned()))
    }

    fn number(&mut self, word: &str) -> usize {
        if let Some(index) = self.0.iter().position(|known| known == word) {
            return index;
        }
        self.0.push(word.to_owned());
        self.0.len() - 1
    }
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn starts_with_form<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let word = text.get(..form.len())?;
    let fits = word.bytes().zip(form.bytes()).all(|(byte, form)| match form {
        b'h' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        b'9' => byte.is_ascii_digit(),
        other => byte == other,
    });
    let ends = !text[form.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
    (fits && ends).then_some(word)
}

#[test]
fn forms_hide_what_differs_each_time_and_nothing_else() {
    let same = |shown: &str, printed: &str| {
        let (page, run) = both(shown, printed, &mut Names::default(), &mut Names::default());
        page == run
    };
    let one = "00d10104-8755-828e-b9e5-681a15e9c6e0";
    let two = "11111111-8755-828e-b9e5-681a15e9c6e0";
    assert!(same(&format!("{one} {two} {one}"), &format!("{two} {one} {two}")));
    assert!(!same(&format!("{one} {two}"), &format!("{one} {one}")));
    assert!(!same(&format!("{one} {one}"), &format!("{one} {two}")));
    assert!(!same(one, &format!("{one}0")) && !same(one, &one[1..]));
    assert!(same("2026-11-22T06:54:37.741Z", "2027-01-01T00:00:00.000Z"));
    assert!(!same("2026-11-22T06:54:37.741Z", "2027-01-01"));
    assert!(same("a: \"default\";r=59957;t=12", "a: \"default\";r=1;t=60"));
    assert!(!same("q=60000", "q=10"));
    assert!(same("{\"a\": 1,\n \"b\": 2}\n", "{\"a\":1,\"b\":2}"));
    assert!(!same("{\"a\": 1}", "{\"a\": 1, \"b\": 2}"));
    let printed = "HTTP/1.1 200 OK\netag: \"7aaa029e0879854d0ecff483cb720d29\"\ndate: now\n\n{}";
    assert!(same("HTTP/1.1 200 OK\n\n{}", printed));
    assert!(same(
        "HTTP/1.1 200 OK\netag: \"00000000000000000000000000000000\"\n\n{}",
        printed
    ));
    for shown in [
        "HTTP/1.1 201 Created\n\n{}",
        "HTTP/1.1 200 OK\netag: \"7aaa029e0879854d0ecff483cb720d29-v\"\n\n{}",
        "HTTP/1.1 200 OK\nvary: Prefer\n\n{}",
        "HTTP/1.1 200 OK\n\n",
        "{}",
    ] {
        assert!(!same(shown, printed), "{shown}");
    }
}
