//! Text in aligned columns.

/// Rows of cells, the first row being the heads, as lines without trailing spaces.
#[must_use]
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Names and values, indented under a title.
#[must_use]
pub fn pairs(title: &str, pairs: &[(&str, String)]) -> String {
    let rows: Vec<_> = pairs
        .iter()
        .map(|(name, value)| vec![format!("  {name}"), value.clone()])
        .collect();
    format!("{title}\n{}", columns(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bcd"], ["äöü", ""]].map(|row| row.map(String::from).to_vec());
        assert_eq!(columns(&rows), "a    bcd\näöü\n");
        assert_eq!(pairs("t", &[("x", "1".into())]), "t\n  x  1\n");
    }
}
