//! A result that is read in pieces, to and fro: what lies behind a cursor.
//!
//! Rows are numbered from 1. The cursor stands on a row, before the first (0), or behind the last. A result that need
//! not go back keeps no more than the batch in hand.

use std::collections::VecDeque;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::OwnedMutexGuard;

use crate::error::{Result, message};
use crate::sql::statement::Direction;

pub struct Scroll {
    batches: BoxStream<'static, Result<RecordBatch>>,
    /// Batches that were pulled and may be read again; none is empty.
    kept: VecDeque<RecordBatch>,
    /// The number of the first row that is kept.
    first: u64,
    /// Rows that were pulled.
    pulled: u64,
    /// All rows were pulled.
    is_whole: bool,
    position: u64,
    /// An error has left it in between: it gives nothing more.
    is_broken: bool,
    goes_back: bool,
    bytes: usize,
    bytes_max: usize,
}

/// How rows are still to be given.
#[derive(Debug, Clone, Copy)]
enum Walk {
    Forward(u64),
    Backward(u64),
    /// The row where the cursor stands, if it stands on one.
    Here,
    Done,
}

impl Scroll {
    /// `bytes_max` bounds what a result that goes back keeps.
    pub fn new(batches: BoxStream<'static, Result<RecordBatch>>, goes_back: bool, bytes_max: usize) -> Self {
        Self {
            batches,
            kept: VecDeque::new(),
            first: 1,
            pulled: 0,
            is_whole: false,
            position: 0,
            is_broken: false,
            goes_back,
            bytes: 0,
            bytes_max,
        }
    }

    /// Moves and gives the rows on the way, as they come. The cursor is held by the stream until it is dropped.
    ///
    /// Errors: 55000 for going back where that was not asked for, 53400 for more than may be kept; the plan's own.
    pub async fn fetch(
        mut rows: OwnedMutexGuard<Self>,
        direction: Direction,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let walk = match rows.prepared(direction).await {
            Ok(walk) => walk,
            Err(error) => {
                rows.is_broken = true;
                return Err(error);
            }
        };
        Ok(stream::unfold((rows, walk), |(mut rows, walk)| async move {
            match rows.step(walk).await {
                Ok(Some((piece, walk))) => Some((Ok(piece), (rows, walk))),
                Ok(None) => None,
                Err(error) => {
                    rows.is_broken = true;
                    Some((Err(error), (rows, Walk::Done)))
                }
            }
        })
        .boxed())
    }

    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Goes where the first row is, for directions that name one.
    async fn prepared(&mut self, direction: Direction) -> Result<Walk> {
        match direction {
            Direction::Forward(rows) => Ok(Walk::Forward(rows.unwrap_or(u64::MAX))),
            Direction::Backward(rows) => {
                self.check_goes_back()?;
                Ok(Walk::Backward(rows.unwrap_or(u64::MAX)))
            }
            Direction::Relative(0) => {
                if self.position > 0 && self.position <= self.pulled {
                    self.check_goes_back()?;
                }
                Ok(Walk::Here)
            }
            Direction::Relative(rows) => match self.position.checked_add_signed(rows) {
                Some(row) => self.go_to(row).await,
                None => self.go_to(0).await,
            },
            Direction::Absolute(row) if row >= 0 => self.go_to(row.unsigned_abs()).await,
            Direction::Absolute(from_end) => {
                self.check_goes_back()?;
                while self.pull().await? {}
                self.go_to((self.pulled + 1).saturating_sub(from_end.unsigned_abs())).await
            }
        }
    }

    /// Stands on a row, or before the first, or behind the last.
    async fn go_to(&mut self, row: u64) -> Result<Walk> {
        if row <= self.position && !(row == 0 && self.position == 0) {
            self.check_goes_back()?;
        }
        while self.pulled < row && self.pull().await? {
            if !self.goes_back {
                self.position = self.pulled.min(row.saturating_sub(1));
                self.give_up_passed();
            }
        }
        self.position = row.min(self.pulled + 1);
        Ok(Walk::Here)
    }

    fn check_goes_back(&self) -> Result<()> {
        if self.goes_back { Ok(()) } else { Err(message::cursor_scans_forward()) }
    }

    async fn step(&mut self, walk: Walk) -> Result<Option<(RecordBatch, Walk)>> {
        match walk {
            Walk::Forward(most) if most > 0 => Ok(self.forward(most).await?.map(|piece| {
                let left = most - piece.num_rows() as u64;
                (piece, Walk::Forward(left))
            })),
            Walk::Backward(most) if most > 0 => Ok(self.backward(most)?.map(|piece| {
                let left = most - piece.num_rows() as u64;
                (piece, Walk::Backward(left))
            })),
            Walk::Here => Ok(self.piece(self.position, 1).map(|piece| (piece, Walk::Done))),
            Walk::Forward(_) | Walk::Backward(_) | Walk::Done => Ok(None),
        }
    }

    async fn forward(&mut self, most: u64) -> Result<Option<RecordBatch>> {
        let row = self.position + 1;
        while self.pulled < row && self.pull().await? {}
        let piece = self.piece(row, most);
        match &piece {
            Some(piece) => self.position += piece.num_rows() as u64,
            None => self.position = self.pulled + 1,
        }
        if !self.goes_back {
            self.give_up_passed();
        }
        Ok(piece)
    }

    fn backward(&mut self, most: u64) -> Result<Option<RecordBatch>> {
        let Some(last) = self.position.checked_sub(1).filter(|row| *row > 0) else {
            self.position = 0;
            return Ok(None);
        };
        let Some((batch, start)) = self.batch_of(last) else {
            return Err(message::internal("a cursor lost a row"));
        };
        let count = (last - start + 1).min(most);
        let rows: UInt64Array = (0..count).map(|back| last - start - back).collect::<Vec<_>>().into();
        let piece = take_record_batch(batch, &rows)?;
        self.position = last - count + 1;
        Ok(Some(piece))
    }

    /// Rows from this one on, out of its batch.
    fn piece(&self, row: u64, most: u64) -> Option<RecordBatch> {
        let (batch, start) = self.batch_of(row)?;
        let offset = usize::try_from(row - start).ok()?;
        let length = (batch.num_rows() - offset).min(usize::try_from(most).unwrap_or(usize::MAX));
        Some(batch.slice(offset, length))
    }

    /// The batch that holds a row, and the number of its first.
    fn batch_of(&self, row: u64) -> Option<(&RecordBatch, u64)> {
        if row < self.first {
            return None;
        }
        let mut start = self.first;
        for batch in &self.kept {
            let behind = start + batch.num_rows() as u64;
            if row < behind {
                return Some((batch, start));
            }
            start = behind;
        }
        None
    }

    /// False when there are no more.
    async fn pull(&mut self) -> Result<bool> {
        while !self.is_whole {
            match self.batches.next().await.transpose()? {
                Some(batch) if batch.num_rows() > 0 => {
                    self.pulled += batch.num_rows() as u64;
                    self.bytes += batch.get_array_memory_size();
                    if self.goes_back && self.bytes > self.bytes_max {
                        return Err(message::cursor_holds_too_much(self.bytes_max));
                    }
                    self.kept.push_back(batch);
                    return Ok(true);
                }
                Some(_) => {}
                None => {
                    self.is_whole = true;
                    // What ran behind it ends.
                    self.batches = stream::empty().boxed();
                }
            }
        }
        Ok(false)
    }

    fn give_up_passed(&mut self) {
        while let Some(batch) = self.kept.front() {
            let behind = self.first + batch.num_rows() as u64;
            if behind > self.position + 1 {
                break;
            }
            self.first = behind;
            self.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use tokio::sync::Mutex;

    use super::*;

    /// The rows 1 to 7 in batches of 3, 0, 2 and 2.
    fn seven(goes_back: bool) -> Arc<Mutex<Scroll>> {
        let batch = |numbers: std::ops::Range<i64>| {
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
            Ok(RecordBatch::try_from_iter([("n", numbers)]).unwrap())
        };
        let batches = stream::iter([batch(1..4), batch(4..4), batch(4..6), batch(6..8)]).boxed();
        Arc::new(Mutex::new(Scroll::new(batches, goes_back, 1 << 20)))
    }

    async fn fetch(rows: &Arc<Mutex<Scroll>>, direction: Direction) -> Result<Vec<i64>> {
        let mut stream = Scroll::fetch(Arc::clone(rows).try_lock_owned().unwrap(), direction).await?;
        let mut numbers = Vec::new();
        while let Some(piece) = stream.next().await.transpose()? {
            numbers.extend(piece.column(0).as_primitive::<Int64Type>().values());
        }
        Ok(numbers)
    }

    /// What PostgreSQL 15 gives for `DECLARE c SCROLL CURSOR FOR SELECT generate_series(1, 7)`.
    #[tokio::test]
    async fn a_cursor_goes_to_and_fro_as_postgresqls() {
        let rows = seven(true);
        for (direction, expected) in [
            (Direction::Relative(0), vec![]),
            (Direction::Forward(Some(2)), vec![1, 2]),
            (Direction::Relative(0), vec![2]),
            (Direction::Forward(Some(3)), vec![3, 4, 5]),
            (Direction::Backward(Some(2)), vec![4, 3]),
            (Direction::Absolute(-1), vec![7]),
            (Direction::Forward(Some(1)), vec![]),
            (Direction::Backward(None), vec![7, 6, 5, 4, 3, 2, 1]),
            (Direction::Backward(Some(1)), vec![]),
            (Direction::Forward(None), vec![1, 2, 3, 4, 5, 6, 7]),
            (Direction::Relative(-3), vec![5]),
            (Direction::Absolute(9), vec![]),
            (Direction::Backward(Some(1)), vec![7]),
            (Direction::Absolute(0), vec![]),
            (Direction::Relative(2), vec![2]),
            (Direction::Absolute(-7), vec![1]),
            (Direction::Absolute(-8), vec![]),
            (Direction::Forward(Some(1)), vec![1]),
        ] {
            assert_eq!(fetch(&rows, direction).await.unwrap(), expected, "{direction:?}");
        }
    }

    #[tokio::test]
    async fn one_that_does_not_go_back_keeps_one_batch() {
        let rows = seven(false);
        assert_eq!(fetch(&rows, Direction::Absolute(2)).await.unwrap(), [2]);
        for back in
            [Direction::Backward(Some(1)), Direction::Relative(0), Direction::Absolute(1), Direction::Absolute(-1)]
        {
            assert_eq!(fetch(&rows, back).await.unwrap_err().state().code(), "55000", "{back:?}");
        }
        assert_eq!(fetch(&rows, Direction::Relative(3)).await.unwrap(), [5]);
        assert!(rows.lock().await.kept.len() <= 1);
        assert_eq!(fetch(&rows, Direction::Forward(None)).await.unwrap(), [6, 7]);
        assert_eq!(fetch(&rows, Direction::Forward(None)).await.unwrap(), [0_i64; 0]);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let rows = seven(true);
        rows.lock().await.bytes_max = 1;
        assert_eq!(fetch(&rows, Direction::Forward(None)).await.unwrap_err().state().code(), "53400");
    }
}
