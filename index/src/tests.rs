//! A history small enough to add up by hand.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int16Array, Int64Array, RecordBatch, StringViewArray,
    Time64MicrosecondArray,
};
use arrow::datatypes::DataType;

use super::{Builder, Filter, MemberIndex, Parts, Scales, Tally, Unfit, Use};

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
    let mut builder = Builder::new(scales()).unwrap();
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
    assert_eq!((index.members(), index.known_members()), (3, 3));
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
    let mut builder = Builder::new(scales()).unwrap();
    let receipts = batch(vec![("purchase_id", numbers([1, 1]))]);
    assert_eq!(builder.add_receipts(&receipts), Err(Unfit::TooMany("receipts of one purchase_id")));
}

#[test]
fn members_that_are_not_one_a_row_do_not_fit() {
    let of = |ids: Vec<Option<i64>>| batch(vec![("member_id", Arc::new(Int64Array::from(ids)) as ArrayRef)]);
    let builder = || Builder::new(scales()).unwrap();
    assert_eq!(builder().add_members(&of(vec![Some(1), None])), Err(Unfit::NotUnique("member_id")));
    assert_eq!(builder().add_members(&of(vec![Some(1), Some(1)])), Err(Unfit::NotUnique("member_id")));
    // Nor may one batch repeat another.
    let mut builder = builder();
    assert_eq!(builder.add_members(&of(vec![Some(1), Some(2)])), Ok(()));
    assert_eq!(builder.add_members(&of(vec![Some(2)])), Err(Unfit::NotUnique("member_id")));
}
