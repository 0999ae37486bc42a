//! The Brazilian area codes (DDD) in use and the state (UF) each belongs to.
//!
//! Source: Anatel's numbering plan (Plano Geral de Códigos Nacionais, Resolução 263/2001), 67 codes. DDD 61
//! serves the Federal District and neighbouring towns of Goiás; it is counted as `DF`.

use std::fmt;

/// A Brazilian area code (DDD) in use: two digits, `11` to `99`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaCode(u8);

/// A Brazilian state (UF) by its two-letter code, such as `SP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State(&'static str);

const STATES: [(&str, &[u8]); 27] = [
    ("AC", &[68]),
    ("AL", &[82]),
    ("AM", &[92, 97]),
    ("AP", &[96]),
    ("BA", &[71, 73, 74, 75, 77]),
    ("CE", &[85, 88]),
    ("DF", &[61]),
    ("ES", &[27, 28]),
    ("GO", &[62, 64]),
    ("MA", &[98, 99]),
    ("MG", &[31, 32, 33, 34, 35, 37, 38]),
    ("MS", &[67]),
    ("MT", &[65, 66]),
    ("PA", &[91, 93, 94]),
    ("PB", &[83]),
    ("PE", &[81, 87]),
    ("PI", &[86, 89]),
    ("PR", &[41, 42, 43, 44, 45, 46]),
    ("RJ", &[21, 22, 24]),
    ("RN", &[84]),
    ("RO", &[69]),
    ("RR", &[95]),
    ("RS", &[51, 53, 54, 55]),
    ("SC", &[47, 48, 49]),
    ("SE", &[79]),
    ("SP", &[11, 12, 13, 14, 15, 16, 17, 18, 19]),
    ("TO", &[63]),
];

impl AreaCode {
    /// The area code of two digits, if it is one of the 67 in use.
    pub fn from_digits(digits: &str) -> Option<Self> {
        if digits.len() != 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let code: u8 = digits.parse().ok()?;
        Self::all().find(|known| known.0 == code)
    }

    /// Every area code in use.
    pub fn all() -> impl Iterator<Item = Self> {
        STATES
            .iter()
            .flat_map(|(_, codes)| codes.iter().map(|code| Self(*code)))
    }

    /// The state that the area code belongs to.
    pub fn state(self) -> State {
        STATES
            .iter()
            .find(|(_, codes)| codes.contains(&self.0))
            .map(|(state, _)| State(state))
            .expect("an area code exists only if the table has it")
    }
}

impl State {
    /// The state of a two-letter code, without regard to case.
    pub fn from_code(code: &str) -> Option<Self> {
        STATES
            .iter()
            .find(|(state, _)| state.eq_ignore_ascii_case(code))
            .map(|(state, _)| Self(state))
    }

    /// Every state.
    pub fn all() -> impl Iterator<Item = Self> {
        STATES.iter().map(|(state, _)| Self(state))
    }

    /// The two-letter code, such as `SP`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_67_codes_in_27_states() {
        let mut codes: Vec<_> = AreaCode::all().collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 67);
        let mut states: Vec<_> = AreaCode::all().map(AreaCode::state).collect();
        states.sort();
        states.dedup();
        assert_eq!(states.len(), 27);
    }

    #[test]
    fn codes_not_in_use_are_refused() {
        for unused in [
            "10", "20", "23", "25", "26", "29", "30", "36", "39", "52", "72", "76", "78", "90", "00", "1",
            "111", "+1",
        ] {
            assert_eq!(AreaCode::from_digits(unused), None, "{unused}");
        }
        assert_eq!(AreaCode::from_digits("11").unwrap().state().as_str(), "SP");
        assert_eq!(AreaCode::from_digits("61").unwrap().state().as_str(), "DF");
    }
}
