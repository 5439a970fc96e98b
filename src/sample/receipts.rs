//! What happens at the till: who buys what, what it costs, what comes back.
//!
//! Most receipts are completed purchases with one to five lines. Some are voided; some give back an earlier purchase
//! (linked by `refund_of`, or not, or pointing at a receipt from before the history); a few know only their amount;
//! a few hold nothing but a line of quantity zero.

use std::collections::VecDeque;

use super::chance::{Chance, Stream, Weights};
use super::loyalty::{Reached, level_of};
use super::members::{Crowd, FIRST_MEMBER_ID};
use super::products::{Menu, PRODUCTS, Part};
use super::stores::{Kind, STORES};
use super::tables::{LineRows, PurchaseRows};
use super::visits::Visit;

/// The id of the first receipt; ids count upwards in order of time. Smaller ones are from before the history.
const FIRST_PURCHASE_ID: i64 = 10_000_001;

/// How many purchases of a store may still come back.
const RETURNABLE: usize = 400;

const CHANNELS: [&str; 5] = ["tpos", "mpos", "epos", "wpo", "app"];

/// One receipt, as it becomes a row of `purchases`.
#[derive(Debug)]
pub struct Receipt {
    pub purchase_id: i64,
    pub member_id: Option<i64>,
    pub store: usize,
    /// Microseconds since 1970 UTC.
    pub at: i64,
    pub channel: &'static str,
    pub status: &'static str,
    /// Hundredths of the store's currency.
    pub amount: i64,
    pub refund_of: Option<i64>,
}

/// One line of a receipt; money in hundredths. `amount` is always `quantity * unit_price - discount`.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Place in `PRODUCTS`.
    pub product: usize,
    pub quantity: i32,
    pub unit_price: i64,
    pub discount: i64,
    pub amount: i64,
}

/// All tills of the chain. Visits are rung up in order of time.
#[derive(Debug)]
pub struct Tills<'a> {
    crowd: &'a mut Crowd,
    menu: Menu,
    line_counts: Weights,
    channels: Weights,
    chance: Chance,
    next_purchase_id: i64,
    /// By store: what may still come back, oldest first.
    returnable: Vec<VecDeque<Sold>>,
}

/// A completed purchase, kept until it comes back or is forgotten.
#[derive(Debug)]
struct Sold {
    purchase_id: i64,
    member: Option<u32>,
    lines: Vec<Line>,
}

impl Line {
    fn new(product: usize, quantity: i32, unit_price: i64, discount: i64) -> Self {
        Self { product, quantity, unit_price, discount, amount: i64::from(quantity) * unit_price - discount }
    }

    fn given_back(self) -> Self {
        Self::new(self.product, -self.quantity, self.unit_price, -self.discount)
    }
}

impl<'a> Tills<'a> {
    pub fn new(crowd: &'a mut Crowd, seed: u64) -> Self {
        Self {
            crowd,
            menu: Menu::new(),
            line_counts: [46, 30, 13, 7, 4].into_iter().collect(),
            channels: [44, 18, 16, 6, 16].into_iter().collect(),
            chance: Chance::new(seed, Stream::Receipts),
            next_purchase_id: FIRST_PURCHASE_ID,
            returnable: STORES.iter().map(|_| VecDeque::new()).collect(),
        }
    }

    /// Makes the receipt of a visit and adds its rows.
    pub fn ring_up(&mut self, visit: &Visit, purchases: &mut PurchaseRows, lines: &mut LineRows) {
        let (receipt, its_lines) = match self.chance.below(1000) {
            0..13 => self.refund(visit),
            13..21 => self.sale(visit, "voided"),
            _ => self.sale(visit, "completed"),
        };
        purchases.add(&receipt);
        lines.add(receipt.purchase_id, &its_lines);
    }

    fn sale(&mut self, visit: &Visit, status: &'static str) -> (Receipt, Vec<Line>) {
        let buyer = self.crowd.buyer(visit.store, visit.day, &mut self.chance);
        let mut lines = self.basket(visit, buyer);
        let mut amount = lines.iter().map(|line| line.amount).sum();
        match self.chance.below(1000) {
            // The till sent only the total.
            0..3 => lines.clear(),
            // Rung up, then set to zero: not a purchase.
            3..4 => {
                lines = vec![Line::new(lines[0].product, 0, lines[0].unit_price, 0)];
                amount = 0;
            }
            _ => {}
        }
        let receipt = self.receipt(visit, buyer, status, amount, None);
        if status == "completed" {
            self.earn(buyer, visit, amount);
            if lines.iter().any(|line| line.quantity > 0) {
                self.remember(
                    visit.store,
                    Sold { purchase_id: receipt.purchase_id, member: buyer, lines: lines.clone() },
                );
            }
        }
        (receipt, lines)
    }

    fn refund(&mut self, visit: &Visit) -> (Receipt, Vec<Line>) {
        match self.chance.below(100) {
            0..84 if !self.returnable[visit.store].is_empty() => self.linked_refund(visit),
            84..96 => self.loose_refund(visit, None),
            _ => {
                let gone = FIRST_PURCHASE_ID - 1 - self.chance.below(9000) as i64;
                self.loose_refund(visit, Some(gone))
            }
        }
    }

    /// Gives back an earlier purchase of the same store, whole or one line of it; never the same purchase twice.
    fn linked_refund(&mut self, visit: &Visit) -> (Receipt, Vec<Line>) {
        let of_store = &mut self.returnable[visit.store];
        let place = self.chance.place(of_store.len());
        let Some(sold) = of_store.remove(place) else { return self.loose_refund(visit, None) };
        let mut lines: Vec<Line> = sold.lines.into_iter().map(Line::given_back).collect();
        if self.chance.per_mille(400) {
            let kept = self.chance.place(lines.len());
            lines.swap(0, kept);
            lines.truncate(1);
        }
        let amount: i64 = lines.iter().map(|line| line.amount).sum();
        self.earn(sold.member, visit, amount);
        // One in seven is given back without showing who bought it.
        let shown = sold.member.filter(|_| !self.chance.per_mille(140));
        (self.receipt(visit, shown, "refund", amount, Some(sold.purchase_id)), lines)
    }

    /// Gives something back without a receipt that could be found.
    fn loose_refund(&mut self, visit: &Visit, refund_of: Option<i64>) -> (Receipt, Vec<Line>) {
        let buyer = self.crowd.buyer(visit.store, visit.day, &mut self.chance);
        let line = self.line(visit, None).given_back();
        let lines = if line.quantity == 0 { Vec::new() } else { vec![line] };
        (self.receipt(visit, buyer, "refund", line.amount, refund_of), lines)
    }

    fn basket(&mut self, visit: &Visit, buyer: Option<u32>) -> Vec<Line> {
        let count = self.line_counts.pick(&mut self.chance).unwrap_or(0) + 1;
        let habit = buyer.and_then(|buyer| {
            let member = &self.crowd.members[buyer as usize];
            self.chance.per_mille(member.habit).then_some(member.favourite)
        });
        (0..count).map(|number| self.line(visit, habit.filter(|_| number == 0))).collect()
    }

    fn line(&mut self, visit: &Visit, habit: Option<usize>) -> Line {
        let store = &STORES[visit.store];
        let part = Part::of_hour(visit.hour);
        let product = habit
            .filter(|&product| self.menu.sells(store.kind, part, product))
            .unwrap_or_else(|| self.menu.pick(store.kind, part, &mut self.chance));
        let quantity = match self.chance.below(1000) {
            0..4 => 0,
            4..884 => 1,
            884..974 => 2,
            974..994 => 3,
            _ => 4 + self.chance.below(5) as i32,
        };
        let unit_price = store.market.price(PRODUCTS[product].ore);
        let reduced = self.chance.per_mille(60);
        let percent = if reduced { 10 + 5 * self.chance.below(9) as i64 } else { 0 };
        Line::new(product, quantity, unit_price, i64::from(quantity) * unit_price * percent / 100)
    }

    fn receipt(
        &mut self,
        visit: &Visit,
        member: Option<u32>,
        status: &'static str,
        amount: i64,
        refund_of: Option<i64>,
    ) -> Receipt {
        let purchase_id = self.next_purchase_id;
        self.next_purchase_id += 1;
        let in_app = status != "refund"
            && STORES[visit.store].kind != Kind::Bar
            && member.is_some_and(|member| self.crowd.members[member as usize].is_verified_on(visit.day));
        let choices = if in_app { CHANNELS.len() } else { CHANNELS.len() - 1 };
        let channel = CHANNELS[self.channels.pick_among_first(choices, &mut self.chance).unwrap_or(0)];
        Receipt {
            purchase_id,
            member_id: member.map(|member| FIRST_MEMBER_ID + i64::from(member)),
            store: visit.store,
            at: visit.at,
            channel,
            status,
            amount,
            refund_of,
        }
    }

    /// Adds points to a verified member, or takes them back; a level once reached is kept.
    fn earn(&mut self, member: Option<u32>, visit: &Visit, amount: i64) {
        let Some(place) = member else { return };
        let member = &mut self.crowd.members[place as usize];
        if !member.is_verified_on(visit.day) {
            return;
        }
        let points = amount / STORES[visit.store].market.hundredths_per_point();
        let before = member.level;
        member.points = member.points.saturating_add_signed(points);
        member.level = before.max(level_of(member.points));
        if member.level > before {
            self.crowd.reached.push(Reached { member: place, at: visit.at, level: member.level });
        }
    }

    fn remember(&mut self, store: usize, sold: Sold) {
        let of_store = &mut self.returnable[store];
        if of_store.len() == RETURNABLE {
            of_store.pop_front();
        }
        of_store.push_back(sold);
    }
}
