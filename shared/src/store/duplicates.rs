//! Contacts that share a phone or an e-mail address.
//!
//! The values are gone through in their own order, by an index that has them in it: a stretch of it at a time. Where many
//! contacts are duplicates a page is full after a few rows; where none are, no page reads more than the stretch.

use sea_orm::{
    Condition, ConnectionTrait, DbBackend, ExprTrait, FromQueryResult, Order, Statement,
    sea_query::{Expr, Query, SelectStatement},
};

use super::{
    Pool, SqlOperation, Store, StoreError,
    contacts::{self, Contact},
    entities::contacts::{Column, Entity, Model},
};

/// The most contacts of a group that are told; all are counted.
pub const MAX_MEMBERS: u64 = 20;
/// Contacts that a page looks at at most, and the rest of those that share the last value.
pub const STRETCH_ROWS: u64 = 50_000;

/// What contacts may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SharedField {
    /// The phone, in E.164 form.
    Phone,
    /// The e-mail address, without regard to the case of ASCII letters.
    Email,
}

/// Contacts that share a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many they are.
    pub count: u64,
    /// The oldest of them, [`MAX_MEMBERS`] at most.
    pub contacts: Vec<Contact>,
}

/// Some groups in the order of their values.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupsPage {
    /// The groups. There may be fewer than asked for, or none, though there are more.
    pub groups: Vec<Group>,
    /// The value behind which the next page starts, unless this was the last.
    pub next: Option<String>,
}

#[derive(FromQueryResult)]
struct Counted {
    value: String,
    count: i64,
}

impl SharedField {
    /// The value as it is compared, as the index has it.
    fn value(self, sql: DbBackend) -> Expr {
        match self {
            Self::Phone => Expr::col(Column::Phone),
            Self::Email => contacts::folded_email(sql),
        }
    }
}

impl Store {
    /// A page of groups of born contacts that share a value, from behind a value on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn duplicates_page(
        &self,
        by: SharedField,
        after: Option<&str>,
        limit: u64,
    ) -> Result<GroupsPage, StoreError> {
        let read = async {
            let end = self.value(&self.duplicates_stretch(by, after)).await?;
            let counted = self.duplicates_groups(by, after, end.as_deref(), limit);
            let mut counted = Counted::find_by_statement(counted).all(&self.read).await?;
            let more = counted.len() as u64 > limit;
            counted.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let next = match counted.last() {
                Some(last) if more => Some(last.value.clone()),
                _ => end,
            };
            let mut groups = Vec::new();
            for Counted { value, count } in counted {
                let rows = Model::find_by_statement(self.duplicates_members(by, &value));
                let contacts = contacts::contacts(rows.all(&self.read).await?)?;
                groups.extend(group(contacts, count.unsigned_abs()));
            }
            Ok(GroupsPage { groups, next })
        };
        self.timed(Pool::Read, SqlOperation::FindDuplicates, read).await
    }

    async fn value(&self, statement: &Statement) -> Result<Option<String>, StoreError> {
        let row = self.read.query_one_raw(statement.clone()).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// The statement that gives the last value of the stretch, if more follows; public for those who ask the database how it
    /// runs it.
    pub fn duplicates_stretch(&self, by: SharedField, after: Option<&str>) -> Statement {
        let sql = self.read.get_database_backend();
        let mut end = Query::select();
        end.expr(by.value(sql))
            .from(Entity)
            .cond_where(behind(by, after, sql))
            .order_by_expr(by.value(sql), Order::Asc)
            .offset(STRETCH_ROWS - 1)
            .limit(1);
        sql.build(&end)
    }

    /// The statement that gives the values, up to `end`, that more than one contact has; one more than `limit` tells that there
    /// are more.
    pub fn duplicates_groups(
        &self,
        by: SharedField,
        after: Option<&str>,
        end: Option<&str>,
        limit: u64,
    ) -> Statement {
        let sql = self.read.get_database_backend();
        let count = || Expr::cust("count(*)");
        let within = end.map(|end| by.value(sql).lte(end));
        let mut groups = Query::select();
        groups
            .expr_as(by.value(sql), "value")
            .expr_as(count(), "count")
            .from(Entity)
            .cond_where(behind(by, after, sql).add_option(within))
            .add_group_by([by.value(sql)])
            .and_having(count().gt(1))
            .order_by_expr(by.value(sql), Order::Asc)
            .limit(limit + 1);
        sql.build(&groups)
    }

    /// The statement that gives the oldest contacts with a value.
    pub fn duplicates_members(&self, by: SharedField, value: &str) -> Statement {
        let sql = self.read.get_database_backend();
        let mut members: SelectStatement = contacts::rows();
        members
            // As a range, whose order SQLite sees to be that of the index; equal to an expression, it sorts them.
            .cond_where(born().add(by.value(sql).gte(value)).add(by.value(sql).lte(value)))
            .order_by_expr(by.value(sql), Order::Asc)
            .order_by(Column::CreatedAt, Order::Asc)
            .order_by(Column::Id, Order::Asc)
            .limit(MAX_MEMBERS);
        sql.build(&members)
    }
}

/// A group, unless it was dissolved since it was counted. Where all its contacts are told, they are the count.
fn group(contacts: Vec<Contact>, counted: u64) -> Option<Group> {
    let told = contacts.len() as u64;
    let count = if told < MAX_MEMBERS { told } else { counted };
    (told > 1).then_some(Group { count, contacts })
}

/// Written out, not bound, so that the partial indexes serve it.
fn born() -> Condition {
    Condition::all().add(Expr::cust("life = 'born'"))
}

/// That the value is behind another; behind none is every value, since no phone and no address is empty.
fn behind(by: SharedField, after: Option<&str>, sql: DbBackend) -> Condition {
    born().add(by.value(sql).gt(after.unwrap_or_default()))
}
