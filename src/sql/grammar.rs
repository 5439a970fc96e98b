//! One statement's tokens, and the small steps of reading them: words, names, values, a query.

use datafusion::sql::sqlparser::ast::{self, ObjectName, ObjectNamePart};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::dialect::Dialect;
use super::statement::Name;
use super::{DEPTH_MAX, Places, breadth, place, precedence, reserved};
use crate::error::{Error, Result, message};
use crate::ident::folded;

/// `trim(trailing from x)` → `trim(trailing x)`, which the parser knows.
fn trim_without_from(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_word = |token: &TokenWithSpan, words: &[&str]| match &token.token {
        Token::Word(word) => {
            word.quote_style.is_none() && words.iter().any(|known| word.value.eq_ignore_ascii_case(known))
        }
        _ => false,
    };
    let mut is_behind_side = false;
    tokens.retain(|token| {
        if matches!(token.token, Token::Whitespace(_)) {
            return true;
        }
        let is_left_out = is_behind_side && is_word(token, &["from"]);
        is_behind_side = is_word(token, &["leading", "trailing", "both"]);
        !is_left_out
    });
    tokens
}

/// `TABLE a` → `SELECT * FROM a`, where a query may begin: the parser forgets where the name stands.
fn table_as_select(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let word = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
        _ => String::new(),
    };
    let mut written = Vec::with_capacity(tokens.len());
    // The last token that means something, and whether a query has begun, behind which AS gives a name.
    let mut before: Option<(Token, String)> = None;
    let mut has_begun = false;
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if matches!(token.token, Token::Whitespace(_)) {
            written.push(token);
            continue;
        }
        let is_first = match &before {
            None | Some((Token::LParen, _)) => true,
            Some((_, behind)) => match behind.as_str() {
                "as" => !has_begun,
                "union" | "intersect" | "except" | "all" | "distinct" | "for" | "explain" | "analyze" | "verbose" => {
                    true
                }
                _ => false,
            },
        };
        let this = word(&token);
        let spaces = std::iter::from_fn(|| rest.next_if(|next| matches!(next.token, Token::Whitespace(_))));
        let spaces: Vec<TokenWithSpan> = spaces.collect();
        let is_named = matches!(rest.peek().map(|next| &next.token), Some(Token::Word(_)));
        has_begun |= matches!(this.as_str(), "select" | "values" | "with");
        if this == "table" && is_first && is_named {
            has_begun = true;
            for part in [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")] {
                written.push(TokenWithSpan { token: part, span: token.span });
            }
        } else {
            written.push(token.clone());
        }
        written.extend(spaces);
        before = Some((token.token, this));
    }
    written
}

/// One statement's tokens, being read.
pub(super) struct Grammar<'a> {
    pub(super) parser: Parser<'a>,
    text: &'a str,
    pub(super) places: &'a Places<'a>,
    /// Byte behind the statement's last token.
    pub(super) end: usize,
}

impl<'a> Grammar<'a> {
    pub(super) fn new(text: &'a str, places: &'a Places<'a>, tokens: Vec<TokenWithSpan>, end: usize) -> Self {
        let tokens = table_as_select(trim_without_from(tokens));
        let parser = Parser::new(&Dialect).with_recursion_limit(DEPTH_MAX * 4).with_tokens_with_locations(tokens);
        Self { parser, text, places, end }
    }

    /// Byte at which the next token starts.
    pub(super) fn here(&self) -> usize {
        let token = self.parser.peek_token_ref();
        if token.token == Token::EOF { self.end } else { self.places.byte(token.span.start) }
    }

    /// `syntax error at or near` the next token.
    pub(super) fn unexpected(&self) -> Error {
        let token = self.parser.peek_token_ref();
        if token.token == Token::EOF {
            message::syntax_error_at_end().with_position(self.places.position_of_byte(self.end))
        } else {
            let start = self.places.byte(token.span.start);
            let near = &self.text[start..self.places.byte(token.span.end).max(start)];
            message::syntax_error(near).with_position(self.places.position(token.span.start))
        }
    }

    /// `syntax error at or near` the token that was read last.
    pub(super) fn unexpected_last(&mut self) -> Error {
        self.parser.prev_token();
        self.unexpected()
    }

    /// The rest of the statement as a query.
    pub(super) fn query(&mut self) -> Result<Box<ast::Query>> {
        let query = self.query_inside()?;
        self.end()?;
        Ok(query)
    }

    /// A query with something behind it.
    pub(super) fn query_inside(&mut self) -> Result<Box<ast::Query>> {
        let mut query = self.parser.parse_query().map_err(|error| self.refusal(&error))?;
        let next = &self.parser.peek_token_ref().token;
        let goes_on =
            matches!(next, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("with"));
        if !goes_on && !matches!(next, Token::EOF | Token::RParen) {
            return Err(self.unexpected());
        }
        breadth::check(&query, self.places)?;
        if let Some(word) = reserved::misused(&query) {
            let position = self.places.position(word.span.start);
            return Err(message::syntax_error(&word.value).with_position(position));
        }
        precedence::settle(&mut query);
        Ok(query)
    }

    /// One expression.
    pub(super) fn expression(&mut self) -> Result<ast::Expr> {
        self.parser.parse_expr().map_err(|error| self.refusal(&error))
    }

    /// The whole query string.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether nothing stands behind the next token.
    pub(super) fn is_last_token(&self) -> bool {
        self.parser.peek_nth_token_ref(1).token == Token::EOF
    }

    /// sqlparser says what it expected and where; PostgreSQL says what it found and where.
    pub(super) fn refusal(&self, error: &ParserError) -> Error {
        match error {
            ParserError::RecursionLimitExceeded => message::too_deep("expressions", DEPTH_MAX),
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
                let Some((what, location)) = place::trailing_location(text) else {
                    let complaint = text.trim_end();
                    if complaint.contains("found: EOF") {
                        return message::syntax_error_at_end().with_position(self.places.position_of_byte(self.end));
                    }
                    return message::unparsed(complaint);
                };
                let start = self.places.byte(location);
                if self.places.word_at(start).eq_ignore_ascii_case("exclude") {
                    return message::frame_exclusion().with_position(self.places.position(location));
                }
                if start >= self.end || what.ends_with("found: EOF") {
                    return message::syntax_error_at_end().with_position(self.places.position_of_byte(self.end));
                }
                message::syntax_error(self.places.word_at(start)).with_position(self.places.position(location))
            }
        }
    }

    /// A perhaps qualified name, unquoted words in lower case.
    pub(super) fn name(&mut self) -> Result<Name> {
        let position = self.places.position_of_byte(self.here());
        let mut parts = self.name_parts()?;
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop();
        if parts.len() == 1 && parts[0] == crate::ident::DATABASE || parts.is_empty() {
            return Ok(Name { schema, name, position });
        }
        Err(message::cross_database_reference(&parts.join(".")).with_position(position))
    }

    pub(super) fn name_parts(&mut self) -> Result<Vec<String>> {
        if !matches!(self.parser.peek_token_ref().token, Token::Word(_)) {
            return Err(self.unexpected());
        }
        let ObjectName(parts) = self.parser.parse_object_name(false).map_err(|error| self.refusal(&error))?;
        parts
            .into_iter()
            .map(|part| match part {
                ObjectNamePart::Identifier(ident) => Ok(folded(&ident)),
                ObjectNamePart::Function(_) => Err(self.unexpected()),
            })
            .collect()
    }

    pub(super) fn identifier(&mut self) -> Result<String> {
        let Token::Word(word) = &self.parser.peek_token_ref().token else {
            return Err(self.unexpected());
        };
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        self.parser.next_token();
        Ok(name)
    }

    /// The unquoted word `ahead` tokens from here, in lower case.
    pub(super) fn peek_word(&self, ahead: usize) -> Option<String> {
        match &self.parser.peek_nth_token_ref(ahead).token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            _ => None,
        }
    }

    pub(super) fn word(&mut self) -> Result<String> {
        let word = self.peek_word(0).ok_or_else(|| self.unexpected())?;
        self.parser.next_token();
        Ok(word)
    }

    pub(super) fn words(&mut self, count: usize) {
        for _ in 0..count {
            self.parser.next_token();
        }
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.peek_word(0).as_deref() == Some(word);
        if found {
            self.parser.next_token();
        }
        found
    }

    /// All of the words or, when the first is missing, none.
    pub(super) fn eat_all(&mut self, words: &[&str]) -> Result<bool> {
        if self.peek_word(0).as_deref() != words.first().copied() {
            return Ok(false);
        }
        for word in words {
            self.keyword(word)?;
        }
        Ok(true)
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<()> {
        if self.eat(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn sign(&mut self, token: &Token) -> Result<()> {
        if self.parser.consume_token(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.parser.peek_token_ref().token == Token::EOF { Ok(()) } else { Err(self.unexpected()) }
    }
}
