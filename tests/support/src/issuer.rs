//! An issuer of tokens on this machine, with keys of its own: what an identity provider is to the services under test.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::{Value, json};

/// What tokens of the issuer are for.
pub const AUDIENCE: &str = "api://contato";

/// What the issuer calls the client that people sign in by.
pub const CLIENT_ID: &str = "console";
/// What that client shows.
pub const CLIENT_SECRET: &str = "for-this-test-only";

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
    /// What was asked for, by the code that was given for it.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
    signs_in: Mutex<Result<Person, String>>,
}

/// Who signs in at the issuer: claims in the places of those of usual tokens.
#[derive(Clone, Debug)]
pub struct Person {
    /// Of the access token.
    pub access: Value,
    /// Of the ID token.
    pub id: Value,
}

impl Issuer {
    /// Starts with a key for ES256.
    pub fn start() -> Self {
        let state = Arc::new(State {
            url: Mutex::default(),
            key: Mutex::new(Arc::new(SigningKey::ec("first"))),
            fetches: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            codes: Mutex::default(),
            signs_in: Mutex::new(Ok(Person {
                access: json!({}),
                id: json!({}),
            })),
        });
        let shared = web::Data::from(state.clone());
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/.well-known/openid-configuration", web::get().to(description))
                .route("/keys", web::get().to(keys))
                .route("/authorize", web::get().to(authorize))
                .route("/token", web::post().to(token))
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

    /// Whoever is sent here signs in so, or comes back with this error.
    pub fn signs_in(&self, person: Result<Person, &str>) {
        *self.state.signs_in.lock().unwrap() = person.map_err(str::to_owned);
    }

    /// The claims of a good token, with these in their places; null takes one away.
    pub fn claims(&self, changes: Value) -> Value {
        changed(access_claims(&self.url()), &changes)
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
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/keys"),
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "end_session_endpoint": format!("{url}/logout"),
        }),
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

fn access_claims(url: &str) -> Value {
    json!({
        "iss": url,
        "aud": AUDIENCE,
        "sub": "ana",
        "exp": unix_now() + 600,
        "scp": "contacts.read contacts.write",
    })
}

/// Claims with others in their places; null takes one away.
fn changed(mut claims: Value, changes: &Value) -> Value {
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

type Fields = HashMap<String, String>;

/// Whoever comes here has signed in already, and is sent back at once.
async fn authorize(state: web::Data<State>, asked: web::Query<Fields>) -> HttpResponse {
    let asked = asked.into_inner();
    let wanted = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("code_challenge_method", "S256"),
    ];
    if wanted.iter().any(|(name, value)| asked[*name] != *value) || !asked["scope"].contains("openid") {
        return HttpResponse::BadRequest().finish();
    }
    let url = state.url.lock().unwrap().clone();
    let said = match &*state.signs_in.lock().unwrap() {
        Ok(_) => {
            let code = uuid::Uuid::now_v7().to_string();
            state.codes.lock().unwrap().insert(code.clone(), asked.clone());
            format!("code={code}")
        }
        Err(error) => format!("error={error}&error_description=%3Cb%3Eno%3C%2Fb%3E"),
    };
    let place = format!(
        "{}?{said}&state={}&iss={url}",
        asked["redirect_uri"], asked["state"]
    );
    HttpResponse::Found().insert_header(("location", place)).finish()
}

/// Gives tokens for a code, once, to whoever has the secret and the verifier.
async fn token(state: web::Data<State>, request: HttpRequest, form: web::Form<Fields>) -> HttpResponse {
    let shown = request.headers().get("authorization");
    let secret = format!(
        "Basic {}",
        STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"))
    );
    if shown.is_none_or(|shown| shown != secret.as_str()) {
        return HttpResponse::Unauthorized().json(json!({ "error": "invalid_client" }));
    }
    let asked = state.codes.lock().unwrap().remove(&form["code"]);
    let fits = |asked: &Fields| {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
        asked["code_challenge"] == challenge && asked["redirect_uri"] == form["redirect_uri"]
    };
    let Some(asked) = asked.filter(fits) else {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    };
    let Ok(person) = state.signs_in.lock().unwrap().clone() else {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    };
    let url = state.url.lock().unwrap().clone();
    let id = json!({
        "iss": url,
        "aud": CLIENT_ID,
        "sub": "ana",
        "exp": unix_now() + 600,
        "nonce": asked["nonce"],
    });
    let key = state.key.lock().unwrap().clone();
    let signed = |claims: Value, changes: &Value| key.sign(&key.header(), &changed(claims, changes));
    let body = json!({
        "token_type": "Bearer",
        "expires_in": 600,
        "access_token": signed(access_claims(&url), &person.access),
        "id_token": signed(id, &person.id),
    });
    answer(&state, body)
}
