//! A virtual host, a database, and the files of those who are to sign in there.

use std::{fs, path::PathBuf, process::Command};

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use shared::{broker::rabbitmq::rights::Account, settings::Settings};
use tempfile::TempDir;
use test_support::{TestDatabase, amqp_url, management_url};
use uuid::Uuid;

pub const SERVICES: [Account; 3] = [
    Account::ProducerApi,
    Account::ConsumerWorker,
    Account::DlqFunction,
];

const KEY: &str = "0123456789abcdef0123456789abcdef";
const PAYLOAD_KEYS: &str = "1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// In every password: what would have to be quoted in a URL, in SQL and in JSON.
const CANARY: &str = "geheim";
const AWKWARD: &str = "%40%25%27%22%5C%2F%C3%A7";

/// What a command came to: exit code, standard output, standard error.
pub type Ran = (Option<i32>, String, String);

/// It went well: what it printed.
pub fn succeeded((code, told, error): Ran) -> String {
    assert_eq!((code, error.as_str()), (Some(0), ""), "{told}");
    told
}

pub struct Installation {
    id: String,
    folder: TempDir,
    database: TestDatabase,
    client: reqwest::Client,
}

impl Installation {
    /// With a virtual host and an empty database; nobody has been set up.
    pub async fn new() -> Self {
        let place = Self {
            id: Uuid::now_v7().simple().to_string(),
            folder: TempDir::new().unwrap(),
            database: TestDatabase::postgres().await,
            client: reqwest::Client::new(),
        };
        // Whoever makes a virtual host gets every right on it.
        place
            .manage(reqwest::Method::PUT, &format!("vhosts/{}", place.id), None)
            .await;
        place.write_files("1");
        place
    }

    pub fn file(&self, account: Account, file: &str) -> PathBuf {
        self.folder.path().join("users").join(account.name()).join(file)
    }

    pub fn name(&self, account: Account) -> String {
        format!("{}-{}", account.name(), self.id)
    }

    /// In capitals, since SQL would make them small unless the name is quoted.
    fn role_name(&self, account: Account) -> String {
        format!("{}_{}", account.name().to_uppercase(), self.id)
    }

    /// The role as SQL takes it.
    pub fn role(&self, account: Account) -> String {
        format!("\"{}\"", self.role_name(account))
    }

    pub fn change_passwords(&self) {
        self.write_files("2");
    }

    fn write_files(&self, version: &str) {
        let (amqp, management) = (amqp_url(), management_url());
        let after = |url: &str| url.rsplit_once('@').unwrap().1.to_owned();
        let amqp = after(&amqp);
        let amqp = amqp.split('/').next().unwrap();
        let postgres = after(self.database.url());
        for account in Account::ALL {
            let (name, password) = (
                self.name(account),
                format!("{CANARY}{AWKWARD}{version}{}", account.name()),
            );
            let write = |file: &str, url: String| {
                let file = self.file(account, file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, url + "\n").unwrap();
            };
            if account == Account::Keda {
                write(
                    "host",
                    format!("http://{name}:{password}@{}/{}", after(&management), self.id),
                );
                continue;
            }
            write(
                "broker-url",
                format!("amqp://{name}:{password}@{amqp}/{}", self.id),
            );
            if SERVICES.contains(&account) {
                let role = self.role_name(account);
                write("store-url", format!("postgres://{role}:{password}@{postgres}"));
            }
        }
    }

    /// The virtual host, whose name is in all that this installation is called.
    pub fn vhost(&self) -> &str {
        &self.id
    }

    /// The URL of the administrator, on this virtual host.
    pub fn admin_url(&self) -> String {
        let url = amqp_url();
        format!("{}/{}", url.rsplit_once('/').unwrap().0, self.id)
    }

    /// The URL of the database's owner.
    pub fn owner_url(&self) -> String {
        self.database.url().to_owned()
    }

    /// Runs `contato setup --users`, with more arguments and other variables.
    pub fn setup(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let file = self.folder.path().join("management");
        fs::write(&file, management_url() + "\n").unwrap();
        self.setup_at(file.to_str().unwrap(), arguments, variables)
    }

    /// As [`setup`](Self::setup), with another management API.
    pub fn setup_at(&self, management: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_contato"))
            .arg("setup")
            .arg("--users")
            .arg(self.folder.path().join("users"))
            .args(["--broker-management", management])
            .args(arguments)
            .env_clear()
            .env("CONTATO__BROKER__URL", self.admin_url())
            .env("CONTATO__STORE__URL", self.owner_url())
            .envs(variables.iter().copied())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Runs `contato doctor` with nothing but what the role has: whether nothing is wrong, and what was printed.
    pub fn doctor(&self, account: Account) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_contato"))
            .args(["doctor", "--role", account.name()])
            .env_clear()
            .env("CONTATO__IDS__KEY", KEY)
            .env("CONTATO__DEAD_LETTERS__KEYS", PAYLOAD_KEYS)
            .env("CONTATO__BROKER__URL_FILE", self.file(account, "broker-url"))
            .env("CONTATO__STORE__URL_FILE", self.file(account, "store-url"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        self.has_no_secret(&text);
        (output.status.success(), text)
    }

    pub fn has_no_secret(&self, text: &str) {
        let url = amqp_url();
        let (credentials, _) = url.rsplit_once('@').unwrap();
        let (_, password) = credentials.rsplit_once(':').unwrap();
        assert!(!text.contains(CANARY) && !text.contains(password), "{text}");
    }

    /// What a service is started with: its own two URLs.
    pub fn settings(&self, account: Account) -> Settings {
        let file = |file| self.file(account, file).to_str().unwrap().to_owned();
        let variables = [
            ("CONTATO__IDS__KEY", KEY.to_owned()),
            ("CONTATO__DEAD_LETTERS__KEYS", PAYLOAD_KEYS.to_owned()),
            ("CONTATO__BROKER__URL_FILE", file("broker-url")),
            ("CONTATO__STORE__URL_FILE", file("store-url")),
            ("CONTATO__CONSUMER_WORKER__MANAGEMENT", "127.0.0.1:0".to_owned()),
            ("CONTATO__DLQ_FUNCTION__MANAGEMENT", "127.0.0.1:0".to_owned()),
            ("CONTATO__DLQ_FUNCTION__LISTEN", "127.0.0.1:0".to_owned()),
            ("CONTATO__PRODUCER_API__MANAGEMENT", "127.0.0.1:0".to_owned()),
            ("CONTATO__PRODUCER_API__LISTEN", "127.0.0.1:0".to_owned()),
        ];
        Settings::load(None, variables.map(|(name, value)| (name.to_owned(), value))).unwrap()
    }

    /// A user as RabbitMQ has it, its hash included.
    pub async fn broker_user(&self, account: Account) -> Option<Value> {
        self.ask(&format!("users/{}", self.name(account))).await
    }

    /// All of them.
    pub async fn broker_users(&self) -> Vec<Option<Value>> {
        let mut users = Vec::new();
        for account in Account::ALL {
            users.push(self.broker_user(account).await);
        }
        users
    }

    pub async fn permission(&self, account: Account) -> Value {
        let path = format!("permissions/{}/{}", self.id, self.name(account));
        self.ask(&path).await.expect("a permission")
    }

    pub async fn give_every_right(&self, account: Account) {
        self.give_rights(account, ".*").await;
    }

    /// The same regular expression for all three.
    pub async fn give_rights(&self, account: Account, to: &str) {
        let path = format!("permissions/{}/{}", self.id, self.name(account));
        let all = json!({ "configure": to, "write": to, "read": to });
        self.manage(reqwest::Method::PUT, &path, Some(all)).await;
    }

    /// Gives the tag, and another password.
    pub async fn make_administrator(&self, account: Account) {
        let path = format!("users/{}", self.name(account));
        let user = json!({ "password": "another", "tags": "administrator" });
        self.manage(reqwest::Method::PUT, &path, Some(user)).await;
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        let answer = self
            .client
            .get(format!("{}/api/{path}", management_url()))
            .send()
            .await
            .unwrap();
        (answer.status() == 200).then_some(())?;
        Some(answer.json().await.unwrap())
    }

    async fn manage(&self, method: reqwest::Method, path: &str, body: Option<Value>) {
        let request = self
            .client
            .request(method, format!("{}/api/{path}", management_url()));
        let answer = request
            .json(&body.unwrap_or_else(|| json!({})))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Runs statements as the owner.
    pub async fn sql(&self, statements: &str) {
        run(&self.owner_url(), statements).await.unwrap();
    }

    /// A statement that a role may not run.
    pub async fn refuses(&self, account: Account, statement: &str) {
        let url = self.settings(account).store.url.expose().to_owned();
        let refusal = run(&url, statement).await.expect_err(statement).to_string();
        assert!(
            refusal.contains("permission denied") || refusal.contains("must be owner"),
            "{account:?}, {statement}: {refusal}"
        );
    }

    /// What a query gives a role: a text.
    pub async fn value(&self, account: Account, query: &str) -> String {
        let url = self.settings(account).store.url.expose().to_owned();
        let connection = Database::connect(&url).await.unwrap();
        let statement = Statement::from_string(connection.get_database_backend(), query);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let value = row.try_get_by_index(0).unwrap();
        connection.close().await.unwrap();
        value
    }

    /// Leaves nobody on the servers, who stay for other tests.
    pub async fn remove(self) {
        for account in SERVICES {
            let role = self.role(account);
            self.sql(&format!(
                "GRANT {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"
            ))
            .await;
        }
        for account in Account::ALL {
            self.manage(
                reqwest::Method::DELETE,
                &format!("users/{}", self.name(account)),
                None,
            )
            .await;
        }
        self.manage(reqwest::Method::DELETE, &format!("vhosts/{}", self.id), None)
            .await;
    }
}

async fn run(url: &str, statements: &str) -> Result<(), sea_orm::DbErr> {
    let connection = Database::connect(url).await?;
    let ran = connection.execute_unprepared(statements).await.map(drop);
    connection.close().await?;
    ran
}
