//! An index as a file: its columns one after the other, each with its length and a hash.
//!
//! Numbers stand as the machine has them, so that a column is read in one piece; a machine that has them otherwise, like
//! another version of this layout, makes the index anew. So does whoever finds a file that is cut or changed: nothing
//! of a file is used before all of it was found to be as it was written.

use std::fmt;
use std::io::{self, Read, Write};

use arrow::array::{Array, AsArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Int64Type};
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, IntoBytes};

use super::columns::{Attributes, Lines, MemberIndex, NO_NUMBER, Postings, Receipts, Refunds, narrow};
use super::interner::Interner;

/// What an index file begins with.
const MAGIC: [u8; 8] = *b"RGLRSIDX";
/// Of the layout, and of what its numbers mean: another one for every change of either.
const VERSION: u32 = 1;
/// Tells a machine with another order of bytes.
const ORDER: u32 = 0x0102_0304;

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
    /// Writes all of it. `source`: what it was made from, in words that [`Self::read_from`] is given again.
    ///
    /// # Errors
    /// As writing.
    pub fn write_to(&self, out: &mut impl Write, source: &str) -> io::Result<()> {
        let mut out = Sections { out, count: 0 };
        out.out.write_all(&MAGIC)?;
        out.out.write_all([ORDER, VERSION].as_bytes())?;
        out.put(source.as_bytes())?;
        for interner in [&self.members, &self.products, &self.stores, &self.channels] {
            out.put_ids(interner)?;
        }
        let numbers = [self.known_members as u64, u64::from(self.has_early_refunds), u64::from(self.sums_are_narrow)];
        out.put(&numbers)?;
        out.put(&[self.days.0, self.days.1, i32::from(self.amount_scale)])?;
        let receipts = &self.receipts;
        out.put(&receipts.of_member)?;
        out.put_attributes(&receipts.at)?;
        out.put(&receipts.flags)?;
        out.put(&receipts.total)?;
        out.put(&receipts.amount)?;
        out.put_lines(&receipts.lines_of, &receipts.lines)?;
        let refunds = &self.refunds;
        out.put(&refunds.of_member)?;
        out.put_attributes(&refunds.at)?;
        out.put(&refunds.own_day)?;
        out.put(&refunds.receipt)?;
        out.put(&refunds.is_of_purchase.iter().map(|is| u8::from(*is)).collect::<Vec<_>>())?;
        out.put(&refunds.total)?;
        out.put(&refunds.amount)?;
        out.put_lines(&refunds.lines_of, &refunds.lines)?;
        out.put(&self.postings.of_product)?;
        out.put(&self.postings.receipt)
    }

    /// Reads what was written. `length`: of the file, in bytes.
    ///
    /// # Errors
    /// [`Unusable`]: for whatever is not a whole index, of this version and from this source.
    pub fn read_from(input: &mut impl Read, length: u64, source: &str) -> Result<Self, Unusable> {
        let mut magic = [0_u8; MAGIC.len()];
        let mut kind = [0_u32; 2];
        input.read_exact(&mut magic)?;
        input.read_exact(kind.as_mut_bytes())?;
        if magic != MAGIC || kind != [ORDER, VERSION] {
            return Err(Unusable::OtherKind);
        }
        let left = length.saturating_sub((magic.len() + kind.as_bytes().len()) as u64);
        let mut input = Reader { input, left, count: 0 };
        if input.take::<u8>()? != source.as_bytes() {
            return Err(Unusable::OtherSource);
        }
        let (members, products) = (input.take_ids()?, input.take_ids()?);
        let (stores, channels) = (input.take_ids()?, input.take_ids()?);
        let [known_members, has_early_refunds, sums_are_narrow] = fixed(input.take::<u64>()?)?;
        let [first, last, amount_scale] = fixed(input.take::<i32>()?)?;
        let of_member: Vec<u32> = input.take()?;
        let at = input.take_attributes()?;
        let (flags, total, amount) = (input.take()?, input.take()?, input.take()?);
        let (lines_of, lines) = input.take_lines()?;
        let mut member = vec![0_u32; at.day.len()];
        for (number, bounds) in of_member.windows(2).enumerate() {
            let rows = member.get_mut(bounds[0] as usize..bounds[1] as usize).ok_or(Unusable::Damaged)?;
            rows.fill(narrow(number));
        }
        let receipts = Receipts { of_member, member, at, flags, total, amount, lines_of, lines };
        let of_member = input.take()?;
        let at = input.take_attributes()?;
        let (own_day, receipt) = (input.take()?, input.take()?);
        let is_of_purchase = input.take::<u8>()?.into_iter().map(|is| is != 0).collect();
        let (total, amount) = (input.take()?, input.take()?);
        let (lines_of, lines) = input.take_lines()?;
        let refunds = Refunds { of_member, at, own_day, receipt, is_of_purchase, total, amount, lines_of, lines };
        let postings = Postings { of_product: input.take()?, receipt: input.take()? };
        if input.left != 0 {
            return Err(Unusable::Damaged);
        }
        let member_ids = members.ids();
        let index = Self {
            known_members: usize::try_from(known_members).map_err(|_| Unusable::Damaged)?,
            members,
            member_ids,
            products,
            stores,
            channels,
            receipts,
            refunds,
            postings,
            has_early_refunds: has_early_refunds != 0,
            days: (first, last),
            sums_are_narrow: sums_are_narrow != 0,
            amount_scale: i8::try_from(amount_scale).map_err(|_| Unusable::Damaged)?,
        };
        if index.is_consistent() { Ok(index) } else { Err(Unusable::Damaged) }
    }

    /// Whether columns are as long as they must be for one another.
    fn is_consistent(&self) -> bool {
        let (receipts, refunds) = (&self.receipts, &self.refunds);
        let starts = |starts: &[u32], count: usize, total: usize| {
            starts.len() == count + 1 && starts.is_sorted() && starts.last().is_some_and(|last| *last as usize == total)
        };
        let attributes = |at: &Attributes, count: usize| {
            [at.day.len(), at.weekday.len(), at.second.len(), at.store.len(), at.channel.len()] == [count; 5]
        };
        let lines = |lines: &Lines| {
            let known = |product: &u32| (*product as usize) < self.products.len() || *product == NO_NUMBER;
            [lines.quantity.len(), lines.amount.len()] == [lines.product.len(); 2] && lines.product.iter().all(known)
        };
        let (count, members) = (receipts.at.day.len(), self.member_ids.len());
        let known = |receipt: &u32| (*receipt as usize) < count;
        self.known_members <= members
            && starts(&receipts.of_member, members, count)
            && attributes(&receipts.at, count)
            && [receipts.flags.len(), receipts.total.len(), receipts.amount.len()] == [count; 3]
            && starts(&receipts.lines_of, count, receipts.lines.product.len())
            && lines(&receipts.lines)
            && starts(&refunds.of_member, members, refunds.own_day.len())
            && attributes(&refunds.at, refunds.own_day.len())
            && [refunds.receipt.len(), refunds.is_of_purchase.len(), refunds.total.len(), refunds.amount.len()]
                == [refunds.own_day.len(); 4]
            && refunds.receipt.iter().all(|receipt| known(receipt) || *receipt == NO_NUMBER)
            && starts(&refunds.lines_of, refunds.own_day.len(), refunds.lines.product.len())
            && lines(&refunds.lines)
            && starts(&self.postings.of_product, self.products.len(), self.postings.receipt.len())
            && self.postings.receipt.iter().all(known)
    }
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
}

impl<W: Write> Sections<'_, W> {
    fn put<T: IntoBytes + zerocopy::Immutable>(&mut self, values: &[T]) -> io::Result<()> {
        let bytes = values.as_bytes();
        self.out.write_all((bytes.len() as u64).as_bytes())?;
        self.out.write_all(bytes)?;
        self.out.write_all(hash(bytes, self.count).as_bytes())?;
        self.count += 1;
        Ok(())
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

    fn put_attributes(&mut self, at: &Attributes) -> io::Result<()> {
        self.put(&at.day)?;
        self.put(&at.weekday)?;
        self.put(&at.second)?;
        self.put(&at.store)?;
        self.put(&at.channel)
    }

    fn put_lines(&mut self, lines_of: &[u32], lines: &Lines) -> io::Result<()> {
        self.put(lines_of)?;
        self.put(&lines.product)?;
        self.put(&lines.quantity)?;
        self.put(&lines.amount)
    }
}

/// Reads sections.
struct Reader<'a, R> {
    input: &'a mut R,
    /// Bytes that the file still has: no more room than that is made for whatever a damaged length says.
    left: u64,
    count: u64,
}

impl<R: Read> Reader<'_, R> {
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
        let mut written = [0_u64];
        self.input.read_exact(written.as_mut_bytes())?;
        if written == [found] { Ok(values) } else { Err(Unusable::Damaged) }
    }

    fn take_ids(&mut self) -> Result<Interner, Unusable> {
        let kind = self.take::<u8>()?;
        let (mut interner, ids): (Interner, arrow::array::ArrayRef) = match kind.as_slice() {
            [0] => {
                let ids = std::sync::Arc::new(Int64Array::from(self.take::<i64>()?));
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
                let ids = std::sync::Arc::new(StringViewArray::from(ids));
                (Interner::new(&DataType::Utf8View).map_err(|_| Unusable::Damaged)?, ids)
            }
            _ => return Err(Unusable::Damaged),
        };
        interner.intern(&ids).map_err(|_| Unusable::Damaged)?;
        if interner.len() == ids.len() { Ok(interner) } else { Err(Unusable::Damaged) }
    }

    fn take_attributes(&mut self) -> Result<Attributes, Unusable> {
        Ok(Attributes {
            day: self.take()?,
            weekday: self.take()?,
            second: self.take()?,
            store: self.take()?,
            channel: self.take()?,
        })
    }

    fn take_lines(&mut self) -> Result<(Vec<u32>, Lines), Unusable> {
        let lines_of = self.take()?;
        Ok((lines_of, Lines { product: self.take()?, quantity: self.take()?, amount: self.take()? }))
    }
}
