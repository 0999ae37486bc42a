//! RabbitMQ's management API, as far as users and permissions go (RabbitMQ 3.10 to 4.x).
//!
//! Name and password travel in a header; the URL that errors show has neither.

use std::{fmt, fs, path::Path, time::Duration};

use anyhow::{Context, bail, ensure};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    broker::rabbitmq::{CA_FILE, rights::Permission},
    settings::{SecretUrl, Settings},
    tls,
};

use super::address::{Login, encoded};

/// How long a question may take.
const ASK_MAX: Duration = Duration::from_secs(10);
/// The tag that may make users.
const ADMINISTRATOR: &str = "administrator";

/// What to do where the API is not.
const ADVICE: &str = "Is the plugin on (rabbitmq-plugins enable rabbitmq_management), and are host and port right? Usual are 15672 for \
                      http and 15671 for https";

/// The API, with somebody's rights.
pub(crate) struct Management {
    client: Client,
    base: String,
    user: String,
    password: SecretString,
}

/// A user as the API shows it.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) password_hash: String,
    pub(super) hashing_algorithm: Option<String>,
    tags: Tags,
}

/// RabbitMQ before 3.9 has one text with commas.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Text(String),
}

impl Tags {
    fn list(&self) -> Vec<&str> {
        let tags: Vec<&str> = match self {
            Self::List(tags) => tags.iter().map(String::as_str).collect(),
            Self::Text(text) => text.split(',').collect(),
        };
        let mut tags: Vec<_> = tags
            .into_iter()
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .collect();
        tags.sort_unstable();
        tags
    }
}

impl User {
    /// Whether it may do everything.
    pub(super) fn administers(&self) -> bool {
        self.tags.list().contains(&ADMINISTRATOR)
    }

    pub(super) fn has_exactly(&self, tags: &str) -> bool {
        self.tags.list() == Tags::Text(tags.to_owned()).list()
    }
}

/// What a user is made with.
#[derive(Serialize)]
pub(super) struct NewUser<'a> {
    pub(super) password_hash: &'a str,
    pub(super) hashing_algorithm: &'a str,
    pub(super) tags: &'a str,
}

/// A permission as the API shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Permitted {
    pub(super) vhost: String,
    configure: String,
    write: String,
    read: String,
}

impl Permitted {
    pub(super) fn is(&self, permission: &Permission) -> bool {
        (&self.configure, &self.write, &self.read)
            == (&permission.configure, &permission.write, &permission.read)
    }
}

/// A client that trusts whom the broker's own connections trust: it is the same server.
fn client(settings: &Settings) -> anyhow::Result<Client> {
    let mut client = Client::builder()
        .timeout(ASK_MAX)
        .redirect(redirect::Policy::none());
    if let Some(file) = &settings.broker.ca_file {
        let authorities = tls::authorities(file).map_err(anyhow::Error::msg);
        let authorities = authorities.with_context(|| format!("{CA_FILE} names {}", file.display()))?;
        client = client.tls_certs_merge(Certificate::from_pem_bundle(authorities.as_bytes())?);
    }
    Ok(client.build()?)
}

impl Management {
    /// Finds the API and looks whether users may be made there.
    pub(super) async fn open(settings: &Settings, place: Option<&str>) -> anyhow::Result<Self> {
        let place = place.context(
            "--users needs --broker-management, a file with the URL of RabbitMQ's management API, or the URL",
        )?;
        let management = Self::at(settings, place)?;
        management.refuse_others().await?;
        Ok(management)
    }

    /// The API at a URL, or at one that a file has; nothing is asked yet.
    pub(crate) fn at(settings: &Settings, place: &str) -> anyhow::Result<Self> {
        let (url, what) = if place.contains("://") {
            (place.to_owned(), "--broker-management".to_owned())
        } else {
            // Not named: it may be a URL that lacks a slash.
            let url = fs::read_to_string(Path::new(place));
            let url = url.context("--broker-management names neither a URL nor a file that can be read")?;
            (url, place.to_owned())
        };
        let mut login = Login::parse(&url, &what)?;
        if login.user.is_empty() {
            login = Login::parse(settings.broker.url.expose(), "broker.url")?;
        }
        let mut url = reqwest::Url::parse(url.trim())?;
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "{what} must begin with https:// or http://; the management API is not where AMQP is"
        );
        // Neither fails for these schemes.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self {
            client: client(settings)?,
            base: url.as_str().trim_end_matches('/').to_owned(),
            user: login.user,
            password: login.password,
        })
    }

    /// What alarms are raised, in the broker's words; `None` for none. Any user with the tag monitoring may ask.
    pub(crate) async fn alarm(&self) -> anyhow::Result<Option<String>> {
        const ALARMS: &str = "health/checks/alarms";
        #[derive(Deserialize)]
        struct Alarmed {
            reason: String,
        }
        let answer = self.send(self.request(Method::GET, ALARMS)).await?;
        match answer.status() {
            status if status.is_success() => Ok(None),
            StatusCode::SERVICE_UNAVAILABLE => {
                let alarmed: Alarmed = answer.json().await.ok().with_context(|| self.is_none())?;
                Ok(Some(alarmed.reason))
            }
            StatusCode::NOT_FOUND => bail!(self.is_none()),
            status => Err(self.refused(status, ALARMS)),
        }
    }

    /// Who uses it.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Whether an administrator's name and password would be read on the way.
    pub(super) fn is_open_to_all(&self) -> bool {
        self.base.starts_with("http://") && !SecretUrl::new(self.base.as_str()).is_on_this_machine()
    }

    async fn refuse_others(&self) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Whoami {
            tags: Tags,
        }
        let me: Option<Whoami> = self.get("whoami").await?;
        let me = me.with_context(|| self.is_none())?;
        ensure!(
            me.tags.list().contains(&ADMINISTRATOR),
            "{} may not make users at {self}: give it the tag (rabbitmqctl set_user_tags {} {ADMINISTRATOR}), or name who has it",
            self.user,
            self.user
        );
        Ok(())
    }

    pub(super) async fn find_user(&self, name: &str) -> anyhow::Result<Option<User>> {
        self.get(&format!("users/{}", encoded(name))).await
    }

    pub(super) async fn put_user(&self, name: &str, user: &NewUser<'_>) -> anyhow::Result<()> {
        self.put(&format!("users/{}", encoded(name)), user).await
    }

    pub(super) async fn permissions(&self, name: &str) -> anyhow::Result<Vec<Permitted>> {
        let found = self.get(&format!("users/{}/permissions", encoded(name))).await?;
        Ok(found.unwrap_or_default())
    }

    pub(super) async fn put_permission(
        &self,
        vhost: &str,
        name: &str,
        permission: &Permission,
    ) -> anyhow::Result<()> {
        let body = serde_json::json!({
            "configure": permission.configure, "write": permission.write, "read": permission.read,
        });
        self.put(
            &format!("permissions/{}/{}", encoded(vhost), encoded(name)),
            &body,
        )
        .await
    }

    /// `None` if there is no such thing.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        let answer = self.send(self.request(Method::GET, path)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let found = answer.json().await;
                Ok(Some(found.ok().with_context(|| self.is_none())?))
            }
            status => Err(self.refused(status, path)),
        }
    }

    async fn put(&self, path: &str, body: &(impl Serialize + Sync)) -> anyhow::Result<()> {
        let answer = self.send(self.request(Method::PUT, path).json(body)).await?;
        ensure!(answer.status().is_success(), self.refused(answer.status(), path));
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/api/{path}", self.base))
            .basic_auth(&self.user, Some(self.password.expose_secret()))
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = request.send().await.map_err(|error| {
            if let Some(reason) = tls::in_plain_words(&error, CA_FILE) {
                return anyhow::anyhow!("{self} cannot be asked: {reason}");
            }
            // Its own words are the last of the chain; those before name the layers that it went through.
            let error = anyhow::Error::new(error.without_url());
            anyhow::anyhow!("{self} does not answer ({}). {ADVICE}", error.root_cause())
        })?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            bail!(
                "{self} does not let {} in: the name or the password is wrong, or it has no tag (rabbitmqctl set_user_tags {} \
                 {ADMINISTRATOR})",
                self.user,
                self.user
            );
        }
        Ok(answer)
    }

    fn is_none(&self) -> String {
        format!("there is something else at {self}. {ADVICE}")
    }

    fn refused(&self, status: StatusCode, path: &str) -> anyhow::Error {
        anyhow::anyhow!("{self} answers {status} to {path}")
    }
}

impl fmt::Display for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the management API ({})", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_open_to_all_beyond_this_machine_only_without_tls() {
        for (base, open) in [
            ("http://rabbitmq:15672", true),
            ("https://rabbitmq:15671", false),
            ("http://127.0.0.1:15672", false),
            ("http://localhost.example:15672", true),
        ] {
            let management = Management {
                client: Client::new(),
                base: base.to_owned(),
                user: String::new(),
                password: String::new().into(),
            };
            assert_eq!(management.is_open_to_all(), open, "{base}");
        }
    }

    #[test]
    fn tags_are_a_set_whatever_the_server_makes_of_them() {
        for (json, tags, same) in [
            (r#"["management"]"#, "management", true),
            (r#""management""#, "management", true),
            (r#"["policymaker", "management"]"#, "management,policymaker", true),
            ("[]", "", true),
            (r#""""#, "", true),
            (r#"["administrator"]"#, "", false),
        ] {
            let json = format!(r#"{{"password_hash": "", "hashing_algorithm": null, "tags": {json}}}"#);
            let user: User = serde_json::from_str(&json).unwrap();
            assert_eq!(user.has_exactly(tags), same, "{json}");
        }
    }
}
