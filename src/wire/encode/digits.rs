//! Decimal digits of integers, decimals and floats, without allocation.

use arrow::datatypes::i256;
use bytes::{BufMut, BytesMut};

/// Room for the digits of any decimal: 78 of 256 bits.
const DIGITS_MAX: usize = 80;

/// The digits of a number's absolute value, most significant first; zero is `0`.
pub(super) struct Digits {
    buffer: [u8; DIGITS_MAX],
    start: usize,
    pub negative: bool,
}

impl Digits {
    pub fn of_i64(value: i64) -> Self {
        let mut digits = Self { buffer: [b'0'; DIGITS_MAX], start: DIGITS_MAX, negative: value < 0 };
        digits.put_u64(value.unsigned_abs());
        digits
    }

    pub fn of_u64(value: u64) -> Self {
        let mut digits = Self { buffer: [b'0'; DIGITS_MAX], start: DIGITS_MAX, negative: false };
        digits.put_u64(value);
        digits
    }

    pub fn of_i128(value: i128) -> Self {
        /// The greatest power of ten in 64 bits, and how many digits lie below it.
        const CHUNK: (u128, usize) = (10_000_000_000_000_000_000, 19);
        let mut digits = Self { buffer: [b'0'; DIGITS_MAX], start: DIGITS_MAX, negative: value < 0 };
        let mut rest = value.unsigned_abs();
        while let Err(_overflow) = u64::try_from(rest) {
            let end = digits.start;
            digits.put_u64((rest % CHUNK.0) as u64);
            // Zeros between the chunks are in the buffer already.
            digits.start = end - CHUNK.1;
            rest /= CHUNK.0;
        }
        digits.put_u64(rest as u64);
        digits
    }

    pub fn of_i256(value: i256) -> Self {
        if let Some(small) = value.to_i128() {
            return Self::of_i128(small);
        }
        // Rare enough to be printed by Arrow.
        let printed = value.to_string();
        let bare = printed.trim_start_matches('-').as_bytes();
        let mut digits =
            Self { buffer: [b'0'; DIGITS_MAX], start: DIGITS_MAX - bare.len(), negative: printed.starts_with('-') };
        digits.buffer[DIGITS_MAX - bare.len()..].copy_from_slice(bare);
        digits
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn put_u64(&mut self, mut value: u64) {
        loop {
            self.start -= 1;
            self.buffer[self.start] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                return;
            }
        }
    }
}

/// Writes an integer.
pub(super) fn integer(out: &mut BytesMut, value: i64) {
    let digits = Digits::of_i64(value);
    if digits.negative {
        out.put_u8(b'-');
    }
    out.put_slice(digits.as_bytes());
}

/// Writes a count of at least `width` digits.
pub(super) fn padded(out: &mut BytesMut, value: u64, width: usize) {
    let digits = Digits::of_u64(value);
    let bytes = digits.as_bytes();
    out.put_bytes(b'0', width.saturating_sub(bytes.len()));
    out.put_slice(bytes);
}

/// Writes `digits` × 10^-`scale` as PostgreSQL's `numeric`: exactly `scale` digits after the point, none for a
/// scale of zero or below.
pub(super) fn decimal(out: &mut BytesMut, digits: &Digits, scale: i8) {
    let bytes = digits.as_bytes();
    if digits.negative {
        out.put_u8(b'-');
    }
    if scale <= 0 {
        out.put_slice(bytes);
        if bytes != b"0" {
            out.put_bytes(b'0', usize::from(scale.unsigned_abs()));
        }
        return;
    }
    let scale = usize::from(scale.unsigned_abs());
    if bytes.len() > scale {
        let (whole, fraction) = bytes.split_at(bytes.len() - scale);
        out.put_slice(whole);
        out.put_u8(b'.');
        out.put_slice(fraction);
    } else {
        out.put_slice(b"0.");
        out.put_bytes(b'0', scale - bytes.len());
        out.put_slice(bytes);
    }
}

/// Writes a `double precision` in the fewest digits that read back as the same number.
/// With `extra` digits below 1, rounded to 15 and so many more.
pub(super) fn float8(out: &mut BytesMut, value: f64, extra: i8) {
    if !value.is_finite() || value == 0.0 {
        return special(out, value);
    }
    if extra < 1 {
        return rounded(out, value, (15 + extra).max(1).unsigned_abs().into());
    }
    let bits = value.to_bits();
    let exponent_bits = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) =
        if exponent_bits == 0 { (fraction, -1_074) } else { (fraction | 1 << 52, exponent_bits - 1_075) };
    let rim = Rim { mantissa, exponent, power_of_two: fraction == 0 && exponent_bits > 1 };
    let shortest = Shortest::find(
        17,
        &rim,
        |precision, text| match precision {
            None => write_to(text, format_args!("{value:e}")),
            Some(precision) => write_to(text, format_args!("{value:.precision$e}")),
        },
        |text| text.parse() == Ok(value),
    );
    shortest.write(out, 15);
}

/// Writes a `real` in the fewest digits that read back as the same number.
/// With `extra` digits below 1, rounded to 6 and so many more.
pub(super) fn float4(out: &mut BytesMut, value: f32, extra: i8) {
    if !value.is_finite() || value == 0.0 {
        return special(out, value.into());
    }
    if extra < 1 {
        return rounded(out, value.into(), (6 + extra).max(1).unsigned_abs().into());
    }
    let bits = value.to_bits();
    let exponent_bits = ((bits >> 23) & 0xff) as i32;
    let fraction = u64::from(bits & ((1 << 23) - 1));
    let (mantissa, exponent) =
        if exponent_bits == 0 { (fraction, -149) } else { (fraction | 1 << 23, exponent_bits - 150) };
    let rim = Rim { mantissa, exponent, power_of_two: fraction == 0 && exponent_bits > 1 };
    let shortest = Shortest::find(
        9,
        &rim,
        |precision, text| match precision {
            None => write_to(text, format_args!("{value:e}")),
            Some(precision) => write_to(text, format_args!("{value:.precision$e}")),
        },
        |text| text.parse() == Ok(value),
    );
    shortest.write(out, 6);
}

/// As C's `%.{digits}g` prints it: without zeros at the end, with an exponent where it is far from 1.
fn rounded(out: &mut BytesMut, value: f64, digits: usize) {
    let printed = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = printed.split_once('e').unwrap_or((&printed, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        let text = format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs());
        return out.put_slice(text.as_bytes());
    }
    let decimals = (digits as i32 - 1 - exponent).unsigned_abs() as usize;
    out.put_slice(trimmed(&format!("{value:.decimals$}")).as_bytes());
}

fn special(out: &mut BytesMut, value: f64) {
    out.put_slice(match value {
        _ if value.is_nan() => b"NaN",
        f64::INFINITY => b"Infinity",
        f64::NEG_INFINITY => b"-Infinity",
        _ if value.is_sign_negative() => b"-0",
        _ => b"0",
    });
}

/// A float as mantissa × 2^exponent, to know the two numbers halfway to its neighbours.
struct Rim {
    mantissa: u64,
    exponent: i32,
    /// The neighbour below is only half as far away.
    power_of_two: bool,
}

impl Rim {
    /// Whether the number may lie midway between two decimals of up to 17 digits: only if few powers of two are left
    /// once its odd factor, of at most 53 bits, is taken out.
    fn may_lie_midway(&self) -> bool {
        (-26..=21).contains(&odd_part(self.mantissa.into(), self.exponent).1)
    }

    /// Whether `digits` × 10^`power` lies exactly halfway to a neighbour. Such a text reads back only where a tie
    /// goes to the even mantissa; PostgreSQL does not rely on that and prints more digits.
    fn holds(&self, digits: u64, power: i32) -> bool {
        // The odd factor of a halfway number has at most 55 bits, and 5^24 has 56.
        if digits == 0 || !(-24..24).contains(&power) {
            return false;
        }
        let (odd, twos) = if power >= 0 {
            odd_part(u128::from(digits) * 5_u128.pow(power.unsigned_abs()), power)
        } else {
            let five = 5_u128.pow(power.unsigned_abs());
            if u128::from(digits) % five != 0 {
                return false;
            }
            odd_part(u128::from(digits) / five, power)
        };
        let mantissa = u128::from(self.mantissa);
        let above = odd_part(2 * mantissa + 1, self.exponent - 1);
        let below = match self.power_of_two {
            true => odd_part(4 * mantissa - 1, self.exponent - 2),
            false => odd_part(2 * mantissa - 1, self.exponent - 1),
        };
        (odd, twos) == above || (odd, twos) == below
    }
}

/// `number` × 2^`twos` with all factors two moved into the power.
fn odd_part(number: u128, twos: i32) -> (u128, i32) {
    let zeros = number.trailing_zeros();
    (number >> zeros, twos + zeros as i32)
}

/// A float's digits and the power of ten of the first one.
struct Shortest {
    digits: Scientific,
    negative: bool,
}

/// Room for Rust's `{:e}` of a float: sign, 17 digits, point, `e-324`.
type Text = TinyText<32>;

struct Scientific {
    digits: TinyText<20>,
    /// Of the first digit.
    exponent: i32,
}

impl Shortest {
    /// Takes Rust's shortest form unless it lies on the rim; then the nearest with the fewest digits that does not.
    fn find(
        digits_max: usize,
        rim: &Rim,
        print: impl Fn(Option<usize>, &mut Text),
        reads_back: impl Fn(&str) -> bool,
    ) -> Self {
        let mut text = Text::new();
        print(None, &mut text);
        let negative = text.as_str().starts_with('-');
        let mut best = Scientific::parse(text.as_str());
        if rim.may_lie_midway() {
            // Of two shortest forms that are equally near, PostgreSQL takes the even one, as exact printing does.
            let mut nearest = Text::new();
            print(Some(best.digits.length - 1), &mut nearest);
            if reads_back(nearest.as_str()) {
                best = Scientific::parse(nearest.as_str());
            }
        }
        if best.lies_on(rim) {
            for precision in best.digits.length..digits_max {
                let mut longer = Text::new();
                print(Some(precision), &mut longer);
                if !reads_back(longer.as_str()) {
                    continue;
                }
                let candidate = Scientific::parse(longer.as_str());
                let accepted = !candidate.lies_on(rim);
                best = candidate;
                if accepted {
                    break;
                }
            }
        }
        Self { digits: best, negative }
    }

    /// Plain notation while the exponent lies in −4 .. `plain_below`, else with an exponent of at least two digits.
    fn write(&self, out: &mut BytesMut, plain_below: i32) {
        let digits = self.digits.digits.as_str().as_bytes();
        let exponent = self.digits.exponent;
        if self.negative {
            out.put_u8(b'-');
        }
        if !(-4..plain_below).contains(&exponent) {
            out.put_u8(digits[0]);
            if digits.len() > 1 {
                out.put_u8(b'.');
                out.put_slice(&digits[1..]);
            }
            out.put_slice(if exponent < 0 { b"e-" } else { b"e+" });
            return padded(out, exponent.unsigned_abs().into(), 2);
        }
        if exponent < 0 {
            out.put_slice(b"0.");
            out.put_bytes(b'0', exponent.unsigned_abs() as usize - 1);
            return out.put_slice(digits);
        }
        let whole = exponent.unsigned_abs() as usize + 1;
        if digits.len() <= whole {
            out.put_slice(digits);
            return out.put_bytes(b'0', whole - digits.len());
        }
        out.put_slice(&digits[..whole]);
        out.put_u8(b'.');
        out.put_slice(&digits[whole..]);
    }
}

impl Scientific {
    /// Reads Rust's `{:e}`: `-1.25e-7`.
    fn parse(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut digits = TinyText::new();
        for byte in mantissa.bytes().filter(u8::is_ascii_digit) {
            digits.push(byte);
        }
        Self { digits, exponent: exponent.parse().unwrap_or(0) }
    }

    fn lies_on(&self, rim: &Rim) -> bool {
        let digits = self.digits.as_str().trim_end_matches('0');
        digits.parse().is_ok_and(|number| rim.holds(number, self.exponent - (digits.len() as i32 - 1)))
    }
}

/// ASCII of bounded length on the stack; what does not fit is cut off.
struct TinyText<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> TinyText<N> {
    fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("0")
    }
}

impl<const N: usize> std::fmt::Write for TinyText<N> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

fn write_to(text: &mut Text, arguments: std::fmt::Arguments<'_>) {
    // Writing to the stack cannot fail.
    let _ = std::fmt::Write::write_fmt(text, arguments);
}
