//! What of the members is sent: the columns of the audience and the identifiers of the channel, or these alone where an ad
//! platform gets them hashed.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Schema, SchemaRef};
use serde_json::{Map, Value};

use super::Channel;
use super::identifier::phone;
use super::selection::{HELD_OUT, Judged, Verdict};
use crate::error::Result;
use crate::session::TextFormat;
use crate::wire::encode::text_value;

/// The columns of what is sent of a list with these columns.
pub fn columns(channel: &Channel, list: &Schema) -> SchemaRef {
    let own = list.fields().iter().filter(|field| is_sent(channel, field.name())).cloned();
    let identifiers = channel
        .identifiers
        .iter()
        .map(|identifier| Arc::new(Field::new(identifier.heading(channel.platform), DataType::Utf8, true)));
    Arc::new(Schema::new(own.chain(identifiers).collect::<Vec<_>>()))
}

/// Whether a column of the list is sent. Where the channel reads an identifier itself, that one holds.
fn is_sent(channel: &Channel, column: &str) -> bool {
    let is_identifier = channel.identifiers.iter().any(|identifier| identifier.column() == column);
    channel.platform.is_none() && !is_identifier && column != HELD_OUT
}

/// The deliverable rows of a batch that was judged, as they are sent.
pub fn formed(channel: &Channel, list: &Schema, batch: &RecordBatch, judged: &Judged) -> Result<RecordBatch> {
    let mask = judged.mask(Verdict::Deliverable);
    let own: Vec<usize> = (0..list.fields().len()).filter(|at| is_sent(channel, list.field(*at).name())).collect();
    let mut sent: Vec<ArrayRef> = match own.as_slice() {
        [] => Vec::new(),
        own => filter_record_batch(&batch.project(own)?, &mask)?.columns().to_vec(),
    };
    for values in &judged.identifiers {
        sent.push(filter(&StringArray::from(values.clone()), &mask)?);
    }
    Ok(RecordBatch::try_new(columns(channel, list), sent)?)
}

/// One line of CSV after RFC 4180 for each row, without the head. Missing values are empty.
///
/// `disarm` puts an apostrophe before text that a spreadsheet would run as a formula; telephone numbers stay as they are.
pub fn csv(batch: &RecordBatch, disarm: bool, out: &mut String) {
    for row in 0..batch.num_rows() {
        for (at, column) in batch.columns().iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            let Some(value) = text_value(column.as_ref(), row, &TextFormat::UTC) else { continue };
            let is_text = crate::planner::is_text(column.data_type());
            if disarm && is_text && would_run(&value) {
                cell(&format!("'{value}"), out);
            } else {
                cell(&value, out);
            }
        }
        out.push_str("\r\n");
    }
}

/// The first line.
pub fn csv_head(schema: &Schema, out: &mut String) {
    for (at, field) in schema.fields().iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        cell(field.name(), out);
    }
    out.push_str("\r\n");
}

fn would_run(value: &str) -> bool {
    value.starts_with(['=', '+', '-', '@', '\t', '\r']) && phone(value).is_none()
}

fn cell(value: &str, out: &mut String) {
    if value.contains([',', '"', '\r', '\n']) {
        out.push('"');
        out.push_str(&value.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(value);
    }
}

/// An object for each row. Booleans and small numbers are such in JSON; everything else is text, as a `bigint` is more than
/// what many readers of JSON take for a number.
pub fn objects(batch: &RecordBatch) -> Vec<Value> {
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| {
            let pairs = batch.columns().iter().zip(schema.fields());
            let pairs = pairs.map(|(column, field)| (field.name().clone(), json(column, row)));
            Value::Object(pairs.collect::<Map<_, _>>())
        })
        .collect()
}

fn json(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        _ => text_value(column.as_ref(), row, &TextFormat::UTC).map_or(Value::Null, Value::from),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Int64Array};

    use super::*;

    fn batch() -> RecordBatch {
        let text = |values: &[Option<&str>]| -> ArrayRef { Arc::new(values.iter().copied().collect::<StringArray>()) };
        RecordBatch::try_from_iter([
            ("member_id", Arc::new(Int64Array::from(vec![1, 2, -3])) as ArrayRef),
            ("note", text(&[Some("=1+1"), Some("a \"b\", c"), Some("-x")])),
            ("phone", text(&[Some("+46701234567"), None, Some("@sum")])),
            ("is_new", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ])
        .unwrap()
    }

    /// By hand, after RFC 4180.
    #[test]
    fn csv_is_that_of_rfc_4180_and_runs_nothing() {
        let batch = batch();
        let mut text = String::new();
        csv_head(&batch.schema(), &mut text);
        csv(&batch, true, &mut text);
        assert_eq!(
            text,
            "member_id,note,phone,is_new\r\n\
             1,'=1+1,+46701234567,t\r\n\
             2,\"a \"\"b\"\", c\",,\r\n\
             -3,'-x,'@sum,f\r\n"
        );
        let mut exact = String::new();
        csv(&batch.slice(0, 1), false, &mut exact);
        assert_eq!(exact, "1,=1+1,+46701234567,t\r\n");
    }

    #[test]
    fn identifiers_are_text_in_json() {
        assert_eq!(
            objects(&batch().slice(0, 1)),
            [serde_json::json!({"member_id": "1", "note": "=1+1", "phone": "+46701234567", "is_new": true})]
        );
    }
}
