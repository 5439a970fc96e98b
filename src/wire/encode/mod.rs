//! Rows of record batches as DataRow messages, text or binary, equal to PostgreSQL's byte for byte.
//!
//! Two steps that know nothing of each other: `value` reads an Arrow array at a row (whatever its encoding), and
//! `text` or `binary` writes that value. Bytes go straight into the connection's output buffer; for the common types
//! nothing is allocated per value. Arrays are downcast once per batch.
//!
//! Text is decided by what the array holds. Binary is decided by the announced type, whose layout the client expects;
//! a type without a counterpart in PostgreSQL was announced as text and arrives as Arrow prints it.

mod binary;
mod copy;
mod digits;
mod interval;
mod moment;
mod parquet;
mod text;
mod value;

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use bytes::{BufMut, BytesMut};

use self::binary::Layout;
pub(super) use self::copy::CopyEncoder;
pub(super) use self::parquet::ParquetEncoder;
use self::value::Column;
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::session::TextFormat;
use crate::statement::outcome::OutputColumn;

/// PostgreSQL's bound of one message, which drivers rely on.
const ROW_BYTES_MAX: usize = (1 << 30) - 1;

/// How the values of a column, or a parameter, are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

impl Format {
    /// Reads a format code of the protocol. Anything but 0 and 1 is refused (22023).
    pub fn of_code(code: i16) -> Result<Self> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(message::unsupported_format_code(code)),
        }
    }

    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// A value as PostgreSQL's text; `None` for NULL. For doors that compare single values; rows go through
/// [`RowEncoder`].
pub fn text_value(array: &dyn Array, row: usize, format: &TextFormat) -> Option<String> {
    let column = Column::new(array);
    let value = column.at(row)?;
    let mut out = BytesMut::new();
    text::write(&mut out, &value, format);
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// A value as the text of a column that was announced as this type; `None` for NULL.
pub fn announced_text(array: &dyn Array, row: usize, pg_type: PgType, format: &TextFormat) -> Option<String> {
    let write = match pg_type {
        PgType::REGPROC => text::write_regproc,
        PgType::INT2VECTOR | PgType::OIDVECTOR => text::write_vector,
        _ => return text_value(array, row, format),
    };
    let mut out = BytesMut::new();
    write(&mut out, &Column::new(array).at(row)?, format);
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// A UUID as text; `None` for NULL.
pub fn uuid_text(array: &dyn Array, row: usize) -> Option<String> {
    let column = Column::new(array);
    let value = column.at(row)?;
    let mut out = BytesMut::new();
    text::write_uuid(&mut out, &value, &TextFormat::UTC);
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Writes the rows of one result.
pub(super) struct RowEncoder {
    columns: Arc<[OutputColumn]>,
    /// One for each column.
    formats: Vec<Format>,
    text: TextFormat,
}

impl RowEncoder {
    /// `formats` as Bind gives them: none for all text, one for all, or one for each column (else 08P01).
    pub fn new(columns: Arc<[OutputColumn]>, formats: &[Format], text: TextFormat) -> Result<Self> {
        let formats = expand_formats(formats, columns.len())?;
        Ok(Self { columns, formats, text })
    }

    /// Prepares a batch; its columns must be those announced.
    pub fn batch<'a>(&'a self, batch: &'a RecordBatch) -> Result<BatchEncoder<'a>> {
        if batch.num_columns() != self.columns.len() {
            return Err(message::internal(format!(
                "a batch has {} columns where {} were announced",
                batch.num_columns(),
                self.columns.len()
            )));
        }
        let columns = batch
            .columns()
            .iter()
            .zip(&self.formats)
            .zip(self.columns.iter())
            .map(|((array, format), announced)| {
                let layout = Layout::of(announced.pg_type);
                let column = Column::new(array.as_ref());
                match format {
                    // Only here a text depends on more than the array: sixteen bytes are printed as a UUID, the number
                    // of a function as its name, a vector of the catalog without braces.
                    Format::Text if layout == Layout::Uuid => (column, Form::UuidText),
                    Format::Text if announced.pg_type == PgType::REGPROC => (column, Form::RegprocText),
                    Format::Text if matches!(layout, Layout::Vector(_)) => (column, Form::VectorText),
                    Format::Text => (column, Form::Text),
                    Format::Binary => (column, Form::Binary(layout)),
                }
            })
            .collect();
        Ok(BatchEncoder { columns, text: self.text })
    }
}

/// Format codes as Bind gives them, spread over `columns`.
pub(super) fn expand_formats(formats: &[Format], columns: usize) -> Result<Vec<Format>> {
    match formats {
        [] => Ok(vec![Format::Text; columns]),
        [one] => Ok(vec![*one; columns]),
        _ if formats.len() == columns => Ok(formats.to_vec()),
        _ => Err(message::wrong_result_format_count(formats.len(), columns)),
    }
}

/// Writes the rows of one batch.
pub(super) struct BatchEncoder<'a> {
    columns: Vec<(Column<'a>, Form)>,
    text: TextFormat,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    UuidText,
    RegprocText,
    VectorText,
    Binary(Layout),
}

impl BatchEncoder<'_> {
    /// Appends a DataRow message. After an error, what was appended is to be cut off again.
    pub fn row(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        out.put_u8(b'D');
        out.put_i32(0);
        out.put_i16(self.columns.len() as i16);
        for (column, form) in &self.columns {
            let Some(value) = column.at(row) else {
                out.put_i32(-1);
                continue;
            };
            let length_at = out.len();
            out.put_i32(0);
            match form {
                Form::Text => text::write(out, &value, &self.text),
                Form::UuidText => text::write_uuid(out, &value, &self.text),
                Form::RegprocText => text::write_regproc(out, &value, &self.text),
                Form::VectorText => text::write_vector(out, &value, &self.text),
                Form::Binary(layout) => binary::write(out, &value, *layout, &self.text)?,
            }
            let length = out.len() - length_at - 4;
            check_row(out.len() - start)?;
            set_length(out, length_at, length);
        }
        let length = out.len() - start - 1;
        set_length(out, start + 1, length);
        Ok(())
    }
}

fn check_row(bytes: usize) -> Result<()> {
    if bytes > ROW_BYTES_MAX {
        return Err(message::row_too_long(bytes, ROW_BYTES_MAX));
    }
    Ok(())
}

/// Fills in a length that was left open; it fits since rows are bounded.
fn set_length(out: &mut BytesMut, at: usize, length: usize) {
    out[at..at + 4].copy_from_slice(&(length as i32).to_be_bytes());
}

/// Single values for tests.
#[cfg(test)]
pub(super) mod testing {
    use arrow::array::ArrayRef;
    use arrow::datatypes::{Field, Schema};

    use super::*;

    /// Writes a row of one column.
    pub fn row(
        array: &ArrayRef,
        pg_type: PgType,
        format: Format,
        text: &TextFormat,
        row: usize,
        out: &mut BytesMut,
    ) -> Result<()> {
        let column = OutputColumn { name: "x".into(), pg_type, relation: 0, number: 0 };
        let schema = Schema::new(vec![Field::new("x", array.data_type().clone(), true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(array)]).unwrap();
        let encoder = RowEncoder::new(Arc::new([column]), &[format], *text)?;
        encoder.batch(&batch)?.row(row, out)
    }

    /// The bytes of the first value, which must not be NULL.
    pub fn binary_value(array: &ArrayRef, pg_type: PgType, text: &TextFormat) -> Vec<u8> {
        let mut out = BytesMut::new();
        row(array, pg_type, Format::Binary, text, 0, &mut out).unwrap();
        out[11..].to_vec()
    }
}

#[cfg(test)]
mod tests;
