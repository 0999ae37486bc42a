//! Schemas of texts and numbers, for the constants that the code uses.

use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type,
        schema::{ArrayBuilder, KnownFormat, SchemaType},
    },
};

use crate::{
    domain::Operation,
    http::{
        cursor,
        page::{DEFAULT_LIMIT, MAX_LIMIT},
    },
};

/// The characters of a UUID.
const UUID_CHARS: usize = 36;
/// The characters of a time with milliseconds in UTC, as answers have it.
const TIME_CHARS: usize = 24;
/// The characters of the longest time that is read: with nanoseconds and an offset.
const TIME_INPUT_MAX_CHARS: usize = 35;
const DAY_SECONDS: u64 = 24 * 60 * 60;
const UUID_PATTERN: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
/// What every text matches.
const ANY_PATTERN: &str = r"^[\s\S]*$";
const TIME_PATTERN: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$";

/// Makes types of schemas, for fields, parameters and bodies. `Name [Item] = …` is one that refers to the schema of `Item`.
#[macro_export]
macro_rules! schema_types {
    ($($(#[$about:meta])* $name:ident $([$item:ty])? = $schema:expr;)+) => {$(
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name;

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::Schema> {
                $schema.into()
            }
        }

        impl ::utoipa::ToSchema for $name {
            $(fn schemas(
                schemas: &mut Vec<(String, ::utoipa::openapi::RefOr<::utoipa::openapi::Schema>)>,
            ) {
                use ::utoipa::{PartialSchema, ToSchema};
                schemas.push((<$item>::name().into_owned(), <$item>::schema()));
                <$item>::schemas(schemas);
            })?
        }
    )+};
}

schema_types! {
    /// A UUID.
    UuidText = text(UUID_CHARS, UUID_CHARS)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .pattern(Some(UUID_PATTERN));
    /// A time as answers have it.
    TimeText = text(TIME_CHARS, TIME_CHARS)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(TIME_PATTERN));
    /// A time as requests have it.
    TimeInput = text(1, TIME_INPUT_MAX_CHARS)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    /// How many elements a page has.
    LimitNumber = integer(1, MAX_LIMIT).default(Some(DEFAULT_LIMIT.into()));
    /// Seconds to wait.
    SecondsNumber = integer(1, DAY_SECONDS);
    /// An operation.
    OperationText = words(Operation::ALL.map(Operation::as_str));
    /// A cursor.
    CursorText = text(1, cursor::MAX_CHARS).pattern(Some("^[A-Za-z0-9_-]+$"));
}

/// A text of so many characters.
pub fn text(min_chars: usize, max_chars: usize) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(min_chars))
        .max_length(Some(max_chars))
}

/// A text of so many characters whose rules no pattern can say.
pub fn any_text(min_chars: usize, max_chars: usize) -> ObjectBuilder {
    text(min_chars, max_chars).pattern(Some(ANY_PATTERN))
}

/// One of some words.
pub fn words<T: Into<Value>>(words: impl IntoIterator<Item = T>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.into_iter().map(Into::into).collect::<Vec<Value>>()))
}

/// A whole number within bounds.
pub fn integer(min: u64, max: u64) -> ObjectBuilder {
    let format = if i32::try_from(max).is_ok() {
        KnownFormat::Int32
    } else {
        KnownFormat::Int64
    };
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(format)))
        .minimum(Some(i64::try_from(min).unwrap_or(i64::MAX)))
        .maximum(Some(i64::try_from(max).unwrap_or(i64::MAX)))
}

/// Elements that refer to the schema of `T`, so many at most.
pub fn list<T: ToSchema>(max: u64) -> ArrayBuilder {
    ArrayBuilder::new()
        .items(Ref::from_schema_name(T::name()))
        .max_items(usize::try_from(max).ok())
}

/// A page of elements that refer to the schema of `T`.
pub fn page<T: ToSchema>() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("items", list::<T>(MAX_LIMIT))
        .property("nextCursor", or_null::<CursorText>())
        .required("items")
        .required("nextCursor")
}

/// A `T`, or `null`.
pub fn or_null<T: PartialSchema>() -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        if let SchemaType::Type(kind) = &object.schema_type {
            object.schema_type = SchemaType::Array(vec![kind.clone(), Type::Null]);
        }
        if let Some(words) = &mut object.enum_values {
            words.push(Value::Null);
        }
    }
    schema
}
