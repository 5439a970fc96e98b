//! Access lists, taken apart: `aclexplode`.

use super::Takes::{Int, List, Text};
use super::{Spec, strict};
use crate::catalog::system::SystemContext;
use crate::catalog::system::value::Value;
use crate::error::{Result, message};
use crate::ident::quote;
use crate::pg_type::Oid;
use crate::sql::compat::RegResolver;

/// The columns of `aclexplode`, each as a list of its own (`sql/compat/set_returning.rs` asks for them).
pub(super) const FUNCTIONS: &[Spec] = &[
    strict("list:aclexplode:grantor", &[&[List]], "_oid", |context, args| {
        of_acl(&args[0], |granted| role_named(context, &granted.grantor))
    }),
    strict("list:aclexplode:grantee", &[&[List]], "_oid", |context, args| {
        of_acl(&args[0], |granted| role_named(context, &granted.grantee))
    }),
    strict("list:aclexplode:privilege_type", &[&[List]], "_text", |_, args| {
        of_acl(&args[0], |granted| Ok(Value::from(granted.privilege)))
    }),
    strict("list:aclexplode:is_grantable", &[&[List]], "_bool", |_, args| {
        of_acl(&args[0], |granted| Ok(granted.is_grantable.into()))
    }),
    strict("acldefault", &[&[Text, Int]], "_text", acldefault),
];

/// The rights that PostgreSQL gives for a new object of a kind: those of PUBLIC, and those of its owner.
///
/// SQLSTATE XX000 for an unknown kind, as there.
fn acldefault(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let kind = args[0].text().unwrap_or_default();
    let (public, owner) = match kind {
        "c" => ("", ""),
        // Unlike there, everybody may read what nobody has revoked.
        "r" => ("r", "arwdDxt"),
        "s" => ("", "rwU"),
        "d" => ("Tc", "CTc"),
        "f" => ("X", "X"),
        "l" | "T" => ("U", "U"),
        "L" => ("", "rw"),
        "n" => ("", "UC"),
        "t" => ("", "C"),
        "F" | "S" => ("", "U"),
        _ => return Err(message::object_kind_unknown(kind)),
    };
    let oid = args[1].int().and_then(|oid| Oid::try_from(oid).ok()).unwrap_or_default();
    let name = quote(&context.role_name(oid));
    let items = [("", public), (name.as_str(), owner)].into_iter().filter(|(_, letters)| !letters.is_empty());
    Ok(Value::List(items.map(|(grantee, letters)| format!("{grantee}={letters}/{name}").into()).collect()))
}

/// One privilege of an access list. An empty `grantee` is PUBLIC.
struct Granted {
    grantee: String,
    grantor: String,
    privilege: &'static str,
    is_grantable: bool,
}

fn of_acl(acl: &Value, column: impl Fn(&Granted) -> Result<Value>) -> Result<Value> {
    let Value::List(items) = acl else { return Ok(Value::Null) };
    let mut values = Vec::new();
    for item in items.iter().filter_map(Value::text) {
        for granted in exploded(item)? {
            values.push(column(&granted)?);
        }
    }
    Ok(Value::List(values))
}

/// `grantee=letters/grantor`, where `*` behind a letter says that the privilege may be passed on.
///
/// SQLSTATE 22P02 for any other text.
fn exploded(item: &str) -> Result<Vec<Granted>> {
    let broken = || message::acl_item_unreadable(item);
    let (grantee, rest) = acl_name(item);
    let (letters, grantor) = rest.strip_prefix('=').and_then(|rest| rest.split_once('/')).ok_or_else(broken)?;
    let (grantor, _) = acl_name(grantor);
    let mut all: Vec<Granted> = Vec::new();
    for letter in letters.chars() {
        if letter == '*' {
            all.last_mut().ok_or_else(broken)?.is_grantable = true;
            continue;
        }
        let privilege = privilege_of(letter).ok_or_else(broken)?;
        all.push(Granted { grantee: grantee.clone(), grantor: grantor.clone(), privilege, is_grantable: false });
    }
    Ok(all)
}

/// The name in front, perhaps in quotes, and what stands behind it.
fn acl_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' if quoted && chars.next_if(|(_, next)| *next == '"').is_some() => name.push('"'),
            '"' => quoted = !quoted,
            '=' | '/' if !quoted => return (name, &text[place..]),
            c => name.push(c),
        }
    }
    (name, "")
}

fn privilege_of(letter: char) -> Option<&'static str> {
    Some(match letter {
        'a' => "INSERT",
        'r' => "SELECT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'X' => "EXECUTE",
        'U' => "USAGE",
        'C' => "CREATE",
        'T' => "TEMPORARY",
        'c' => "CONNECT",
        _ => return None,
    })
}

/// OID 0 stands for PUBLIC.
fn role_named(context: &SystemContext, name: &str) -> Result<Value> {
    Ok(Value::Int(if name.is_empty() { 0 } else { context.role(name)?.into() }))
}

#[cfg(test)]
mod tests {
    use super::exploded;

    /// As PostgreSQL 15 takes the same items apart.
    #[test]
    fn items_are_taken_apart() {
        let told = |item: &str| -> Vec<String> {
            let all = exploded(item).unwrap();
            all.iter().map(|g| format!("{}|{}|{}|{}", g.grantor, g.grantee, g.privilege, g.is_grantable)).collect()
        };
        assert_eq!(told("=r/me"), ["me||SELECT|false"]);
        assert_eq!(told("anna=ar*/me"), ["me|anna|INSERT|false", "me|anna|SELECT|true"]);
        assert_eq!(told(r#""a ""b"""=r/"x=y""#), [r#"x=y|a "b"|SELECT|false"#]);
        assert_eq!(told("anna=/me"), Vec::<String>::new());
        assert!(exploded("anna=q/me").is_err());
        assert!(exploded("anna").is_err());
    }
}
