//! Tables without lines: a bold heading and aligned columns, as the tools of this trade have.

use anstyle::Style;
use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};

/// Where a column's text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a heading.
pub(crate) struct Table {
    headings: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub(crate) fn new(headings: Vec<(&'static str, Align)>) -> Self {
        Self {
            headings,
            rows: Vec::new(),
        }
    }

    /// Adds a row, one text per column.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.headings.len());
        self.rows.push(row);
    }

    /// The text, with a line feed at its end.
    pub(crate) fn render(&self) -> String {
        let mut grid = Grid::new();
        grid.load_preset(presets::NOTHING);
        grid.set_content_arrangement(ContentArrangement::Disabled);
        grid.set_header(self.headings.iter().map(|(heading, _)| *heading));
        grid.add_rows(&self.rows);
        for (column, (_, align)) in grid.column_iter_mut().zip(&self.headings) {
            column.set_padding((0, 2));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        let bold = Style::new().bold();
        let mut text = String::new();
        for (number, line) in grid.lines().enumerate() {
            let line = line.trim_end();
            match number {
                0 => text += &format!("{bold}{line}{bold:#}\n"),
                _ => text += &format!("{line}\n"),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let mut table = Table::new(vec![("NAME", Align::Left), ("SIZE", Align::Right)]);
        table.push(vec!["a".into(), "1000".into()]);
        table.push(vec!["longer".into(), "1".into()]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "NAME    SIZE\na       1000\nlonger     1\n");
    }
}
