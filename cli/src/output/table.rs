//! Tables without lines: a bold heading and aligned columns, as the tools of this trade have.

use anstyle::Style;
use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};
use ratatui::text::Span;

/// Where a column's text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Blanks between columns.
const GAP: usize = 2;
/// No text is cut to less than this, as long as a column is left that can be done without.
const SHORTEST: usize = 16;
/// Nor to less than this.
const LAST_RESORT: usize = 6;
/// Columns whose texts are of no use without their ends.
const WHOLE: [&str; 4] = ["CHANGED", "ATTACHED", "DETACHED", "SINCE"];
/// Columns that a narrow window does without, the first of these first.
const DISPENSABLE: [&str; 17] = [
    "NAMESPACES",
    "DETACHED",
    "GROUP",
    "CREATOR",
    "ATTACHED",
    "INNER",
    "CONTAINER",
    "MODE",
    "CHANGED",
    "WRITTEN",
    "STATUS",
    "USED",
    "LPID",
    "CPID",
    "RES",
    "SINCE",
    "OWNER",
];

/// Columns of the window that the output goes to, if it goes to one.
fn window_width() -> Option<usize> {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (width, _) = ratatui::crossterm::terminal::size().ok()?;
    (width > 0).then_some(width.into())
}

/// How many columns of a window a text takes: characters of some scripts take two.
pub(crate) fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// So much of a text as fits into `length` columns, the last of them a mark if that is not all.
pub(crate) fn shortened(text: &str, length: usize) -> String {
    if columns(text) <= length {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        let before = kept.len();
        kept.push(character);
        if columns(&kept) >= length {
            kept.truncate(before);
            break;
        }
    }
    kept + "…"
}

/// Rows under a heading.
#[derive(Clone)]
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

    /// The text, with a line feed at its end; on a terminal no wider than its window.
    pub(crate) fn render(&self) -> String {
        match window_width() {
            Some(width) => self.fitted(width).drawn(),
            None => self.drawn(),
        }
    }

    /// A table that takes no more than `width` columns, as far as that can be: the longest texts are
    /// cut first, then columns go, those first that are missed least.
    fn fitted(&self, width: usize) -> Self {
        let mut table = self.clone();
        let mut shortest = SHORTEST;
        loop {
            let widths = table.widths();
            let excess = (widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1))
                .saturating_sub(width);
            if excess == 0 {
                return table;
            }
            let cuttable = widths.iter().enumerate().zip(&table.headings);
            let longest = cuttable
                .filter(|((_, length), (heading, align))| {
                    *align == Align::Left && **length > shortest && !WHOLE.contains(heading)
                })
                .max_by_key(|((_, length), _)| **length)
                .map(|((column, length), _)| (column, *length));
            match longest {
                Some((column, length)) => {
                    let length = length.saturating_sub(excess).max(shortest);
                    table.cut(column, length);
                }
                None if table.drop_one() => {}
                None if shortest == LAST_RESORT => return table,
                None => shortest = LAST_RESORT,
            }
        }
    }

    fn widths(&self) -> Vec<usize> {
        let places = 0..self.headings.len();
        let longest = |column: usize| {
            let texts = self.rows.iter().filter_map(|row| row.get(column));
            texts.map(|text| columns(text)).max().unwrap_or(0)
        };
        places
            .map(|column| longest(column).max(self.headings[column].0.len()))
            .collect()
    }

    /// Texts of a column keep so many columns of the window.
    fn cut(&mut self, column: usize, length: usize) {
        for text in self.rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            *text = shortened(text, length);
        }
    }

    /// Takes away the column that is missed least; false if all that are left are needed.
    fn drop_one(&mut self) -> bool {
        let place = |name: &&str| {
            self.headings
                .iter()
                .position(|(heading, _)| heading == name)
        };
        let Some(column) = DISPENSABLE.iter().find_map(place) else {
            return false;
        };
        self.headings.remove(column);
        for row in &mut self.rows {
            row.remove(column);
        }
        true
    }

    fn drawn(&self) -> String {
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
    fn narrow_windows_cut_long_texts_and_do_without_columns() {
        let mut table = Table::new(vec![
            ("NAME", Align::Left),
            ("MODE", Align::Right),
            ("SIZE", Align::Right),
        ]);
        table.push(vec![
            "a-name-of-thirty-characters-xx".into(),
            "600".into(),
            "1".into(),
        ]);
        let shown = |width| anstream::adapter::strip_str(&table.fitted(width).drawn()).to_string();
        assert!(shown(80).contains("-xx   600     1\n"), "{}", shown(80));
        assert_eq!(
            shown(30),
            "NAME                MODE  SIZE\na-name-of-thirty-…   600     1\n"
        );
        assert_eq!(
            shown(22),
            "NAME              SIZE\na-name-of-thirt…     1\n"
        );
        assert_eq!(shown(14), "NAME      SIZE\na-name-…     1\n");
        assert_eq!(shown(5), "NAME    SIZE\na-nam…     1\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(shortened("日本語", 6), "日本語");
        assert_eq!(shortened("日本語", 5), "日本…");
        assert_eq!(shortened("日本語", 4), "日…");
        assert_eq!(shortened("name", 4), "name");
        assert_eq!(shortened("names", 4), "nam…");
    }

    #[test]
    fn moments_stay_whole_or_go() {
        let mut table = Table::new(vec![("ID", Align::Right), ("CHANGED", Align::Left)]);
        table.push(vec!["1".into(), "2026-11-27 16:30:00".into()]);
        let shown = |width| anstream::adapter::strip_str(&table.fitted(width).drawn()).to_string();
        assert_eq!(shown(23), "ID  CHANGED\n 1  2026-11-27 16:30:00\n");
        assert_eq!(shown(22), "ID\n 1\n");
    }

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let mut table = Table::new(vec![("NAME", Align::Left), ("SIZE", Align::Right)]);
        table.push(vec!["a".into(), "1000".into()]);
        table.push(vec!["longer".into(), "1".into()]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "NAME    SIZE\na       1000\nlonger     1\n");
    }
}
