//! What the chain sells, and what sells where and when.

use super::chance::{Chance, Weights};
use super::stores::Kind;

#[derive(Debug, Clone, Copy)]
pub struct Product {
    pub sku: &'static str,
    /// Not unique: `Bryggkaffe` is sold in a cup and to go, under two ids.
    pub name: &'static str,
    pub category: Category,
    /// Price in hundredths of a krona; other markets' prices follow from it.
    pub ore: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    Coffee,
    Tea,
    Bakery,
    Burger,
    Salad,
    Drinks,
    /// Listed under `drinks` like the others, but poured in the evening.
    Alcohol,
    Dessert,
    Merch,
}

/// A part of the day, by the local hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Morning,
    Lunch,
    Afternoon,
    Evening,
}

impl Category {
    pub fn name(self) -> &'static str {
        match self {
            Self::Coffee => "coffee",
            Self::Tea => "tea",
            Self::Bakery => "bakery",
            Self::Burger => "burger",
            Self::Salad => "salad",
            Self::Drinks | Self::Alcohol => "drinks",
            Self::Dessert => "dessert",
            Self::Merch => "merch",
        }
    }
}

impl Part {
    /// `hour` counts from the midnight before the business day, so it may exceed 23.
    pub fn of_hour(hour: u32) -> Self {
        match hour {
            0..11 => Self::Morning,
            11..14 => Self::Lunch,
            14..18 => Self::Afternoon,
            _ => Self::Evening,
        }
    }
}

/// How likely each product is, by kind of store and part of the day.
#[derive(Debug)]
pub struct Menu {
    by_kind_and_part: Vec<Weights>,
}

impl Menu {
    pub fn new() -> Self {
        let by_kind_and_part = [Kind::Cafe, Kind::Kitchen, Kind::Bar]
            .iter()
            .flat_map(|&kind| (0..4).map(move |part| menu_of(kind, part)))
            .collect();
        Self { by_kind_and_part }
    }

    /// A place in [`PRODUCTS`].
    pub fn pick(&self, kind: Kind, part: Part, chance: &mut Chance) -> usize {
        self.by_kind_and_part[kind as usize * 4 + part as usize].pick(chance).unwrap_or(0)
    }

    /// Whether a product is to be had there and then.
    pub fn sells(&self, kind: Kind, part: Part, product: usize) -> bool {
        appetite(kind, PRODUCTS[product].category)[part as usize] > 0
    }
}

/// Within a category the n-th product sells as 1/n of the first, as in Zipf's law.
fn menu_of(kind: Kind, part: usize) -> Weights {
    let mut rank_in_category = [0u64; 9];
    PRODUCTS
        .iter()
        .map(|product| {
            let category = product.category as usize;
            rank_in_category[category] += 1;
            appetite(kind, product.category)[part] * 1000 / (rank_in_category[category] + 1)
        })
        .collect()
}

/// Demand for a category in the morning, at lunch, in the afternoon and in the evening.
fn appetite(kind: Kind, category: Category) -> [u64; 4] {
    match (kind, category) {
        (Kind::Cafe, Category::Coffee) => [60, 36, 46, 26],
        (Kind::Cafe, Category::Tea) => [14, 10, 18, 16],
        (Kind::Cafe, Category::Bakery) => [40, 14, 24, 10],
        (Kind::Cafe, Category::Burger) => [0, 8, 3, 8],
        (Kind::Cafe, Category::Salad) => [1, 26, 6, 6],
        (Kind::Cafe, Category::Drinks) => [6, 16, 12, 12],
        (Kind::Cafe, Category::Alcohol) => [0, 0, 1, 6],
        (Kind::Cafe, Category::Dessert) => [2, 6, 14, 12],
        (Kind::Kitchen, Category::Coffee) => [30, 10, 14, 6],
        (Kind::Kitchen, Category::Tea) => [6, 3, 4, 2],
        (Kind::Kitchen, Category::Bakery) => [20, 2, 6, 1],
        (Kind::Kitchen, Category::Burger) => [10, 48, 34, 52],
        (Kind::Kitchen, Category::Salad) => [0, 16, 8, 10],
        (Kind::Kitchen, Category::Drinks) => [12, 26, 22, 20],
        (Kind::Kitchen, Category::Alcohol) => [0, 2, 6, 16],
        (Kind::Kitchen, Category::Dessert) => [3, 6, 10, 12],
        (Kind::Cafe | Kind::Kitchen, Category::Merch) => [1, 1, 2, 2],
        (Kind::Bar, Category::Coffee) => [0, 0, 8, 3],
        (Kind::Bar, Category::Tea) => [0, 0, 2, 1],
        (Kind::Bar, Category::Burger) => [0, 0, 20, 16],
        (Kind::Bar, Category::Salad) => [0, 0, 6, 3],
        (Kind::Bar, Category::Drinks) => [0, 0, 26, 22],
        (Kind::Bar, Category::Alcohol) => [0, 0, 64, 90],
        (Kind::Bar, Category::Dessert) => [0, 0, 4, 4],
        (Kind::Bar, Category::Bakery | Category::Merch) => [0; 4],
    }
}

const fn product(sku: &'static str, name: &'static str, category: Category, ore: i64) -> Product {
    Product { sku, name, category, ore }
}

/// Every product, the best seller of each category first; `product_id` is the place in this list, counted from 1.
pub const PRODUCTS: [Product; 61] = [
    product("COF-01", "Bryggkaffe", Category::Coffee, 3200),
    product("COF-02", "Latte", Category::Coffee, 4600),
    product("COF-03", "Bryggkaffe", Category::Coffee, 3000),
    product("COF-04", "Cappuccino", Category::Coffee, 4400),
    product("COF-05", "Oat Latte", Category::Coffee, 5000),
    product("COF-06", "Americano", Category::Coffee, 3600),
    product("COF-07", "Flat White", Category::Coffee, 4500),
    product("COF-08", "Espresso", Category::Coffee, 2800),
    product("COF-09", "Iced Latte", Category::Coffee, 5200),
    product("COF-10", "Cortado", Category::Coffee, 3900),
    product("COF-11", "Mocha", Category::Coffee, 5300),
    product("COF-12", "Cold Brew", Category::Coffee, 4800),
    product("TEA-01", "Earl Grey", Category::Tea, 3400),
    product("TEA-02", "Chai Latte", Category::Tea, 4900),
    product("TEA-03", "Oolong", Category::Tea, 3800),
    product("TEA-04", "Matcha Latte", Category::Tea, 5400),
    product("TEA-05", "Jasmine Tea", Category::Tea, 3600),
    product("TEA-06", "Bubble Tea", Category::Tea, 5600),
    product("TEA-07", "Rooibos", Category::Tea, 3400),
    product("BAK-01", "Kanelbulle", Category::Bakery, 3200),
    product("BAK-02", "Croissant", Category::Bakery, 3400),
    product("BAK-03", "Kardemummabulle", Category::Bakery, 3500),
    product("BAK-04", "Cheese Sandwich", Category::Bakery, 5900),
    product("BAK-05", "Butter Bun", Category::Bakery, 2500),
    product("BAK-06", "Pain au Chocolat", Category::Bakery, 3800),
    product("BAK-07", "Banana Bread", Category::Bakery, 4200),
    product("BAK-08", "Scone", Category::Bakery, 3600),
    product("BUR-01", "Original", Category::Burger, 8900),
    product("BUR-02", "Cheeseburger", Category::Burger, 9500),
    product("BUR-03", "Fries", Category::Burger, 3900),
    product("BUR-04", "Double Original", Category::Burger, 12900),
    product("BUR-05", "Bacon Burger", Category::Burger, 11900),
    product("BUR-06", "Veggie Burger", Category::Burger, 9900),
    product("BUR-07", "Chicken Burger", Category::Burger, 10500),
    product("BUR-08", "Halloumi Burger", Category::Burger, 10900),
    product("SAL-01", "Caesar Salad", Category::Salad, 10900),
    product("SAL-02", "Chicken Bowl", Category::Salad, 11900),
    product("SAL-03", "Falafel Bowl", Category::Salad, 10900),
    product("SAL-04", "Prawn Salad", Category::Salad, 12900),
    product("SAL-05", "Tofu Bowl", Category::Salad, 11500),
    product("SAL-06", "Greek Salad", Category::Salad, 10500),
    product("SAL-07", "Soup of the Day", Category::Salad, 8900),
    product("DRI-01", "Lager", Category::Alcohol, 6900),
    product("DRI-02", "Cola", Category::Drinks, 2900),
    product("DRI-03", "Sparkling Water", Category::Drinks, 2600),
    product("DRI-04", "Pale Ale", Category::Alcohol, 7900),
    product("DRI-05", "Lemonade", Category::Drinks, 3500),
    product("DRI-06", "Orange Juice", Category::Drinks, 4200),
    product("DRI-07", "House Red", Category::Alcohol, 8900),
    product("DRI-08", "House White", Category::Alcohol, 8900),
    product("DRI-09", "Cider", Category::Alcohol, 7500),
    product("DRI-10", "Ginger Beer", Category::Drinks, 4500),
    product("DES-01", "Chocolate Ball", Category::Dessert, 2900),
    product("DES-02", "Brownie", Category::Dessert, 3900),
    product("DES-03", "Cheesecake", Category::Dessert, 5900),
    product("DES-04", "Ice Cream", Category::Dessert, 4500),
    product("DES-05", "Carrot Cake", Category::Dessert, 4900),
    product("MER-01", "Coffee Beans 250 g", Category::Merch, 9900),
    product("MER-02", "Mug", Category::Merch, 14900),
    product("MER-03", "Coffee Beans 1 kg", Category::Merch, 29900),
    product("MER-04", "Tote Bag", Category::Merch, 12900),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn skus_are_distinct_and_bryggkaffe_has_two() {
        let skus: BTreeSet<_> = PRODUCTS.iter().map(|product| product.sku).collect();
        assert_eq!(skus.len(), PRODUCTS.len());
        assert_eq!(PRODUCTS.iter().filter(|product| product.name == "Bryggkaffe").count(), 2);
        assert_eq!(PRODUCTS.iter().filter(|product| product.name == "Original").count(), 1);
    }
}
