//! Rows as COPY sends them: lines of text or CSV, or PostgreSQL's binary file, byte for byte.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::{BufMut, BytesMut};

use super::binary::{self, Layout};
use super::value::Column;
use super::{ROW_BYTES_MAX, set_length, text};
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::session::TextFormat;
use crate::sql::statement::{CopyFormat, CopyOptions, ForceQuote};
use crate::statement::outcome::OutputColumn;

/// What a binary file begins with; flags and the length of an extension follow.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Writes the rows of one COPY as CopyData messages.
pub(in crate::wire) struct CopyEncoder {
    options: CopyOptions,
    columns: Arc<[OutputColumn]>,
    layouts: Vec<Layout>,
    /// Whether the values of a column are quoted whatever they are.
    is_forced: Vec<bool>,
    format: TextFormat,
}

impl CopyEncoder {
    pub fn new(options: CopyOptions, columns: Arc<[OutputColumn]>, format: TextFormat) -> Self {
        let layouts = columns.iter().map(|column| Layout::of(column.pg_type)).collect();
        let is_forced = columns
            .iter()
            .map(|column| match &options.force_quote {
                ForceQuote::All => true,
                ForceQuote::Columns(names) => names.contains(&column.name),
            })
            .collect();
        Self { options, columns, layouts, is_forced, format }
    }

    pub fn is_binary(&self) -> bool {
        self.options.format == CopyFormat::Binary
    }

    /// What stands before the rows: the names of the columns, where they are asked for. The head of a binary file goes
    /// with its first row, as PostgreSQL sends it.
    pub fn header(&self, out: &mut BytesMut) -> Result<()> {
        if !self.options.header {
            return Ok(());
        }
        self.message(out, |out| {
            for (at, column) in self.columns.iter().enumerate() {
                if at > 0 {
                    out.put_u8(self.options.delimiter);
                }
                self.field(out, column.name.as_bytes(), false);
            }
            out.put_u8(b'\n');
            Ok(())
        })
    }

    /// What stands behind the rows. `rows`: whether there were any.
    pub fn trailer(&self, rows: bool, out: &mut BytesMut) -> Result<()> {
        if !self.is_binary() {
            return Ok(());
        }
        self.message(out, |out| {
            if !rows {
                file_head(out);
            }
            out.put_i16(-1);
            Ok(())
        })
    }

    /// Prepares a batch; its columns are those announced.
    pub fn batch<'a>(&'a self, batch: &'a RecordBatch) -> CopyBatch<'a> {
        CopyBatch { encoder: self, columns: batch.columns().iter().map(|array| Column::new(array.as_ref())).collect() }
    }

    fn message(&self, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
        let start = out.len();
        out.put_u8(b'd');
        out.put_i32(0);
        write(out)?;
        let length = out.len() - start - 1;
        if length > ROW_BYTES_MAX {
            return Err(message::row_too_long(length, ROW_BYTES_MAX));
        }
        set_length(out, start + 1, length);
        Ok(())
    }

    /// Appends a value's text, with what sets it off from its neighbours.
    fn field(&self, out: &mut BytesMut, value: &[u8], is_forced: bool) {
        match self.options.format {
            CopyFormat::Csv => self.csv_field(out, value, is_forced),
            _ => self.text_field(out, value),
        }
    }

    fn text_field(&self, out: &mut BytesMut, value: &[u8]) {
        for byte in value {
            let named = match byte {
                b'\\' => b'\\',
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                byte if *byte == self.options.delimiter => *byte,
                byte => {
                    out.put_u8(*byte);
                    continue;
                }
            };
            out.put_u8(b'\\');
            out.put_u8(named);
        }
    }

    fn csv_field(&self, out: &mut BytesMut, value: &[u8], is_forced: bool) {
        let CopyOptions { delimiter, quote, escape, null, .. } = &self.options;
        let is_special = |byte: &u8| [*delimiter, *quote, b'\n', b'\r'].contains(byte);
        // Alone on its line, `\.` would be the end of the data.
        let is_end = self.columns.len() == 1 && value == b"\\.";
        if !(is_forced || is_end || value == null.as_bytes() || value.iter().any(is_special)) {
            return out.put_slice(value);
        }
        out.put_u8(*quote);
        for byte in value {
            if byte == quote || byte == escape {
                out.put_u8(*escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(*quote);
    }
}

/// Writes the rows of one batch.
pub(in crate::wire) struct CopyBatch<'a> {
    encoder: &'a CopyEncoder,
    columns: Vec<Column<'a>>,
}

impl CopyBatch<'_> {
    /// Appends a row's message. `is_first`: of the whole COPY.
    pub fn row(&self, row: usize, is_first: bool, out: &mut BytesMut) -> Result<()> {
        let encoder = self.encoder;
        encoder
            .message(out, |out| if encoder.is_binary() { self.binary(row, is_first, out) } else { self.line(row, out) })
    }

    fn line(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let encoder = self.encoder;
        let mut value_text = BytesMut::new();
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.put_u8(encoder.options.delimiter);
            }
            let Some(value) = column.at(row) else {
                out.put_slice(encoder.options.null.as_bytes());
                continue;
            };
            value_text.clear();
            match encoder.columns[at].pg_type {
                PgType::UUID => text::write_uuid(&mut value_text, &value, &encoder.format),
                PgType::REGPROC => text::write_regproc(&mut value_text, &value, &encoder.format),
                PgType::INT2VECTOR | PgType::OIDVECTOR => text::write_vector(&mut value_text, &value, &encoder.format),
                _ => text::write(&mut value_text, &value, &encoder.format),
            }
            encoder.field(out, &value_text, encoder.is_forced[at]);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    fn binary(&self, row: usize, is_first: bool, out: &mut BytesMut) -> Result<()> {
        if is_first {
            file_head(out);
        }
        out.put_i16(self.columns.len() as i16);
        for (column, layout) in self.columns.iter().zip(&self.encoder.layouts) {
            let Some(value) = column.at(row) else {
                out.put_i32(-1);
                continue;
            };
            let length_at = out.len();
            out.put_i32(0);
            binary::write(out, &value, *layout, &self.encoder.format)?;
            let length = out.len() - length_at - 4;
            set_length(out, length_at, length);
        }
        Ok(())
    }
}

fn file_head(out: &mut BytesMut) {
    out.put_slice(SIGNATURE);
    out.put_i32(0);
    out.put_i32(0);
}
