//! A view's definition as it reads today: the author's text with today's names at the recorded places.
//!
//! Nothing but the names is touched, so comments, spacing and spelling of the author stay.

use std::borrow::Cow;

use super::object::Definition;
use crate::ident;
use crate::pg_type::Oid;

/// The author's text with each recorded name replaced by `name_of` its relation.
///
/// `name_of` gives the name as SQL, quoted where needed and qualified where needed. A name that still means the
/// same word is left as its author spelled it. Where the bare name changed and an alias was implied
/// (`FROM members` lets `members.member_id` be written), the old name is kept as alias: `FROM clients AS members`.
pub fn spliced(definition: &Definition, name_of: impl Fn(Oid) -> String) -> String {
    spliced_where_known(definition, |relation| Some(name_of(relation)))
}

/// The same; a relation for which `name_of` gives nothing stays as its author wrote it.
pub(super) fn spliced_where_known(definition: &Definition, name_of: impl Fn(Oid) -> Option<String>) -> String {
    let text = definition.text.as_str();
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for reference in &definition.references {
        // What invariant::definition_is_sound refuses cannot be here; if it were, the author's text is the best answer.
        let (Some(before), Some(written)) =
            (text.get(copied..reference.start), text.get(reference.start..reference.end))
        else {
            break;
        };
        result.push_str(before);
        copied = reference.end;
        let Some(today) = name_of(reference.relation) else {
            result.push_str(written);
            continue;
        };
        let (old, new) = (parts(written), parts(&today));
        if old == new {
            result.push_str(written);
            continue;
        }
        result.push_str(&today);
        if let (true, Some(bare)) = (reference.needs_alias && old.last() != new.last(), old.last()) {
            result.push_str(" AS ");
            result.push_str(&ident::quote(bare));
        }
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

/// The words of a perhaps qualified name as PostgreSQL understands them: unquoted ones folded to lower case.
fn parts(name: &str) -> Vec<Cow<'_, str>> {
    let mut parts = Vec::new();
    let mut rest = name;
    loop {
        rest = without_blanks(rest);
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = closing_quote(quoted);
            parts.push(quoted[..end].replace("\"\"", "\"").into());
            rest = quoted[end..].strip_prefix('"').unwrap_or_default();
        } else {
            let end =
                rest.find(|c: char| matches!(c, '.' | '"' | '/' | '-') || c.is_whitespace()).unwrap_or(rest.len());
            let word = &rest[..end];
            let folds = word.bytes().any(|byte| byte.is_ascii_uppercase());
            parts.push(if folds { word.to_ascii_lowercase().into() } else { word.into() });
            rest = &rest[end..];
        }
        match without_blanks(rest).strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return parts,
        }
    }
}

/// Where the quoted word ends: at a quote that is not doubled.
fn closing_quote(quoted: &str) -> usize {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'"' {
            if bytes.get(at + 1) != Some(&b'"') {
                return at;
            }
            at += 1;
        }
        at += 1;
    }
    bytes.len()
}

/// Skips white space and comments, both of which may stand around the point of a qualified name.
fn without_blanks(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let behind = if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, behind)| behind)
        } else if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map(|(_, behind)| behind)
        } else {
            return rest;
        };
        rest = behind.unwrap_or_default().trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::object::Reference;

    /// Marks the places of names in a text with `«…»`, alias needed, or `‹…›`, not needed.
    fn marked(text: &str) -> Definition {
        let mut definition = Definition { text: String::new(), references: Vec::new() };
        for c in text.chars() {
            let here = definition.text.len();
            match c {
                '«' | '‹' => {
                    definition
                        .references
                        .push(Reference { start: here, end: here, relation: 1, needs_alias: c == '«' })
                }
                '»' | '›' => definition.references.last_mut().expect("an opening mark").end = here,
                c => definition.text.push(c),
            }
        }
        definition
    }

    fn renamed(text: &str, today: &str) -> String {
        spliced(&marked(text), |_| today.to_owned())
    }

    #[test]
    fn unchanged_names_stay_as_the_author_spelled_them() {
        for text in ["SELECT 1 FROM «Members»", "SELECT 1 FROM «\"members\"»", "TABLE «members» -- å"] {
            assert_eq!(renamed(text, "members"), marked(text).text);
        }
        assert_eq!(
            renamed("TABLE «Public . /* a.b */ \"members\"»;", "public.members"),
            "TABLE Public . /* a.b */ \"members\";"
        );
    }

    #[test]
    fn a_rename_keeps_the_old_name_as_alias() {
        assert_eq!(
            renamed("SELECT members.member_id FROM «members» WHERE true", "clients"),
            "SELECT members.member_id FROM clients AS members WHERE true"
        );
        assert_eq!(renamed("SELECT x.a FROM ‹members› x", "clients"), "SELECT x.a FROM clients x");
        assert_eq!(renamed("TABLE «public.\"Odd \"\"one\"\"\"»", "s.b"), "TABLE s.b AS \"Odd \"\"one\"\"\"");
        assert_eq!(
            renamed("SELECT åäö FROM «å», «b» JOIN ‹b› c", "\"É\""),
            "SELECT åäö FROM \"É\" AS \"å\", \"É\" AS b JOIN \"É\" c"
        );
    }

    #[test]
    fn qualification_alone_needs_no_alias() {
        assert_eq!(renamed("TABLE «MEMBERS»", "public.members"), "TABLE public.members");
        assert_eq!(renamed("TABLE «public.members»", "members"), "TABLE members");
    }

    #[test]
    fn quoted_points_and_case_are_part_of_the_name() {
        assert_eq!(renamed("TABLE «\"a.b\"»", "b"), "TABLE b AS \"a.b\"");
        assert_eq!(renamed("TABLE «\"Members\"»", "members"), "TABLE members AS \"Members\"");
    }

    #[test]
    fn relations_without_a_known_name_stay_as_written() {
        let definition = marked("TABLE «pg_class»");
        assert_eq!(spliced_where_known(&definition, |_| None), "TABLE pg_class");
    }
}
