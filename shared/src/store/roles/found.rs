//! How a role is found before it is set up.

use sea_orm::{DatabaseTransaction, DbBackend, FromQueryResult, Statement};

use super::{super::StoreError, RolesError, identifier};

/// What there is of a role.
#[derive(Debug, FromQueryResult)]
pub(super) struct Found {
    runs_this: bool,
    pub(super) signs_in: bool,
    attributes: String,
    member_of: String,
    owns: bool,
    pub(super) limited: bool,
}

pub(super) const FIND: &str = "
SELECT r.rolname = current_user OR r.rolname = session_user AS runs_this,
       r.rolcanlogin AS signs_in,
       concat_ws(' ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                 CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
                 CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END) AS attributes,
       coalesce((SELECT string_agg(quote_ident(g.rolname), ', ') FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                 WHERE m.member = r.oid), '') AS member_of,
       EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid)
           OR EXISTS (SELECT FROM pg_proc p WHERE p.proowner = r.oid)
           OR EXISTS (SELECT FROM pg_namespace n WHERE n.nspowner = r.oid)
           OR EXISTS (SELECT FROM pg_database d WHERE d.datdba = r.oid) AS owns,
       (SELECT coalesce(array_agg(c ORDER BY c), '{}') FROM pg_db_role_setting s, unnest(s.setconfig) c
        WHERE s.setrole = r.oid AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())))
           = ARRAY['idle_in_transaction_session_timeout=1min', 'lock_timeout=1min', 'statement_timeout=1min'] AS limited
FROM pg_roles r WHERE r.rolname = $1";

impl Found {
    pub(super) async fn look(sql: &DatabaseTransaction, name: &str) -> Result<Option<Self>, RolesError> {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, FIND, [name.into()]);
        let found = Self::find_by_statement(statement).one(sql).await;
        Ok(found.map_err(StoreError::from)?)
    }

    /// Whoever may do more than the file gives.
    pub(super) fn refuse_too_much(&self, name: &str) -> Result<(), RolesError> {
        if self.runs_this {
            return Err(RolesError::Owner(name.to_owned()));
        }
        let quoted = identifier(name);
        let (what, mend) = if !self.attributes.is_empty() {
            let not = self.attributes.split(' ').map(|word| format!("NO{word}"));
            let not = not.collect::<Vec<_>>().join(" ");
            (
                format!("it is {}", self.attributes),
                format!("ALTER ROLE {quoted} {not}"),
            )
        } else if !self.member_of.is_empty() {
            let groups = &self.member_of;
            (
                format!("it is a member of {groups}"),
                format!("REVOKE {groups} FROM {quoted}"),
            )
        } else if self.owns {
            let mend = format!("REASSIGN OWNED BY {quoted} TO the owner");
            (
                "it owns tables, functions, a schema or the database".to_owned(),
                mend,
            )
        } else {
            return Ok(());
        };
        Err(RolesError::TooMuch {
            name: name.to_owned(),
            what,
            mend,
        })
    }
}
