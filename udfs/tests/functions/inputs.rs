//! Random arguments for every function. A function that is not named here has no laws, and the laws say so.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// One way to call a function: a generator for each argument, given the number of rows.
pub type Call = Vec<fn(&mut StdRng, usize) -> ArrayRef>;

/// The ways to call a function, with arguments of every type that it reads as it is.
pub fn calls(function: &str) -> Option<Vec<Call>> {
    Some(match function {
        "business_date" => vec![vec![instants, zones, times], vec![instants, zones, time_texts]],
        "timezone" => vec![vec![zones, instants], vec![zones, local_times]],
        "weekday" => vec![vec![dates], vec![local_times]],
        "weekday_in" => vec![vec![dates, weekday_sets], vec![local_times, weekday_sets]],
        "in_time_window" => vec![
            vec![times, windows],
            vec![time_texts, windows],
            vec![local_times, windows],
            vec![times, times, times],
            vec![local_times, time_texts, time_texts],
        ],
        "day_part" => vec![vec![times], vec![time_texts], vec![local_times]],
        "next_anniversary" => vec![vec![dates, dates], vec![local_times, dates]],
        "loyalty_level" => vec![vec![integers], vec![floats], vec![decimals]],
        "level_rank" => vec![vec![levels]],
        "level_at_least" => vec![vec![levels, levels]],
        "holdout" => vec![vec![integers, levels, floats], vec![levels, levels, floats]],
        "rfm_group_of" => vec![vec![scores, scores, scores]],
        _ => return None,
    })
}

/// A generator and the seed to repeat it with. `SEED` in the environment sets it; otherwise it is new at each run.
pub fn generator() -> StdRng {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        use std::hash::{BuildHasher, Hasher};
        std::collections::hash_map::RandomState::new().build_hasher().finish()
    });
    println!("SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// A value in seven of eight rows, NULL in the others.
fn column<T>(random: &mut StdRng, rows: usize, mut value: impl FnMut(&mut StdRng) -> T) -> Vec<Option<T>> {
    (0..rows).map(|_| if random.random_ratio(7, 8) { Some(value(random)) } else { None }).collect()
}

/// From 1960 to 2050, so that instants before 1970 and after the last known rule occur.
fn microseconds(random: &mut StdRng) -> i64 {
    random.random_range(-315_619_200_000_000..2_524_608_000_000_000)
}

fn instants(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(column(random, rows, microseconds)).with_timezone("UTC"))
}

fn local_times(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(column(random, rows, microseconds)))
}

fn dates(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(Date32Array::from(column(random, rows, |random| random.random_range(-3_653..29_220))))
}

fn times(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(Time64MicrosecondArray::from(column(random, rows, |random| random.random_range(0..86_400_000_000))))
}

fn texts(random: &mut StdRng, rows: usize, choices: &[&'static str]) -> ArrayRef {
    let texts = column(random, rows, |random| *choices.choose(random).expect("choices are given"));
    Arc::new(StringArray::from(texts))
}

fn time_texts(random: &mut StdRng, rows: usize) -> ArrayRef {
    texts(random, rows, &["00:00", "04:00", "9:30", "11:00:00", "13:59:59.999999", "22:00", "24:00"])
}

fn zones(random: &mut StdRng, rows: usize) -> ArrayRef {
    texts(random, rows, &["UTC", "europe/stockholm", "America/New_York", "Asia/Taipei", "Pacific/Apia", "CET"])
}

fn weekday_sets(random: &mut StdRng, rows: usize) -> ArrayRef {
    texts(random, rows, &["mon-thu,sat", "Weekend", "fri-mon", "weekdays", "wed", "sun - sat"])
}

fn windows(random: &mut StdRng, rows: usize) -> ArrayRef {
    texts(random, rows, &["11:00-14:00", "22:00-02:00", "00:00-24:00", "07:15-07:15", "20:00-24:00"])
}

fn levels(random: &mut StdRng, rows: usize) -> ArrayRef {
    texts(random, rows, &["bronze", "silver", "gold", "platinum", ""])
}

fn integers(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from(column(random, rows, |random| random.random_range(-10..3000))))
}

fn scores(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from(column(random, rows, |random| random.random_range(0..7))))
}

fn floats(random: &mut StdRng, rows: usize) -> ArrayRef {
    Arc::new(Float64Array::from(column(random, rows, |random| random.random_range(-10.0..3000.0))))
}

fn decimals(random: &mut StdRng, rows: usize) -> ArrayRef {
    let values = column(random, rows, |random| random.random_range(-1000..300_000));
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 2).expect("values fit"))
}
