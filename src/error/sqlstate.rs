//! The conditions we report, by PostgreSQL's names and five-character codes (PostgreSQL 16, appendix A).

/// Defines the closed enum and its codes in one place.
macro_rules! sqlstates {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A condition that PostgreSQL defines. Closed: a new kind of refusal is decided here, not at its call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SqlState {
            $($(#[$doc])* $name,)*
        }

        impl SqlState {
            /// The five characters on the wire.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            pub const ALL: &'static [SqlState] = &[$(Self::$name,)*];
        }
    };
}

sqlstates! {
    /// For notices.
    /// Nothing went wrong: what notices without a condition of their own carry.
    SuccessfulCompletion = "00000",
    Warning = "01000",
    /// A server that we call, such as that of an export, cannot be reached.
    ConnectionFailure = "08006",
    ProtocolViolation = "08P01",
    FeatureNotSupported = "0A000",
    InvalidGrantOperation = "0LP01",
    CardinalityViolation = "21000",
    /// Data that cannot be computed with, where nothing more exact is known.
    DataException = "22000",
    StringDataRightTruncation = "22001",
    NumericValueOutOfRange = "22003",
    NullValueNotAllowed = "22004",
    InvalidDatetimeFormat = "22007",
    DatetimeFieldOverflow = "22008",
    InvalidTimeZoneDisplacement = "22009",
    DivisionByZero = "22012",
    InvalidArgumentForLogarithm = "2201E",
    InvalidArgumentForPowerFunction = "2201F",
    SubstringError = "22011",
    InvalidRegularExpression = "2201B",
    InvalidArgumentForWidthBucketFunction = "2201G",
    InvalidRowCountInLimitClause = "2201W",
    InvalidRowCountInResultOffsetClause = "2201X",
    InvalidPrecedingOrFollowingSize = "22013",
    InvalidUseOfEscapeCharacter = "2200C",
    InvalidEscapeSequence = "22025",
    InvalidEscapeOctet = "2200D",
    InvalidEscapeCharacter = "22019",
    ArraySubscriptError = "2202E",
    CharacterNotInRepertoire = "22021",
    InvalidParameterValue = "22023",
    InvalidTextRepresentation = "22P02",
    InvalidBinaryRepresentation = "22P03",
    NotNullViolation = "23502",
    UniqueViolation = "23505",
    ActiveSqlTransaction = "25001",
    NoActiveSqlTransaction = "25P01",
    ReadOnlySqlTransaction = "25006",
    InFailedSqlTransaction = "25P02",
    IdleInTransactionSessionTimeout = "25P03",
    InvalidSqlStatementName = "26000",
    InvalidAuthorizationSpecification = "28000",
    InvalidPassword = "28P01",
    DependentObjectsStillExist = "2BP01",
    InvalidCursorName = "34000",
    InvalidSavepointSpecification = "3B001",
    InvalidCatalogName = "3D000",
    InvalidSchemaName = "3F000",
    SerializationFailure = "40001",
    /// A statement that cannot be planned, where nothing more exact is known.
    SyntaxErrorOrAccessRuleViolation = "42000",
    SyntaxError = "42601",
    InsufficientPrivilege = "42501",
    InvalidName = "42602",
    NameTooLong = "42622",
    ReservedName = "42939",
    DatatypeMismatch = "42804",
    WrongObjectType = "42809",
    CannotCoerce = "42846",
    UndefinedColumn = "42703",
    UndefinedFunction = "42883",
    UndefinedTable = "42P01",
    UndefinedParameter = "42P02",
    UndefinedObject = "42704",
    DuplicateColumn = "42701",
    DuplicateObject = "42710",
    DuplicatePreparedStatement = "42P05",
    DuplicateCursor = "42P03",
    DuplicateSchema = "42P06",
    DuplicateTable = "42P07",
    DuplicateAlias = "42712",
    AmbiguousColumn = "42702",
    AmbiguousFunction = "42725",
    GroupingError = "42803",
    WindowingError = "42P20",
    InvalidColumnReference = "42P10",
    InvalidCursorDefinition = "42P11",
    InvalidTableDefinition = "42P16",
    InvalidObjectDefinition = "42P17",
    IndeterminateDatatype = "42P18",
    DiskFull = "53100",
    OutOfMemory = "53200",
    TooManyConnections = "53300",
    ConfigurationLimitExceeded = "53400",
    ProgramLimitExceeded = "54000",
    StatementTooComplex = "54001",
    TooManyColumns = "54011",
    ObjectNotInPrerequisiteState = "55000",
    ObjectInUse = "55006",
    CantChangeRuntimeParam = "55P02",
    QueryCanceled = "57014",
    AdminShutdown = "57P01",
    CannotConnectNow = "57P03",
    IdleSessionTimeout = "57P05",
    /// The file system or an object store failed.
    IoError = "58030",
    UndefinedFile = "58P01",
    ConfigFileError = "F0000",
    /// A bug of ours.
    InternalError = "XX000",
    /// A file does not hold what it must.
    DataCorrupted = "XX001",
}

impl std::fmt::Display for SqlState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_five_characters_and_distinct() {
        let mut seen = std::collections::BTreeSet::new();
        for state in SqlState::ALL {
            assert_eq!(state.code().len(), 5, "{state:?}");
            assert!(seen.insert(state.code()), "{} is given twice", state.code());
        }
    }
}
