//! Places for the values of a plan's parameters.

use arrow::datatypes::FieldRef;
use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;

/// The values of a plan's parameters, `$1` first: put in before each run.
#[derive(Debug)]
pub struct Slots {
    fields: Vec<FieldRef>,
    values: Mutex<Vec<ScalarValue>>,
}

impl Slots {
    pub fn new(fields: Vec<FieldRef>) -> Self {
        Self { fields, values: Mutex::default() }
    }

    /// Whether these values are of the types that the plan was made for.
    pub fn fit(&self, values: &[ScalarValue]) -> bool {
        self.fields.len() == values.len()
            && self.fields.iter().zip(values).all(|(field, value)| *field.data_type() == value.data_type())
    }

    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    pub fn put(&self, values: Vec<ScalarValue>) {
        *self.values.lock() = values;
    }

    pub fn value(&self, at: usize) -> Option<ScalarValue> {
        self.values.lock().get(at).cloned()
    }
}
