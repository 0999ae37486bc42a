//! The store: one suite, both databases.

/// Two tests of each case: on SQLite and on PostgreSQL.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::TestStore::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::TestStore::postgres().await).await;
            })+
        }
    };
}

mod arrivals;
mod convergence;
mod duplicates;
mod export;
mod figures;
mod imports;
mod replays;
mod search;
mod suite;

use std::time::Duration;

use secrecy::SecretString;
use shared::store::{Store, StoreOptions};
use test_support::TestDatabase;

/// A store on an empty database of its own.
pub struct TestStore {
    pub store: Store,
    pub database: TestDatabase,
}

impl TestStore {
    pub async fn sqlite() -> Self {
        Self::on(TestDatabase::sqlite()).await
    }

    pub async fn postgres() -> Self {
        Self::on(TestDatabase::postgres().await).await
    }

    async fn on(database: TestDatabase) -> Self {
        let store = Store::open(&options(database.url())).await.unwrap();
        Self { store, database }
    }

    pub fn is_postgres(&self) -> bool {
        self.database.url().starts_with("postgres")
    }

    pub async fn migrated(self) -> Self {
        self.store.migrate_up(None).await.unwrap();
        self
    }
}

pub fn options(url: &str) -> StoreOptions {
    StoreOptions {
        url: SecretString::from(url.to_owned()),
        read_url: None,
        ca_file: None,
        max_connections: 5,
        operation_timeout: Duration::from_secs(10),
    }
}
