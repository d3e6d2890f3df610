//! The results as a picture: partage's time and that by hand in units of the kernel's, on a logarithmic scale.

use partage_bench::case::Table;

use crate::measure::Row;

const LEFT: f64 = 250.0;
const WIDTH: f64 = 560.0;
const TOP: f64 = 64.0;
const LINE: f64 = 24.0;
/// The ratios at both ends of the scale.
const LEAST: f64 = 0.03;
const MOST: f64 = 100.0;

const BLUE: &str = "#2b6cb0";
const GREY: &str = "#666";
const ORANGE: &str = "#c05621";

/// Draws the rows that are ratios of times.
pub(crate) fn draw(rows: &[Row]) -> String {
    let is_drawn = |row: &&Row| matches!(row.case.table, Table::Calls | Table::Processes);
    let rows: Vec<&Row> = rows.iter().filter(is_drawn).collect();
    let bottom = TOP + LINE * rows.len() as f64;
    let mut picture = Picture::new(LEFT + WIDTH + 70.0, bottom + 34.0);
    picture.text(16.0, 22.0, "start", "#000", "Time in units of the kernel's");
    picture.legend();
    picture.axis(bottom);
    for (number, row) in rows.iter().enumerate() {
        picture.row(row, TOP + LINE * number as f64);
    }
    picture.finish()
}

/// Where a ratio stands.
fn place(ratio: f64) -> f64 {
    let part = (ratio.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln();
    LEFT + WIDTH * part
}

struct Picture(String);

impl Picture {
    fn new(width: f64, height: f64) -> Picture {
        let mut picture = Picture(String::new());
        picture.add(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">"
        ));
        picture.bar((0.0, 0.0), width, height, "#fff");
        picture
    }

    fn add(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, colour: &str, words: &str) {
        self.add(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
        ));
    }

    fn bar(&mut self, (x, y): (f64, f64), width: f64, height: f64, colour: &str) {
        self.add(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        ));
    }

    fn ring(&mut self, x: f64, y: f64) {
        self.add(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"none\" stroke=\"{GREY}\" stroke-width=\"1.5\"/>"
        ));
    }

    fn legend(&mut self) {
        self.bar((LEFT, 34.0), 12.0, 10.0, BLUE);
        self.text(LEFT + 18.0, 43.0, "start", "#000", "partage");
        self.ring(LEFT + 90.0, 39.0);
        self.text(
            LEFT + 100.0,
            43.0,
            "start",
            "#000",
            "shm_open and mmap by hand",
        );
        self.bar((LEFT + 299.0, 32.0), 2.0, 14.0, ORANGE);
        self.text(LEFT + 308.0, 43.0, "start", "#000", "aim, at most");
    }

    fn axis(&mut self, bottom: f64) {
        for tick in [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0] {
            let colour = if tick == 1.0 { "#000" } else { "#ddd" };
            self.bar((place(tick), TOP), 1.0, bottom - TOP, colour);
            self.text(
                place(tick),
                bottom + 18.0,
                "middle",
                GREY,
                &tick.to_string(),
            );
        }
    }

    /// A bar from the kernel's time to partage's.
    fn row(&mut self, row: &Row, y: f64) {
        let Some(ours) = row.ratio(1) else { return };
        let middle = y + LINE / 2.0;
        self.text(LEFT - 10.0, middle + 4.0, "end", "#000", &row.case.name);
        let from = place(ours.min(1.0));
        let width = (place(ours.max(1.0)) - from).max(1.0);
        self.bar((from, y + 5.0), width, LINE - 10.0, BLUE);
        self.text(
            LEFT + WIDTH + 14.0,
            middle + 4.0,
            "start",
            BLUE,
            &format!("{ours:.2}"),
        );
        if let Some(by_hand) = row.ratio(2) {
            self.ring(place(by_hand), middle);
        }
        if let Some(aim) = row.case.target {
            self.bar((place(aim) - 1.0, y + 2.0), 2.0, LINE - 4.0, ORANGE);
        }
    }

    fn finish(mut self) -> String {
        self.add("</svg>");
        self.0
    }
}
