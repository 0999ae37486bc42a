//! Keys of an issuer that runs, changes its keys, and is down.

use serde_json::json;
use test_support::{Issuer as Provider, SigningKey, eventually};

use super::*;

const SHORT: Intervals = Intervals {
    refetch: Duration::from_millis(400),
    first: Duration::from_millis(100),
    age: Duration::from_millis(400),
};
const LONG: Intervals = Intervals {
    refetch: Duration::from_secs(60),
    first: Duration::from_secs(60),
    age: Duration::from_secs(3600),
};

fn issuer_of(provider: &Provider, intervals: Intervals) -> Arc<Issuer> {
    let place = Place::Discovery(provider.url());
    Arc::new(Issuer::new(place, intervals).unwrap())
}

async fn found(issuer: &Arc<Issuer>, id: &str) -> Result<(), Refusal> {
    issuer.find(Some(id), Algorithm::ES256).await.map(drop)
}

#[test]
fn a_key_is_for_what_it_says_itself() {
    let rsa = SigningKey::rsa("r").jwk();
    let ec = SigningKey::ec("e").jwk();
    let with = |jwk: &Value, member: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[member] = value;
        if jwk[member].is_null() {
            jwk.as_object_mut().unwrap().remove(member);
        }
        jwk
    };
    let any_rsa = AlgorithmFamily::Rsa.algorithms().to_vec();
    for (jwk, expected) in [
        (rsa.clone(), vec![Algorithm::RS256]),
        (with(&rsa, "alg", Value::Null), any_rsa),
        (with(&rsa, "alg", json!("RSA-OAEP")), vec![]),
        (with(&rsa, "alg", json!("HS256")), vec![]),
        (with(&rsa, "use", json!("enc")), vec![]),
        (with(&rsa, "key_ops", json!(["encrypt"])), vec![]),
        (with(&rsa, "key_ops", json!(["verify"])), vec![Algorithm::RS256]),
        (ec.clone(), vec![Algorithm::ES256]),
        (with(&ec, "alg", json!("ES384")), vec![]),
        (
            with(&with(&ec, "alg", Value::Null), "crv", json!("P-384")),
            vec![Algorithm::ES384],
        ),
        (
            with(&with(&ec, "alg", Value::Null), "crv", json!("P-521")),
            vec![],
        ),
        (json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "s" }), vec![]),
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            vec![Algorithm::EdDSA],
        ),
        (json!({ "kty": "later" }), vec![]),
    ] {
        let parsed: Jwk = serde_json::from_value(jwk.clone()).unwrap();
        assert_eq!(algorithms(&parsed), expected, "{jwk}");
    }
}

#[test]
fn a_set_without_a_usable_key_is_none_and_a_token_without_a_name_fits_only_one() {
    let set = |keys: Value| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes());
    let [one, two] = ["one", "two"].map(|id| SigningKey::ec(id).jwk());
    assert!(set(json!([])).is_err() && set(json!([{ "kty": "later" }])).is_err());
    let of_one = set(json!([one, { "kty": "later" }, 7])).unwrap();
    assert!(of_one.find(Some("one"), Algorithm::ES256).is_some());
    assert!(of_one.find(None, Algorithm::ES256).is_some());
    assert!(of_one.find(Some("two"), Algorithm::ES256).is_none());
    assert!(of_one.find(Some("one"), Algorithm::RS256).is_none());
    assert!(
        set(json!([one, two]))
            .unwrap()
            .find(None, Algorithm::ES256)
            .is_none()
    );
}

/// To see it red: fetch whatever `begun` says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_are_fetched_once_however_many_ask() {
    let provider = Provider::start();
    let issuer = issuer_of(&provider, LONG);
    assert_eq!(found(&issuer, "first").await, Ok(()));
    assert_eq!(provider.fetches(), 1);
    let asked = (0..50).map(|number| {
        let issuer = issuer.clone();
        tokio::spawn(async move { found(&issuer, &format!("unknown-{number}")).await })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), Err(Refusal::Invalid));
    }
    assert_eq!(provider.fetches(), 2);
    assert_eq!(found(&issuer, "later").await, Err(Refusal::Invalid));
    assert_eq!(found(&issuer, "first").await, Ok(()));
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_found_and_one_that_was_removed_ends() {
    let provider = Provider::start();
    let issuer = issuer_of(&provider, SHORT);
    issuer.look();
    eventually("the keys are there", async || issuer.known()).await;
    assert_eq!(found(&issuer, "first").await, Ok(()));
    provider.rotate(SigningKey::ec("second"));
    assert_eq!(found(&issuer, "second").await, Ok(()));
    assert_eq!(found(&issuer, "first").await, Err(Refusal::Invalid));
    provider.rotate(SigningKey::ec("third"));
    eventually("the second ends without a token of the third", async || {
        issuer.look();
        let keys = issuer.known()?.0;
        keys.find(Some("second"), Algorithm::ES256)
            .is_none()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_down_keeps_its_keys_and_one_that_was_never_up_has_none() {
    let provider = Provider::start();
    provider.down(true);
    let issuer = issuer_of(&provider, SHORT);
    assert_eq!(found(&issuer, "first").await, Err(Refusal::KeysUnavailable));
    provider.down(false);
    eventually("it is tried again", async || found(&issuer, "first").await.ok()).await;
    provider.down(true);
    let fetched = issuer.known().unwrap().1;
    eventually("the keys are old", async || {
        (fetched.elapsed() >= SHORT.age).then_some(())
    })
    .await;
    issuer.look();
    assert_eq!(found(&issuer, "unknown").await, Err(Refusal::Invalid));
    assert_eq!(found(&issuer, "first").await, Ok(()));
}
