//! The roles that services sign in with: made, and given what `deploy/postgres/grants.sql` says. PostgreSQL only.
//!
//! All of it is one transaction of whoever owns the tables, who needs CREATEROLE and no more. No password goes to the server: it
//! is sent what it keeps, a SCRAM verifier (RFC 5803), so that none is in a log of statements either.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement};
use secrecy::{ExposeSecret, SecretString};

use super::{Store, StoreError, grants};
use crate::intent::Intent;

mod found;

use found::Found;

/// PostgreSQL cuts longer names short (manual, section 4.1.1).
const NAME_MAX_BYTES: usize = 63;

/// What the sessions of a role are bounded by where they set nothing themselves: as long as any setting lets an operation take.
/// The services' own sessions set less, and the one a person opens with a service's password cannot block them for ever.
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "1min"),
    ("lock_timeout", "1min"),
    ("idle_in_transaction_session_timeout", "1min"),
];

/// Two at once would change the same rows of the catalogue, which PostgreSQL answers with an error.
const LOCK: i64 = 0x636f_6e74_6174_6f31;

/// The role that a service is to have.
#[derive(Clone, Debug)]
pub struct ServiceRole {
    /// The name.
    pub name: String,
    /// The password.
    pub password: SecretString,
    /// Whether the server lets it in with this password already.
    pub lets_in: bool,
}

/// What was done about a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDone {
    /// The name.
    pub name: String,
    /// What.
    pub done: Done,
}

/// How a role was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was missing.
    Made,
    /// It had another password, or could not sign in.
    PasswordSet,
    /// It lacked the limits of its sessions, or had other settings of its own.
    LimitsSet,
    /// As it has to be.
    Nothing,
}

/// What was done about all roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolesDone {
    /// In the order of [`Service::ALL`](crate::service::Service::ALL).
    pub roles: Vec<RoleDone>,
    /// Whether rights were given or taken.
    pub rights_changed: bool,
    /// Whether any role of the server still may connect to the database: it is not ours to forbid.
    pub public_connects: bool,
    /// Whether any role may make tables and functions in the schema: before PostgreSQL 15 that is so, and the schema is the
    /// superuser's.
    pub public_creates: bool,
}

/// Why the roles are not as they have to be. The variants name what to do; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RolesError {
    /// SQLite has none.
    #[error("only PostgreSQL has roles, and store.url names SQLite")]
    NotPostgres,
    /// The name cannot be one.
    #[error("a role's name has 1 to {NAME_MAX_BYTES} bytes and no NUL")]
    Name,
    /// A service would be the owner.
    #[error(
        "{0} is who runs this, and owns the tables: a service with its rights could change the audit and the schema; give the \
         service a role of its own"
    )]
    Owner(String),
    /// A service would have rights that the file does not give.
    #[error(
        "the role {name} has more rights than a service needs: {what}; take them away ({mend}) or name another role"
    )]
    TooMuch {
        /// Whose.
        name: String,
        /// Which.
        what: String,
        /// The statement that takes them away.
        mend: String,
    },
    /// Whoever runs this lacks a right.
    #[error("who runs this may not {what}: {mend}")]
    Forbidden {
        /// What was to be done.
        what: String,
        /// What to do.
        mend: String,
    },
    /// SQL failed.
    #[error("SQL failed")]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes the roles of [`Service::ALL`](crate::service::Service::ALL), in this order, if they are missing, and gives them their rights. The schema has to be
    /// up to date.
    ///
    /// # Errors
    /// See [`RolesError`].
    pub async fn set_up_roles(
        &self,
        roles: &[ServiceRole; 3],
        intent: Intent,
    ) -> Result<RolesDone, RolesError> {
        if self.write.get_database_backend() != DbBackend::Postgres {
            return Err(RolesError::NotPostgres);
        }
        let unfit =
            |role: &ServiceRole| !(1..=NAME_MAX_BYTES).contains(&role.name.len()) || role.name.contains('\0');
        if roles.iter().any(unfit) {
            return Err(RolesError::Name);
        }
        let work = async {
            let sql = self.begin().await.map_err(StoreError::from)?;
            let done = set_up(&sql, roles).await?;
            match intent {
                Intent::Change => sql.commit().await,
                Intent::Look => sql.rollback().await,
            }
            .map_err(StoreError::from)?;
            Ok(done)
        };
        tokio::time::timeout(self.operation_timeout, work)
            .await
            .unwrap_or(Err(StoreError::TimedOut(self.operation_timeout).into()))
    }
}

async fn set_up(sql: &DatabaseTransaction, roles: &[ServiceRole; 3]) -> Result<RolesDone, RolesError> {
    run(sql, &format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    let database: Text = one(sql, "SELECT current_database()::text AS text").await?;
    let mut done = Vec::new();
    for role in roles {
        done.push(RoleDone {
            name: role.name.clone(),
            done: set_up_role(sql, role, &database.text).await?,
        });
    }
    let before = rights(sql).await?;
    let names = roles.each_ref().map(|role| role.name.as_str());
    let given = run(sql, &grants::statements(names, &database.text)).await;
    given.map_err(|error| {
        forbidden(
            error,
            "give rights on contato's tables",
            "run this with the owner of the tables".to_owned(),
        )
    })?;
    Ok(RolesDone {
        roles: done,
        rights_changed: rights(sql).await? != before,
        public_connects: one::<Truth>(sql, PUBLIC_CONNECTS).await?.truth,
        public_creates: one::<Truth>(sql, PUBLIC_CREATES).await?.truth,
    })
}

async fn set_up_role(
    sql: &DatabaseTransaction,
    role: &ServiceRole,
    database: &str,
) -> Result<Done, RolesError> {
    let name = &role.name;
    let quoted = identifier(name);
    // Made on this side, with a salt of its own, and safe in a literal: base64, `$` and `:`.
    let verifier = || postgres_protocol::password::scram_sha_256(role.password.expose_secret().as_bytes());
    let found = Found::look(sql, name).await?;
    let Some(found) = found else {
        let made = run(
            sql,
            &format!("CREATE ROLE {quoted} LOGIN PASSWORD '{}'", verifier()),
        )
        .await;
        made.map_err(|error| {
            forbidden(
                error,
                "make roles",
                "give it the right (ALTER ROLE … CREATEROLE)".to_owned(),
            )
        })?;
        set_limits(sql, name, database).await?;
        return Ok(Done::Made);
    };
    found.refuse_too_much(name)?;
    let password = !found.signs_in || !role.lets_in;
    if password {
        let set = run(
            sql,
            &format!("ALTER ROLE {quoted} LOGIN PASSWORD '{}'", verifier()),
        )
        .await;
        set.map_err(|error| forbidden_to_change(error, name))?;
    }
    if !found.limited {
        set_limits(sql, name, database).await?;
    }
    Ok(match (password, found.limited) {
        (true, _) => Done::PasswordSet,
        (false, false) => Done::LimitsSet,
        (false, true) => Done::Nothing,
    })
}

/// These and no others: whoever has a role's password can change its settings for all sessions to come, such as where it looks
/// for tables.
async fn set_limits(sql: &DatabaseTransaction, name: &str, database: &str) -> Result<(), RolesError> {
    let quoted = identifier(name);
    let mut statements = vec![
        format!("ALTER ROLE {quoted} RESET ALL"),
        format!(
            "ALTER ROLE {quoted} IN DATABASE {} RESET ALL",
            identifier(database)
        ),
    ];
    statements.extend(LIMITS.map(|(limit, value)| format!("ALTER ROLE {quoted} SET {limit} = '{value}'")));
    for statement in statements {
        let set = run(sql, &statement).await;
        set.map_err(|error| forbidden_to_change(error, name))?;
    }
    Ok(())
}

/// A name as SQL takes it, whatever is in it (PostgreSQL manual, section 4.1.1).
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const PUBLIC_CONNECTS: &str = "
SELECT EXISTS (SELECT FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
               WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT') AS truth";

const PUBLIC_CREATES: &str = "
SELECT EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
               WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE') AS truth";

/// Every right on what is in the schema, on it and on the database, in one text.
async fn rights(sql: &DatabaseTransaction) -> Result<String, RolesError> {
    const RIGHTS: &str = "
SELECT coalesce(string_agg(line, ' ' ORDER BY line), '') AS text FROM (
    SELECT concat('relation ', c.oid, ' ', a) AS line FROM pg_class c, unnest(c.relacl) a
        WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat('column ', t.attrelid, ' ', t.attnum, ' ', a) FROM pg_attribute t, unnest(t.attacl) a
        WHERE t.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    UNION ALL SELECT concat('function ', p.oid, ' ', a) FROM pg_proc p, unnest(p.proacl) a
        WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat('schema ', a) FROM pg_namespace n, unnest(n.nspacl) a WHERE n.nspname = 'public'
    UNION ALL SELECT concat('database ', a) FROM pg_database d, unnest(d.datacl) a WHERE d.datname = current_database()
) rights";
    Ok(one::<Text>(sql, RIGHTS).await?.text)
}

#[derive(FromQueryResult)]
struct Text {
    text: String,
}

#[derive(FromQueryResult)]
struct Truth {
    truth: bool,
}

async fn one<T: FromQueryResult>(sql: &DatabaseTransaction, query: &str) -> Result<T, RolesError> {
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let found = T::find_by_statement(statement).one(sql).await;
    let missing = || StoreError::from(DbErr::RecordNotFound("one row was asked for".to_owned()));
    Ok(found.map_err(StoreError::from)?.ok_or_else(missing)?)
}

async fn run(sql: &DatabaseTransaction, statements: &str) -> Result<(), StoreError> {
    Ok(sql.execute_unprepared(statements).await.map(drop)?)
}

/// What SQLSTATE 42501 (PostgreSQL manual, appendix A) means here.
fn forbidden(error: StoreError, what: &str, mend: String) -> RolesError {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) {
        let what = what.to_owned();
        return RolesError::Forbidden { what, mend };
    }
    error.into()
}

fn forbidden_to_change(error: StoreError, name: &str) -> RolesError {
    let mend = format!(
        "give it CREATEROLE, and on PostgreSQL 16 and later GRANT {} TO it WITH ADMIN OPTION, since somebody else made the role",
        identifier(name)
    );
    forbidden(error, &format!("change the role {name}"), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_are_looked_for() {
        for (limit, value) in LIMITS {
            assert!(found::FIND.contains(&format!("'{limit}={value}'")), "{limit}");
        }
    }
}
