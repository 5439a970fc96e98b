//! The contract of a purchase history: its tables, their columns, what each column must hold.
//!
//! Source: the project's semantics, section 1. Columns that are not named here pass through untouched.

/// What a column means, and with it which types a file may have it in and which type the relation shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `bigint` or `text`, the same for all columns that name the same kind of thing.
    Id(Entity),
    /// `timestamp with time zone`.
    Instant,
    Date,
    /// `time`, microseconds.
    Time,
    /// Money: `numeric`; floats are rounded to the configured scale.
    Amount,
    /// `bigint`, or `numeric` where there are fractions.
    Quantity,
    /// `bigint`.
    Integer,
    Text,
}

/// What an identifier identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    Member,
    Store,
    Product,
    Purchase,
    BusinessCustomer,
}

impl Kind {
    /// What is needed, for messages.
    pub fn needed(self) -> &'static str {
        match self {
            Self::Id(_) => "an identifier: integer or text",
            Self::Instant => "an instant: timestamp",
            Self::Date => "a date",
            Self::Time => "a time of day: time, or text such as 04:00",
            Self::Amount => "an amount of money: numeric, integer or floating point",
            Self::Quantity => "a number: integer, numeric or floating point",
            Self::Integer => "a whole number",
            Self::Text => "text",
        }
    }
}

#[derive(Debug)]
pub struct ContractColumn {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
}

#[derive(Debug)]
pub struct ContractTable {
    pub name: &'static str,
    /// Required ones first, then the optional ones, in the order in which the relation shows them.
    pub columns: &'static [ContractColumn],
    /// The column whose values must not repeat.
    pub key: Option<&'static str>,
    pub comment: &'static str,
}

impl ContractTable {
    pub fn column(&self, name: &str) -> Option<&'static ContractColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

const fn required(name: &'static str, kind: Kind) -> ContractColumn {
    ContractColumn { name, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> ContractColumn {
    ContractColumn { name, kind, required: false }
}

const MEMBER: Kind = Kind::Id(Entity::Member);
const STORE: Kind = Kind::Id(Entity::Store);
const PRODUCT: Kind = Kind::Id(Entity::Product);
const PURCHASE: Kind = Kind::Id(Entity::Purchase);
const BUSINESS_CUSTOMER: Kind = Kind::Id(Entity::BusinessCustomer);

pub static MEMBERS: ContractTable = ContractTable {
    name: "members",
    columns: &[
        required("member_id", MEMBER),
        optional("verified_at", Kind::Instant),
        optional("joined_on", Kind::Date),
        optional("birthday", Kind::Date),
        optional("email", Kind::Text),
        optional("phone", Kind::Text),
        optional("line_user_id", Kind::Text),
        optional("loyalty_points", Kind::Quantity),
        optional("loyalty_level", Kind::Text),
        optional("business_customer_id", BUSINESS_CUSTOMER),
        optional("home_store_id", STORE),
        optional("country", Kind::Text),
        optional("locale", Kind::Text),
        optional("erased_at", Kind::Instant),
    ],
    key: Some("member_id"),
    comment: "known customers, one row each; erased ones are not shown",
};

pub static STORES: ContractTable = ContractTable {
    name: "stores",
    columns: &[
        required("store_id", STORE),
        // Filled from the configuration where the file has none.
        optional("time_zone", Kind::Text),
        optional("name", Kind::Text),
        optional("day_starts_at", Kind::Time),
        optional("currency", Kind::Text),
    ],
    key: Some("store_id"),
    comment: "stores with their time zone and the local time at which their business day starts",
};

pub static PRODUCTS: ContractTable = ContractTable {
    name: "products",
    columns: &[
        required("product_id", PRODUCT),
        optional("sku", Kind::Text),
        optional("name", Kind::Text),
        optional("category", Kind::Text),
    ],
    key: Some("product_id"),
    comment: "what is sold",
};

pub static PURCHASES: ContractTable = ContractTable {
    name: "purchases",
    columns: &[
        required("purchase_id", PURCHASE),
        required("member_id", MEMBER),
        required("store_id", STORE),
        required("purchased_at", Kind::Instant),
        optional("channel", Kind::Text),
        optional("status", Kind::Text),
        optional("amount", Kind::Amount),
        optional("refund_of", PURCHASE),
    ],
    key: Some("purchase_id"),
    comment: "receipts, one row each; member_id is null when the buyer is anonymous",
};

/// Lines beside a table of purchases.
pub static PURCHASE_LINES: ContractTable = ContractTable {
    name: "purchase_lines",
    columns: &[
        required("purchase_id", PURCHASE),
        required("product_id", PRODUCT),
        required("quantity", Kind::Quantity),
        required("amount", Kind::Amount),
        optional("line_no", Kind::Integer),
        optional("unit_price", Kind::Amount),
        optional("discount", Kind::Amount),
    ],
    key: None,
    comment: "lines of receipts, with the member, store, channel, time and status of their receipt",
};

/// Lines of a source that has no table of purchases: they say themselves what belongs to the receipt.
pub static LINES_ALONE: ContractTable = ContractTable {
    name: "purchase_lines",
    columns: &[
        required("purchase_id", PURCHASE),
        required("product_id", PRODUCT),
        required("quantity", Kind::Quantity),
        required("amount", Kind::Amount),
        optional("line_no", Kind::Integer),
        optional("unit_price", Kind::Amount),
        optional("discount", Kind::Amount),
        optional("refund_of", PURCHASE),
        optional("member_id", MEMBER),
        optional("store_id", STORE),
        optional("channel", Kind::Text),
        required("purchased_at", Kind::Instant),
        optional("status", Kind::Text),
    ],
    key: None,
    comment: PURCHASE_LINES.comment,
};

pub static LOYALTY_LEVELS: ContractTable = ContractTable {
    name: "loyalty_levels",
    columns: &[
        required("level", Kind::Text),
        required("rank", Kind::Integer),
        optional("points_from", Kind::Quantity),
        optional("spend_from", Kind::Amount),
    ],
    key: Some("level"),
    comment: "loyalty levels in their order",
};

pub static MEMBER_LEVELS: ContractTable = ContractTable {
    name: "member_levels",
    columns: &[required("member_id", MEMBER), required("level", Kind::Text), required("reached_at", Kind::Instant)],
    key: None,
    comment: "when members reached their loyalty levels",
};

pub static CONSENTS: ContractTable = ContractTable {
    name: "consents",
    columns: &[
        required("member_id", MEMBER),
        required("channel", Kind::Text),
        required("status", Kind::Text),
        required("changed_at", Kind::Instant),
    ],
    key: None,
    comment: "what members have agreed to receive, by channel",
};

pub static BUSINESS_CUSTOMERS: ContractTable = ContractTable {
    name: "business_customers",
    columns: &[required("business_customer_id", BUSINESS_CUSTOMER), required("name", Kind::Text)],
    key: Some("business_customer_id"),
    comment: "companies whose people buy on their account",
};

/// Every table by its name; `purchase_lines` as it is beside purchases.
pub static TABLES: [&ContractTable; 9] = [
    &MEMBERS,
    &STORES,
    &PRODUCTS,
    &PURCHASES,
    &PURCHASE_LINES,
    &LOYALTY_LEVELS,
    &MEMBER_LEVELS,
    &CONSENTS,
    &BUSINESS_CUSTOMERS,
];

/// The columns that are computed from a receipt's instant and store.
pub const LOCAL_COLUMNS: [&str; 4] = ["local_at", "business_date", "local_time", "weekday"];

/// The columns that lines show of their receipt.
pub const BORROWED_COLUMNS: [&str; 5] = ["member_id", "store_id", "channel", "purchased_at", "status"];
