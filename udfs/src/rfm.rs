//! Groups of recency, frequency and money: an ordered table that names each of the 125 cells.

use crate::refusal::Refusal;

/// One row of the table: a box of scores from 1 to 5, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RfmGroup {
    pub name: String,
    /// From and to.
    pub recency: (u8, u8),
    pub frequency: (u8, u8),
    pub monetary: (u8, u8),
}

impl RfmGroup {
    fn contains(&self, scores: [u8; 3]) -> bool {
        let boxes = [self.recency, self.frequency, self.monetary];
        boxes.iter().zip(scores).all(|((from, to), score)| (*from..=*to).contains(&score))
    }
}

/// The groups in their order: the first whose box holds a member's scores is the member's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RfmGroups {
    groups: Vec<RfmGroup>,
}

impl RfmGroups {
    /// Takes groups in their order. Names may repeat.
    ///
    /// Errors: 22023 when a cell is in no box, or a box is without any cell of its own, both named.
    pub fn new(groups: Vec<RfmGroup>) -> Result<Self, Refusal> {
        let groups = Self { groups };
        let mut won = vec![false; groups.groups.len()];
        for scores in cells() {
            let [recency, frequency, monetary] = scores;
            match groups.groups.iter().position(|group| group.contains(scores)) {
                Some(at) => won[at] = true,
                None => {
                    return Err(Refusal::parameter("a table of RFM groups must name every cell").with_detail(format!(
                        "No group holds recency {recency}, frequency {frequency}, monetary {monetary}."
                    )));
                }
            }
        }
        if let Some(at) = won.iter().position(|won| !won) {
            let name = &groups.groups[at].name;
            return Err(Refusal::parameter(format!("no member can be in RFM group \"{name}\""))
                .with_detail("Groups before it hold all of its cells, or its bounds are not from 1 to 5.")
                .with_hint("Move it up, or leave it out."));
        }
        Ok(groups)
    }

    /// The name of a cell; `None` for scores that are not from 1 to 5.
    pub fn name_of(&self, recency: u8, frequency: u8, monetary: u8) -> Option<&str> {
        let group = self.groups.iter().find(|group| group.contains([recency, frequency, monetary]))?;
        Some(&group.name)
    }

    /// The groups in their order.
    pub fn iter(&self) -> impl Iterator<Item = &RfmGroup> {
        self.groups.iter()
    }
}

/// All 125 cells: recency, frequency, monetary.
fn cells() -> impl Iterator<Item = [u8; 3]> {
    (0..125).map(|cell: u8| [cell / 25 + 1, cell / 5 % 5 + 1, cell % 5 + 1])
}

/// The groups of `rfm_groups.csv`.
impl Default for RfmGroups {
    fn default() -> Self {
        let rows = include_str!("rfm_groups.csv").lines().skip(1);
        let groups = rows.filter_map(|row| {
            let mut cells = row.split(',').skip(1);
            let name = cells.next()?.to_owned();
            let mut bounds = || Some((cells.next()?.parse().ok()?, cells.next()?.parse().ok()?));
            Some(RfmGroup { name, recency: bounds()?, frequency: bounds()?, monetary: bounds()? })
        });
        Self { groups: groups.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_table_names_every_cell_once_and_every_row_wins_one() {
        let default = RfmGroups::default();
        assert_eq!(default.iter().count(), include_str!("rfm_groups.csv").lines().count() - 1);
        assert_eq!(RfmGroups::new(default.iter().cloned().collect()).unwrap(), default);
        let names: Vec<&str> = cells().filter_map(|[r, f, m]| default.name_of(r, f, m)).collect();
        assert_eq!(names.len(), 125);
        // By hand, from the table in the documentation.
        assert_eq!(default.name_of(5, 5, 5), Some("champions"));
        assert_eq!(default.name_of(1, 1, 1), Some("lost"));
        assert_eq!(default.name_of(1, 5, 5), Some("cant-lose"));
        assert_eq!(default.name_of(5, 1, 3), Some("new"));
        assert_eq!(default.name_of(0, 1, 3), None);
        assert_eq!(default.name_of(6, 1, 3), None);
    }

    #[test]
    fn tables_with_holes_or_rows_without_effect_are_refused() {
        let group =
            |name: &str, recency| RfmGroup { name: name.to_owned(), recency, frequency: (1, 5), monetary: (1, 5) };
        let hole = RfmGroups::new(vec![group("a", (2, 5))]).unwrap_err();
        assert_eq!(hole.detail.as_deref(), Some("No group holds recency 1, frequency 1, monetary 1."));
        let covered = RfmGroups::new(vec![group("a", (1, 5)), group("b", (2, 2))]).unwrap_err();
        assert_eq!(covered.message, "no member can be in RFM group \"b\"");
    }
}
