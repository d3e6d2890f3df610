//! Writing SVG: shapes with classes, and text that is escaped.

use std::fmt::Write;

const CSS: &str = "\
text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#222}
.title{font-size:18px;font-weight:600}.aside{fill:#666;font-size:11px}.small{font-size:10px}
.inside{font-size:9px;fill:#fff}.bad{fill:#c01c28}.right{text-anchor:end}.mid{text-anchor:middle}
.axis{stroke:#888}.grid{stroke:#000;stroke-opacity:.06}.stripe{fill:#f4f5f7}
.life{fill:#cfd6e0;stroke:#8a97a8;stroke-width:.6}.open{stroke:#cfd6e0}
.removed{stroke:#222;stroke-width:1.6;fill:none}.leak{fill:#c01c28}.error{stroke:#c01c28;stroke-width:1.6}
.fd{fill-opacity:.55}.mapped{fill:#3584e4;fill-opacity:.35;stroke:#1c71d8;stroke-width:1}
.existing{fill:none;stroke:#26a269;stroke-width:1.4;stroke-dasharray:4 2}";

/// A document under construction.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// Writing to a string does not fail.
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(arguments);
    }

    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let text = escape(text);
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>\n"
        ));
    }

    pub(super) fn centred(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.text(x, y, &format!("{class} mid"), text);
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.put(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>\n"
        ));
    }

    /// A rectangle with a tooltip; `fill` may be empty where the class has one.
    pub(super) fn bar(&mut self, area: Area, class: &str, fill: &str, tip: &str) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let tip = escape(tip);
        let style = if fill.is_empty() {
            String::new()
        } else {
            format!(" fill=\"{fill}\"")
        };
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1.5\" \
             class=\"{class}\"{style}><title>{tip}</title></rect>\n"
        ));
    }

    pub(super) fn path(&mut self, data: &str, class: &str, tip: &str) {
        let tip = escape(tip);
        self.put(format_args!(
            "<path d=\"{data}\" class=\"{class}\"><title>{tip}</title></path>\n"
        ));
    }

    /// The document.
    pub(super) fn finish(self, width: f64, height: f64) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" \
             width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
             <style>{CSS}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Where a rectangle lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Text as XML allows it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_becomes_xml() {
        assert_eq!(escape("<a&\"\u{1}>"), "&lt;a&amp;&quot;\u{fffd}&gt;");
    }
}
