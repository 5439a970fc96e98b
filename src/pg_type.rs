//! PostgreSQL's types beside Arrow's: which one a column is announced as, and what its OID, name and length are.
//!
//! Text and bytes of values are made in `wire/encode.rs`; here are only the types.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

/// PostgreSQL's object identifier.
pub type Oid = u32;

/// Where a field says which of PostgreSQL's types it is, when Arrow's does not tell: `json` and `jsonb` are text.
const TOLD: &str = "regulars.pg_type";
/// What a constant is told apart by that was cast to this type: another small number is an integer.
pub const BIGINT: &str = "int8";

/// The field, told apart as a type of PostgreSQL's by its name. It stays so as long as it is passed on as it is.
pub fn told(field: Field, name: &str) -> Field {
    field.with_metadata(told_metadata(name))
}

/// What such a field says.
pub fn told_metadata(name: &str) -> HashMap<String, String> {
    HashMap::from([(TOLD.to_owned(), name.to_owned())])
}

/// The name that a field was told apart by.
pub fn name_told(field: &Field) -> Option<&str> {
    field.metadata().get(TOLD).map(String::as_str)
}

/// A type as PostgreSQL describes a column: OID and modifier (`numeric(18,2)` has one; -1 is none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PgType {
    pub oid: Oid,
    pub typmod: i32,
}

/// What is fixed about a type: one row of `pg_type` for base types.
#[derive(Debug, Clone, Copy)]
pub struct TypeInfo {
    pub oid: Oid,
    /// The internal name, as in `pg_type.typname`.
    pub name: &'static str,
    /// The name in SQL, as `format_type` prints it.
    pub sql_name: &'static str,
    /// Bytes; -1 for a variable length.
    pub length: i16,
    pub array_oid: Oid,
    /// `pg_type.typcategory`.
    pub category: char,
}

/// The base types that columns and parameters can have, by OID.
pub const TYPES: &[TypeInfo] = &[
    info(16, "bool", "boolean", 1, 1000, 'B'),
    info(17, "bytea", "bytea", -1, 1001, 'U'),
    info(18, "char", "\"char\"", 1, 1002, 'Z'),
    info(19, "name", "name", 64, 1003, 'S'),
    info(20, "int8", "bigint", 8, 1016, 'N'),
    info(21, "int2", "smallint", 2, 1005, 'N'),
    info(22, "int2vector", "int2vector", -1, 1006, 'A'),
    info(23, "int4", "integer", 4, 1007, 'N'),
    info(24, "regproc", "regproc", 4, 1008, 'N'),
    info(25, "text", "text", -1, 1009, 'S'),
    info(26, "oid", "oid", 4, 1028, 'N'),
    info(30, "oidvector", "oidvector", -1, 1013, 'A'),
    info(114, "json", "json", -1, 199, 'U'),
    info(700, "float4", "real", 4, 1021, 'N'),
    info(701, "float8", "double precision", 8, 1022, 'N'),
    info(705, "unknown", "unknown", -2, 0, 'X'),
    info(1042, "bpchar", "character", -1, 1014, 'S'),
    info(1043, "varchar", "character varying", -1, 1015, 'S'),
    info(1082, "date", "date", 4, 1182, 'D'),
    info(1083, "time", "time without time zone", 8, 1183, 'D'),
    info(1114, "timestamp", "timestamp without time zone", 8, 1115, 'D'),
    info(1184, "timestamptz", "timestamp with time zone", 8, 1185, 'D'),
    info(1186, "interval", "interval", 16, 1187, 'T'),
    info(1700, "numeric", "numeric", -1, 1231, 'N'),
    info(2205, "regclass", "regclass", 4, 2210, 'N'),
    info(2206, "regtype", "regtype", 4, 2211, 'N'),
    info(2950, "uuid", "uuid", 16, 2951, 'U'),
    info(3802, "jsonb", "jsonb", -1, 3807, 'U'),
];

const fn info(
    oid: Oid,
    name: &'static str,
    sql_name: &'static str,
    length: i16,
    array_oid: Oid,
    category: char,
) -> TypeInfo {
    TypeInfo { oid, name, sql_name, length, array_oid, category }
}

impl PgType {
    pub const BOOL: Self = Self::plain(16);
    pub const BYTEA: Self = Self::plain(17);
    pub const NAME: Self = Self::plain(19);
    pub const INT8: Self = Self::plain(20);
    pub const INT2: Self = Self::plain(21);
    pub const INT2VECTOR: Self = Self::plain(22);
    pub const INT4: Self = Self::plain(23);
    pub const REGPROC: Self = Self::plain(24);
    pub const TEXT: Self = Self::plain(25);
    pub const OID: Self = Self::plain(26);
    pub const OIDVECTOR: Self = Self::plain(30);
    pub const JSON: Self = Self::plain(114);
    pub const FLOAT4: Self = Self::plain(700);
    pub const FLOAT8: Self = Self::plain(701);
    pub const UNKNOWN: Self = Self::plain(705);
    pub const VARCHAR: Self = Self::plain(1043);
    pub const DATE: Self = Self::plain(1082);
    pub const TIME: Self = Self::plain(1083);
    pub const TIMESTAMP: Self = Self::plain(1114);
    pub const TIMESTAMPTZ: Self = Self::plain(1184);
    pub const INTERVAL: Self = Self::plain(1186);
    pub const NUMERIC: Self = Self::plain(1700);
    pub const UUID: Self = Self::plain(2950);
    pub const JSONB: Self = Self::plain(3802);

    const fn plain(oid: Oid) -> Self {
        Self { oid, typmod: -1 }
    }

    /// `numeric(precision, scale)`; the modifier packs both behind PostgreSQL's header of four bytes.
    pub const fn numeric(precision: u8, scale: i8) -> Self {
        Self { oid: 1700, typmod: (((precision as i32) << 16) | (scale as i32 & 0x7ff)) + 4 }
    }

    /// How a column of this Arrow type is announced. Types without a counterpart arrive as text.
    ///
    /// Unsigned 32-bit integers are object identifiers: purchase history never holds them (its unsigned
    /// columns are widened to `bigint` when read), the system catalog always does.
    pub fn of_arrow(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::BOOL,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::INT2,
            DataType::Int32 | DataType::UInt16 => Self::INT4,
            DataType::UInt32 => Self::OID,
            DataType::Int64 | DataType::UInt64 | DataType::Duration(_) => Self::INT8,
            DataType::Float16 | DataType::Float32 => Self::FLOAT4,
            DataType::Float64 => Self::FLOAT8,
            DataType::Decimal32(p, s)
            | DataType::Decimal64(p, s)
            | DataType::Decimal128(p, s)
            | DataType::Decimal256(p, s) => Self::numeric(*p, *s),
            DataType::Date32 | DataType::Date64 => Self::DATE,
            DataType::Time32(_) | DataType::Time64(_) => Self::TIME,
            DataType::Timestamp(_, None) => Self::TIMESTAMP,
            DataType::Timestamp(_, Some(_)) => Self::TIMESTAMPTZ,
            DataType::Interval(_) => Self::INTERVAL,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::BYTEA
            }
            DataType::Dictionary(_, value) => Self::of_arrow(value),
            DataType::RunEndEncoded(_, value) => Self::of_arrow(value.data_type()),
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => Self::array_of(item),
            _ => Self::TEXT,
        }
    }

    /// The same, by what the field itself says first.
    pub fn of_field(field: &Field) -> Self {
        let told = name_told(field).and_then(|name| TYPES.iter().find(|info| info.name == name));
        told.map_or_else(|| Self::of_arrow(field.data_type()), |info| Self::plain(info.oid))
    }

    fn array_of(item: &Field) -> Self {
        let element = Self::of_field(item);
        match element.info() {
            Some(info) if info.array_oid != 0 => Self { oid: info.array_oid, typmod: element.typmod },
            // An array of arrays has the type of its innermost array, as in PostgreSQL.
            _ => element,
        }
    }

    /// The Arrow type in which a parameter of this type is bound; `None` when none is offered.
    pub fn to_arrow(self) -> Option<DataType> {
        Some(match self.oid {
            16 => DataType::Boolean,
            17 => DataType::Binary,
            20 => DataType::Int64,
            21 => DataType::Int16,
            23 => DataType::Int32,
            26 | 24 | 2205 | 2206 => DataType::UInt32,
            18 | 19 | 25 | 114 | 1042 | 1043 | 2950 | 3802 => DataType::Utf8,
            700 => DataType::Float32,
            701 => DataType::Float64,
            1082 => DataType::Date32,
            1083 => DataType::Time64(TimeUnit::Microsecond),
            1114 => DataType::Timestamp(TimeUnit::Microsecond, None),
            1184 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            1186 => DataType::Interval(IntervalUnit::MonthDayNano),
            1700 => match self.numeric_parts() {
                Some((precision, scale)) if precision <= 38 => DataType::Decimal128(precision, scale),
                _ => DataType::Decimal128(38, 10),
            },
            oid => {
                let element = TYPES.iter().find(|info| info.array_oid == oid)?;
                let element = Self::plain(element.oid);
                DataType::List(element.field("item", element.to_arrow()?).into())
            }
        })
    }

    /// Precision and scale of a `numeric` with a modifier.
    pub fn numeric_parts(self) -> Option<(u8, i8)> {
        if self.oid != Self::NUMERIC.oid || self.typmod < 4 {
            return None;
        }
        let packed = self.typmod - 4;
        let scale = packed & 0x7ff;
        // Eleven bits with a sign.
        let scale = if scale >= 0x400 { scale - 0x800 } else { scale };
        Some((u8::try_from(packed >> 16).ok()?, i8::try_from(scale).ok()?))
    }

    /// A field of this type, which says so where Arrow's does not.
    pub fn field(self, name: &str, data_type: DataType) -> Field {
        let field = Field::new(name, data_type, true);
        match self {
            Self::UUID => told(field, "uuid"),
            Self::REGPROC => told(field, "regproc"),
            Self::JSON => told(field, "json"),
            Self::JSONB => told(field, "jsonb"),
            _ => field,
        }
    }

    /// The type of arrays of this one; 0 when there is none.
    pub fn array_oid(self) -> Oid {
        self.info().map_or(0, |info| info.array_oid)
    }

    pub fn info(self) -> Option<&'static TypeInfo> {
        TYPES.iter().find(|info| info.oid == self.oid)
    }

    /// The base type of an array type.
    pub fn element(self) -> Option<Self> {
        TYPES
            .iter()
            .find(|info| info.array_oid == self.oid && info.array_oid != 0)
            .map(|info| Self { oid: info.oid, typmod: self.typmod })
    }

    /// Bytes of a value; -1 when they vary.
    pub fn length(self) -> i16 {
        self.info().map_or(-1, |info| info.length)
    }

    /// As `format_type` prints it: `bigint`, `numeric(18,2)`, `text[]`.
    pub fn sql_name(self) -> String {
        if let Some(element) = self.element() {
            return format!("{}[]", element.sql_name());
        }
        match (self.info(), self.numeric_parts()) {
            (_, Some((precision, scale))) => format!("numeric({precision},{scale})"),
            (Some(info), None) if self.oid == Self::VARCHAR.oid && self.typmod >= 4 => {
                format!("{}({})", info.sql_name, self.typmod - 4)
            }
            (Some(info), None) => info.sql_name.to_owned(),
            (None, None) => "???".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_modifier_is_postgresqls() {
        // SELECT atttypmod … for numeric(18,2) and numeric(5,-2) on PostgreSQL 15.
        assert_eq!(PgType::numeric(18, 2).typmod, 1_179_654);
        assert_eq!(PgType::numeric(5, -2).typmod, 329_730);
        assert_eq!(PgType::numeric(18, 2).numeric_parts(), Some((18, 2)));
        assert_eq!(PgType::numeric(5, -2).numeric_parts(), Some((5, -2)));
    }

    #[test]
    fn names_are_those_of_format_type() {
        let list = DataType::List(Field::new("item", DataType::Utf8, true).into());
        assert_eq!(PgType::of_arrow(&list).sql_name(), "text[]");
        assert_eq!(PgType::of_arrow(&DataType::Decimal128(18, 2)).sql_name(), "numeric(18,2)");
        assert_eq!(PgType::TIMESTAMPTZ.sql_name(), "timestamp with time zone");
    }
}
