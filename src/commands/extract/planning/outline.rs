//! What `--dry-run` prints of a plan.

use crate::run::record::Layer;
use crate::text::figures;
use crate::text::table;
use serde::Serialize;

/// The keys of `--json`.
#[derive(Serialize)]
pub struct Outline<'a> {
    pub rows: u64,
    pub rows_done: u64,
    pub bytes_per_row: u64,
    /// Absent where rows are neither pooled nor projected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreduced_bytes_per_row: Option<u64>,
    pub batch_size: u64,
    pub step_size: u64,
    pub parts: u64,
    pub ram_budget_bytes: u64,
    pub ram_floor_bytes: u64,
    pub ram_forecast_bytes: u64,
    pub disk_needed_bytes: u64,
    pub layers: &'a [Layer],
}

impl Outline<'_> {
    pub fn table(&self) -> String {
        let facts = [
            (
                "rows",
                format!(
                    "{} ({} done)",
                    figures::count(self.rows),
                    figures::count(self.rows_done)
                ),
            ),
            (
                "bytes a row",
                figures::reduced(self.bytes_per_row, self.unreduced_bytes_per_row),
            ),
            ("batch size", figures::count(self.batch_size)),
            ("step size", figures::counted(self.step_size, "batch")),
            ("parts", figures::count(self.parts)),
            ("RAM budget", figures::bytes(self.ram_budget_bytes)),
            ("RAM floor", figures::bytes(self.ram_floor_bytes)),
            ("RAM forecast", figures::bytes(self.ram_forecast_bytes)),
            ("disk needed", figures::bytes(self.disk_needed_bytes)),
        ];
        let layer = |layer: &Layer| {
            let row = figures::row_shape(&layer.shape);
            let row = match &layer.activation {
                Some(activation) if *activation != layer.shape => {
                    format!("{row} of {}", figures::row_shape(activation))
                }
                _ => row,
            };
            vec![layer.name.clone(), row, layer.dtype.descr().to_owned()]
        };
        let heads = ["layer", "row", "dtype"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(heads)
            .chain(self.layers.iter().map(layer))
            .collect();
        format!(
            "{}\n{}",
            table::pairs("plan", &facts),
            table::columns(&rows)
        )
    }
}
