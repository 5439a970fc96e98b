//! Builds an index: rows in any order in, sorted narrow columns out; from nothing, or onto an index that knows the rows before.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int16Type, Int64Type, Time64MicrosecondType};
use hashbrown::HashMap;

use super::columns::{Lines, MemberIndex, NO_AMOUNT, NO_DAY, NO_NUMBER, NO_SECOND, NO_WEEKDAY, known_first, narrow};
use super::draft::{Draft, DraftRefund, Of, Place};
use super::ids::{Key, Keys, Wanted};
use super::interner::Interner;
use super::pending::Pending;
use super::piece::{Piece, month_of};
use super::threads::on_all_threads;
use super::values::{codes, scaled_amounts, scaled_quantities};

/// What the index cannot hold; such a history is read from its files as ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// A column is missing or in a type that the index does not know.
    Type {
        column: &'static str,
        data_type: DataType,
    },
    Missing(&'static str),
    /// A value beyond what a column of the index holds.
    TooLarge(&'static str),
    TooMany(&'static str),
    /// Rows of a relation that are not one for each of this identifier.
    NotUnique(&'static str),
    /// New rows say something about earlier ones that only reading all of them can tell.
    Entangled(&'static str),
}

impl Unfit {
    pub(crate) fn identifier(found: &ArrayRef) -> Self {
        Self::Type { column: "an identifier", data_type: found.data_type().clone() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { column, data_type } => write!(f, "{column} is of type {data_type}"),
            Self::Missing(column) => write!(f, "there is no column {column}"),
            Self::TooLarge(column) => write!(f, "a value of {column} is too large"),
            Self::TooMany(what) => write!(f, "there are too many {what}"),
            Self::NotUnique(column) => write!(f, "a row has no {column}, or that of another row"),
            Self::Entangled(how) => write!(f, "{how}"),
        }
    }
}

impl std::error::Error for Unfit {}

/// Types and scales of what is added up.
#[derive(Debug, Clone)]
pub struct Scales {
    /// Of members, receipts, stores and products: `bigint` or `text`.
    pub member: DataType,
    pub purchase: DataType,
    pub store: DataType,
    pub product: DataType,
    /// Digits after the point of amounts and of quantities.
    pub amount: i8,
    pub quantity: i8,
}

/// Where a receipt was put.
#[derive(Debug, Clone, Copy)]
enum Put {
    /// A completed one: which draft, and its row there.
    Draft(u16, u32),
    /// Among refunds.
    Refund(u32),
    Ignored,
}

/// A refund whose purchase is not looked for yet.
#[derive(Debug)]
struct RawRefund {
    refund: DraftRefund,
    link: Option<Link>,
}

#[derive(Debug)]
enum Link {
    Number(i64),
    Text(Box<str>),
}

/// Where a receipt of the index before stands.
#[derive(Debug, Clone, Copy)]
enum Earlier {
    Receipt { piece: usize, row: u32 },
    Refund { piece: usize, row: u32 },
    Nobodys { piece: usize },
    Ignored,
}

/// Takes members, then receipts, then lines, each in batches of any size and order.
#[derive(Debug)]
pub struct Builder {
    scales: Scales,
    keys: Keys,
    members: Interner,
    is_known: Vec<bool>,
    purchases: Interner,
    stores: Interner,
    products: Interner,
    channels: Interner,
    /// By month.
    drafts: Vec<Draft>,
    draft_of: HashMap<Option<i32>, u16>,
    refunds: Vec<RawRefund>,
    /// By the number of the receipt's identifier.
    put: Vec<Put>,
    /// The same receipts' keys, if there are earlier ones.
    new_keys: Option<Vec<Key>>,
    lines: usize,
    /// Lines of receipts that are not among those taken.
    late: Vec<(Key, (u32, i32, i64))>,
}

impl Builder {
    /// Of a history that is read from its beginning. `seed`: another number for each index.
    ///
    /// # Errors
    /// [`Unfit::Type`] for identifiers that are neither `bigint` nor `text`.
    pub fn new(scales: Scales, seed: u64) -> Result<Self, Unfit> {
        Ok(Self {
            keys: Keys::new(&scales.purchase, seed),
            members: Interner::new(&scales.member)?,
            is_known: Vec::new(),
            purchases: Interner::new(&scales.purchase)?,
            stores: Interner::new(&scales.store)?,
            products: Interner::new(&scales.product)?,
            channels: Interner::new(&DataType::Utf8View)?,
            drafts: Vec::new(),
            draft_of: HashMap::new(),
            refunds: Vec::new(),
            put: Vec::new(),
            new_keys: None,
            lines: 0,
            late: Vec::new(),
            scales,
        })
    }

    /// Of what came after an index was built; [`Self::finish_onto`] ends it. Members are those of that index unless they are
    /// all told again.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn onto(index: &MemberIndex, scales: Scales) -> Result<Self, Unfit> {
        Ok(Self {
            members: index.members.clone(),
            is_known: index.is_known.clone(),
            stores: index.stores.clone(),
            products: index.products.clone(),
            channels: index.channels.clone(),
            new_keys: Some(Vec::new()),
            ..Self::new(scales, index.keys.seed)?
        })
    }

    /// All members will be told.
    pub fn forget_members(&mut self) {
        self.is_known.fill(false);
    }

    /// `member_id` of the relation of members; before any receipt. The index stands for that relation, so each of its
    /// rows must be a member of its own.
    ///
    /// # Errors
    /// What does not fit; [`Unfit::NotUnique`] for a member that is NULL or repeated.
    pub fn add_members(&mut self, batch: &RecordBatch) -> Result<(), Unfit> {
        let numbers = self.members.intern(column(batch, "member_id")?)?;
        self.is_known.resize(self.members.len(), false);
        for number in numbers {
            match self.is_known.get_mut(number as usize) {
                Some(is_known) if !*is_known => *is_known = true,
                _ => return Err(Unfit::NotUnique("member_id")),
            }
        }
        Ok(())
    }

    /// `purchase_id`, `member_id`, `store_id`, `channel`, `status`, `business_date`, `weekday`, `local_time` and, where
    /// receipts have them, `amount` and `refund_of`.
    ///
    /// # Errors
    /// What does not fit.
    pub fn add_receipts(&mut self, batch: &RecordBatch) -> Result<(), Unfit> {
        let before = self.purchases.len();
        let ids = column(batch, "purchase_id")?;
        self.purchases.intern(ids)?;
        if self.purchases.len() != before + batch.num_rows() {
            return Err(Unfit::TooMany("receipts of one purchase_id"));
        }
        let keys: Vec<Key> = self.keys.of(ids)?.into_iter().flatten().collect();
        let members = self.members.intern(column(batch, "member_id")?)?;
        let stores = codes(self.stores.intern(column(batch, "store_id")?)?, "stores")?;
        let channels = codes(self.channels.intern(column(batch, "channel")?)?, "channels")?;
        let status = column(batch, "status")?.as_string_view_opt().ok_or(Unfit::Missing("status"))?;
        let days = column(batch, "business_date")?;
        let days = days.as_primitive_opt::<Date32Type>().ok_or(Unfit::Missing("business_date"))?;
        let weekdays = column(batch, "weekday")?;
        let weekdays = weekdays.as_primitive_opt::<Int16Type>().ok_or(Unfit::Missing("weekday"))?;
        let times = column(batch, "local_time")?;
        let times = times.as_primitive_opt::<Time64MicrosecondType>().ok_or(Unfit::Missing("local_time"))?;
        let amounts = match batch.column_by_name("amount") {
            Some(amounts) => scaled_amounts(amounts, self.scales.amount)?,
            None => vec![NO_AMOUNT; batch.num_rows()],
        };
        let mut links = links(batch)?;
        let bit = |day: i16| if (1..=7).contains(&day) { 1_u8 << day } else { NO_WEEKDAY };
        let second = |time: i64| u32::try_from(time.div_euclid(1_000_000)).unwrap_or(NO_SECOND);
        // Receipts come by day, mostly, so that the draft is mostly the one before.
        let mut last: Option<(i32, u16)> = None;
        for row in 0..batch.num_rows() {
            let day = if days.is_valid(row) { days.value(row) } else { NO_DAY };
            let draft = match last {
                Some((of, draft)) if of == day => draft,
                _ => self.draft(day)?,
            };
            last = Some((day, draft));
            let at = Place {
                day,
                weekday: if weekdays.is_valid(row) { bit(weekdays.value(row)) } else { NO_WEEKDAY },
                second: if times.is_valid(row) { second(times.value(row)) } else { NO_SECOND },
                store: stores[row],
                channel: channels[row],
            };
            let key = keys[row];
            let to = &mut self.drafts[draft as usize];
            let put = match if status.is_valid(row) { status.value(row) } else { "voided" } {
                "completed" => {
                    to.member.push(members[row]);
                    to.at.push(at);
                    to.amount.push(amounts[row]);
                    to.ids.push(key);
                    Put::Draft(draft, narrow(to.member.len() - 1))
                }
                // What is neither completed nor anything else counts nowhere.
                "voided" => {
                    to.ignored.push(key);
                    Put::Ignored
                }
                status => {
                    let (is_refund, lines) = (status == "refund", Lines::default());
                    let refund = DraftRefund {
                        member: members[row],
                        at,
                        own_day: day,
                        is_refund,
                        amount: amounts[row],
                        id: key,
                        of: Of::Nothing,
                        lines,
                    };
                    let link = if is_refund { links[row].take() } else { None };
                    self.refunds.push(RawRefund { refund, link });
                    Put::Refund(narrow(self.refunds.len() - 1))
                }
            };
            self.put.push(put);
            if let Some(keys) = &mut self.new_keys {
                keys.push(key);
            }
        }
        Ok(())
    }

    /// That of the month of a day.
    fn draft(&mut self, day: i32) -> Result<u16, Unfit> {
        let month = month_of(day);
        if month.is_none() && day != NO_DAY {
            return Err(Unfit::TooLarge("business_date"));
        }
        if let Some(draft) = self.draft_of.get(&month) {
            return Ok(*draft);
        }
        let draft = u16::try_from(self.drafts.len()).map_err(|_| Unfit::TooMany("months"))?;
        self.drafts.push(Draft::new(month, self.keys));
        self.draft_of.insert(month, draft);
        Ok(draft)
    }

    /// `purchase_id`, `product_id`, `quantity` and `amount`; after all receipts. Lines of no receipt wait for it.
    ///
    /// # Errors
    /// What does not fit.
    pub fn add_lines(&mut self, batch: &RecordBatch) -> Result<(), Unfit> {
        let ids = column(batch, "purchase_id")?;
        let receipts = self.purchases.numbers(ids)?;
        let products = self.products.intern(column(batch, "product_id")?)?;
        let quantities = scaled_quantities(column(batch, "quantity")?, self.scales.quantity)?;
        let amounts = scaled_amounts(column(batch, "amount")?, self.scales.amount)?;
        let mut keys = None;
        for (row, receipt) in receipts.into_iter().enumerate() {
            let line = (products[row], quantities[row], amounts[row]);
            match self.put.get(receipt as usize) {
                Some(put) => self.put_line(*put, line),
                None => {
                    let keys = match &keys {
                        Some(keys) => keys,
                        None => keys.insert(self.keys.of(ids)?),
                    };
                    // A line of NULL is nobody's.
                    self.late.extend(keys[row].map(|key| (key, line)));
                }
            }
        }
        self.lines += batch.num_rows();
        if self.lines >= NO_NUMBER as usize { Err(Unfit::TooMany("lines")) } else { Ok(()) }
    }

    fn put_line(&mut self, put: Put, line: (u32, i32, i64)) {
        match put {
            Put::Draft(draft, row) => self.drafts[draft as usize].add_line(row, line),
            Put::Refund(at) => {
                let (product, quantity, amount) = line;
                self.refunds[at as usize].refund.lines.push(product, quantity, amount);
            }
            Put::Ignored => {}
        }
    }

    /// Bytes of what was taken so far, about.
    pub fn bytes(&self) -> usize {
        self.drafts.iter().map(Draft::bytes).sum::<usize>()
            + self.put.len() * size_of::<Put>()
            + self.refunds.len() * size_of::<RawRefund>()
            + self.late.len() * 32
            + self.members.bytes()
            + self.purchases.bytes()
    }

    /// Lines and receipts taken so far.
    pub fn rows(&self) -> usize {
        self.put.len() + self.lines
    }

    /// Sorts what was taken.
    ///
    /// # Errors
    /// [`Unfit::TooLarge`] for a receipt whose sum is beyond 18 digits.
    pub fn finish(mut self) -> Result<MemberIndex, Unfit> {
        let mut pending = Pending::new(self.keys);
        for (receipt, line) in std::mem::take(&mut self.late) {
            pending.add_line(receipt, line);
        }
        for raw in std::mem::take(&mut self.refunds) {
            let of = raw.link.as_ref().map(|link| (link, self.number_of(link).map(|number| self.put[number as usize])));
            if let Some((link, None)) = of {
                pending.add_refund(self.key_of(link));
            }
            self.put_refund(raw.refund, of.and_then(|(_, put)| put))?;
        }
        let drafts = std::mem::take(&mut self.drafts);
        self.made_of(Vec::new(), drafts, pending)
    }

    /// Sorts what was taken into what an index has; only the months that it concerns are made anew.
    ///
    /// # Errors
    /// As [`Self::finish`]; [`Unfit::Entangled`] when the index has to be built from the beginning.
    pub fn finish_onto(mut self, index: &MemberIndex) -> Result<MemberIndex, Unfit> {
        if index.pending.is_full {
            return Err(Unfit::Entangled("too many lines or refunds of receipts that were not there"));
        }
        let new: HashMap<Key, u32> = self.new_keys.take().unwrap_or_default().into_iter().zip(0..).collect();
        if index.pending.refunded.iter().any(|key| new.contains_key(&key)) {
            return Err(Unfit::Entangled("a purchase that an earlier refund names"));
        }
        let mut late = std::mem::take(&mut self.late);
        let waiting = &index.pending;
        late.extend(waiting.line_receipts.iter().enumerate().map(|(line, key)| (key, waiting.lines.get(line))));
        let key = |raw: &RawRefund| raw.link.as_ref().map(|link| self.key_of(link));
        let links: Vec<Option<Key>> = self.refunds.iter().map(key).collect();
        let wanted = new.keys().copied().chain(late.iter().map(|(key, _)| *key)).chain(links.iter().copied().flatten());
        let earlier = earlier(index, &Wanted::new(wanted, self.keys));
        if new.keys().any(|key| earlier.contains_key(key)) {
            return Err(Unfit::Entangled("a receipt that was there already"));
        }
        let mut touched = Touched { index, drafts: HashMap::new() };
        let mut pending = Pending::new(self.keys);
        for key in waiting.refunded.iter() {
            pending.add_refund(key);
        }
        for (key, line) in late {
            match (new.get(&key), earlier.get(&key)) {
                (Some(number), _) => self.put_line(self.put[*number as usize], line),
                (None, Some(Earlier::Receipt { piece, row })) => touched.draft(*piece).add_line(*row, line),
                (None, Some(Earlier::Refund { piece, row })) => {
                    let (product, quantity, amount) = line;
                    let refund = &mut touched.draft(*piece).refunds[*row as usize];
                    refund.lines.push(product, quantity, amount);
                }
                (None, Some(Earlier::Nobodys { piece })) if index.pieces[*piece].refunds_nobodys() => {
                    return Err(Unfit::Entangled("lines of a purchase without a member that refunds name"));
                }
                (None, Some(Earlier::Nobodys { .. } | Earlier::Ignored)) => {}
                (None, None) => pending.add_line(key, line),
            }
        }
        for (raw, link) in std::mem::take(&mut self.refunds).into_iter().zip(links) {
            let put = link.and_then(|key| new.get(&key)).map(|number| self.put[*number as usize]);
            let before = link.and_then(|key| earlier.get(&key));
            match (put, before) {
                (None, Some(Earlier::Receipt { piece, row })) => {
                    let member = index.pieces[*piece].receipts.member[*row as usize];
                    let refund = DraftRefund { member, of: Of::Receipt(*row), ..raw.refund };
                    touched.draft(*piece).refunds.push(refund);
                }
                (None, Some(Earlier::Nobodys { .. })) if raw.refund.member != NO_NUMBER => {
                    return Err(Unfit::Entangled("a member's refund of a purchase without one"));
                }
                (put, before) => {
                    // It may come yet.
                    if let (Some(key), None, None) = (link, put, before) {
                        pending.add_refund(key);
                    }
                    self.put_refund(raw.refund, put)?;
                }
            }
        }
        for draft in std::mem::take(&mut self.drafts) {
            match index.pieces.iter().position(|piece| piece.month == draft.month) {
                Some(piece) => touched.append(piece, draft),
                None => touched.add(draft),
            }
        }
        let (kept, drafts) = touched.into_parts();
        self.made_of(kept, drafts, pending)
    }

    /// Puts a refund into the month of its purchase, or, if that is none that counts, into its own.
    fn put_refund(&mut self, mut refund: DraftRefund, of: Option<Put>) -> Result<(), Unfit> {
        let draft = match of {
            Some(Put::Draft(draft, row)) => {
                refund.of = Of::Receipt(row);
                let member = self.drafts[draft as usize].member[row as usize];
                refund.member = if member == NO_NUMBER { refund.member } else { member };
                draft
            }
            _ => self.draft(refund.own_day)?,
        };
        let draft = &mut self.drafts[draft as usize];
        if refund.member == NO_NUMBER {
            draft.ignored.push(refund.id)
        } else {
            draft.refunds.push(refund)
        }
        Ok(())
    }

    fn number_of(&self, link: &Link) -> Option<u32> {
        match link {
            Link::Number(id) => self.purchases.of_number(*id),
            Link::Text(id) => self.purchases.of_text(id),
        }
    }

    fn key_of(&self, link: &Link) -> Key {
        match link {
            Link::Number(id) => Keys::of_number(*id),
            Link::Text(id) => self.keys.of_text(id),
        }
    }

    /// An index of these pieces and of those that drafts become.
    fn made_of(
        mut self,
        mut pieces: Vec<Arc<Piece>>,
        drafts: Vec<Draft>,
        pending: Pending,
    ) -> Result<MemberIndex, Unfit> {
        // What told receipts apart is not asked again.
        self.purchases = Interner::new(&self.scales.purchase)?;
        self.put = Vec::new();
        let (members, products, keys) = (self.members.len(), self.products.len(), self.keys);
        self.is_known.resize(members, false);
        for piece in on_all_threads(drafts, |draft| draft.sorted(members, products, keys)) {
            pieces.push(Arc::new(piece?));
        }
        pieces.sort_by_key(|piece| piece.month);
        let member_ids = self.members.ids();
        Ok(MemberIndex {
            members: self.members,
            member_ids,
            known_first: known_first(&self.is_known),
            is_known: self.is_known,
            products: self.products,
            stores: self.stores,
            channels: self.channels,
            pieces,
            pending,
            keys,
            amount_scale: self.scales.amount,
        })
    }
}

/// Where receipts of an index stand.
fn earlier(index: &MemberIndex, wanted: &Wanted) -> HashMap<Key, Earlier> {
    let mut found = HashMap::new();
    for (piece, ids) in index.pieces.iter().map(|piece| &piece.ids).enumerate() {
        ids.receipts.look_up(wanted, |key, row| {
            found.insert(key, Earlier::Receipt { piece, row: narrow(row) });
        });
        ids.refunds.look_up(wanted, |key, row| {
            found.insert(key, Earlier::Refund { piece, row: narrow(row) });
        });
        ids.nobodys.look_up(wanted, |key, _| {
            found.insert(key, Earlier::Nobodys { piece });
        });
        ids.ignored.look_up(wanted, |key, _| {
            found.insert(key, Earlier::Ignored);
        });
    }
    found
}

/// Pieces that are taken apart because something is added to them.
struct Touched<'a> {
    index: &'a MemberIndex,
    /// By the place of the piece; `None` beyond them for months that are new.
    drafts: HashMap<usize, Draft>,
}

impl Touched<'_> {
    fn draft(&mut self, piece: usize) -> &mut Draft {
        let index = self.index;
        self.drafts.entry(piece).or_insert_with(|| Draft::of_piece(&index.pieces[piece], index.keys))
    }

    fn append(&mut self, piece: usize, draft: Draft) {
        // Days on which nothing new happened have drafts too, without rows.
        if !draft.is_empty() {
            self.draft(piece).append(draft);
        }
    }

    fn add(&mut self, draft: Draft) {
        let place = self.index.pieces.len() + self.drafts.len();
        if !draft.is_empty() {
            self.drafts.insert(place, draft);
        }
    }

    /// The pieces that stay, and the drafts of the others.
    fn into_parts(self) -> (Vec<Arc<Piece>>, Vec<Draft>) {
        let stays = |(place, _): &(usize, &Arc<Piece>)| !self.drafts.contains_key(place);
        let kept = self.index.pieces.iter().enumerate().filter(stays).map(|(_, piece)| Arc::clone(piece));
        (kept.collect(), self.drafts.into_values().collect())
    }
}

/// The receipts that rows name as theirs.
fn links(batch: &RecordBatch) -> Result<Vec<Option<Link>>, Unfit> {
    let Some(links) = batch.column_by_name("refund_of") else {
        return Ok((0..batch.num_rows()).map(|_| None).collect());
    };
    let link = |row: usize| {
        if links.is_null(row) {
            return Ok(None);
        }
        match links.data_type() {
            DataType::Int64 => Ok(Some(Link::Number(links.as_primitive::<Int64Type>().value(row)))),
            DataType::Utf8View => Ok(Some(Link::Text(links.as_string_view().value(row).into()))),
            _ => Err(Unfit::identifier(links)),
        }
    };
    (0..batch.num_rows()).map(link).collect()
}

fn column<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a ArrayRef, Unfit> {
    batch.column_by_name(name).ok_or(Unfit::Missing(name))
}
