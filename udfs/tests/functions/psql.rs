//! Answers as psql prints them, so that the documentation shows what a client shows. Blanks at line ends are left out.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The aligned format, with the count of rows below.
pub fn table(batches: &[RecordBatch]) -> String {
    let Some(first) = batches.first() else {
        return "(0 rows)\n".to_owned();
    };
    let schema = first.schema();
    let columns: Vec<Column> = (0..schema.fields().len())
        .map(|at| {
            let field = schema.field(at);
            let cells = batches.iter().flat_map(|batch| cells(batch.column(at).as_ref())).collect();
            Column { name: field.name().clone(), numeric: field.data_type().is_numeric(), cells }
        })
        .collect();
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let mut lines = vec![
        line(columns.iter().map(|column| column.centred()), " | "),
        columns.iter().map(|column| "-".repeat(column.width() + 2)).collect::<Vec<_>>().join("+"),
    ];
    lines.extend((0..rows).map(|row| line(columns.iter().map(|column| column.cell(row)), " | ")));
    lines.push(if rows == 1 { "(1 row)".to_owned() } else { format!("({rows} rows)") });
    lines.join("\n") + "\n"
}

struct Column {
    name: String,
    numeric: bool,
    cells: Vec<String>,
}

impl Column {
    fn width(&self) -> usize {
        self.cells.iter().chain([&self.name]).map(|text| text.chars().count()).max().unwrap_or(0)
    }

    fn centred(&self) -> String {
        let free = self.width() - self.name.chars().count();
        format!("{}{}{}", " ".repeat(free / 2), self.name, " ".repeat(free - free / 2))
    }

    fn cell(&self, row: usize) -> String {
        let (text, width) = (&self.cells[row], self.width());
        if self.numeric { format!("{text:>width$}") } else { format!("{text:<width$}") }
    }
}

fn line(cells: impl Iterator<Item = String>, separator: &str) -> String {
    let line = format!(" {}", cells.collect::<Vec<_>>().join(separator));
    line.trim_end().to_owned()
}

fn cells(array: &dyn Array) -> Vec<String> {
    let options = FormatOptions::new()
        .with_null("")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f+00"));
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len())
        .map(|row| match (array.data_type(), formatter.value(row).to_string().as_str()) {
            (DataType::Boolean, "true") => "t".to_owned(),
            (DataType::Boolean, "false") => "f".to_owned(),
            (_, text) => text.to_owned(),
        })
        .collect()
}
