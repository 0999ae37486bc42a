//! What is measured with: contacts that differ, and the commands that create them.

use shared::{
    domain::{Action, Command, Email, IdIssuer, IdKey, Name, NewContact, Phone, RequestHash, Stamp},
    wire::Envelope,
};

/// The key of the ids, for every process of a measurement.
pub const ID_KEY: &str = "measured-with-this-key-0123456789";

/// The JSON that creates the contact with this number through the API.
pub fn body(number: usize) -> String {
    format!(
        r#"{{"name":"Maria José da Silva {}","phone":"{}","email":"{}"}}"#,
        letters(number),
        phone(number),
        email(number)
    )
}

fn letters(mut number: usize) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return text;
        }
    }
}

fn phone(number: usize) -> String {
    const AREA_CODES: [&str; 8] = ["11", "21", "31", "41", "51", "61", "71", "81"];
    let area_code = AREA_CODES[number % AREA_CODES.len()];
    format!("+55{area_code}9{:08}", 70_000_000 + number % 30_000_000)
}

fn email(number: usize) -> String {
    format!("maria.{number}@example.com")
}

/// Makes the envelopes that the API would publish.
#[derive(Debug)]
pub struct Envelopes {
    ids: IdIssuer,
    number: usize,
}

impl Envelopes {
    /// From contact 0 on.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            ids: IdIssuer::new(IdKey::new(ID_KEY.as_bytes())?),
            number: 0,
        })
    }

    /// The next one, as bytes, with its command id.
    pub fn next(&mut self) -> anyhow::Result<(uuid::Uuid, Vec<u8>)> {
        let now_ms = shared::clock::Clock::system().now_ms();
        let issued = self.ids.issue(now_ms, 0);
        let contact = NewContact {
            name: Name::parse(&format!("Maria José da Silva {}", letters(self.number)))?,
            phone: Some(Phone::parse(&phone(self.number))?),
            email: Some(Email::parse(&email(self.number))?),
        };
        self.number += 1;
        let id = issued.command.as_uuid();
        let envelope = Envelope {
            command: Command {
                id: issued.command,
                contact_id: issued.contact,
                stamp: Stamp::at_ms(now_ms),
                if_match: None,
                action: Action::Create(contact),
            },
            principal: String::new(),
            key_hash: None,
            request_hash: RequestHash::from_bytes(id.as_bytes())
                .ok_or_else(|| anyhow::anyhow!("a request hash has 16 bytes"))?,
            traceparent: None,
        };
        Ok((id, envelope.encode()))
    }
}
