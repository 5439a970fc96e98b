//! CREATE, ALTER and DROP ROLE (or USER, or GROUP), GRANT and REVOKE of roles, OWNER TO.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Result, message};
use crate::sql::grammar::Grammar;
use crate::sql::role::{
    AlterRole, CreateRole, GrantPrivileges, GrantRoles, GrantedObjects, Grantee, Password, PasswordClause, RoleName,
    RoleOptions,
};
use crate::sql::statement::StatementKind;

/// Attributes of rights that do not exist here: refused when they would be given, accepted when not.
const RIGHTS: &[&str] = &["createdb", "createrole", "replication", "bypassrls"];

impl Grammar<'_> {
    /// Behind `CREATE ROLE`, `CREATE USER` or `CREATE GROUP`.
    pub(super) fn create_role(&mut self, logs_in: bool) -> Result<StatementKind> {
        let name = self.new_role_name()?;
        self.eat("with");
        let mut role = CreateRole {
            name,
            options: RoleOptions::default(),
            of: Vec::new(),
            members: Vec::new(),
            admins: Vec::new(),
            has_sysid: false,
        };
        while !self.is_at_end() {
            if !self.membership(&mut role)? {
                self.role_option(&mut role.options)?;
            }
        }
        // CREATE USER is CREATE ROLE … LOGIN.
        role.options.can_log_in = role.options.can_log_in.or(logs_in.then_some(true));
        Ok(StatementKind::CreateRole(Box::new(role)))
    }

    /// Behind `ALTER ROLE` or `ALTER USER`.
    pub(super) fn alter_role(&mut self) -> Result<StatementKind> {
        if self.peek_word(0).as_deref() == Some("all") {
            return Err(message::unsupported("ALTER ROLE ALL"));
        }
        let position = self.places.position_of_byte(self.here());
        let role = self.role_name()?;
        match self.peek_word(0).as_deref() {
            Some("rename") => {
                self.words(1);
                self.keyword("to")?;
                let to = self.new_role_name()?;
                self.end()?;
                let RoleName::Named(name) = role else {
                    let word = if role == RoleName::SessionUser { "SESSION_USER" } else { "CURRENT_USER" };
                    return Err(message::role_word_is_no_name(word).with_position(position));
                };
                return Ok(StatementKind::RenameRole { name, to });
            }
            Some("set" | "reset" | "in") => {
                return Err(message::unsupported("ALTER ROLE … SET"));
            }
            _ => {}
        }
        self.eat("with");
        let mut options = RoleOptions::default();
        while !self.is_at_end() {
            self.role_option(&mut options)?;
        }
        Ok(StatementKind::AlterRole(Box::new(AlterRole { role, options })))
    }

    /// Behind `DROP ROLE`, `DROP USER` or `DROP GROUP`.
    pub(super) fn drop_roles(&mut self) -> Result<StatementKind> {
        let if_exists = self.eat_all(&["if", "exists"])?;
        let names = self.list(|grammar| match grammar.role_name()? {
            RoleName::Named(name) if name != "public" => Ok(name),
            _ => Err(message::special_role_dropped()),
        })?;
        self.end()?;
        Ok(StatementKind::DropRoles { names, if_exists })
    }

    /// `GRANT role TO role`; privileges on objects are refused by name.
    pub(super) fn grant(&mut self, revokes: bool) -> Result<StatementKind> {
        let verb = if revokes { "REVOKE" } else { "GRANT" };
        self.words(1);
        let mut admin = false;
        if revokes && self.peek_word(0).as_deref() == Some("admin") && self.peek_word(1).as_deref() == Some("option") {
            self.words(2);
            self.keyword("for")?;
            admin = true;
        }
        let roles = self.list(Self::identifier)?;
        if !self.eat(if revokes { "from" } else { "to" }) {
            return self.privileges(revokes, roles);
        }
        let members = self.list(Self::role_name)?;
        if !revokes && self.eat("with") {
            if self.peek_word(0).as_deref() != Some("admin") {
                return Err(message::unsupported("GRANT … WITH other than ADMIN OPTION"));
            }
            self.words(1);
            admin = match self.word()?.as_str() {
                "option" | "true" => true,
                "false" => false,
                _ => return Err(self.unexpected()),
            };
        }
        if self.eat("granted") {
            return Err(message::unsupported(&format!("{verb} … GRANTED BY")));
        }
        if revokes && !self.eat("cascade") {
            self.eat("restrict");
        }
        self.end()?;
        let grant = GrantRoles { roles, members, admin };
        Ok(if revokes { StatementKind::RevokeRoles(grant) } else { StatementKind::GrantRoles(grant) })
    }

    /// Behind the rights of `GRANT SELECT, … ON …` or `REVOKE … ON …`.
    fn privileges(&mut self, revokes: bool, mut privileges: Vec<String>) -> Result<StatementKind> {
        let verb = if revokes { "REVOKE" } else { "GRANT" };
        if revokes && privileges == ["grant"] && self.peek_word(0).as_deref() == Some("option") {
            return Err(message::grant_option_unsupported());
        }
        if self.parser.peek_token_ref().token == Token::LParen {
            return Ok(StatementKind::Unsupported(format!("{verb} on columns")));
        }
        if privileges == ["all"] {
            self.eat("privileges");
            privileges.clear();
        }
        self.keyword("on")?;
        let on = self.granted_objects(verb)?;
        let on = match on {
            Ok(on) => on,
            Err(unsupported) => return Ok(unsupported),
        };
        self.keyword(if revokes { "from" } else { "to" })?;
        let grantees = self.list(|grammar| {
            grammar.eat("group");
            if grammar.eat("public") { Ok(Grantee::Public) } else { grammar.role_name().map(Grantee::Role) }
        })?;
        if !revokes && self.eat("with") {
            self.keyword("grant")?;
            self.keyword("option")?;
            return Err(message::grant_option_unsupported());
        }
        if self.eat("granted") {
            return Err(message::unsupported(&format!("{verb} … GRANTED BY")));
        }
        if revokes && !self.eat("cascade") {
            self.eat("restrict");
        }
        self.end()?;
        let grant = GrantPrivileges { privileges, on, grantees };
        Ok(if revokes { StatementKind::RevokePrivileges(grant) } else { StatementKind::GrantPrivileges(grant) })
    }

    /// What stands behind ON. The inner error: kinds of objects that there are none of here.
    fn granted_objects(&mut self, verb: &str) -> Result<std::result::Result<GrantedObjects, StatementKind>> {
        let words = [self.peek_word(0), self.peek_word(1), self.peek_word(2), self.peek_word(3)];
        let words = words.each_ref().map(|word| word.as_deref().unwrap_or_default());
        Ok(match words {
            ["all", "tables", "in", "schema"] => {
                self.words(4);
                Ok(GrantedObjects::AllIn(self.list(Self::identifier)?))
            }
            ["schema", ..] => {
                self.words(1);
                Ok(GrantedObjects::Schemas(self.list(Self::identifier)?))
            }
            ["database", ..] => {
                self.words(1);
                Ok(GrantedObjects::Databases(self.list(Self::identifier)?))
            }
            ["all", kind @ ("sequences" | "functions" | "procedures" | "routines"), ..]
            | [
                kind @ ("sequence" | "function" | "procedure" | "routine" | "language" | "large" | "tablespace"
                | "type" | "domain" | "foreign" | "parameter"),
                ..,
            ] => Err(StatementKind::Unsupported(format!("{verb} ON {}", kind.to_uppercase()))),
            _ => {
                self.eat("table");
                Ok(GrantedObjects::Relations(self.list(Self::name)?))
            }
        })
    }

    /// `REASSIGN OWNED BY role, … TO role`.
    pub(super) fn reassign_owned(&mut self) -> Result<StatementKind> {
        self.words(1);
        self.keyword("owned")?;
        self.keyword("by")?;
        let from = self.list(Self::role_name)?;
        self.keyword("to")?;
        let to = self.role_name()?;
        self.end()?;
        Ok(StatementKind::ReassignOwned { from, to })
    }

    /// A role that exists, by its name or a word for it.
    pub(super) fn role_name(&mut self) -> Result<RoleName> {
        let special = match self.peek_word(0).as_deref() {
            Some("current_user" | "current_role") => Some(RoleName::CurrentUser),
            Some("session_user") => Some(RoleName::SessionUser),
            _ => None,
        };
        // `GRANT a TO GROUP b` is an old way to say `TO b`.
        match special {
            Some(special) => {
                self.words(1);
                Ok(special)
            }
            None => Ok(RoleName::Named(self.identifier()?)),
        }
    }

    fn new_role_name(&mut self) -> Result<String> {
        let position = self.places.position_of_byte(self.here());
        if let Some(word @ ("current_user" | "current_role" | "session_user")) = self.peek_word(0).as_deref() {
            return Err(message::role_word_is_no_name(&word.to_uppercase()).with_position(position));
        }
        let name = self.identifier()?;
        if matches!(name.as_str(), "public" | "none") {
            return Err(message::role_name_reserved(&name).with_position(position));
        }
        Ok(name)
    }

    /// What only CREATE ROLE takes; false when something else stands here.
    fn membership(&mut self, role: &mut CreateRole) -> Result<bool> {
        match self.peek_word(0).as_deref() {
            Some("in") => {
                self.words(1);
                if !self.eat("role") {
                    self.keyword("group")?;
                }
                role.of.extend(self.list(Self::role_name)?);
            }
            Some("role" | "user") => {
                self.words(1);
                role.members.extend(self.list(Self::role_name)?);
            }
            Some("admin") => {
                self.words(1);
                role.admins.extend(self.list(Self::role_name)?);
            }
            Some("sysid") => {
                self.words(1);
                self.value()?;
                role.has_sysid = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn role_option(&mut self, options: &mut RoleOptions) -> Result<()> {
        let position = self.places.position_of_byte(self.here());
        let Some(word) = self.peek_word(0) else { return Err(self.unexpected()) };
        let is_new = match word.as_str() {
            "superuser" | "nosuperuser" => self.flag(&mut options.is_superuser, word == "superuser"),
            "inherit" | "noinherit" => self.flag(&mut options.inherits, word == "inherit"),
            "login" | "nologin" => self.flag(&mut options.can_log_in, word == "login"),
            "connection" => {
                self.words(1);
                self.keyword("limit")?;
                let limit = self.value()?;
                options.connection_limit.replace(limit.parse().map_err(|_| message::syntax_error(&limit))?).is_none()
            }
            "valid" => {
                self.words(1);
                self.keyword("until")?;
                let until = self.string()?;
                options.valid_until.replace(until).is_none()
            }
            "unencrypted" => return Err(message::password_unencrypted().with_position(position)),
            "encrypted" | "password" => {
                self.words(1);
                if word == "encrypted" {
                    self.keyword("password")?;
                }
                let clause = self.password()?;
                options.password.replace(clause).is_none()
            }
            _ if RIGHTS.contains(&word.as_str()) => {
                return Err(message::role_attribute_unsupported(&word.to_uppercase()).with_position(position));
            }
            _ if word.strip_prefix("no").is_some_and(|right| RIGHTS.contains(&right)) => {
                self.words(1);
                true
            }
            // Words of other statements, and what no role has.
            "in" | "role" | "user" | "admin" | "sysid" => return Err(self.unexpected()),
            _ => return Err(message::role_option_unknown(&word).with_position(position)),
        };
        if is_new { Ok(()) } else { Err(message::role_options_conflict().with_position(position)) }
    }

    fn flag(&mut self, flag: &mut Option<bool>, value: bool) -> bool {
        self.words(1);
        flag.replace(value).is_none()
    }

    fn password(&mut self) -> Result<PasswordClause> {
        let start = self.here();
        let end = self.places.byte(self.parser.peek_token_ref().span.end);
        let password = if self.eat("null") { None } else { Some(Password(self.string()?)) };
        Ok(PasswordClause { password, range: start..end })
    }

    fn string(&mut self) -> Result<String> {
        match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => {
                self.value()
            }
            _ => Err(self.unexpected()),
        }
    }

    fn is_at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.parser.consume_token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn one(text: &str) -> StatementKind {
        parse(text).unwrap().remove(0).kind
    }

    fn refused(text: &str) -> (String, String, Option<usize>) {
        let error = parse(text).unwrap_err();
        (error.state().code().to_owned(), error.message().to_owned(), error.position())
    }

    #[test]
    fn refusals_are_those_of_postgresql() {
        for (text, state, message, position) in [
            ("CREATE ROLE public", "42939", "role name \"public\" is reserved", Some(13)),
            ("CREATE ROLE \"none\"", "42939", "role name \"none\" is reserved", Some(13)),
            ("CREATE ROLE current_user", "42939", "CURRENT_USER cannot be used as a role name here", Some(13)),
            ("CREATE ROLE c LOGIN LOGIN", "42601", "conflicting or redundant options", Some(21)),
            ("CREATE ROLE c SUPERUSER NOSUPERUSER", "42601", "conflicting or redundant options", Some(25)),
            ("CREATE ROLE c FOO", "42601", "unrecognized role option \"foo\"", Some(15)),
            (
                "CREATE ROLE c UNENCRYPTED PASSWORD 'x'",
                "0A000",
                "UNENCRYPTED PASSWORD is no longer supported",
                Some(15),
            ),
            ("ALTER ROLE d ROLE a", "42601", "syntax error at or near \"ROLE\"", Some(14)),
            (
                "ALTER ROLE CURRENT_USER RENAME TO xx",
                "42939",
                "CURRENT_USER cannot be used as a role name here",
                Some(12),
            ),
            ("DROP ROLE current_user", "22023", "cannot use special role specifier in DROP ROLE", None),
        ] {
            assert_eq!(refused(text), (state.to_owned(), message.to_owned(), position), "{text}");
        }
        assert_eq!(refused("CREATE ROLE c CREATEROLE").0, "0A000");
        for text in [
            "GRANT SELECT ON a TO b WITH GRANT OPTION",
            "REVOKE GRANT OPTION FOR SELECT ON a FROM b",
            "GRANT SELECT ON a TO b GRANTED BY c",
        ] {
            assert_eq!(refused(text).0, "0A000", "{text}");
        }
        for text in [
            "GRANT SELECT (x) ON a TO b",
            "GRANT EXECUTE ON FUNCTION f TO b",
            "REVOKE ALL ON ALL SEQUENCES IN SCHEMA s FROM b",
        ] {
            assert!(matches!(one(text), StatementKind::Unsupported(_)), "{text}");
        }
    }

    #[test]
    fn a_password_is_shown_neither_in_the_statement_nor_anywhere() {
        for text in [
            "CREATE USER \"ä\" WITH ENCRYPTED PASSWORD 'se''cret' NOCREATEDB",
            "SELECT 1; ALTER ROLE a PASSWORD $x$secret$x$ LOGIN",
            "CREATE ROLE a ROLE b PASSWORD E'secr\\x65t'",
        ] {
            let statement = parse(text).unwrap().pop().unwrap();
            let shown = statement.shown();
            assert!(
                shown.contains("PASSWORD '********'") && !shown.contains("secr") && !shown.contains("cret"),
                "{shown}"
            );
            let printed = format!("{statement:?} {:?}", statement.kind);
            assert!(!printed.contains("secr"), "{printed}");
        }
        assert_eq!(parse("ALTER ROLE a PASSWORD NULL LOGIN").unwrap()[0].shown(), "ALTER ROLE a PASSWORD NULL LOGIN");
    }

    #[test]
    fn roles_are_named_by_name_or_by_word() {
        let StatementKind::GrantRoles(grant) =
            one("GRANT a, \"B\" TO CURRENT_USER, \"current_user\" WITH ADMIN OPTION")
        else {
            panic!()
        };
        assert_eq!(grant.roles, ["a", "B"]);
        assert_eq!(grant.members, [RoleName::CurrentUser, RoleName::Named("current_user".to_owned())]);
        assert!(grant.admin);
        let StatementKind::GrantPrivileges(grant) =
            one("GRANT ALL PRIVILEGES ON TABLE a, regulars.s.\"B\" TO PUBLIC, GROUP c, CURRENT_USER")
        else {
            panic!()
        };
        assert!(grant.privileges.is_empty());
        let named = |name: &str| Grantee::Role(RoleName::Named(name.to_owned()));
        assert_eq!(grant.grantees, [Grantee::Public, named("c"), Grantee::Role(RoleName::CurrentUser)]);
        let GrantedObjects::Relations(names) = grant.on else { panic!() };
        let names: Vec<_> = names.iter().map(|name| (name.schema.as_deref(), name.name.as_str())).collect();
        assert_eq!(names, [(None, "a"), (Some("s"), "B")]);
        let StatementKind::CreateRole(create) = one("CREATE USER x IN ROLE a, b ADMIN c CONNECTION LIMIT -1") else {
            panic!()
        };
        assert_eq!((create.of.len(), create.admins.len(), create.options.can_log_in), (2, 1, Some(true)));
        assert_eq!(create.options.connection_limit, Some(-1));
    }
}
