//! Every command that was sent, with what was answered.

use std::sync::Mutex;

use reqwest::Method;
use serde_json::{Map, Value};
use shared::domain::{Action, Changes, CommandId, ContactId, Email, IdKey, NewContact, Phone};

const CONTACTS: &str = "/v1/contacts";

/// One request for a command.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) key: Option<String>,
    /// What it asks for.
    pub action: Action,
    /// Which contact, as far as that is known before an answer.
    pub contact: Option<ContactId>,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 202.
    Accepted(CommandId, ContactId),
    /// A definite no: this status, and no effect.
    Refused(u16),
    /// No answer, or one that leaves it open: the command has an effect or none.
    Unknown,
    /// No answer within the client's patience. As [`Answer::Unknown`], and a violation by itself.
    Hung,
}

/// A request, sent once or more, with the answers.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// Its command id: known from the start if the request has an idempotency key, else from the answer.
    pub command: Option<CommandId>,
    /// Its contact id, likewise.
    pub contact: Option<ContactId>,
    /// What was answered, in order.
    pub answers: Vec<Answer>,
}

/// All exchanges of a test.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Exchange>>);

impl Request {
    /// POST.
    pub fn create(contact: NewContact) -> Self {
        let body = members(
            Some(contact.name.as_str()),
            Some(&contact.phone),
            Some(&contact.email),
        );
        Self::new(
            Method::POST,
            CONTACTS.to_owned(),
            body,
            Action::Create(contact),
            None,
        )
    }

    /// PUT.
    pub fn replace(id: ContactId, contact: NewContact) -> Self {
        let changes = Changes {
            name: Some(contact.name),
            phone: Some(contact.phone),
            email: Some(contact.email),
        };
        Self::change(Method::PUT, id, changes)
    }

    /// PATCH.
    pub fn patch(id: ContactId, changes: Changes) -> Self {
        Self::change(Method::PATCH, id, changes)
    }

    /// DELETE.
    pub fn delete(id: ContactId) -> Self {
        let path = format!("{CONTACTS}/{id}");
        Self::new(Method::DELETE, path, Vec::new(), Action::Delete, Some(id))
    }

    /// Gives it an `Idempotency-Key`.
    pub fn keyed(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    fn change(method: Method, id: ContactId, changes: Changes) -> Self {
        let name = changes.name.as_ref().map(|name| name.as_str());
        let body = members(name, changes.phone.as_ref(), changes.email.as_ref());
        let path = format!("{CONTACTS}/{id}");
        Self::new(method, path, body, Action::Update(changes), Some(id))
    }

    fn new(method: Method, path: String, body: Vec<u8>, action: Action, contact: Option<ContactId>) -> Self {
        let content_type = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        Self {
            method,
            path,
            content_type,
            body,
            key: None,
            action,
            contact,
        }
    }

    /// The ids that follow from the idempotency key.
    fn keyed_ids(&self, ids: &IdKey) -> (Option<CommandId>, Option<ContactId>) {
        const NOBODY: &str = "";
        let Some(key) = &self.key else {
            return (None, self.contact);
        };
        let key = ids.key_hash(NOBODY, key);
        let request = ids.request_hash(NOBODY, self.method.as_str(), &self.path, "", &self.body);
        let contact = self.contact.unwrap_or_else(|| ids.keyed_contact_id(key));
        (Some(ids.keyed_command_id(key, request)), Some(contact))
    }
}

/// A body with the members given; one that is empty inside is `null`.
fn members(name: Option<&str>, phone: Option<&Option<Phone>>, email: Option<&Option<Email>>) -> Vec<u8> {
    let text = |value: Option<&str>| value.map_or(Value::Null, Value::from);
    let mut members = Map::new();
    if let Some(name) = name {
        members.insert("name".to_owned(), name.into());
    }
    if let Some(phone) = phone {
        members.insert("phone".to_owned(), text(phone.as_ref().map(Phone::as_str)));
    }
    if let Some(email) = email {
        members.insert("email".to_owned(), text(email.as_ref().map(Email::as_str)));
    }
    Value::Object(members).to_string().into_bytes()
}

impl Exchange {
    /// Whether any answer was 202.
    pub fn accepted(&self) -> bool {
        self.answers
            .iter()
            .any(|answer| matches!(answer, Answer::Accepted(..)))
    }

    /// Whether nothing says if it was accepted.
    pub fn unknown(&self) -> bool {
        let open = |answer: &Answer| matches!(answer, Answer::Unknown | Answer::Hung);
        !self.accepted() && (self.answers.is_empty() || self.answers.iter().any(open))
    }
}

impl History {
    /// Notes a request that is about to be sent; gives its place.
    pub(crate) fn sending(&self, request: Request, ids: &IdKey) -> usize {
        let (command, contact) = request.keyed_ids(ids);
        let mut exchanges = self.0.lock().unwrap();
        exchanges.push(Exchange {
            request,
            command,
            contact,
            answers: Vec::new(),
        });
        exchanges.len() - 1
    }

    /// Notes an answer.
    ///
    /// # Panics
    /// If the ids are not those that follow from the request, or those of an earlier answer.
    pub(crate) fn answered(&self, place: usize, answer: Answer) {
        let mut exchanges = self.0.lock().unwrap();
        let exchange = &mut exchanges[place];
        if let Answer::Accepted(command, contact) = answer {
            assert!(
                exchange.command.is_none_or(|known| known == command)
                    && exchange.contact.is_none_or(|known| known == contact),
                "one request has two commands: {command}"
            );
            exchange.command = Some(command);
            exchange.contact = Some(contact);
        }
        exchange.answers.push(answer);
    }

    /// All of it, so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap().clone()
    }

    /// How many requests were accepted so far.
    pub fn accepted(&self) -> usize {
        let exchanges = self.0.lock().unwrap();
        exchanges.iter().filter(|exchange| exchange.accepted()).count()
    }
}
