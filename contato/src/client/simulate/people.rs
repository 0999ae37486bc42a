//! People who do not exist: names as they are in Brazil, telephone numbers and addresses that are nobody's.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use shared::domain::{AreaCode, Name, words};

const FIRST_NAMES: [&str; 48] = [
    "Ana",
    "Antônio",
    "Beatriz",
    "Bruno",
    "Caio",
    "Camila",
    "Carlos",
    "Cecília",
    "Davi",
    "Débora",
    "Eduardo",
    "Elisa",
    "Fábio",
    "Fernanda",
    "Francisco",
    "Gabriela",
    "Gustavo",
    "Helena",
    "Heitor",
    "Iara",
    "Inês",
    "João",
    "Joana",
    "José",
    "Júlia",
    "Larissa",
    "Lúcia",
    "Luís",
    "Marcelo",
    "Maria",
    "Márcia",
    "Mateus",
    "Nádia",
    "Otávio",
    "Paula",
    "Pedro",
    "Rafael",
    "Renata",
    "Rita",
    "Rodrigo",
    "Sérgio",
    "Sônia",
    "Tânia",
    "Thiago",
    "Úrsula",
    "Vera",
    "Vinícius",
    "Yasmin",
];
const LAST_NAMES: [&str; 40] = [
    "Almeida",
    "Alves",
    "Andrade",
    "Araújo",
    "Barbosa",
    "Barros",
    "Bezerra",
    "Borges",
    "Brandão",
    "Campos",
    "Cardoso",
    "Carvalho",
    "Conceição",
    "Correia",
    "Costa",
    "Dias",
    "Farias",
    "Ferreira",
    "Freitas",
    "Gonçalves",
    "Lima",
    "Lopes",
    "Magalhães",
    "Melo",
    "Mendes",
    "Monteiro",
    "Moreira",
    "Nascimento",
    "Nogueira",
    "Nunes",
    "Oliveira",
    "Pereira",
    "Ribeiro",
    "Rocha",
    "Santana",
    "Santos",
    "Silva",
    "Souza",
    "Teixeira",
    "Vieira",
];

/// Makes people. The same seed makes the same ones.
#[derive(Debug)]
pub(super) struct People {
    random: StdRng,
    area_codes: Vec<AreaCode>,
    made: u64,
}

impl People {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            area_codes: AreaCode::all().collect(),
            made: 0,
        }
    }

    /// Somebody, as the body of a create: with a phone, an e-mail address, or both.
    pub(super) fn next(&mut self) -> Value {
        self.made += 1;
        let name = self.name();
        let both: f64 = self.random.random();
        let mut person = json!({ "name": name });
        if both < 0.9 {
            person["phone"] = json!(self.phone());
        }
        if !(0.7..0.9).contains(&both) {
            person["email"] = json!(self.email(&name));
        }
        person
    }

    /// What somebody changes.
    pub(super) fn change(&mut self) -> Value {
        match self.random.random_bool(0.6) {
            true => json!({ "phone": self.phone() }),
            false => json!({ "name": self.name() }),
        }
    }

    fn name(&mut self) -> String {
        let first = self.one_of(&FIRST_NAMES);
        let last = self.one_of(&LAST_NAMES);
        match self.random.random_bool(0.5) {
            true => format!("{first} {} {last}", self.one_of(&LAST_NAMES)),
            false => format!("{first} {last}"),
        }
    }

    /// A mobile number as the numbering plan has them, with a zero behind the nine: a number that began with 90 could not be told
    /// from a collect call, which is dialled so, and should be no subscriber's.
    fn phone(&mut self) -> String {
        let area = self.area_codes[self.random.random_range(0..self.area_codes.len())];
        let (first, last) = (
            self.random.random_range(0..1000),
            self.random.random_range(0..10_000),
        );
        format!("({area}) 90{first:03}-{last:04}")
    }

    /// In a domain that is nobody's (RFC 2606, section 3).
    fn email(&self, name: &str) -> String {
        let plain = words(Name::parse(name).ok().as_ref(), None, None).replace(' ', ".");
        format!("{plain}.{}@example.com", self.made)
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.random.random_range(0..words.len())]
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::{Email, Phone};

    use super::*;

    #[test]
    fn everybody_would_be_taken_and_a_seed_is_a_choice_of_people() {
        let made = |seed| {
            let mut people = People::new(seed);
            (0..500).map(|_| people.next()).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
        for person in made(7) {
            let text = |member: &str| person[member].as_str();
            assert!(Name::parse(text("name").unwrap()).is_ok(), "{person}");
            assert!(
                text("phone").is_none_or(|phone| Phone::parse(phone).is_ok()),
                "{person}"
            );
            assert!(
                text("email").is_none_or(|email| Email::parse(email).is_ok()),
                "{person}"
            );
            assert!(text("phone").or(text("email")).is_some(), "{person}");
        }
    }
}
