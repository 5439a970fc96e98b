//! The loop that has no engine around it: two threads over columns of narrow integers in memory, a bit or a number for each
//! member. What it takes is the practical limit for whoever reads all lines.
//!
//!     bare-loop FOLDER DAY RUNS      # FOLDER/raw and FOLDER/size as generate.py makes them; DAY is as-of, days since 1970
//!
//! Prints `question TAB answer TAB milliseconds` of the fastest of RUNS.

use std::path::Path;
use std::time::Instant;

struct Lines {
    members: usize,
    member: Vec<u32>,
    product: Vec<u16>,
    weekday: Vec<u8>,
    minute: Vec<u16>,
    day: Vec<u16>,
    cents: Vec<u32>,
    purchase: Vec<u32>,
    store: Vec<u8>,
    channel: Vec<u8>,
}

fn read<const N: usize, T>(folder: &Path, name: &str, of: fn([u8; N]) -> T) -> Vec<T> {
    let bytes = std::fs::read(folder.join("raw").join(name)).expect("a column");
    bytes.chunks_exact(N).map(|chunk| of(chunk.try_into().expect("N bytes"))).collect()
}

impl Lines {
    fn read(folder: &Path) -> Self {
        let size = std::fs::read_to_string(folder.join("size")).expect("size");
        let members = size.split_whitespace().next().expect("members").parse().expect("a number");
        Self {
            members,
            member: read(folder, "member", u32::from_le_bytes),
            product: read(folder, "product", u16::from_le_bytes),
            weekday: read(folder, "weekday", u8::from_le_bytes),
            minute: read(folder, "minute", u16::from_le_bytes),
            day: read(folder, "day", u16::from_le_bytes),
            cents: read(folder, "cents", u32::from_le_bytes),
            purchase: read(folder, "purchase", u32::from_le_bytes),
            store: read(folder, "store", u8::from_le_bytes),
            channel: read(folder, "channel", u8::from_le_bytes),
        }
    }

    /// Two halves, cut between two purchases.
    fn halves(&self) -> [std::ops::Range<usize>; 2] {
        let mut middle = self.member.len() / 2;
        while middle > 0 && middle < self.purchase.len() && self.purchase[middle] == self.purchase[middle - 1] {
            middle += 1;
        }
        [0..middle, middle..self.member.len()]
    }

    /// One dense array for each thread, put together afterwards. Member 0 is nobody.
    fn each<T: Copy + Default + Send>(
        &self,
        work: impl Fn(&mut [T], std::ops::Range<usize>) + Sync,
        unite: impl Fn(T, T) -> T,
    ) -> Vec<T> {
        let mut made: Vec<Vec<T>> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .halves()
                .into_iter()
                .map(|half| {
                    let work = &work;
                    scope.spawn(move || {
                        let mut of_member = vec![T::default(); self.members + 1];
                        work(&mut of_member, half);
                        of_member
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let other = made.pop().unwrap_or_default();
        let mut all = made.pop().unwrap_or_default();
        all.iter_mut().zip(other).for_each(|(one, other)| *one = unite(*one, other));
        all[0] = T::default();
        all
    }

    fn any(&self, holds: impl Fn(usize) -> bool + Sync) -> Vec<bool> {
        let work = |seen: &mut [bool], half: std::ops::Range<usize>| {
            for line in half {
                if holds(line) {
                    seen[self.member[line] as usize] = true;
                }
            }
        };
        self.each(work, |one, other| one | other)
    }

    fn purchases(&self, holds: impl Fn(usize) -> bool + Sync) -> Vec<u32> {
        let work = |counts: &mut [u32], half: std::ops::Range<usize>| {
            let mut last = 0;
            for line in half {
                let purchase = self.purchase[line];
                if purchase != last && holds(line) {
                    counts[self.member[line] as usize] += 1;
                    last = purchase;
                }
            }
        };
        self.each(work, |one, other| one + other)
    }

    fn spent(&self, holds: impl Fn(usize) -> bool + Sync) -> Vec<u64> {
        let work = |sums: &mut [u64], half: std::ops::Range<usize>| {
            for line in half {
                if holds(line) {
                    sums[self.member[line] as usize] += u64::from(self.cents[line]);
                }
            }
        };
        self.each(work, |one, other| one + other)
    }

    fn last_day(&self) -> Vec<u16> {
        let work = |days: &mut [u16], half: std::ops::Range<usize>| {
            for line in half {
                let of_member = &mut days[self.member[line] as usize];
                *of_member = (*of_member).max(self.day[line]);
            }
        };
        self.each(work, |one: u16, other| one.max(other))
    }
}

fn holding<T>(of_member: &[T], holds: impl Fn(&T) -> bool) -> u64 {
    of_member[1..].iter().filter(|value| holds(value)).count() as u64
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, day, runs] = arguments.as_slice() else { panic!("bare-loop FOLDER DAY RUNS") };
    let lines = Lines::read(Path::new(folder));
    let today: u16 = day.parse().expect("a day");
    let runs: usize = runs.parse().expect("a number");
    let within = |days: u16| {
        let lines = &lines;
        move |line: usize| lines.day[line] + days > today && lines.day[line] <= today
    };
    let is_lunch = |line: usize| (660..840).contains(&lines.minute[line]);
    type Question<'a> = (&'a str, Box<dyn Fn() -> u64 + 'a>);
    let questions: Vec<Question> = vec![
        ("tuesday", Box::new(|| holding(&lines.any(|line| lines.weekday[line] == 2), |has| *has))),
        ("product", Box::new(|| holding(&lines.any(|line| lines.product[line] == 137), |has| *has))),
        (
            "product at lunch",
            Box::new(|| {
                let holds = |line: usize| lines.product[line] == 137 && lines.weekday[line] <= 4 && is_lunch(line);
                holding(&lines.any(holds), |has| *has)
            }),
        ),
        ("spent over 500", Box::new(|| holding(&lines.spent(within(365)), |cents| *cents > 50_000))),
        ("ten purchases", Box::new(|| holding(&lines.purchases(within(365)), |count| *count >= 10))),
        (
            "lapsed",
            Box::new(|| holding(&lines.last_day(), |day| (today - 179..=today - 90).contains(day))),
        ),
        (
            "rfm of all",
            Box::new(|| {
                let (count, sum, last) = (lines.purchases(within(365)), lines.spent(within(365)), lines.last_day());
                let counts: u64 = count.iter().map(|count| u64::from(*count)).sum();
                counts + sum.iter().sum::<u64>() + last.iter().map(|day| u64::from(*day)).sum::<u64>()
            }),
        ),
        ("none in 180 days", Box::new(|| holding(&lines.any(within(180)), |has| !has))),
        ("at most one", Box::new(|| holding(&lines.purchases(within(365)), |count| *count <= 1))),
        (
            "one not the other",
            Box::new(|| {
                let (one, other) = (
                    lines.any(|line| lines.product[line] == 3 && within(365)(line)),
                    lines.any(|line| lines.product[line] == 8 && within(365)(line)),
                );
                one.iter().zip(other).skip(1).filter(|(one, other)| **one && !other).count() as u64
            }),
        ),
        (
            "store and channel",
            Box::new(|| {
                let holds = |line: usize| lines.store[line] == 5 && lines.channel[line] == 1 && within(365)(line);
                holding(&lines.any(holds), |has| *has)
            }),
        ),
        (
            "four facts",
            Box::new(|| {
                let (spent, count, last) = (lines.spent(within(365)), lines.purchases(within(365)), lines.last_day());
                let lunch = lines.any(|line| is_lunch(line) && within(90)(line));
                let holds = |at: &usize| spent[*at] > 20_000 && count[*at] >= 5 && last[*at] > today - 60 && lunch[*at];
                (1..=lines.members).filter(holds).count() as u64
            }),
        ),
    ];
    for (name, ask) in questions {
        let mut best = f64::INFINITY;
        let mut answer = 0;
        for _ in 0..runs {
            let began = Instant::now();
            answer = ask();
            best = best.min(began.elapsed().as_secs_f64() * 1e3);
        }
        println!("{name}\t{answer}\t{best:.2}");
    }
}
