//! Contacts as a Brazilian organisation has them: names that are as unequally common as in life, telephone numbers of many
//! area codes, e-mail addresses made of the names. The same ones in every run.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use shared::{
    clock::Clock,
    domain::{Action, Command, Email, Entry, IdIssuer, IdKey, Name, NewContact, Phone, RequestHash, Stamp},
};

const SEED: u64 = 20_261_125;

/// By how common they are.
const FIRST_NAMES: &str = "Maria José Ana João Antônio Francisco Carlos Paulo Pedro Lucas Luiz Marcos Luís Gabriel Rafael \
    Francisca Daniel Marcelo Bruno Eduardo Felipe Raimundo Rodrigo Antônia Adriana Juliana Márcia Fernanda Patrícia Aline \
    Sandra Camila Amanda Bruna Jéssica Letícia Júlia Luciana Vanessa Mariana Gabriela Valéria Vera Sônia Cláudia Beatriz \
    Larissa Débora Renata Natália Simone Cristiane Carla Thaís Otávio Vinícius Caíque Césio Ítalo Íris Yasmin Zélia Wagner \
    Wesley Xênia Zuleica Quitéria Ubirajara Kátia Úrsula Órion Ângela Érica Cássio Conceição Assunção Inês Tomé Davi Heitor \
    Iracema Jurema Nádia Olívia Plínio Queila Rômulo Sílvio Tânia Ulisses Valquíria Wanderley Wilson Zacarias";
const LAST_NAMES: &str = "Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Costa Ribeiro Martins \
    Carvalho Almeida Lopes Soares Fernandes Vieira Barbosa Rocha Dias Nascimento Andrade Moreira Nunes Marques Machado Mendes \
    Freitas Cardoso Ramos Gonçalves Santana Teixeira Araújo Borges Brandão Brito Bueno Caldeira Câmara Campos Conceição Corrêa \
    Cunha Dantas Domingues Duarte Esteves Falcão Farias Fonseca França Furtado Galvão Guimarães Leão Magalhães Maia Medeiros \
    Melo Menezes Mesquita Monteiro Moraes Moura Muniz Neves Paiva Peixoto Pinheiro Pontes Queiróz Quintela Rezende Sá Sampaio \
    Siqueira Tavares Toledo Valadares Vasconcelos Xavier Yamamoto Zanetti Müller Schmidt Wassermann Kowalski";
const SYLLABLES: &str = "ba be bi bo bu ca co da de di do fa fe ga go ja jo la le li lo ma me mi mo na ne ni no pa pe po ra re \
    ri ro sa se so ta te ti to va ve vi vo za ze zi zo";
const AREA_CODES: &str = "11 11 11 11 11 11 12 13 19 19 21 21 21 24 27 31 31 31 34 41 41 43 47 48 51 51 54 61 61 62 65 67 71 71 \
    79 81 81 82 83 84 85 85 86 91 92 95 98";
const DOMAINS: &str = "gmail.com gmail.com gmail.com gmail.com hotmail.com hotmail.com outlook.com yahoo.com.br uol.com.br \
    terra.com.br empresa.com.br prefeitura.sp.gov.br";

/// How quickly names become rarer (Zipf's exponent).
const SKEW: f64 = 0.8;
/// Names that hardly anybody else has.
const RARE_SHARE: f64 = 0.15;

/// Makes the commands that create contacts.
pub struct People {
    random: StdRng,
    ids: IdIssuer,
    clock: Clock,
    first_names: Weighted,
    last_names: Weighted,
    made: usize,
}

impl People {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            random: StdRng::seed_from_u64(SEED),
            ids: IdIssuer::new(IdKey::new(b"measured-with-this-key-0123456789")?),
            clock: Clock::system(),
            first_names: Weighted::new(FIRST_NAMES),
            last_names: Weighted::new(LAST_NAMES),
            made: 0,
        })
    }

    /// So many more.
    pub fn next(&mut self, count: usize) -> anyhow::Result<Vec<Entry>> {
        (0..count).map(|_| self.one()).collect()
    }

    fn one(&mut self) -> anyhow::Result<Entry> {
        let now_ms = self.clock.now_ms();
        let issued = self.ids.issue(now_ms, 0);
        let action = Action::Create(self.contact()?);
        self.made += 1;
        Ok(Entry {
            command: Command {
                id: issued.command,
                contact_id: issued.contact,
                stamp: Stamp::at_ms(now_ms),
                if_match: None,
                action,
            },
            key_hash: None,
            request_hash: RequestHash::from_bytes(issued.command.as_uuid().as_bytes())
                .ok_or_else(|| anyhow::anyhow!("a request hash has 16 bytes"))?,
            contact_is_ours: true,
            attempt: 1,
        })
    }

    fn contact(&mut self) -> anyhow::Result<NewContact> {
        let random = &mut self.random;
        let first = self.first_names.pick(random);
        let mut last = vec![self.last_names.pick(random).to_owned()];
        if random.random_bool(0.6) {
            last.push(self.last_names.pick(random).to_owned());
        }
        if random.random_bool(RARE_SHARE) {
            last.insert(0, rare(random));
        }
        let name = format!("{first} {}", last.join(" "));
        let area_code = one_of(AREA_CODES, random);
        let number = match random.random_bool(0.8) {
            true => format!("9{:08}", random.random_range(60_000_000..100_000_000)),
            false => format!("{:08}", random.random_range(20_000_000..60_000_000)),
        };
        let plain =
            |text: &str| shared::domain::words(Name::parse(text).ok().as_ref(), None, None).replace(' ', "");
        let last = last.last().map(|last| plain(last)).unwrap_or_default();
        let email = format!(
            "{}.{last}{}@{}",
            plain(first),
            self.made % 1_000,
            one_of(DOMAINS, random)
        );
        let phone = Phone::parse(&format!("+55{area_code}{number}")).ok();
        let email = random
            .random_bool(0.8)
            .then(|| Email::parse(&email))
            .transpose()?;
        Ok(NewContact {
            name: Name::parse(&name)?,
            phone,
            email,
        })
    }
}

struct Weighted {
    words: Vec<&'static str>,
    /// The sum of the weights up to each word.
    sums: Vec<f64>,
}

impl Weighted {
    fn new(words: &'static str) -> Self {
        let words: Vec<_> = words.split_whitespace().collect();
        let mut sum = 0.0;
        let sums = (1..=words.len()).map(|rank| {
            sum += (rank as f64).powf(-SKEW);
            sum
        });
        Self {
            sums: sums.collect(),
            words,
        }
    }

    fn pick(&self, random: &mut impl Rng) -> &'static str {
        let total = self.sums[self.sums.len() - 1];
        let at = random.random_range(0.0..total);
        self.words[self.sums.partition_point(|sum| *sum <= at)]
    }
}

fn rare(random: &mut impl Rng) -> String {
    let name: String = (0..4).map(|_| one_of(SYLLABLES, random)).collect();
    let mut letters = name.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

fn one_of(words: &'static str, random: &mut impl Rng) -> &'static str {
    let words: Vec<_> = words.split_whitespace().collect();
    words[random.random_range(0..words.len())]
}
