//! An issuer of tokens on this machine, with keys of its own: what an identity provider is to the services under test.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use actix_web::{App, HttpResponse, HttpServer, web};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::{Value, json};

/// What tokens of the issuer are for.
pub const AUDIENCE: &str = "api://contato";

/// A key of an issuer.
pub struct SigningKey {
    id: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl SigningKey {
    /// One for RS256.
    pub fn rsa(id: &str) -> Self {
        let pair = Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"));
        Self {
            id: id.to_owned(),
            pair,
        }
    }

    /// One for ES256.
    pub fn ec(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self {
            id: id.to_owned(),
            pair: Pair::Ec(pair),
        }
    }

    /// The public half, as bytes.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half as a JSON Web Key.
    pub fn jwk(&self) -> Value {
        let public = self.public();
        let (key, algorithm) = match &self.pair {
            Pair::Rsa(_) => (DecodingKey::from_rsa_der(&public), Algorithm::RS256),
            Pair::Ec(_) => (DecodingKey::from_ec_der(&public), Algorithm::ES256),
        };
        let mut jwk = json!(Jwk::from_decoding_key(&key, Some(algorithm)).expect("a key"));
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The header of its tokens.
    pub fn header(&self) -> Value {
        let algorithm = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        };
        json!({ "alg": algorithm, "typ": "JWT", "kid": self.id })
    }

    /// A token with this header and these claims, signed by this key, whatever the header says.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::Ec(pair) => pair
                .sign(&random, message.as_bytes())
                .expect("a signature")
                .as_ref()
                .to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims as a token has them before its signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Now, in seconds since 1970.
pub fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a time after 1970").as_secs()
}

/// The issuer, answering.
pub struct Issuer {
    state: Arc<State>,
    address: SocketAddr,
}

struct State {
    url: Mutex<String>,
    key: Mutex<Arc<SigningKey>>,
    fetches: AtomicUsize,
    down: AtomicBool,
}

impl Issuer {
    /// Starts with a key for ES256.
    pub fn start() -> Self {
        let state = Arc::new(State {
            url: Mutex::default(),
            key: Mutex::new(Arc::new(SigningKey::ec("first"))),
            fetches: AtomicUsize::new(0),
            down: AtomicBool::new(false),
        });
        let shared = web::Data::from(state.clone());
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/.well-known/openid-configuration", web::get().to(description))
                .route("/keys", web::get().to(keys))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a port");
        let address = server.addrs()[0];
        *state.url.lock().unwrap() = format!("http://{address}");
        tokio::spawn(server.run());
        Self { state, address }
    }

    /// Its URL, which is also the `iss` of its tokens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that signs now.
    pub fn key(&self) -> Arc<SigningKey> {
        self.state.key.lock().unwrap().clone()
    }

    /// Signs with another key from now on; the one before is gone.
    pub fn rotate(&self, key: SigningKey) {
        *self.state.key.lock().unwrap() = Arc::new(key);
    }

    /// Answers 500, or no longer.
    pub fn down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    /// How often its keys were fetched.
    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// The claims of a good token, with these in their places; null takes one away.
    pub fn claims(&self, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.url(),
            "aud": AUDIENCE,
            "sub": "ana",
            "exp": unix_now() + 600,
            "scp": "contacts.read contacts.write",
        });
        let known = claims.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            if value.is_null() {
                known.remove(name);
            } else {
                known.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    /// A token with these claims in the places of a good one's.
    pub fn token(&self, changes: Value) -> String {
        let key = self.key();
        key.sign(&key.header(), &self.claims(changes))
    }
}

async fn description(state: web::Data<State>) -> HttpResponse {
    let url = state.url.lock().unwrap().clone();
    answer(
        &state,
        json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }),
    )
}

async fn keys(state: web::Data<State>) -> HttpResponse {
    state.fetches.fetch_add(1, Ordering::SeqCst);
    let key = state.key.lock().unwrap().jwk();
    answer(&state, json!({ "keys": [key] }))
}

fn answer(state: &State, body: Value) -> HttpResponse {
    if state.down.load(Ordering::SeqCst) {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok().json(body)
}
