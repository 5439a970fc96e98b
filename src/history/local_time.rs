//! Local time of stores: the clock of each store, and the inner functions that relations use. How a zone converts
//! stands in `regulars-udfs`.
//!
//! Rules (semantics C1, C2): local time is in the zone of the store of the purchase; the business date is the local time
//! less the start of the store's day, subtracted after the conversion.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int16Array, PrimitiveArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use parking_lot::Mutex;
use regulars_udfs::time_of_day::DAY_US;
use regulars_udfs::weekday::iso_weekday_of;
use regulars_udfs::{Cursor, Zone, business_date_of_local};

use super::id::Id;

/// How one store tells the time.
#[derive(PartialEq)]
struct StoreClock {
    zone: Zone,
    /// From midnight to the start of the business day.
    day_starts_us: i64,
}

/// The clocks of all stores. A store that is not among them, or is missing, has the history's own.
pub struct StoreClocks {
    /// Distinct clocks; the first is the history's own.
    clocks: Vec<StoreClock>,
    by_number: HashMap<i64, usize>,
    by_text: HashMap<String, usize>,
}

impl StoreClocks {
    pub fn new(zone: Zone, day_starts_us: i64) -> Self {
        let own = StoreClock { zone, day_starts_us };
        Self { clocks: vec![own], by_number: HashMap::new(), by_text: HashMap::new() }
    }

    pub fn add(&mut self, store: Id, zone: Zone, day_starts_us: i64) {
        let clock = StoreClock { zone, day_starts_us };
        let at = self.clocks.iter().position(|known| *known == clock).unwrap_or_else(|| {
            self.clocks.push(clock);
            self.clocks.len() - 1
        });
        match store {
            Id::Number(id) => self.by_number.insert(id, at),
            Id::Text(id) => self.by_text.insert(id, at),
        };
    }

    /// Whether all stores have the history's own clock, so that no store needs to be looked up.
    pub fn is_uniform(&self) -> bool {
        self.clocks.len() == 1
    }

    /// Whether all business days start at the same hour.
    fn start_days_alike(&self) -> bool {
        self.clocks.iter().all(|clock| clock.day_starts_us == self.clocks[0].day_starts_us)
    }

    pub fn knows(&self, store: &Id) -> bool {
        match store {
            Id::Number(id) => self.by_number.contains_key(id),
            Id::Text(id) => self.by_text.contains_key(id),
        }
    }

    /// A converter for each clock.
    fn cursors(&self) -> Vec<Cursor> {
        self.clocks.iter().map(|clock| clock.zone.cursor()).collect()
    }

    /// Calls `each` with every row and its clock.
    fn for_each(&self, stores: Option<&ArrayRef>, rows: usize, mut each: impl FnMut(usize, usize)) -> Result<()> {
        let Some(stores) = stores.filter(|_| !self.is_uniform()) else {
            (0..rows).for_each(|row| each(row, 0));
            return Ok(());
        };
        match stores.data_type() {
            DataType::Int64 => {
                let ids = stores.as_primitive::<Int64Type>();
                for row in 0..rows {
                    each(
                        row,
                        if ids.is_null(row) { 0 } else { self.by_number.get(&ids.value(row)).copied().unwrap_or(0) },
                    );
                }
            }
            DataType::Utf8View => {
                let ids = stores.as_string_view();
                for row in 0..rows {
                    each(
                        row,
                        if ids.is_null(row) { 0 } else { self.by_text.get(ids.value(row)).copied().unwrap_or(0) },
                    );
                }
            }
            DataType::Null => (0..rows).for_each(|row| each(row, 0)),
            other => return exec_err!("stores are bigint or text, not {other}"),
        }
        Ok(())
    }
}

impl fmt::Debug for StoreClocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreClocks({} stores, {} clocks)", self.by_number.len() + self.by_text.len(), self.clocks.len())
    }
}

/// `local_at`: the wall-clock time (`timestamp`) of an instant at its store.
pub fn local_at(clocks: &Arc<StoreClocks>, instant: Expr, store: Option<Expr>) -> Expr {
    call(Step::LocalAt, clocks, instant, store)
}

/// The instant (`timestamp with time zone`) of a wall-clock time at its store.
pub fn instant_of(clocks: &Arc<StoreClocks>, local: Expr, store: Option<Expr>) -> Expr {
    call(Step::InstantOf, clocks, local, store)
}

/// `business_date` of a wall-clock time at its store.
pub fn business_date(clocks: &Arc<StoreClocks>, local_at: Expr, store: Option<Expr>) -> Expr {
    call(Step::BusinessDate, clocks, local_at, store.filter(|_| !clocks.start_days_alike()))
}

/// `local_time`: the time of day of a wall-clock time, not shifted by the start of the business day.
pub fn local_time(clocks: &Arc<StoreClocks>, local_at: Expr) -> Expr {
    call(Step::LocalTime, clocks, local_at, None)
}

/// `weekday` of a date: 1 is Monday, 7 Sunday; `smallint`.
pub fn weekday(clocks: &Arc<StoreClocks>, business_date: Expr) -> Expr {
    call(Step::Weekday, clocks, business_date, None)
}

fn call(step: Step, clocks: &Arc<StoreClocks>, value: Expr, store: Option<Expr>) -> Expr {
    let function = LocalTimeFunction::new(step, clocks);
    ScalarUDF::from(function).call([value].into_iter().chain(store).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    LocalAt,
    InstantOf,
    BusinessDate,
    LocalTime,
    Weekday,
}

/// Clocks are the same when they are one and the same.
#[derive(Debug, Clone)]
struct SameClocks(Arc<StoreClocks>);

impl PartialEq for SameClocks {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SameClocks {}

impl Hash for SameClocks {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// One step of the way from an instant to a weekday, with the clocks as a constant inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LocalTimeFunction {
    step: Step,
    clocks: SameClocks,
    signature: Signature,
    memory: Memory,
}

/// The last answers to arrays that may be asked about again at once: several conditions on local time are evaluated one
/// after the other over the same batch, and looking up each row's clock costs more than the rest of them.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<VecDeque<Answer>>>);

#[derive(Debug)]
struct Answer {
    /// Held, so that no other array comes to lie at the same address.
    arguments: Vec<ArrayRef>,
    result: ArrayRef,
}

/// Answers that are remembered, for partitions that are scanned at the same time: a quarter of a megabyte each.
const ANSWERS_MAX: usize = 16;

impl Memory {
    fn recall(&self, arguments: &[ArrayRef]) -> Option<ArrayRef> {
        let same = |known: &&Answer| {
            known.arguments.len() == arguments.len()
                && known
                    .arguments
                    .iter()
                    .zip(arguments)
                    .all(|(known, asked)| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(asked)))
        };
        self.0.lock().iter().rev().find(same).map(|known| Arc::clone(&known.result))
    }

    fn keep(&self, arguments: Vec<ArrayRef>, result: &ArrayRef) {
        let mut answers = self.0.lock();
        if answers.len() == ANSWERS_MAX {
            answers.pop_front();
        }
        answers.push_back(Answer { arguments, result: Arc::clone(result) });
    }
}

/// What is remembered makes no difference.
impl PartialEq for Memory {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}

impl Hash for Memory {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

impl LocalTimeFunction {
    fn new(step: Step, clocks: &Arc<StoreClocks>) -> Self {
        Self {
            step,
            clocks: SameClocks(Arc::clone(clocks)),
            signature: Signature::variadic_any(Volatility::Immutable),
            memory: Memory::default(),
        }
    }
}

impl ScalarUDFImpl for LocalTimeFunction {
    fn name(&self) -> &str {
        match self.step {
            Step::LocalAt => "local_at",
            Step::InstantOf => "instant_of",
            Step::BusinessDate => "business_date_of",
            Step::LocalTime => "local_time_of",
            Step::Weekday => "weekday_of",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.step {
            Step::LocalAt => DataType::Timestamp(TimeUnit::Microsecond, None),
            Step::InstantOf => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Step::BusinessDate => DataType::Date32,
            Step::LocalTime => DataType::Time64(TimeUnit::Microsecond),
            Step::Weekday => DataType::Int16,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let is_scalar = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let arrays = args.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let Some(value) = arrays.first() else {
            return exec_err!("{} needs a value", self.name());
        };
        if let Some(result) = self.memory.recall(&arrays) {
            return Ok(ColumnarValue::Array(result));
        }
        let result = self.compute(value, arrays.get(1), rows)?;
        if is_scalar && rows > 0 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        // What is computed from its value alone is computed again sooner than found again.
        if arrays.len() > 1 {
            self.memory.keep(arrays, &result);
        }
        Ok(ColumnarValue::Array(result))
    }
}

impl LocalTimeFunction {
    fn compute(&self, value: &ArrayRef, stores: Option<&ArrayRef>, rows: usize) -> Result<ArrayRef> {
        let clocks = &self.clocks.0;
        if self.step == Step::Weekday {
            let weekdays: Int16Array = value.as_primitive::<Date32Type>().unary(|day| iso_weekday_of(day).into());
            return Ok(Arc::new(weekdays));
        }
        let times: &PrimitiveArray<TimestampMicrosecondType> = value.as_primitive();
        let nulls = times.nulls().cloned();
        match self.step {
            Step::LocalAt => {
                let mut locals = vec![0; rows];
                let mut cursors = clocks.cursors();
                clocks.for_each(stores, rows, |row, clock| locals[row] = cursors[clock].local_of(times.value(row)))?;
                Ok(Arc::new(TimestampMicrosecondArray::new(locals.into(), nulls)))
            }
            Step::InstantOf => {
                let mut instants = vec![0; rows];
                let mut cursors = clocks.cursors();
                clocks.for_each(stores, rows, |row, clock| {
                    instants[row] = cursors[clock].instant_of(times.value(row));
                })?;
                Ok(Arc::new(TimestampMicrosecondArray::new(instants.into(), nulls).with_timezone("UTC")))
            }
            Step::BusinessDate => {
                let mut dates = vec![0; rows];
                clocks.for_each(stores, rows, |row, clock| {
                    dates[row] = business_date_of_local(times.value(row), clocks.clocks[clock].day_starts_us);
                })?;
                Ok(Arc::new(Date32Array::new(dates.into(), nulls)))
            }
            Step::LocalTime | Step::Weekday => {
                let times: Time64MicrosecondArray = times.unary(|local| local.rem_euclid(DAY_US));
                Ok(Arc::new(times))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp_micros()
    }

    /// The answer for a store in `zone`, beside others that are elsewhere.
    fn at_store(step: Step, zone: &str, us: i64) -> i64 {
        let mut clocks = StoreClocks::new("UTC".parse().unwrap(), 0);
        clocks.add(Id::Number(7), zone.parse().unwrap(), 0);
        let function = LocalTimeFunction::new(step, &Arc::new(clocks));
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![us; 3]));
        let stores: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![None, Some(7), Some(8)]));
        let result = function.compute(&times, Some(&stores), 3).unwrap();
        let result = result.as_primitive::<TimestampMicrosecondType>();
        assert_eq!((result.value(0), result.value(2)), (us, us));
        result.value(1)
    }

    #[test]
    fn what_is_remembered_is_the_answer_to_the_same_arrays_only() {
        let mut clocks = StoreClocks::new("UTC".parse().unwrap(), 0);
        clocks.add(Id::Number(7), "Asia/Taipei".parse().unwrap(), 0);
        let function = LocalTimeFunction::new(Step::LocalAt, &Arc::new(clocks));
        let stores: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![7]));
        let ask = |instant: &ArrayRef, store: &ArrayRef| -> ArrayRef {
            let arguments = [instant, store].map(|array| ColumnarValue::Array(Arc::clone(array))).to_vec();
            let field = |data_type: &DataType| Arc::new(arrow::datatypes::Field::new("value", data_type.clone(), true));
            let call = ScalarFunctionArgs {
                arg_fields: vec![field(instant.data_type()), field(store.data_type())],
                args: arguments,
                number_rows: 1,
                return_field: field(&DataType::Timestamp(TimeUnit::Microsecond, None)),
                config_options: Arc::default(),
            };
            function.invoke_with_args(call).unwrap().into_array(1).unwrap()
        };
        let instant = |us: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![us])) };
        let value = |array: &ArrayRef| array.as_primitive::<TimestampMicrosecondType>().value(0);
        let first = instant(0);
        let answer = ask(&first, &stores);
        assert_eq!(value(&answer), 8 * 3_600_000_000);
        assert!(Arc::ptr_eq(&answer, &ask(&first, &stores)));
        let elsewhere: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![8]));
        assert_eq!(value(&ask(&first, &elsewhere)), 0);
        // Arrays that are dropped make room for others, which may lie where they lay.
        for us in 0..1_000 {
            assert_eq!(value(&ask(&instant(us), &elsewhere)), us);
        }
    }

    #[test]
    fn wall_clock_times_of_clock_changes_are_read_as_postgresql_reads_them() {
        // SELECT (timestamp '…' AT TIME ZONE '…') AT TIME ZONE 'UTC' on PostgreSQL 15.
        for (zone, local, utc) in [
            ("Europe/Stockholm", "2026-03-29 01:59", "2026-03-29 00:59"),
            ("Europe/Stockholm", "2026-03-29 02:30", "2026-03-29 01:30"),
            ("Europe/Stockholm", "2026-03-29 03:00", "2026-03-29 01:00"),
            ("Europe/Stockholm", "2026-10-25 02:30", "2026-10-25 01:30"),
            ("Europe/Stockholm", "2026-10-25 01:59", "2026-10-24 23:59"),
            ("Europe/Stockholm", "2026-10-25 03:00", "2026-10-25 02:00"),
            ("America/New_York", "2017-03-12 02:30", "2017-03-12 07:30"),
            ("America/New_York", "2017-11-05 01:30", "2017-11-05 06:30"),
            ("America/New_York", "2017-07-01 12:00", "2017-07-01 16:00"),
            ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45"),
            ("Asia/Taipei", "1960-07-01 12:00", "1960-07-01 03:00"),
            ("Asia/Tokyo", "2150-07-01 12:00", "2150-07-01 03:00"),
        ] {
            assert_eq!(at_store(Step::InstantOf, zone, us(local)), us(utc), "{local} {zone}");
        }
    }

    #[test]
    fn instants_are_shown_as_postgresql_shows_them() {
        // SELECT timestamptz '… UTC' AT TIME ZONE '…' on PostgreSQL 15.
        for (zone, utc, local) in [
            ("Europe/Stockholm", "2026-03-29 00:59", "2026-03-29 01:59"),
            ("Europe/Stockholm", "2026-03-29 01:00", "2026-03-29 03:00"),
            ("Europe/Stockholm", "2026-10-25 00:30", "2026-10-25 02:30"),
            ("Europe/Stockholm", "2026-10-25 01:30", "2026-10-25 02:30"),
            ("Asia/Taipei", "2026-09-30 20:30", "2026-10-01 04:30"),
            ("America/St_Johns", "2026-01-01 00:00", "2025-12-31 20:30"),
            ("Asia/Taipei", "1960-07-01 03:00", "1960-07-01 12:00"),
        ] {
            assert_eq!(at_store(Step::LocalAt, zone, us(utc)), us(local), "{utc} {zone}");
        }
    }
}
