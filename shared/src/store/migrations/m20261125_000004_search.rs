//! Search by words.
//!
//! * `contacts.words`: the words of a born contact as the domain has them (`domain::words`), with a space between two; NULL
//!   of any other contact, and of one that a program wrote which knows of no words. Those are mended (`Store::mend_words`).
//! * `contacts_words` (PostgreSQL): a GIN index of the words; a beginning of a word is a range of its keys.
//! * `contact_words` (SQLite): the same as a full-text index (FTS5) that keeps nothing but the words, in step by triggers.
//!   `contact_rows` gives each contact a number that stays: the rowid of a table whose key is no number changes with a VACUUM.
//!
//! Not one transaction: the table is locked for moments only while existing contacts are given their words, so that a
//! worker goes on meanwhile. What was interrupted can be run again.

use sea_orm::DbBackend;
use sea_orm_migration::{SchemaManagerConnection, prelude::*, sea_orm::TransactionTrait};

use super::{super::search, byte_ordered_text};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The setting by which a program tells PostgreSQL that it writes `words` together with what they are made of.
pub const KEEPS_WORDS: &str = "contato.keeps_words";

/// While programs of two versions run, the older one writes contacts and leaves `words` as they are. What it changed
/// shall not be found by what it was, and what it erased shall be erased.
const POSTGRES_STALE: &str = "
CREATE OR REPLACE FUNCTION contacts_stale_words() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN NEW.words := NULL; RETURN NEW; END';
DROP TRIGGER IF EXISTS contacts_stale_words ON contacts;
CREATE TRIGGER contacts_stale_words BEFORE UPDATE OF name, phone, email ON contacts FOR EACH ROW
    WHEN (current_setting('contato.keeps_words', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION contacts_stale_words();
";

/// Building an index takes longer than a statement of a service may.
const POSTGRES_INDEXES: &str = "
SET LOCAL statement_timeout = 0;
CREATE INDEX IF NOT EXISTS contacts_words ON contacts
    USING gin (array_to_tsvector(string_to_array(words, ' '))) WHERE life = 'born';
";

/// For what is not searched but goes with it: contacts to be mended; tombstones, which `updatedSince` gives whatever is
/// searched for.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS contacts_wordless ON contacts (id) WHERE life = 'born' AND words IS NULL;
CREATE INDEX IF NOT EXISTS contacts_deleted ON contacts (updated_at, id) WHERE life = 'deleted';
";

const POSTGRES_DOWN: &str = "
DROP INDEX IF EXISTS contacts_words, contacts_wordless, contacts_deleted;
DROP TRIGGER IF EXISTS contacts_stale_words ON contacts;
DROP FUNCTION IF EXISTS contacts_stale_words;
ALTER TABLE contacts DROP COLUMN IF EXISTS words;
";

/// Our words are folded already, so the tokenizer splits at spaces and does nothing else. With `secure-delete` what is
/// removed leaves nothing in the index; the pages are overwritten as the connections' `secure_delete` has it.
const SQLITE: &str = "
CREATE TABLE IF NOT EXISTS contact_rows (row INTEGER PRIMARY KEY, contact BLOB NOT NULL UNIQUE);
CREATE VIRTUAL TABLE IF NOT EXISTS contact_words
    USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii');
INSERT INTO contact_words (contact_words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER IF NOT EXISTS contact_words_added AFTER INSERT ON contacts WHEN NEW.words IS NOT NULL BEGIN
    INSERT INTO contact_rows (contact) VALUES (NEW.id);
    INSERT INTO contact_words (rowid, words)
        SELECT row, NEW.words FROM contact_rows WHERE contact = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS contact_words_changed AFTER UPDATE OF words ON contacts
WHEN NEW.words IS NOT OLD.words BEGIN
    INSERT INTO contact_words (contact_words, rowid, words)
        SELECT 'delete', row, OLD.words FROM contact_rows WHERE contact = OLD.id;
    DELETE FROM contact_rows WHERE contact = OLD.id AND NEW.words IS NULL;
    INSERT INTO contact_rows (contact) SELECT NEW.id WHERE OLD.words IS NULL;
    INSERT INTO contact_words (rowid, words)
        SELECT row, NEW.words FROM contact_rows WHERE contact = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS contact_words_removed AFTER DELETE ON contacts WHEN OLD.words IS NOT NULL BEGIN
    INSERT INTO contact_words (contact_words, rowid, words)
        SELECT 'delete', row, OLD.words FROM contact_rows WHERE contact = OLD.id;
    DELETE FROM contact_rows WHERE contact = OLD.id;
END;
";

const SQLITE_DOWN: &str = "
DROP TRIGGER IF EXISTS contact_words_added;
DROP TRIGGER IF EXISTS contact_words_changed;
DROP TRIGGER IF EXISTS contact_words_removed;
DROP TABLE IF EXISTS contact_words;
DROP TABLE IF EXISTS contact_rows;
DROP INDEX IF EXISTS contacts_wordless;
DROP INDEX IF EXISTS contacts_deleted;
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        if !manager.has_column("contacts", "words").await? {
            let column = byte_ordered_text(manager, "words");
            let table = Table::alter().table("contacts").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        if sql.get_database_backend() == DbBackend::Postgres {
            together(sql, &[POSTGRES_STALE]).await?;
            search::fill(sql).await?;
            together(sql, &[POSTGRES_INDEXES, INDEXES]).await
        } else {
            together(sql, &[SQLITE, INDEXES]).await?;
            search::fill(sql).await.map(drop)
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        if sql.get_database_backend() == DbBackend::Postgres {
            return together(sql, &[POSTGRES_DOWN]).await;
        }
        together(sql, &[SQLITE_DOWN]).await?;
        if manager.has_column("contacts", "words").await? {
            let table = Table::alter().table("contacts").drop_column("words").to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}

async fn together(sql: &SchemaManagerConnection<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let transaction = sql.begin().await?;
    for statements in statements {
        transaction.execute_unprepared(statements).await?;
    }
    transaction.commit().await
}
