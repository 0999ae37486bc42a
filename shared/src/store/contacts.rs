//! Contacts: the conversion between rows and the domain, and the reads of the query side.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, EntityTrait, ExprTrait, FromQueryResult, Iterable, Order,
    PaginatorTrait, QueryFilter, Statement,
    sea_query::{Expr, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError, corrupt,
    entities::contacts::{Column, Entity, Model},
    search,
};
use crate::domain::{
    AreaCode, CommandId, ContactId, ContactState, Email, Life, Mark, Name, Phone, SearchQuery, Slot, Stamp,
    State, words,
};

const UNBORN: &str = "unborn";
const BORN: &str = "born";
const DELETED: &str = "deleted";

/// A contact with its times. They are commit times, outside of what `merge` decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// What `merge` knows of it.
    pub state: ContactState,
    /// When its create was committed; `None` while unborn.
    pub created_at: Option<DateTime<Utc>>,
    /// When its last visible change was committed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When its delete was committed.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// What a page is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// The name, without regard to case and accents.
    Name,
    /// When it was created.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// Upwards or downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

impl Direction {
    /// The other one.
    pub fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }

    pub(super) fn order(self) -> Order {
        match self {
            Self::Ascending => Order::Asc,
            Self::Descending => Order::Desc,
        }
    }
}

/// Which contacts; every filter that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// The area code (DDD).
    pub area_code: Option<AreaCode>,
    /// The state (UF).
    pub state: Option<State>,
    /// Exactly this number.
    pub phone: Option<Phone>,
    /// Exactly this address.
    pub email: Option<Email>,
    /// Has words that begin so.
    pub words: Option<SearchQuery>,
    /// Changed at or after; brings deleted contacts too, whatever the other filters say.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Where in the sort order a page starts, itself excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactPosition {
    /// The value that is sorted by.
    pub key: SortKey,
    /// The contact.
    pub id: ContactId,
}

/// A value that is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// [`Name::sort_key`].
    Text(String),
    /// A time.
    Time(DateTime<Utc>),
}

impl Contact {
    /// The value of this contact that pages are sorted by.
    pub fn sort_key(&self, sort: SortBy) -> SortKey {
        let time = |time: Option<DateTime<Utc>>| SortKey::Time(time.unwrap_or_default());
        match sort {
            SortBy::Name => SortKey::Text(
                self.state
                    .name
                    .value
                    .as_ref()
                    .map(Name::sort_key)
                    .unwrap_or_default(),
            ),
            SortBy::CreatedAt => time(self.created_at),
            SortBy::UpdatedAt => time(self.updated_at),
        }
    }
}

impl Store {
    /// One contact, unborn ones and tombstones included.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        let read = async { Ok(Entity::find_by_id(id.as_uuid()).one(&self.read).await?) };
        self.timed(Pool::Read, SqlOperation::GetContact, read)
            .await?
            .map(Contact::try_from)
            .transpose()
    }

    /// Several contacts, in no order; those without a row are left out.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn contacts_by_ids(&self, ids: &[ContactId]) -> Result<Vec<Contact>, StoreError> {
        let ids = ids.iter().map(|id| id.as_uuid());
        let read = async {
            Ok(Entity::find()
                .filter(Column::Id.is_in(ids))
                .all(&self.read)
                .await?)
        };
        contacts(self.timed(Pool::Read, SqlOperation::GetContact, read).await?)
    }

    /// Whether a contact has a row, born or not.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn contact_has_row(&self, id: ContactId) -> Result<bool, StoreError> {
        let read = async { Ok(Entity::find_by_id(id.as_uuid()).count(&self.read).await? > 0) };
        self.timed(Pool::Read, SqlOperation::GetContact, read).await
    }

    /// A page of contacts in sort order, from a position on. Its cost does not grow with the position (keyset).
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn contacts_page(
        &self,
        filter: &ContactFilter,
        sort: SortBy,
        direction: Direction,
        after: Option<&ContactPosition>,
        limit: u64,
    ) -> Result<Vec<Contact>, StoreError> {
        let read = async {
            let mut rows = Vec::new();
            for statement in self.page_statements(filter, sort, direction, after, limit) {
                rows = Model::find_by_statement(statement).all(&self.read).await?;
                if rows.len() as u64 == limit {
                    break;
                }
            }
            Ok(rows)
        };
        contacts(self.timed(Pool::Read, SqlOperation::ListContacts, read).await?)
    }

    /// The statements of [`contacts_page`](Self::contacts_page), for those who ask the database how it runs them. The first
    /// that fills the page has it, else the last one.
    pub fn page_statements(
        &self,
        filter: &ContactFilter,
        sort: SortBy,
        direction: Direction,
        after: Option<&ContactPosition>,
        limit: u64,
    ) -> Vec<Statement> {
        let sql = self.read.get_database_backend();
        let sequence = Sequence {
            sort,
            direction,
            after,
        };
        let page = match &filter.words {
            Some(query) => search::page(filter, query, &sequence, limit, sql).to_vec(),
            None => vec![sequence.first(rows().cond_where(matching(filter, None, sql)).take(), limit)],
        };
        page.iter().map(|statement| sql.build(statement)).collect()
    }
}

pub(super) fn contacts(rows: Vec<Model>) -> Result<Vec<Contact>, StoreError> {
    rows.into_iter().map(Contact::try_from).collect()
}

/// A sort order and where in it a page starts.
#[derive(Debug)]
pub(super) struct Sequence<'a> {
    pub sort: SortBy,
    pub direction: Direction,
    pub after: Option<&'a ContactPosition>,
}

impl Sequence<'_> {
    fn column(&self) -> Column {
        match self.sort {
            SortBy::Name => Column::NameKey,
            SortBy::CreatedAt => Column::CreatedAt,
            SortBy::UpdatedAt => Column::UpdatedAt,
        }
    }

    /// That a row comes after the position.
    pub fn start(&self) -> Condition {
        let Some(ContactPosition { key, id }) = self.after else {
            return Condition::all();
        };
        let key = match key {
            SortKey::Text(text) => Expr::val(text.as_str()),
            SortKey::Time(time) => Expr::val(*time),
        };
        let place = Expr::tuple([Expr::col(self.column()), Expr::col(Column::Id)]);
        let start = Expr::tuple([key, Expr::val(id.as_uuid())]);
        Condition::all().add(match self.direction {
            Direction::Ascending => place.gt(start),
            Direction::Descending => place.lt(start),
        })
    }

    /// The first rows in this order.
    pub fn in_order(&self, mut rows: SelectStatement, limit: u64) -> SelectStatement {
        rows.order_by(self.column(), self.direction.order())
            .order_by(Column::Id, self.direction.order())
            .limit(limit)
            .take()
    }

    /// The first rows after the position.
    pub fn first(&self, mut rows: SelectStatement, limit: u64) -> SelectStatement {
        rows.cond_where(self.start());
        self.in_order(rows, limit)
    }
}

/// All rows.
pub(super) fn rows() -> SelectStatement {
    Query::select().columns(Column::iter()).from(Entity).take()
}

/// Those rows that a query gives.
pub(super) fn rows_of(query: SelectStatement) -> SelectStatement {
    Query::select()
        .columns(Column::iter())
        .from_subquery(query, Entity)
        .take()
}

/// The e-mail without regard to the case of its letters, as `contacts_email_folded` has it.
pub(super) fn folded_email(sql: DbBackend) -> Expr {
    match sql {
        DbBackend::Postgres => Expr::cust("lower(email COLLATE \"C\")"),
        _ => Expr::cust("lower(email)"),
    }
}

/// Which rows; `words` says how it is found out whether a row has them.
pub(super) fn matching(filter: &ContactFilter, words: Option<Expr>, sql: DbBackend) -> Condition {
    let born = Condition::all()
        // Written out, not bound, so that the partial indexes serve it.
        .add(Expr::cust("life = 'born'"))
        .add_option(filter.area_code.map(|code| Column::AreaCode.eq(code.to_string())))
        .add_option(filter.state.map(|state| Column::State.eq(state.as_str())))
        .add_option(
            filter
                .phone
                .as_ref()
                .map(|phone| Column::Phone.eq(phone.as_str())),
        )
        .add_option(filter.email.as_ref().map(|email| {
            let folded = folded_email(sql).eq(email.as_str().to_ascii_lowercase());
            Condition::all().add(folded).add(Column::Email.eq(email.as_str()))
        }))
        .add_option(words);
    let Some(since) = filter.updated_since else {
        return born;
    };
    // What was deleted before anyone could see it is nobody's news.
    let deleted = Condition::all()
        .add(Expr::cust("life = 'deleted'"))
        .add(Column::CreatedAt.is_not_null());
    Condition::all()
        .add(Column::UpdatedAt.gte(since))
        .add(Condition::any().add(born).add(deleted))
}

impl TryFrom<Model> for Contact {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let life = match (row.life.as_str(), row.created_by) {
            (UNBORN, None) => Life::Unborn,
            (BORN, Some(creator)) => Life::Born(CommandId::from_uuid(creator)),
            (DELETED, _) => Life::Deleted,
            _ => return Err(corrupt("contact").into()),
        };
        let (name, phone, email) = fields(row.name, row.phone, row.email)?;
        Ok(Self {
            state: ContactState {
                id: ContactId::from_uuid(row.id),
                life,
                name: Slot {
                    value: name,
                    set_by: mark(row.name_stamp, row.name_command)?,
                },
                phone: Slot {
                    value: phone,
                    set_by: mark(row.phone_stamp, row.phone_command)?,
                },
                email: Slot {
                    value: email,
                    set_by: mark(row.email_stamp, row.email_command)?,
                },
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}

/// What a contact tells of itself.
type Fields = (Option<Name>, Option<Phone>, Option<Email>);

/// Reads what is stored.
pub(super) fn fields(
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
) -> Result<Fields, DbErr> {
    let name = name.map(|name| Name::from_stored(name).ok_or_else(|| corrupt("name")));
    let phone = phone.map(|phone| Phone::from_stored(phone).ok_or_else(|| corrupt("phone")));
    let email = email.map(|email| Email::from_stored(email).ok_or_else(|| corrupt("email")));
    Ok((name.transpose()?, phone.transpose()?, email.transpose()?))
}

fn mark(stamp: Option<i64>, command: Option<Uuid>) -> Result<Option<Mark>, StoreError> {
    let (Some(stamp), Some(command)) = (stamp, command) else {
        return Ok(None);
    };
    let stamp = Stamp::from_i64(stamp).ok_or_else(|| corrupt("stamp"))?;
    Ok(Some(Mark {
        stamp,
        command: CommandId::from_uuid(command),
    }))
}

/// The row of a contact after a batch. `before` is the contact as the batch found it, `now` the time of the commit.
pub(super) fn row(after: &ContactState, before: Option<&Contact>, now: DateTime<Utc>) -> Model {
    let created_at = before.and_then(|contact| contact.created_at);
    let (life, created_by, created_at, deleted_at) = match after.life {
        Life::Unborn => (UNBORN, None, created_at, None),
        Life::Born(creator) => (BORN, Some(creator.as_uuid()), created_at.or(Some(now)), None),
        Life::Deleted => (DELETED, None, created_at, Some(now)),
    };
    let visible = after.life != Life::Unborn;
    let name = &after.name;
    let phone = &after.phone;
    let email = &after.email;
    let stamp = |mark: Option<Mark>| mark.map(|mark| mark.stamp.to_i64());
    let command = |mark: Option<Mark>| mark.map(|mark| mark.command.as_uuid());
    let number = phone.value.as_ref();
    Model {
        id: after.id.as_uuid(),
        life: life.to_owned(),
        created_by,
        name: name.value.as_ref().map(|name| name.as_str().to_owned()),
        name_key: name.value.as_ref().map(Name::sort_key),
        name_stamp: stamp(name.set_by),
        name_command: command(name.set_by),
        phone: number.map(|phone| phone.as_str().to_owned()),
        phone_stamp: stamp(phone.set_by),
        phone_command: command(phone.set_by),
        area_code: number.and_then(Phone::area_code).map(|code| code.to_string()),
        state: number
            .and_then(Phone::state)
            .map(|state| state.as_str().to_owned()),
        email: email.value.as_ref().map(|email| email.as_str().to_owned()),
        email_stamp: stamp(email.set_by),
        email_command: command(email.set_by),
        created_at,
        updated_at: visible.then_some(now),
        deleted_at,
        words: (life == BORN).then(|| words(name.value.as_ref(), number, email.value.as_ref())),
    }
}
