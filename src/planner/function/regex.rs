//! Functions on regular expressions, with PostgreSQL's matches: the leftmost, and of those the longest, or the shortest
//! where the expression prefers it.
//!
//! The `regex` crates take the first alternative that fits. Where that may not be the longest, the end of a match is
//! found anew over all ways to match, and its groups within these bounds.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::datum::Datum;
use super::overload::{Call, Form, Overloaded, Takes, bool, form, int4, strict, text, texts};
use super::regex_syntax::{Flags, of_similar, translated};
use crate::error::{Error, message};

const TWO: &[Takes] = &[Takes::Text, Takes::Text];
const THREE: &[Takes] = &[Takes::Text, Takes::Text, Takes::Text];

pub const FUNCTIONS: &[Overloaded] = &[
    strict("regexp_like", &[form(TWO, bool, is_match), form(THREE, bool, is_match)]),
    strict("similar_to", &[form(TWO, bool, is_similar), form(THREE, bool, is_similar)]),
    strict("regexp_match", &[form(TWO, texts, first_match), form(THREE, texts, first_match)]),
    strict("list:regexp_matches", &[form(TWO, text_lists, all_matches), form(THREE, text_lists, all_matches)]),
    strict("regexp_split_to_array", &[form(TWO, texts, split), form(THREE, texts, split)]),
    strict("list:regexp_split_to_table", &[form(TWO, texts, split), form(THREE, texts, split)]),
    strict(
        "regexp_replace",
        &[
            form(THREE, text, |call, args| replaced(call, args, "", 1, None)),
            form(&[Takes::Text, Takes::Text, Takes::Text, Takes::Text], text, |call, args| {
                let flags = args[3].text().to_owned();
                replaced(call, args, &flags, 1, None)
            }),
            form(&[Takes::Text, Takes::Text, Takes::Text, Takes::Int4], text, |call, args| {
                replaced(call, args, "", args[3].int(), Some(1))
            }),
            REPLACE_NTH,
            REPLACE_NTH_FLAGS,
        ],
    ),
    strict(
        "regexp_count",
        &[
            form(TWO, int4, counted),
            form(&[Takes::Text, Takes::Text, Takes::Int4], int4, counted),
            form(&[Takes::Text, Takes::Text, Takes::Int4, Takes::Text], int4, counted),
        ],
    ),
    strict(
        "regexp_instr",
        &[
            form(TWO, int4, position),
            form(&[Takes::Text, Takes::Text, Takes::Int4], int4, position),
            form(&[Takes::Text, Takes::Text, Takes::Int4, Takes::Int4], int4, position),
        ],
    ),
    strict(
        "regexp_substr",
        &[
            form(TWO, text, nth_text),
            form(&[Takes::Text, Takes::Text, Takes::Int4], text, nth_text),
            form(&[Takes::Text, Takes::Text, Takes::Int4, Takes::Int4], text, nth_text),
            form(&[Takes::Text, Takes::Text, Takes::Int4, Takes::Int4, Takes::Text], text, nth_text),
        ],
    ),
];

const REPLACE_NTH: Form =
    form(&[Takes::Text, Takes::Text, Takes::Text, Takes::Int4, Takes::Int4], text, |call, args| {
        replaced(call, args, "", args[3].int(), Some(args[4].int()))
    });

const REPLACE_NTH_FLAGS: Form =
    form(&[Takes::Text, Takes::Text, Takes::Text, Takes::Int4, Takes::Int4, Takes::Text], text, |call, args| {
        let flags = args[5].text().to_owned();
        replaced(call, args, &flags, args[3].int(), Some(args[4].int()))
    });

fn text_lists() -> arrow::datatypes::DataType {
    arrow::datatypes::DataType::new_list(texts(), true)
}

/// A compiled expression.
struct Expression {
    regex: Regex,
    /// Finds the longest of all ways to match, or the shortest; where the first one may be neither.
    every_way: Option<PikeVM>,
    is_lazy: bool,
    flags: Flags,
}

/// The bounds of a match, and of its groups; the first is the whole.
type Groups = Vec<Option<(usize, usize)>>;

impl Expression {
    fn of(pattern: &str, letters: &str) -> Result<Self, Error> {
        let flags = Flags::of(letters)?;
        let translated = translated(pattern, flags)?;
        let syntax = syntax::Config::new().case_insensitive(translated.is_case_blind);
        let regex = Regex::builder()
            .syntax(syntax)
            .configure(meta::Config::new().nfa_size_limit(Some(10 << 20)))
            .build(&translated.text)
            .map_err(|error| message::regex_too_big(&error.to_string()))?;
        let every_way = match translated.is_ambiguous {
            true => Some(
                PikeVM::builder()
                    .syntax(syntax)
                    .configure(PikeVM::config().match_kind(MatchKind::All))
                    .build(&translated.text)
                    .map_err(|error| message::regex_too_big(&error.to_string()))?,
            ),
            false => None,
        };
        Ok(Self { regex, every_way, is_lazy: translated.is_lazy, flags })
    }

    /// The first match that begins at `from` or behind it.
    fn find(&self, text: &str, from: usize) -> Option<Groups> {
        if from > text.len() {
            return None;
        }
        let mut captures = self.regex.create_captures();
        self.regex.search_captures(&Input::new(text).range(from..), &mut captures);
        let first = captures.get_match()?;
        let start = first.start();
        if let Some(every_way) = &self.every_way {
            let mut cache = every_way.create_cache();
            let input = Input::new(text).range(start..).anchored(Anchored::Yes).earliest(self.is_lazy);
            let mut slots = [None; 2];
            every_way.search_slots(&mut cache, &input, &mut slots);
            let end = slots[1].map_or(first.end(), |end| end.get());
            if end != first.end() {
                let mut bounded = self.regex.create_captures();
                // The groups of the ways that end here: a text that ends here too leaves no others.
                self.regex
                    .search_captures(&Input::new(&text[..end]).range(start..).anchored(Anchored::Yes), &mut bounded);
                if bounded.get_match().is_some_and(|found| found.end() == end) {
                    captures = bounded;
                } else {
                    let mut groups: Groups = vec![None; self.regex.group_info().group_len(captures.pattern()?)];
                    groups[0] = Some((start, end));
                    return Some(groups);
                }
            }
        }
        Some(captures.iter().map(|span| span.map(|span| (span.start, span.end))).collect())
    }

    /// All matches from `from` on. One that is empty where another ended counts unless `only_proper`.
    fn all(&self, text: &str, from: usize, only_proper: bool) -> Vec<Groups> {
        let mut found = Vec::new();
        let (mut at, mut last_end) = (from, None);
        while let Some(groups) = self.find(text, at) {
            let Some((start, end)) = groups[0] else { break };
            let is_proper = start < text.len() && last_end.is_none_or(|last| end > last) && end > 0;
            if !only_proper || is_proper {
                found.push(groups);
            }
            last_end = Some(end);
            at = if start == end { end + text[end..].chars().next().map_or(1, char::len_utf8) } else { end };
        }
        found
    }
}

fn compiled(call: &Call, pattern: &str, letters: &str) -> Result<std::rc::Rc<Expression>, Error> {
    call.made_of(&format!("{letters}\u{0}{pattern}"), |_| Expression::of(pattern, letters))
}

fn letters<'b>(args: &'b [Datum<'_>], at: usize) -> &'b str {
    args.get(at).map_or("", Datum::text)
}

fn is_match<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let expression = compiled(call, args[1].text(), letters(args, 2))?;
    no_global(&expression, "regexp_like")?;
    Ok(Datum::Bool(expression.regex.is_match(args[0].text())))
}

fn is_similar<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let escape = args.get(2).map(|escape| escape.text().to_owned());
    let key = format!("similar\u{0}{}\u{0}{}", escape.as_deref().unwrap_or("\\"), args[1].text());
    let expression = call.made_of(&key, |_| Expression::of(&of_similar(args[1].text(), escape.as_deref())?, ""))?;
    Ok(Datum::Bool(expression.regex.is_match(args[0].text())))
}

fn no_global(expression: &Expression, function: &str) -> Result<(), Error> {
    if expression.flags.is_global { Err(message::regex_global_unsupported(function)) } else { Ok(()) }
}

fn first_match<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let expression = compiled(call, args[1].text(), letters(args, 2))?;
    no_global(&expression, "regexp_match")?;
    let found = expression.find(args[0].text(), 0);
    Ok(found.map_or(Datum::Null, |groups| Datum::List(group_texts(args[0].text(), &groups))))
}

/// The texts of the groups, or of the whole where there are none.
fn group_texts(text: &str, groups: &Groups) -> ArrayRef {
    let shown = if groups.len() > 1 { &groups[1..] } else { &groups[..] };
    let texts: StringViewArray = shown.iter().map(|group| group.map(|(start, end)| &text[start..end])).collect();
    Arc::new(texts)
}

fn all_matches<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let expression = compiled(call, args[1].text(), letters(args, 2))?;
    let text = args[0].text();
    let found = if expression.flags.is_global {
        expression.all(text, 0, false)
    } else {
        expression.find(text, 0).into_iter().collect()
    };
    let lists: Vec<Datum<'_>> = found.iter().map(|groups| Datum::List(group_texts(text, groups))).collect();
    let lists = super::datum::array_of(&lists, &texts());
    Ok(Datum::List(lists.map_err(Error::from)?))
}

fn split<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let expression = compiled(call, args[1].text(), letters(args, 2))?;
    no_global(&expression, "regexp_split_to_array")?;
    let text = args[0].text();
    let mut parts = Vec::new();
    let mut at = 0;
    for (start, end) in expression.all(text, 0, true).iter().filter_map(|groups| groups[0]) {
        parts.push(&text[at..start]);
        at = end;
    }
    parts.push(&text[at..]);
    Ok(Datum::List(Arc::new(StringViewArray::from_iter_values(parts))))
}

/// The byte at which the `n`th character begins. Errors: 22023.
fn start_of(text: &str, n: i64) -> Result<usize, Error> {
    let n = usize::try_from(n - 1).map_err(|_| message::parameter_value("start", n))?;
    Ok(text.char_indices().nth(n).map_or(text.len(), |(at, _)| at))
}

/// `nth` counts matches from `start` on; 0 is all of them, none given is the first, or all with `g`.
fn replaced<'a>(
    call: &Call,
    args: &[Datum<'a>],
    letters: &str,
    start: i64,
    nth: Option<i64>,
) -> Result<Datum<'a>, Error> {
    if letters.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Err(message::regex_option_number(letters));
    }
    let expression = compiled(call, args[1].text(), letters)?;
    let (text, replacement) = (args[0].text(), args[2].text());
    let nth = match nth {
        Some(nth) if nth < 0 => return Err(message::parameter_value("n", nth)),
        Some(nth) => nth,
        None if expression.flags.is_global => 0,
        None => 1,
    };
    let mut out = String::new();
    let (mut copied, mut at, mut count) = (0, start_of(text, start)?, 0);
    while let Some(groups) = expression.find(text, at) {
        let Some((start, end)) = groups[0] else { break };
        count += 1;
        if nth == 0 || count == nth {
            out.push_str(&text[copied..start]);
            call.take_bytes(replacement.len().saturating_add(start - copied))?;
            push_replacement(&mut out, replacement, text, &groups);
            copied = end;
            if nth > 0 {
                break;
            }
        }
        at = if start == end { end + text[end..].chars().next().map_or(1, char::len_utf8) } else { end };
    }
    out.push_str(&text[copied..]);
    Ok(Datum::owned_text(out))
}

/// `\1` to `\9` are groups, `\&` is the whole match, `\\` is a backslash.
fn push_replacement(out: &mut String, replacement: &str, text: &str, groups: &Groups) {
    let mut chars = replacement.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        let group = match chars.next() {
            Some('&') => 0,
            Some(digit @ '1'..='9') => digit as usize - '0' as usize,
            Some('\\') | None => {
                out.push('\\');
                continue;
            }
            Some(other) => {
                out.push('\\');
                out.push(other);
                continue;
            }
        };
        if let Some((start, end)) = groups.get(group).copied().flatten() {
            out.push_str(&text[start..end]);
        }
    }
}

fn counted<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let expression = compiled(call, args[1].text(), letters(args, 3))?;
    no_global(&expression, "regexp_count")?;
    let from = start_of(args[0].text(), args.get(2).map_or(1, Datum::int))?;
    let count = expression.all(args[0].text(), from, false).len();
    i64::try_from(count).map(Datum::Int).map_err(|_| message::out_of_range_of_type("integer"))
}

fn nth(call: &Call, args: &[Datum<'_>], function: &str) -> Result<Option<(usize, usize)>, Error> {
    let expression = compiled(call, args[1].text(), letters(args, 4))?;
    no_global(&expression, function)?;
    let from = start_of(args[0].text(), args.get(2).map_or(1, Datum::int))?;
    let n = args.get(3).map_or(1, Datum::int);
    let at = usize::try_from(n - 1).map_err(|_| message::parameter_value("n", n))?;
    Ok(expression.all(args[0].text(), from, false).get(at).and_then(|groups| groups[0]))
}

fn position<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let found = nth(call, args, "regexp_instr")?;
    let before = |start: usize| args[0].text()[..start].chars().count();
    let at = found.map_or(0, |(start, _)| before(start) + 1);
    i64::try_from(at).map(Datum::Int).map_err(|_| message::out_of_range_of_type("integer"))
}

fn nth_text<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let found = nth(call, args, "regexp_substr")?;
    Ok(found.map_or(Datum::Null, |(start, end)| Datum::owned_text(&args[0].text()[start..end])))
}

/// `substring(text from pattern)`: the first group, or the whole match where there is none.
pub fn substring<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let expression = compiled(call, args[1].text(), "")?;
    Ok(taken(&expression, args[0].text()))
}

fn taken<'a>(expression: &Expression, text: &str) -> Datum<'a> {
    let found = expression.find(text, 0);
    let group = found.and_then(|groups| *groups.get(1).unwrap_or(&groups[0]));
    group.map_or(Datum::Null, |(start, end)| Datum::Text(Cow::Owned(text[start..end].to_owned())))
}

/// `substring(text from pattern for escape)`: the part that the pattern marks.
pub fn substring_similar<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let key = format!("similar\u{0}{}\u{0}{}", args[2].text(), args[1].text());
    let expression = call.made_of(&key, |_| Expression::of(&of_similar(args[1].text(), Some(args[2].text()))?, ""))?;
    Ok(taken(&expression, args[0].text()))
}
