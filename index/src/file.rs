//! An index as files: one with the names of members, products, stores and channels, and one for each piece; columns one
//! after the other, each with its length and a hash.
//!
//! A piece's file is called by what is in it, so that a piece that stays is not written again, and the file of names says
//! which pieces belong to it. Numbers stand as the machine has them, so that a column is read at once; a machine that has
//! them otherwise, like another version of this layout, makes the index anew. So does whoever finds a file that is missing,
//! cut or changed: nothing of an index is used before all of it was found to be as it was written.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Int64Type};
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, IntoBytes};

use super::columns::{Attributes, Lines, MemberIndex, NO_NUMBER, Postings, Receipts, Refunds, known_first};
use super::ids::{Ids, Key, Keys};
use super::interner::Interner;
use super::pending::Pending;
use super::piece::{Piece, PieceIds, blocks_of, common, first_day, month_name};

/// What the file of names and that of a piece begin with.
const NAMES: [u8; 8] = *b"RGLRSIDX";
const PIECE: [u8; 8] = *b"RGLRSPCE";
/// Of the layout, and of what its numbers mean: another one for every change of either.
const VERSION: u32 = 2;
/// Tells a machine with another order of bytes.
const ORDER: u32 = 0x0102_0304;
/// For the month of what has no date.
const NO_MONTH: i32 = i32::MIN;

/// Why a file cannot be used; it is made anew then.
#[derive(Debug)]
pub enum Unusable {
    Io(io::Error),
    /// No index, one of another version, or of another machine.
    OtherKind,
    /// It was made from something else.
    OtherSource,
    /// It is not as it was written.
    Damaged,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
            Self::OtherKind => write!(f, "it is of another version"),
            Self::OtherSource => write!(f, "it is of other files"),
            Self::Damaged => write!(f, "it is damaged"),
        }
    }
}

impl std::error::Error for Unusable {}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        // What ends too early was cut.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Damaged } else { Self::Io(error) }
    }
}

impl MemberIndex {
    /// Writes everything but the pieces. `source`: what it was made from, in words that [`Self::read_from`] is given again.
    ///
    /// # Errors
    /// As writing.
    pub fn write_to(&self, out: &mut impl Write, source: &str) -> io::Result<()> {
        let mut out = Sections::new(out, NAMES)?;
        out.put(source.as_bytes())?;
        for interner in [&self.members, &self.products, &self.stores, &self.channels] {
            out.put_ids(interner)?;
        }
        out.put(&flags(&self.is_known))?;
        out.put(&[i32::from(self.amount_scale), i32::from(self.keys.is_text), i32::from(self.pending.is_full)])?;
        out.put(&[self.keys.seed])?;
        out.put_keys(&self.pending.line_receipts)?;
        out.put_columns(&self.pending.lines)?;
        out.put_keys(&self.pending.refunded)?;
        let pieces = || self.pieces.iter();
        out.put(&pieces().map(|piece| piece.month.unwrap_or(NO_MONTH)).collect::<Vec<_>>())?;
        out.put(&pieces().map(|piece| piece.fingerprint()).collect::<Vec<_>>())
    }

    /// Reads what was written. `length`: of the file, in bytes. `is_of`: whether what it was made from is wanted. `open`:
    /// gives the file of a piece and its length, by its name.
    ///
    /// # Errors
    /// [`Unusable`]: for whatever is not a whole index, of this version and from this source.
    pub fn read_from<R: Read>(
        input: &mut impl Read,
        length: u64,
        is_of: impl FnOnce(&str) -> bool,
        open: impl Fn(&str) -> io::Result<(R, u64)>,
    ) -> Result<Self, Unusable> {
        let mut input = Reader::new(input, length, NAMES)?;
        let source = String::from_utf8(input.take()?).map_err(|_| Unusable::Damaged)?;
        if !is_of(&source) {
            return Err(Unusable::OtherSource);
        }
        let (members, products) = (input.take_ids()?, input.take_ids()?);
        let (stores, channels) = (input.take_ids()?, input.take_ids()?);
        let is_known = input.take_flags()?;
        let [amount_scale, is_text, is_full] = fixed(input.take::<i32>()?)?;
        let [seed] = fixed(input.take::<u64>()?)?;
        let keys = Keys { is_text: is_text != 0, seed };
        let line_receipts = input.take_keys(keys)?;
        let lines = input.take_columns()?;
        let pending = Pending { line_receipts, lines, refunded: input.take_keys(keys)?, is_full: is_full != 0 };
        let (months, fingerprints) = (input.take::<i32>()?, input.take::<u64>()?);
        input.end()?;
        let member_ids = members.ids();
        let whole = [pending.lines.product.len(), pending.lines.quantity.len(), pending.lines.amount.len()];
        if is_known.len() != member_ids.len()
            || months.len() != fingerprints.len()
            || whole != [pending.line_receipts.len(); 3]
        {
            return Err(Unusable::Damaged);
        }
        let mut pieces = Vec::with_capacity(months.len());
        for (month, fingerprint) in months.into_iter().zip(fingerprints) {
            let month = (month != NO_MONTH).then_some(month);
            let (mut file, length) = open(&piece_name(month, fingerprint))?;
            let piece = Piece::read_from(&mut file, length, keys)?;
            let counts = (member_ids.len(), products.len());
            if (piece.month, piece.fingerprint()) != (month, fingerprint) || !piece.is_consistent(counts) {
                return Err(Unusable::Damaged);
            }
            pieces.push(Arc::new(piece));
        }
        Ok(Self {
            members,
            member_ids,
            known_first: known_first(&is_known),
            is_known,
            products,
            stores,
            channels,
            pieces,
            pending,
            keys,
            amount_scale: i8::try_from(amount_scale).map_err(|_| Unusable::Damaged)?,
        })
    }
}

impl Piece {
    /// What its file is called.
    pub fn file_name(&self) -> String {
        piece_name(self.month, self.fingerprint())
    }

    /// A hash of all that it holds.
    fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| self.put_all(io::sink()).unwrap_or_default())
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// As writing.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        self.put_all(out).map(|_| ())
    }

    fn put_all(&self, mut out: impl Write) -> io::Result<u64> {
        let mut out = Sections::new(&mut out, PIECE)?;
        out.put(&[self.month.unwrap_or(NO_MONTH), i32::from(self.has_early_refunds)])?;
        let receipts = &self.receipts;
        out.put(&receipts.member)?;
        out.put_attributes(&receipts.at)?;
        out.put(&receipts.flags)?;
        out.put(&receipts.total)?;
        out.put(&receipts.amount)?;
        out.put_lines(&receipts.lines_of, &receipts.lines)?;
        let refunds = &self.refunds;
        out.put(&refunds.member)?;
        out.put_attributes(&refunds.at)?;
        out.put(&refunds.own_day)?;
        out.put(&refunds.receipt)?;
        out.put(&refunds.flags)?;
        out.put(&refunds.total)?;
        out.put(&refunds.amount)?;
        out.put_lines(&refunds.lines_of, &refunds.lines)?;
        out.put(&self.postings.of_product)?;
        out.put(&self.postings.receipt)?;
        for ids in [&self.ids.receipts, &self.ids.refunds, &self.ids.nobodys, &self.ids.ignored] {
            out.put_keys(ids)?;
        }
        Ok(out.all)
    }

    fn read_from(input: &mut impl Read, length: u64, keys: Keys) -> Result<Self, Unusable> {
        let mut input = Reader::new(input, length, PIECE)?;
        let [month, has_early_refunds] = fixed(input.take::<i32>()?)?;
        let month = (month != NO_MONTH).then_some(month);
        let (member, at) = (input.take()?, input.take_attributes()?);
        let (flags, total, amount) = (input.take()?, input.take()?, input.take()?);
        let (lines_of, lines) = input.take_lines()?;
        let receipts = Receipts { member, at, flags, total, amount, lines_of, lines };
        let (member, at) = (input.take()?, input.take_attributes()?);
        let (own_day, receipt, flags) = (input.take()?, input.take()?, input.take()?);
        let (total, amount) = (input.take()?, input.take()?);
        let (lines_of, lines) = input.take_lines()?;
        let refunds = Refunds { member, at, own_day, receipt, flags, total, amount, lines_of, lines };
        let postings = Postings { of_product: input.take()?, receipt: input.take()? };
        let ids = PieceIds {
            receipts: input.take_keys(keys)?,
            refunds: input.take_keys(keys)?,
            nobodys: input.take_keys(keys)?,
            ignored: input.take_keys(keys)?,
        };
        input.end()?;
        let days = &receipts.at.day;
        Ok(Self {
            month,
            first_day: first_day(month),
            days: (days.iter().min().copied().unwrap_or(0), days.iter().max().copied().unwrap_or(0)),
            flags: common(&receipts.flags),
            blocks: if receipts.member.is_sorted() { blocks_of(&receipts.member) } else { Vec::new() },
            receipts,
            refunds,
            postings,
            has_early_refunds: has_early_refunds != 0,
            ids,
            fingerprint: OnceLock::from(input.all),
        })
    }

    /// Whether columns are as long as they must be for one another, and name what there is. `counts`: of members and products.
    fn is_consistent(&self, (members, products): (usize, usize)) -> bool {
        let (receipts, refunds) = (&self.receipts, &self.refunds);
        let starts = |starts: &[u32], count: usize, total: usize| {
            starts.len() == count + 1 && starts.is_sorted() && starts.last().is_some_and(|last| *last as usize == total)
        };
        fn attributes<Day>(at: &Attributes<Day>, count: usize) -> bool {
            [at.day.len(), at.weekday.len(), at.second.len(), at.store.len(), at.channel.len()] == [count; 5]
        }
        let lines = |lines: &Lines| {
            let known = |product: &u32| (*product as usize) < products || *product == NO_NUMBER;
            [lines.quantity.len(), lines.amount.len()] == [lines.product.len(); 2] && lines.product.iter().all(known)
        };
        let owners = |of: &[u32]| of.is_sorted() && of.last().is_none_or(|member| (*member as usize) < members);
        let (count, count_of_refunds) = (receipts.member.len(), refunds.member.len());
        let known = |receipt: &u32| (*receipt as usize) < count;
        owners(&receipts.member)
            && attributes(&receipts.at, count)
            && [receipts.flags.len(), receipts.total.len(), receipts.amount.len(), self.ids.receipts.len()]
                == [count; 4]
            && starts(&receipts.lines_of, count, receipts.lines.product.len())
            && lines(&receipts.lines)
            && owners(&refunds.member)
            && attributes(&refunds.at, count_of_refunds)
            && [refunds.own_day.len(), refunds.receipt.len(), refunds.flags.len(), refunds.total.len()]
                == [count_of_refunds; 4]
            && [refunds.amount.len(), self.ids.refunds.len()] == [count_of_refunds; 2]
            && refunds.receipt.iter().all(|receipt| known(receipt) || *receipt == NO_NUMBER)
            && starts(&refunds.lines_of, count_of_refunds, refunds.lines.product.len())
            && lines(&refunds.lines)
            && self.postings.of_product.len() <= products + 1
            && starts(
                &self.postings.of_product,
                self.postings.of_product.len().saturating_sub(1),
                self.postings.receipt.len(),
            )
            && self.postings.receipt.iter().all(known)
    }
}

fn piece_name(month: Option<i32>, fingerprint: u64) -> String {
    format!("{}-{fingerprint:016x}.piece", month_name(month))
}

fn flags(of: &[bool]) -> Vec<u8> {
    of.iter().map(|is| u8::from(*is)).collect()
}

fn fixed<T, const N: usize>(values: Vec<T>) -> Result<[T; N], Unusable> {
    values.try_into().map_err(|_| Unusable::Damaged)
}

/// Of a section's bytes, and of where in the file it stands.
fn hash(bytes: &[u8], number: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(number << 48 ^ bytes.len() as u64, bytes)
}

/// Writes sections: their length in bytes, their bytes, their hash.
struct Sections<'a, W> {
    out: &'a mut W,
    count: u64,
    /// A hash of all sections' hashes.
    all: u64,
}

impl<'a, W: Write> Sections<'a, W> {
    fn new(out: &'a mut W, magic: [u8; 8]) -> io::Result<Self> {
        out.write_all(&magic)?;
        out.write_all([ORDER, VERSION].as_bytes())?;
        Ok(Self { out, count: 0, all: 0 })
    }

    fn put<T: IntoBytes + zerocopy::Immutable>(&mut self, values: &[T]) -> io::Result<()> {
        let bytes = values.as_bytes();
        let found = hash(bytes, self.count);
        self.out.write_all((bytes.len() as u64).as_bytes())?;
        self.out.write_all(bytes)?;
        self.out.write_all(found.as_bytes())?;
        self.count += 1;
        self.all = hash(found.as_bytes(), self.all);
        Ok(())
    }

    fn put_keys(&mut self, ids: &Ids) -> io::Result<()> {
        match ids {
            Ids::Numbers(ids) => self.put(ids),
            Ids::Texts(ids) => self.put(ids),
        }
    }

    fn put_columns(&mut self, lines: &Lines) -> io::Result<()> {
        self.put(&lines.product)?;
        self.put(&lines.quantity)?;
        self.put(&lines.amount)
    }

    fn put_ids(&mut self, interner: &Interner) -> io::Result<()> {
        let ids = interner.ids();
        match interner {
            Interner::Numbers(_) => {
                self.put(&[0_u8])?;
                self.put(ids.as_primitive::<Int64Type>().values())
            }
            Interner::Texts(_) => {
                let texts = ids.as_string_view();
                let lengths: Vec<u64> = texts.iter().flatten().map(|text| text.len() as u64).collect();
                self.put(&[1_u8])?;
                self.put(&lengths)?;
                self.put(texts.iter().flatten().collect::<String>().as_bytes())
            }
        }
    }

    fn put_attributes<Day: IntoBytes + zerocopy::Immutable>(&mut self, at: &Attributes<Day>) -> io::Result<()> {
        self.put(&at.day)?;
        self.put(&at.weekday)?;
        self.put(&at.second)?;
        self.put(&at.store)?;
        self.put(&at.channel)
    }

    fn put_lines(&mut self, lines_of: &[u32], lines: &Lines) -> io::Result<()> {
        self.put(lines_of)?;
        self.put_columns(lines)
    }
}

/// Reads sections.
struct Reader<'a, R> {
    input: &'a mut R,
    /// Bytes that the file still has: no more room than that is made for whatever a damaged length says.
    left: u64,
    count: u64,
    /// As [`Sections::all`].
    all: u64,
}

impl<'a, R: Read> Reader<'a, R> {
    fn new(input: &'a mut R, length: u64, magic: [u8; 8]) -> Result<Self, Unusable> {
        let mut found = [0_u8; 8];
        let mut kind = [0_u32; 2];
        input.read_exact(&mut found)?;
        input.read_exact(kind.as_mut_bytes())?;
        if found != magic || kind != [ORDER, VERSION] {
            return Err(Unusable::OtherKind);
        }
        let left = length.saturating_sub((found.len() + kind.as_bytes().len()) as u64);
        Ok(Self { input, left, count: 0, all: 0 })
    }

    /// There must be nothing more.
    fn end(&self) -> Result<(), Unusable> {
        if self.left == 0 { Ok(()) } else { Err(Unusable::Damaged) }
    }

    fn take<T: FromBytes + IntoBytes + Clone>(&mut self) -> Result<Vec<T>, Unusable> {
        let mut length = [0_u64];
        self.input.read_exact(length.as_mut_bytes())?;
        let [length] = length;
        let whole = length.checked_add(16).filter(|whole| *whole <= self.left).ok_or(Unusable::Damaged)?;
        self.left -= whole;
        let size = size_of::<T>() as u64;
        let count = usize::try_from(length / size).map_err(|_| Unusable::Damaged)?;
        if length % size != 0 {
            return Err(Unusable::Damaged);
        }
        let mut values = vec![T::new_zeroed(); count];
        let bytes = values.as_mut_slice().as_mut_bytes();
        self.input.read_exact(bytes)?;
        let found = hash(bytes, self.count);
        self.count += 1;
        self.all = hash(found.as_bytes(), self.all);
        let mut written = [0_u64];
        self.input.read_exact(written.as_mut_bytes())?;
        if written == [found] { Ok(values) } else { Err(Unusable::Damaged) }
    }

    fn take_flags(&mut self) -> Result<Vec<bool>, Unusable> {
        Ok(self.take::<u8>()?.into_iter().map(|is| is != 0).collect())
    }

    fn take_keys(&mut self, keys: Keys) -> Result<Ids, Unusable> {
        Ok(if keys.is_text { Ids::Texts(self.take::<Key>()?) } else { Ids::Numbers(self.take()?) })
    }

    fn take_columns(&mut self) -> Result<Lines, Unusable> {
        Ok(Lines { product: self.take()?, quantity: self.take()?, amount: self.take()? })
    }

    fn take_ids(&mut self) -> Result<Interner, Unusable> {
        let kind = self.take::<u8>()?;
        let (mut interner, ids): (Interner, ArrayRef) = match kind.as_slice() {
            [0] => {
                let ids = Arc::new(Int64Array::from(self.take::<i64>()?));
                (Interner::new(&DataType::Int64).map_err(|_| Unusable::Damaged)?, ids)
            }
            [1] => {
                let lengths = self.take::<u64>()?;
                let text = String::from_utf8(self.take::<u8>()?).map_err(|_| Unusable::Damaged)?;
                let mut rest = text.as_str();
                let mut ids = Vec::with_capacity(lengths.len());
                for length in lengths {
                    let length = usize::try_from(length).map_err(|_| Unusable::Damaged)?;
                    let (id, behind) = rest.split_at_checked(length).ok_or(Unusable::Damaged)?;
                    ids.push(id);
                    rest = behind;
                }
                let ids = Arc::new(StringViewArray::from(ids));
                (Interner::new(&DataType::Utf8View).map_err(|_| Unusable::Damaged)?, ids)
            }
            _ => return Err(Unusable::Damaged),
        };
        interner.intern(&ids).map_err(|_| Unusable::Damaged)?;
        if interner.len() == ids.len() { Ok(interner) } else { Err(Unusable::Damaged) }
    }

    fn take_attributes<Day: FromBytes + IntoBytes + Clone>(&mut self) -> Result<Attributes<Day>, Unusable> {
        Ok(Attributes {
            day: self.take()?,
            weekday: self.take()?,
            second: self.take()?,
            store: self.take()?,
            channel: self.take()?,
        })
    }

    fn take_lines(&mut self) -> Result<(Vec<u32>, Lines), Unusable> {
        Ok((self.take()?, self.take_columns()?))
    }
}
