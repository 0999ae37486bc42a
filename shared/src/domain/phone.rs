//! A telephone number.

use std::fmt;

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

use super::area_code::{AreaCode, State};

/// A telephone number in E.164 form, such as `+5511987654321`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Why a text is not a telephone number. `Display` never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Not digits in any usual punctuation.
    #[error("must be a telephone number: E.164 (+5511987654321) or Brazilian with DDD ((11) 98765-4321)")]
    Malformed,
    /// Well-formed, but no such number can exist in its country's numbering plan.
    #[error("must be a valid telephone number of its country; a Brazilian one carries its DDD")]
    Invalid,
    /// A Brazilian number whose area code is not in use.
    #[error("must carry one of the 67 Brazilian area codes (DDD) in use")]
    UnknownAreaCode,
    /// A number with an extension, which E.164 cannot hold.
    #[error("must not carry an extension")]
    Extension,
}

impl PhoneError {
    /// The code of this fault in a problem document.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::UnknownAreaCode => "unknown-area-code",
            Self::Extension => "extension",
        }
    }
}

const BRAZIL: &str = "+55";
/// The digits that end a Brazilian number, after the hyphen.
const LAST_DIGITS: usize = 4;

impl Phone {
    /// The longest text that is looked at, in characters; E.164 has 15 digits, the rest is punctuation.
    pub const INPUT_MAX_CHARS: usize = 40;

    /// Reads a number as a person typed it: E.164, or a Brazilian national number with its area code.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        let usual = |c: char| c.is_ascii_digit() || " +-().".contains(c);
        if text.to_ascii_lowercase().contains("ext") || text.contains([';', '#', 'x', 'X']) {
            return Err(PhoneError::Extension);
        }
        if text.chars().count() > Self::INPUT_MAX_CHARS || !text.chars().all(usual) {
            return Err(PhoneError::Malformed);
        }
        let number = PhoneNumber::parse(text, Some(Region::BR)).map_err(|_| PhoneError::Malformed)?;
        let phone = Self(number.format_as(PhoneNumberFormat::E164).into_owned());
        if phone.0.starts_with(BRAZIL) && matches!(phone.0.len(), 13 | 14) && phone.area_code().is_none() {
            return Err(PhoneError::UnknownAreaCode);
        }
        if !number.is_valid() || (phone.0.starts_with(BRAZIL) && phone.area_code().is_none()) {
            return Err(PhoneError::Invalid);
        }
        Ok(phone)
    }

    /// Takes a number that was accepted earlier: only what is not of E.164 form (`+`, then 7 to 15 digits,
    /// the first not zero) is refused (`None`).
    pub fn from_stored(text: String) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        well_formed.then_some(Self(text))
    }

    /// The number in E.164 form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A Brazilian number as people write it, which no spreadsheet takes for a number to calculate with; any other in E.164.
    pub fn as_dialled(&self) -> String {
        let national = self.0.strip_prefix(BRAZIL);
        let parts = self.area_code().and_then(|area| {
            let local = national?.strip_prefix(area.to_string().as_str())?;
            let (first, last) = local.split_at_checked(local.len().checked_sub(LAST_DIGITS)?)?;
            Some(format!("({area}) {first}-{last}"))
        });
        parts.unwrap_or_else(|| self.0.clone())
    }

    /// The area code (DDD) of a Brazilian number, `None` for any other.
    pub fn area_code(&self) -> Option<AreaCode> {
        let national = self.0.strip_prefix(BRAZIL)?;
        matches!(national.len(), 10 | 11).then(|| AreaCode::from_digits(&national[..2]))?
    }

    /// The state (UF) of a Brazilian number, `None` for any other.
    pub fn state(&self) -> Option<State> {
        self.area_code().map(AreaCode::state)
    }
}

/// Personal data stays out of logs: the number is not shown.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brazilian_phones_are_written_as_people_dial_them() {
        for (stored, written) in [
            ("+5511987654321", "(11) 98765-4321"),
            ("+552123456789", "(21) 2345-6789"),
            ("+5555999991234", "(55) 99999-1234"),
            ("+351912345678", "+351912345678"),
        ] {
            let phone = Phone::from_stored(stored.to_owned()).unwrap();
            assert_eq!(phone.as_dialled(), written);
            assert_eq!(Phone::parse(written), Ok(phone));
        }
    }

    #[test]
    fn usual_punctuation_is_read_and_e164_stored() {
        for text in [
            "(11) 98765-4321",
            "11 98765 4321",
            "+55 11 98765-4321",
            "11987654321",
            "011 98765-4321",
            "+5511987654321",
            "11.98765.4321",
        ] {
            assert_eq!(
                Phone::parse(text).map(|phone| phone.0),
                Ok("+5511987654321".to_owned()),
                "{text}"
            );
        }
        let landline = Phone::parse("(21) 2345-6789").unwrap();
        assert_eq!(
            (landline.as_str(), landline.state().unwrap().as_str()),
            ("+552123456789", "RJ")
        );
    }

    #[test]
    fn the_area_code_55_is_not_taken_for_the_country() {
        let landline = Phone::parse("(55) 3220-8000").unwrap();
        assert_eq!(
            (landline.as_str(), landline.state().unwrap().as_str()),
            ("+555532208000", "RS")
        );
        assert_eq!(Phone::parse("55 99999-1234").unwrap().as_str(), "+5555999991234");
    }

    #[test]
    fn foreign_numbers_have_no_area_code() {
        let phone = Phone::parse("+351 912 345 678").unwrap();
        assert_eq!((phone.as_str(), phone.area_code()), ("+351912345678", None));
    }

    #[test]
    fn each_rule_has_its_error() {
        for (text, error) in [
            ("", PhoneError::Malformed),
            ("not a number", PhoneError::Malformed),
            ("98765-4321", PhoneError::Invalid),
            ("+55 11 1234", PhoneError::Invalid),
            // A mobile number has a 9 before its eight digits.
            ("(31) 70600-4092", PhoneError::Invalid),
            ("(11) 98765-43210", PhoneError::Invalid),
            ("(10) 98765-4321", PhoneError::UnknownAreaCode),
            ("(23) 98765-4321", PhoneError::UnknownAreaCode),
            ("(11) 98765-4321 ext. 12", PhoneError::Extension),
            ("0800 123 4567", PhoneError::UnknownAreaCode),
        ] {
            assert_eq!(Phone::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_parsed_is_stored_and_read_again() {
        let phone = Phone::parse("(85) 3456-7890").unwrap();
        assert_eq!(Phone::from_stored(phone.as_str().to_owned()), Some(phone));
        for text in [
            "5511987654321",
            "+0511987654321",
            "+55119876543210987",
            "+55 11",
            "+",
            "",
        ] {
            assert_eq!(Phone::from_stored(text.to_owned()), None, "{text}");
        }
    }
}
