//! All contacts that a filter lets through, as they are at one moment: for exports.
//!
//! One transaction sees one state of the database (REPEATABLE READ on PostgreSQL, a read transaction on SQLite) and reads it
//! page by page, each starting behind the position where the one before ended (keyset), so that it needs the memory of one page.
//!
//! **Invariant:** exports have connections of their own, [`MAX_EXPORTS`] of them, so that a slow one takes none from other reads.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, IsolationLevel,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::{
    Pool, SqlOperation, Store, StoreError,
    contacts::{self, Contact, ContactFilter, ContactPosition, Direction, Sequence, SortBy},
    entities::contacts::Model,
    search,
};

/// The most exports at once: what a process has connections for.
pub const MAX_EXPORTS: usize = 2;
/// Contacts that are read at once.
pub const PAGE_ROWS: u64 = 1_000;
/// How long one page may take. A word that nobody has is looked for in all contacts.
pub(super) const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// An export in the middle. Dropped, it ends.
#[derive(Debug)]
pub struct Export {
    sql: DatabaseTransaction,
    filter: ContactFilter,
    sort: SortBy,
    direction: Direction,
    after: Option<ContactPosition>,
}

impl Store {
    /// Begins an export. It shows the state in which its first page finds the database.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn export(
        &self,
        filter: ContactFilter,
        sort: SortBy,
        direction: Direction,
    ) -> Result<Export, StoreError> {
        let sqlite = self.export.get_database_backend() == DbBackend::Sqlite;
        let options = TransactionOptions {
            isolation_level: (!sqlite).then_some(IsolationLevel::RepeatableRead),
            access_mode: (!sqlite).then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Deferred),
        };
        let begin = async { Ok(self.export.begin_with_options(options).await?) };
        Ok(Export {
            sql: self.timed(Pool::Export, SqlOperation::BeginExport, begin).await?,
            filter,
            sort,
            direction,
            after: None,
        })
    }
}

impl Export {
    /// The next contacts, [`PAGE_ROWS`] at most; none at the end.
    ///
    /// # Errors
    /// If SQL does not answer, or has ended the transaction: a standby may, when it has to catch up.
    pub async fn next_page(&mut self) -> Result<Vec<Contact>, StoreError> {
        let sequence = Sequence {
            sort: self.sort,
            direction: self.direction,
            after: self.after.as_ref(),
        };
        // Words are looked for by reading, not by their index: everything is wanted in order, and one way through the
        // order costs the same for a common word and a rare one. The index would be asked and sorted for every page.
        let sql = self.sql.get_database_backend();
        let words = self.filter.words.as_ref().map(|query| search::seen(query, sql));
        let matching = contacts::rows()
            .cond_where(contacts::matching(&self.filter, words, sql))
            .take();
        let statement = sequence.first(matching, PAGE_ROWS);
        let statement = sql.build(&statement);
        let read = Model::find_by_statement(statement).all(&self.sql);
        let rows = tokio::time::timeout(PAGE_TIMEOUT, read)
            .await
            .map_err(|_| StoreError::TimedOut(PAGE_TIMEOUT))??;
        let page = contacts::contacts(rows)?;
        self.after = page.last().map(|last| ContactPosition {
            key: last.sort_key(self.sort),
            id: last.state.id,
        });
        Ok(page)
    }

    /// Ends it and gives its connection back.
    pub async fn end(self) {
        // There is nothing to lose, and a connection that is broken is not used again.
        drop(self.sql.rollback().await);
    }
}
