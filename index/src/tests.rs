//! A history small enough to add up by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int16Array, Int64Array, RecordBatch, StringViewArray,
    Time64MicrosecondArray,
};
use arrow::datatypes::DataType;

use super::{Builder, Comparison, Condition, Filter, MemberIndex, Part, Parts, Scales, Tally, Unfit, Unusable, Use};

const HOUR_US: i64 = 3_600_000_000;
const COFFEE: i64 = 7;
const CAKE: i64 = 8;

fn scales() -> Scales {
    let id = || DataType::Int64;
    Scales { member: id(), purchase: id(), store: id(), product: id(), amount: 2, quantity: 0 }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn numbers<const N: usize>(of: [i64; N]) -> ArrayRef {
    Arc::new(Int64Array::from(of.to_vec()))
}

fn money<const N: usize>(of: [i128; N]) -> ArrayRef {
    Arc::new(Decimal128Array::from(of.to_vec()).with_precision_and_scale(18, 2).unwrap())
}

/// Members 100 (two purchases, of the second a cake was given back), 200 (one in store 2) and 300 (none).
///
/// | receipt | member | day | weekday | hour | store | status | lines |
/// |---|---|---|---|---|---|---|---|
/// | 1 | 100 | 10 | 1 | 12 | 1 | completed | coffee 3.00 |
/// | 2 | 100 | 11 | 2 | 18 | 1 | completed | coffee 3.00, cake 5.00 |
/// | 3 | 200 | 11 | 2 | 12 | 2 | completed | cake 5.00 |
/// | 4 | 100 | 12 | 3 | 9 | 1 | refund of 2 | cake -5.00 |
/// | 5 | 200 | 12 | 3 | 9 | 2 | voided | coffee 3.00 |
fn index() -> MemberIndex {
    let mut builder = Builder::new(scales(), 1).unwrap();
    builder.add_members(&batch(vec![("member_id", numbers([100, 200, 300]))])).unwrap();
    let hours = [12, 18, 12, 9, 9].map(|hour| hour * HOUR_US);
    let status = ["completed", "completed", "completed", "refund", "voided"];
    let receipts = batch(vec![
        ("purchase_id", numbers([1, 2, 3, 4, 5])),
        ("member_id", numbers([100, 100, 200, 100, 200])),
        ("store_id", numbers([1, 1, 2, 1, 2])),
        ("channel", Arc::new(StringViewArray::from(vec!["counter"; 5]))),
        ("status", Arc::new(StringViewArray::from(status.to_vec()))),
        ("business_date", Arc::new(Date32Array::from(vec![10, 11, 11, 12, 12]))),
        ("weekday", Arc::new(Int16Array::from(vec![1, 2, 2, 3, 3]))),
        ("local_time", Arc::new(Time64MicrosecondArray::from(hours.to_vec()))),
        ("amount", money([300, 800, 500, -500, 300])),
        ("refund_of", Arc::new(Int64Array::from(vec![None, None, None, Some(2), None]))),
    ]);
    builder.add_receipts(&receipts).unwrap();
    let lines = batch(vec![
        ("purchase_id", numbers([4, 1, 3, 2, 2, 5])),
        ("product_id", numbers([CAKE, COFFEE, CAKE, COFFEE, CAKE, COFFEE])),
        ("quantity", numbers([-1, 1, 1, 1, 1, 1])),
        ("amount", money([-500, 300, 500, 300, 500, 300])),
    ]);
    builder.add_lines(&lines).unwrap();
    builder.finish().unwrap()
}

fn tally(index: &MemberIndex, filter: Filter) -> Tally {
    let parts =
        Parts { count: true, visit_days: true, last_day: true, amount: true, quantity: true, ..Parts::default() };
    index.tally(&Use { filter, parts, currency_of_store: Vec::new() }, 0..index.members()).0
}

#[test]
fn all_receipts_are_added_up_by_member() {
    let index = index();
    assert_eq!((index.members(), index.known_first()), (3, Some(3)));
    let all = tally(&index, Filter::default());
    assert_eq!(all.count, [2, 1, 0]);
    assert_eq!(all.visit_days, [2, 1, 0]);
    assert_eq!(all.last_day, [11, 11, Tally::NO_DAY]);
    assert_eq!(all.amount, [600, 500, 0]);
    assert_eq!(all.quantity, [2, 1, 0]);
    let gross = tally(&index, Filter { is_gross: true, ..Filter::default() });
    assert_eq!(gross.amount, [1100, 500, 0]);
}

#[test]
fn filters_hold_on_the_same_receipt() {
    let index = index();
    let coffee = || Some(index.product_set([index.product_of_number(COFFEE)]));
    let noon = Some((11 * 3600, 14 * 3600));
    assert_eq!(tally(&index, Filter { products: coffee(), ..Filter::default() }).count, [2, 0, 0]);
    assert_eq!(tally(&index, Filter { products: coffee(), seconds: noon, ..Filter::default() }).count, [1, 0, 0]);
    // A window past midnight.
    let night = Some((17 * 3600, 2 * 3600));
    assert_eq!(tally(&index, Filter { seconds: night, ..Filter::default() }).count, [1, 0, 0]);
    // The cake of receipt 2 was given back: net of that nobody but 200 has bought one.
    let cake = || index.product_set([index.product_of_number(CAKE)]);
    assert_eq!(tally(&index, Filter { products: Some(cake()), ..Filter::default() }).quantity, [0, 1, 0]);
    assert_eq!(tally(&index, Filter { from_day: Some(11), to_day: Some(11), ..Filter::default() }).count, [1, 1, 0]);
    let second_store = index.store_flags([index.store_of_number(2)]);
    assert_eq!(tally(&index, Filter { stores: Some(second_store), ..Filter::default() }).count, [0, 1, 0]);
    assert_eq!(tally(&index, Filter { weekdays: Some(1 << 1), ..Filter::default() }).count, [1, 0, 0]);
    assert_eq!(tally(&index, Filter { least_total: Some(800), ..Filter::default() }).count, [1, 0, 0]);
}

#[test]
fn of_what_nobody_bought_there_is_nothing() {
    let index = index();
    let none = index.product_set([index.product_of_number(4711)]);
    assert_eq!(tally(&index, Filter { products: Some(none), ..Filter::default() }).count, [0, 0, 0]);
}

#[test]
fn one_member_is_told_as_among_all() {
    let index = index();
    let parts = Parts { count: true, amount: true, ..Parts::default() };
    let one = Use { parts, ..Use::default() };
    for (number, id, expected) in [(0, 100, (2, 600)), (1, 200, (1, 500)), (2, 300, (0, 0))] {
        assert_eq!(index.member_of_number(id), Some(number));
        let (tally, _) = index.tally(&one, number..number + 1);
        assert_eq!((tally.count[0], tally.amount[0]), expected);
    }
    assert_eq!(index.member_of_number(400), None);
}

#[test]
fn a_repeated_receipt_does_not_fit() {
    let mut builder = Builder::new(scales(), 1).unwrap();
    let receipts = batch(vec![("purchase_id", numbers([1, 1]))]);
    assert_eq!(builder.add_receipts(&receipts), Err(Unfit::TooMany("receipts of one purchase_id")));
}

#[test]
fn members_that_are_not_one_a_row_do_not_fit() {
    let of = |ids: Vec<Option<i64>>| batch(vec![("member_id", Arc::new(Int64Array::from(ids)) as ArrayRef)]);
    let builder = || Builder::new(scales(), 1).unwrap();
    assert_eq!(builder().add_members(&of(vec![Some(1), None])), Err(Unfit::NotUnique("member_id")));
    assert_eq!(builder().add_members(&of(vec![Some(1), Some(1)])), Err(Unfit::NotUnique("member_id")));
    // Nor may one batch repeat another.
    let mut builder = builder();
    assert_eq!(builder.add_members(&of(vec![Some(1), Some(2)])), Ok(()));
    assert_eq!(builder.add_members(&of(vec![Some(2)])), Err(Unfit::NotUnique("member_id")));
}

/// Product, quantity, hundredths.
type Line = (i64, i64, i64);

/// A receipt of the random history, as it is handed to the builder.
#[derive(Debug, Clone)]
struct Row {
    id: i64,
    member: Option<i64>,
    store: i64,
    channel: &'static str,
    status: &'static str,
    day: Option<i32>,
    second: u32,
    refund_of: Option<i64>,
    lines: Vec<Line>,
}

/// Numbers that look random: the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> i64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % bound).unwrap()
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

fn weekday(day: i32) -> i16 {
    i16::try_from(day.rem_euclid(7)).unwrap() + 1
}

fn random_history(numbers: &mut Numbers) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Where there are many, products are found by their lists.
    let products = [5, 60][usize::try_from(numbers.below(2)).unwrap()];
    for id in 1..=numbers.below(120) + 30 {
        let purchase =
            rows.iter().filter(|row| row.status == "completed").nth(usize::try_from(numbers.below(60)).unwrap());
        let refund = purchase.cloned().filter(|_| numbers.one_in(4));
        let mut row = Row {
            id,
            member: (!numbers.one_in(8)).then(|| numbers.below(9) + 1),
            store: numbers.below(3) + 1,
            channel: ["counter", "app"][usize::try_from(numbers.below(2)).unwrap()],
            status: if numbers.one_in(10) { "voided" } else { "completed" },
            day: (!numbers.one_in(15)).then(|| i32::try_from(numbers.below(75)).unwrap()),
            second: u32::try_from(numbers.below(86_400)).unwrap(),
            refund_of: None,
            lines: Vec::new(),
        };
        for _ in 0..numbers.below(4) {
            row.lines.push((
                numbers.below(products) + 1,
                numbers.below(4) - i64::from(numbers.one_in(9)),
                numbers.below(900),
            ));
        }
        if let Some(of) = refund {
            // Later than the purchase, so that earlier days may be asked about.
            let day = of.day.map(|day| day + i32::try_from(numbers.below(5)).unwrap());
            let lines =
                of.lines.iter().take(2).map(|(product, quantity, amount)| (*product, -*quantity, -*amount)).collect();
            // One of nobody's purchase may be brought back by a member.
            let member = of.member.or(row.member.filter(|_| numbers.one_in(3)));
            row = Row { status: "refund", refund_of: Some(of.id), member, day, lines, ..row };
        }
        rows.push(row);
    }
    rows
}

/// A history as it arrives: receipts, and lines with the receipts that they belong to.
type Arrival = (Vec<Row>, Vec<(i64, Line)>);

fn lines_of(rows: &[Row]) -> Vec<(i64, Line)> {
    rows.iter().flat_map(|row| row.lines.iter().map(|line| (row.id, *line))).collect()
}

fn built(rows: &[Row]) -> MemberIndex {
    let mut builder = Builder::new(scales(), 1).unwrap();
    builder.add_members(&batch(vec![("member_id", numbers([1, 2, 3, 4, 5, 6, 7]))])).unwrap();
    feed(&mut builder, &(rows.to_vec(), lines_of(rows)));
    builder.finish().unwrap()
}

fn feed(builder: &mut Builder, (rows, lines): &Arrival) {
    let ids = |of: &dyn Fn(&Row) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int64Array>()) };
    let texts = |of: &dyn Fn(&Row) -> &'static str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(of)))
    };
    let receipts = batch(vec![
        ("purchase_id", ids(&|row| Some(row.id))),
        ("member_id", ids(&|row| row.member)),
        ("store_id", ids(&|row| Some(row.store))),
        ("channel", texts(&|row| row.channel)),
        ("status", texts(&|row| row.status)),
        ("business_date", Arc::new(rows.iter().map(|row| row.day).collect::<Date32Array>())),
        ("weekday", Arc::new(rows.iter().map(|row| row.day.map(weekday)).collect::<Int16Array>())),
        (
            "local_time",
            Arc::new(
                rows.iter().map(|row| Some(i64::from(row.second) * 1_000_000)).collect::<Time64MicrosecondArray>(),
            ),
        ),
        ("refund_of", ids(&|row| row.refund_of)),
    ]);
    builder.add_receipts(&receipts).unwrap();
    let column = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let amounts = Decimal128Array::from_iter_values(lines.iter().map(|(_, line)| i128::from(line.2)));
    builder
        .add_lines(&batch(vec![
            ("purchase_id", column(lines.iter().map(|(id, _)| *id).collect())),
            ("product_id", column(lines.iter().map(|(_, line)| line.0).collect())),
            ("quantity", column(lines.iter().map(|(_, line)| line.1).collect())),
            ("amount", Arc::new(amounts.with_precision_and_scale(18, 2).unwrap())),
        ]))
        .unwrap();
}

/// The same history in several files: most receipts in their order, some too early or too late, and so their lines.
fn arrivals(rows: &[Row], numbers: &mut Numbers) -> Vec<Arrival> {
    let count = usize::try_from(numbers.below(4)).unwrap() + 2;
    let mut arrivals: Vec<Arrival> = vec![Arrival::default(); count];
    let is_tidy = numbers.one_in(2);
    let any = |numbers: &mut Numbers| usize::try_from(numbers.below(count as u64)).unwrap();
    for (at, row) in rows.iter().enumerate() {
        let own = at * count / rows.len();
        let to = if !is_tidy && numbers.one_in(40) { any(numbers) } else { own };
        arrivals[to].0.push(row.clone());
        for line in lines_of(std::slice::from_ref(row)) {
            let to = match numbers.below(20) {
                0 => any(numbers),
                1..4 => (to + 1).min(count - 1),
                _ => to,
            };
            arrivals[to].1.push(line);
        }
    }
    arrivals
}

/// Built from the first of them, then onto that; `None` when one has to be built from the beginning.
fn grown(arrivals: &[Arrival]) -> Option<MemberIndex> {
    let mut builder = Builder::new(scales(), 1).unwrap();
    builder.add_members(&batch(vec![("member_id", numbers([1, 2, 3]))])).unwrap();
    feed(&mut builder, &arrivals[0]);
    let mut index = builder.finish().unwrap();
    for (at, arrival) in arrivals.iter().enumerate().skip(1) {
        let mut builder = Builder::onto(&index, scales()).unwrap();
        if at == 1 {
            builder.forget_members();
            builder.add_members(&batch(vec![("member_id", numbers([2, 1, 3, 4, 5, 6, 7]))])).unwrap();
        }
        feed(&mut builder, arrival);
        match builder.finish_onto(&index) {
            Ok(grown) => index = grown,
            Err(Unfit::Entangled(_)) => return None,
            Err(error) => panic!("{error}"),
        }
    }
    Some(index)
}

/// What is asked, in plain words.
#[derive(Debug, Clone, Default)]
struct Plain {
    products: Option<Vec<i64>>,
    all_products: Vec<Vec<i64>>,
    stores: Option<Vec<i64>>,
    channel: Option<&'static str>,
    weekdays: Option<Vec<i16>>,
    seconds: Option<(u32, u32)>,
    from_day: Option<i32>,
    to_day: Option<i32>,
    least_total: Option<i64>,
    is_gross: bool,
    as_rows: bool,
    as_of: Option<i32>,
}

impl Plain {
    fn random(numbers: &mut Numbers) -> Self {
        let products = |numbers: &mut Numbers| -> Vec<i64> { (1..=6).filter(|_| numbers.one_in(3)).collect() };
        let day = |numbers: &mut Numbers| i32::try_from(numbers.below(80)).unwrap();
        let second = |numbers: &mut Numbers| u32::try_from(numbers.below(86_400)).unwrap();
        Self {
            products: numbers.one_in(2).then(|| products(numbers)),
            all_products: (0..numbers.below(3)).map(|_| products(numbers)).collect(),
            stores: numbers.one_in(3).then(|| (1..=4).filter(|_| numbers.one_in(2)).collect()),
            channel: numbers.one_in(3).then_some("app"),
            weekdays: numbers.one_in(3).then(|| (1..=7).filter(|_| numbers.one_in(2)).collect()),
            seconds: numbers.one_in(3).then(|| (second(numbers), second(numbers))),
            from_day: numbers.one_in(3).then(|| day(numbers)),
            to_day: numbers.one_in(3).then(|| day(numbers)),
            least_total: numbers.one_in(4).then(|| numbers.below(900)),
            is_gross: numbers.one_in(3),
            as_rows: numbers.one_in(4),
            as_of: numbers.one_in(3).then(|| day(numbers)),
        }
    }

    fn filter(&self, index: &MemberIndex) -> Filter {
        let set = |products: &Vec<i64>| index.product_set(products.iter().map(|id| index.product_of_number(*id)));
        Filter {
            products: self.products.as_ref().map(set),
            all_products: self.all_products.iter().map(set).collect(),
            stores: self.stores.as_ref().map(|ids| index.store_flags(ids.iter().map(|id| index.store_of_number(*id)))),
            channels: self.channel.map(|channel| index.channel_flags([index.channel(channel)])),
            weekdays: self.weekdays.as_ref().map(|days| days.iter().fold(0, |bits, day| bits | (1 << day))),
            seconds: self.seconds,
            from_day: self.from_day,
            to_day: self.to_day,
            least_total: self.least_total,
            is_gross: self.is_gross,
            as_rows: self.as_rows,
            as_of: self.as_of,
        }
    }

    fn exists(&self, row: &Row) -> bool {
        self.as_of.is_none_or(|as_of| row.day.is_some_and(|day| day <= as_of))
    }

    fn matches(&self, row: &Row) -> bool {
        let after = self.from_day.is_none_or(|from| row.day.is_some_and(|day| day >= from));
        let before = self.to_day.is_none_or(|to| row.day.is_some_and(|day| day <= to));
        let of_day = |days: &Vec<i16>| row.day.is_some_and(|day| days.contains(&weekday(day)));
        let at_time = |(from, to): (u32, u32)| {
            if from < to { from <= row.second && row.second < to } else { from <= row.second || row.second < to }
        };
        after
            && before
            && self.weekdays.as_ref().is_none_or(of_day)
            && self.seconds.is_none_or(at_time)
            && self.stores.as_ref().is_none_or(|stores| stores.contains(&row.store))
            && self.channel.is_none_or(|channel| row.channel == channel)
    }

    /// Whether a receipt has some of these products that did not come back.
    fn has(&self, products: &[i64], row: &Row, rows: &[Row]) -> bool {
        let of = |row: &Row| -> Vec<i64> {
            row.lines.iter().filter(|line| products.contains(&line.0)).map(|line| line.1).collect()
        };
        if self.as_rows {
            return !of(row).is_empty();
        }
        if self.is_gross {
            return of(row).iter().any(|quantity| *quantity > 0);
        }
        let back = rows.iter().filter(|other| other.refund_of == Some(row.id) && self.exists(other));
        let back: i64 = back.flat_map(of).map(i64::abs).sum();
        let bought: i64 = of(row).iter().sum();
        bought > 0 && bought > back
    }

    /// Whether a purchase is worth enough and has some of each that is wanted.
    fn has_all(&self, row: &Row, rows: &[Row]) -> bool {
        let total: i64 = row.lines.iter().map(|line| line.2).sum();
        self.least_total.is_none_or(|least| total >= least)
            && self.all_products.iter().all(|products| self.has(products, row, rows))
    }

    /// Count, visit days, first day, last day, amount, quantity of a member.
    fn tally(&self, member: i64, rows: &[Row]) -> (i64, i64, Option<i32>, Option<i32>, i128, i128) {
        let is_purchase = |row: &Row| row.lines.is_empty() || row.lines.iter().any(|line| line.1 > 0);
        let completed = |row: &&Row| row.status == "completed" && row.member == Some(member);
        let asked: Vec<&Row> = rows
            .iter()
            .filter(completed)
            .filter(|row| self.exists(row) && self.matches(row) && self.has_all(row, rows))
            .collect();
        let is_counted = |row: &&&Row| {
            (self.as_rows || is_purchase(row))
                && self.products.as_ref().is_none_or(|products| self.has(products, row, rows))
        };
        let counted: Vec<&&Row> = asked.iter().filter(is_counted).collect();
        let days: std::collections::BTreeSet<i32> = counted.iter().filter_map(|row| row.day).collect();
        let has_conditions = self.least_total.is_some() || !self.all_products.is_empty();
        let mut summed: Vec<&Row> = asked.iter().copied().filter(|row| !has_conditions || is_purchase(row)).collect();
        if !self.is_gross {
            summed.extend(rows.iter().filter(|row| row.status == "refund" && self.exists(row)).filter(|refund| {
                let of = rows.iter().find(|row| Some(row.id) == refund.refund_of).unwrap();
                // What a refund does not know its purchase does not know either, and the other way round.
                let at = Row { day: of.day.or(refund.day), ..of.clone() };
                let whose = of.member.or(refund.member);
                // Of nobody's purchase it is not known what stood on it.
                let is_known = self.all_products.is_empty() || of.member.is_some();
                let is_of_enough = !has_conditions || (is_purchase(of) && is_known && self.has_all(of, rows));
                whose == Some(member) && self.matches(&at) && is_of_enough
            }));
        }
        let wanted = |line: &&Line| self.products.as_ref().is_none_or(|products| products.contains(&line.0));
        let back = |row: &Row, value: i64| i128::from(if row.status == "refund" { -value.abs() } else { value });
        let (mut amount, mut quantity) = (0, 0);
        for row in &summed {
            amount += row.lines.iter().filter(wanted).map(|line| back(row, line.2)).sum::<i128>();
            quantity += row.lines.iter().filter(wanted).map(|line| back(row, line.1)).sum::<i128>();
        }
        (
            i64::try_from(counted.len()).unwrap(),
            i64::try_from(days.len()).unwrap(),
            days.first().copied(),
            days.last().copied(),
            amount,
            quantity,
        )
    }
}

/// Asks random questions of an index and adds them up from the rows; how many were answered by products' lists.
fn check_random_questions(index: &MemberIndex, rows: &[Row], count: usize, random: &mut Numbers) -> usize {
    let mut by_product = 0;
    for _ in 0..count {
        let asked = Plain::random(random);
        let parts = Parts {
            count: true,
            visit_days: true,
            first_day: true,
            last_day: true,
            // Of rows as they stand there are no sums.
            amount: !asked.as_rows,
            quantity: !asked.as_rows,
            currencies: false,
        };
        let one = Use { filter: asked.filter(index), parts, currency_of_store: Vec::new() };
        let (all, work) = index.tally(&one, 0..index.members());
        by_product += usize::from(work.by_product);
        // Some of it alone goes another way, and so does one member alone.
        let only = |parts: Parts| index.tally(&Use { parts, ..one.clone() }, 0..index.members()).0;
        let amount = only(Parts { amount: parts.amount, ..Parts::default() }).amount;
        assert_eq!(amount, all.amount, "{asked:?}\n{rows:?}");
        let last_day = only(Parts { last_day: true, ..Parts::default() }).last_day;
        assert_eq!(last_day, all.last_day, "{asked:?}\n{rows:?}");
        for member in 1..=9 {
            let mut expected = asked.tally(member, rows);
            if asked.as_rows {
                (expected.4, expected.5) = (0, 0);
            }
            let Some(number) = index.member_of_number(member) else {
                assert_eq!(expected, (0, 0, None, None, 0, 0));
                continue;
            };
            let day = |day: i32| (day != Tally::NO_DAY).then_some(day);
            let told = |tally: &Tally, at: usize| {
                let days = (day(tally.first_day[at]), day(tally.last_day[at]));
                let sum = |sums: &[i128]| sums.get(at).copied().unwrap_or_default();
                (tally.count[at], tally.visit_days[at], days.0, days.1, sum(&tally.amount), sum(&tally.quantity))
            };
            assert_eq!(told(&all, number as usize), expected, "member {member}, {asked:?}\n{rows:?}");
            let (alone, _) = index.tally(&one, number..number + 1);
            assert_eq!(told(&alone, 0), expected, "member {member} alone, {asked:?}\n{rows:?}");
        }
    }
    by_product
}

#[test]
fn scores_are_those_of_sorting_everybody() {
    let mut random = Numbers(seed());
    for _ in 0..60 {
        let rows = random_history(&mut random);
        let index = built(&rows);
        let asked = Plain::random(&mut random);
        let parts = Parts { count: true, last_day: true, amount: !asked.as_rows, ..Parts::default() };
        let one = Use { filter: asked.filter(&index), parts, currency_of_store: Vec::new() };
        let (tally, _) = index.tally(&one, 0..index.members());
        let told: Vec<_> = (1..=9).map(|member| asked.tally(member, &rows)).collect();
        // Of the nine members seven are known.
        let population: Vec<i64> =
            (1..=7).zip(&told).filter(|(_, told)| told.0 > 0).map(|(member, _)| member).collect();
        for by in [Part::Count, Part::LastDay, Part::Amount] {
            if by == Part::Amount && asked.as_rows {
                continue;
            }
            let of = |member: i64| {
                let told = &told[usize::try_from(member).unwrap() - 1];
                match by {
                    Part::Count => i128::from(told.0),
                    Part::LastDay => told.3.map_or(i128::from(Tally::NO_DAY), i128::from),
                    _ => told.4,
                }
            };
            let scored = index.scored(&index.scores(&one, by), &tally, 0);
            for member in 1..=9 {
                let Some(number) = index.member_of_number(member) else { continue };
                let as_low = population.iter().filter(|other| of(**other) <= of(member)).count();
                let expected = population.contains(&member).then(|| {
                    // The least whole number that is no less than five times the share.
                    i16::try_from((5 * as_low).div_ceil(population.len())).unwrap()
                });
                assert_eq!(scored[number as usize], expected, "member {member} by {by:?}, {asked:?}\n{rows:?}");
            }
        }
    }
}

fn seed() -> u64 {
    let seed = std::env::var("REGULARS_SEED").map_or(20_261_126, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    seed
}

#[test]
fn random_questions_are_answered_as_by_going_through_all_rows() {
    let mut random = Numbers(seed());
    let mut by_product = 0;
    for _ in 0..150 {
        let rows = random_history(&mut random);
        let index = built(&rows);
        assert!(index.knows_earlier_days());
        by_product += check_random_questions(&index, &rows, 20, &mut random);
    }
    assert!(by_product > 100, "products' lists were used {by_product} times");
}

#[test]
fn an_index_that_grew_answers_as_one_that_was_built_at_once() {
    let mut random = Numbers(seed());
    let (mut grew, mut all) = (0, 0);
    for _ in 0..300 {
        let rows = random_history(&mut random);
        let arrivals = arrivals(&rows, &mut random);
        all += 1;
        let Some(index) = grown(&arrivals) else { continue };
        grew += 1;
        check_random_questions(&index, &rows, 10, &mut random);
        let known = |id: i64| index.member_of_number(id).map(|number| index.is_known(number));
        assert_eq!((1..=7).map(known).collect::<Vec<_>>(), [Some(true); 7]);
        assert!([8, 9].map(known).iter().all(|known| *known != Some(true)));
    }
    assert!(grew > all / 3, "{grew} of {all} were grown, the others had to be built from the beginning");
}

#[test]
fn only_the_months_that_something_happened_in_are_made_anew() {
    let row = |id: i64, day: i32| Row {
        id,
        member: Some(1),
        store: 1,
        channel: "counter",
        status: "completed",
        day: Some(day),
        second: 0,
        refund_of: None,
        lines: vec![(COFFEE, 1, 300)],
    };
    // January, February and March of 1970, then another purchase in February, then a refund in April of one of January.
    let index = built(&[row(1, 5), row(2, 40), row(3, 60)]);
    let onto = |index: &MemberIndex, row: Row| {
        let mut builder = Builder::onto(index, scales()).unwrap();
        feed(&mut builder, &(vec![row.clone()], lines_of(&[row])));
        builder.finish_onto(index).unwrap()
    };
    let names = |index: &MemberIndex| index.pieces().iter().map(|piece| piece.name()).collect::<Vec<_>>();
    let stays = |before: &MemberIndex, after: &MemberIndex| -> Vec<bool> {
        before.pieces().iter().zip(after.pieces()).map(|(one, other)| Arc::ptr_eq(one, other)).collect()
    };
    let more = onto(&index, row(4, 41));
    assert_eq!(names(&more), ["1970-01", "1970-02", "1970-03"]);
    assert_eq!(stays(&index, &more), [true, false, true]);
    let refund = Row { status: "refund", refund_of: Some(1), lines: vec![(COFFEE, -1, -300)], ..row(5, 95) };
    let refunded = onto(&more, refund);
    assert_eq!(names(&refunded), ["1970-01", "1970-02", "1970-03"]);
    assert_eq!(stays(&more, &refunded), [false, true, true]);
    assert_eq!(tally(&refunded, Filter::default()).amount[0], 900);
    assert_eq!(tally(&refunded, Filter { as_of: Some(94), ..Filter::default() }).amount[0], 1200);
    // A receipt that is there already.
    let mut builder = Builder::onto(&refunded, scales()).unwrap();
    feed(&mut builder, &(vec![row(1, 5)], Vec::new()));
    assert!(matches!(builder.finish_onto(&refunded), Err(Unfit::Entangled(_))));
}

#[test]
fn conditions_hold_of_what_is_added_up() {
    let index = index();
    let all = |filter| {
        let parts = Parts { count: true, last_day: true, amount: true, ..Parts::default() };
        index.tally(&Use { filter, parts, currency_of_store: Vec::new() }, 0..3).0
    };
    // Counts 2, 1, 0; last days 11, 11, none; amounts 6.00, 5.00, nothing.
    let tallies = [all(Filter::default())];
    let compare = |part, is, to| Condition::Compare { of: 0, part, is, to };
    let holds = |condition: Condition| condition.holds(&tallies, 3);
    assert_eq!(holds(compare(Part::Count, Comparison::Greater, 0)), [true, true, false]);
    assert_eq!(holds(compare(Part::Count, Comparison::LessOrEqual, 1)), [false, true, true]);
    assert_eq!(holds(compare(Part::Amount, Comparison::GreaterOrEqual, 600)), [true, false, false]);
    // A day that there is none of is neither before nor behind another, nor is it another.
    assert_eq!(holds(compare(Part::LastDay, Comparison::Less, 12)), [true, true, false]);
    assert_eq!(holds(compare(Part::LastDay, Comparison::NotEqual, 12)), [true, true, false]);
    assert_eq!(holds(Condition::IsKnown { of: 0, part: Part::LastDay, known: false }), [false, false, true]);
    // Beyond 64 bits.
    assert_eq!(holds(compare(Part::Count, Comparison::Less, i128::MAX)), [true, true, true]);
    assert_eq!(holds(compare(Part::Count, Comparison::Greater, i128::MAX)), [false, false, false]);
    let one = || compare(Part::Count, Comparison::Equal, 1);
    let none = || compare(Part::Count, Comparison::Equal, 0);
    assert_eq!(holds(Condition::Any(vec![one(), none()])), [false, true, true]);
    assert_eq!(holds(Condition::All(vec![one(), none()])), [false, false, false]);
}

/// The files of an index, by name; that of names has none.
type Files = BTreeMap<String, Vec<u8>>;

fn written(index: &MemberIndex, source: &str) -> Files {
    let mut names = Vec::new();
    index.write_to(&mut names, source).unwrap();
    let mut files = Files::from([(String::new(), names)]);
    for piece in index.pieces() {
        let mut bytes = Vec::new();
        piece.write_to(&mut bytes).unwrap();
        files.insert(piece.file_name(), bytes);
    }
    files
}

fn read(files: &Files, source: &str) -> Result<MemberIndex, Unusable> {
    let names = &files[""];
    MemberIndex::read_from(
        &mut names.as_slice(),
        names.len() as u64,
        |found| found == source,
        |name| {
            let piece = files.get(name).ok_or(std::io::ErrorKind::NotFound)?;
            Ok((piece.as_slice(), piece.len() as u64))
        },
    )
}

#[test]
fn an_index_is_read_as_it_was_written() {
    let mut random = Numbers(7);
    for _ in 0..20 {
        let index = built(&random_history(&mut random));
        let files = written(&index, "source");
        let again = read(&files, "source").unwrap();
        assert!(written(&again, "source") == files, "all columns");
        for _ in 0..10 {
            let parts = Parts { count: true, last_day: true, amount: true, quantity: true, ..Parts::default() };
            let filter = Plain::random(&mut random).filter(&index);
            let one = Use { filter, parts, currency_of_store: Vec::new() };
            let all = |index: &MemberIndex| format!("{:?}", index.tally(&one, 0..index.members()));
            assert_eq!(all(&again), all(&index));
        }
        assert!(matches!(read(&files, "other"), Err(Unusable::OtherSource)));
        // It can be added to as well.
        let row =
            Row { id: 4711, day: Some(3), member: Some(1), refund_of: None, ..random_history(&mut random).remove(0) };
        let grown = |index: &MemberIndex| {
            let mut builder = Builder::onto(index, scales()).unwrap();
            feed(&mut builder, &(vec![row.clone()], lines_of(std::slice::from_ref(&row))));
            written(&builder.finish_onto(index).unwrap(), "")
        };
        assert!(grown(&again) == grown(&index), "all columns");
    }
    let mut builder = Builder::new(Scales { member: DataType::Utf8View, ..scales() }, 1).unwrap();
    let ids = Arc::new(StringViewArray::from(vec!["a", "", "ä long identifier beyond a view"])) as ArrayRef;
    builder.add_members(&batch(vec![("member_id", ids)])).unwrap();
    let index = read(&written(&builder.finish().unwrap(), ""), "").unwrap();
    let number = |id: &str| index.member_of_text(id);
    assert_eq!([number("a"), number(""), number("ä long identifier beyond a view")], [Some(0), Some(1), Some(2)]);
}

#[test]
fn whatever_happens_to_a_file_it_is_not_used() {
    let seed = std::env::var("REGULARS_SEED").map_or(4, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut random = Numbers(seed);
    let files = written(&built(&random_history(&mut random)), "source");
    let below = |random: &mut Numbers, bound: usize| usize::try_from(random.below(bound as u64)).unwrap();
    let mut of_pieces = 0;
    for case in 0..2_000 {
        // Any of them, more often one that is larger.
        let mut place = below(&mut random, files.values().map(Vec::len).sum());
        let (name, bytes) =
            files.iter().find(|(_, bytes)| place.checked_sub(bytes.len()).map(|rest| place = rest).is_none()).unwrap();
        of_pieces += usize::from(!name.is_empty());
        let mut damaged = bytes.clone();
        let at = below(&mut random, bytes.len());
        match case % 7 {
            // Cut, as by a full disk or a power failure.
            0 => damaged.truncate(at),
            // A bit flipped.
            1 => damaged[at] ^= 1 << below(&mut random, 8),
            // A block that was never written.
            2 => {
                let end = (at + 1 + below(&mut random, 512)).min(damaged.len());
                damaged[at..end].fill(0);
            }
            // Two pieces of the same length in each other's place.
            3 => {
                let length = 1 + below(&mut random, 64);
                let (one, other) = (below(&mut random, bytes.len() - length), below(&mut random, bytes.len() - length));
                let piece = bytes[one..one + length].to_vec();
                damaged.copy_within(other..other + length, one);
                damaged[other..other + length].copy_from_slice(&piece);
            }
            // Something behind its end.
            4 => damaged.extend_from_slice(&bytes[..=at]),
            // The file of another piece.
            5 => damaged.clone_from(files.values().nth(below(&mut random, files.len())).unwrap()),
            // A length, wherever one may stand, that says something enormous.
            _ => {
                let at = at.min(bytes.len() - 8);
                damaged[at..at + 8].copy_from_slice(&u64::MAX.to_ne_bytes());
            }
        }
        if damaged != *bytes {
            let damaged = Files::from_iter(files.clone().into_iter().chain([(name.clone(), damaged)]));
            assert!(read(&damaged, "source").is_err(), "case {case}, \"{name}\" at {at}");
        }
    }
    assert!(of_pieces > 500, "{of_pieces} of pieces");
    for name in files.keys() {
        // Another version, in the place where it stands.
        let mut other = files.clone();
        other.get_mut(name).unwrap()[12] ^= 3;
        assert!(matches!(read(&other, "source"), Err(Unusable::OtherKind)), "{name}");
    }
    // A piece that is missing.
    let mut fewer = files.clone();
    fewer.pop_last();
    assert!(read(&fewer, "source").is_err());
}
