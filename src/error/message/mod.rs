//! Every sentence that a client may read, in one place, by what it is about.
//!
//! The law of wording: the message is one lower-case fragment without a full stop, with the object's kind and its
//! quoted name; the detail states facts in sentences; the hint is one thing to do now, typed as the user would type it.

mod sql;
mod query;
mod question;
mod dialect;
mod export;
mod fact;
mod role;
mod view;
mod statement;
mod session;
mod audience;
mod copy;
mod cursor;
mod delivery;
mod catalog;
mod system;
mod wire;
mod server;
mod history;
mod resource;
mod stop;

pub use self::audience::*;
pub use self::catalog::*;
pub use self::copy::*;
pub use self::cursor::*;
pub use self::delivery::*;
pub use self::dialect::*;
pub use self::export::*;
pub use self::fact::*;
pub use self::history::*;
pub use self::query::*;
pub use self::question::*;
pub use self::resource::*;
pub use self::role::*;
pub use self::server::*;
pub use self::session::*;
pub use self::sql::*;
pub use self::statement::*;
pub use self::stop::*;
pub use self::system::*;
pub use self::view::*;
pub use self::wire::*;
