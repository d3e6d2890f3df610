//! What is made of a recording, all of it.

use partage_report::stream::Stream;
use partage_report::style::Style;
use partage_report::symbols::{Frame, Symbols};
use partage_report::text::{Options, Timestamps, Writer};
use partage_report::verdict::Verdict;
use partage_report::{Filter, Model, Recording, deaths, json, limits, perfetto, summary, timeline};

/// A recording's calls as text.
#[must_use]
pub fn lines(recording: &Recording, options: Options, filter: Filter) -> String {
    let (mut model, mut symbols) = (Model::default(), Symbols::new());
    let mut writer = Writer::new(options, filter);
    let mut text = String::new();
    for item in Stream::new(recording) {
        let applied = model.apply(&item);
        text += &writer.lines(&item, &applied, &model, &mut |event| {
            symbols
                .event(&model, &applied, event)
                .iter()
                .map(Frame::label)
                .collect()
        });
    }
    text
}

/// Shows a recording in every way; something that depends on all of them.
pub fn in_every_way(recording: &Recording) -> usize {
    let options = Options {
        timestamps: Timestamps::Wall,
        durations: true,
        callers: true,
        quiet: false,
        style: Style::PLAIN,
    };
    let filter = Filter::default();
    let model = Model::of(recording);
    let mut length = lines(recording, options, filter.clone()).len();
    length += summary::text(recording, &filter, Style::PLAIN).len();
    length += Verdict::of(recording, &model)
        .text(&model, &mut Symbols::new(), Style::PLAIN)
        .len();
    json::write(recording, &filter, &mut |line| length += line.len());
    perfetto::write(recording, &filter, &mut |piece| length += piece.len());
    length += timeline::draw(&model, &filter).len();
    let mut remarks = limits::remarks(recording, &model);
    remarks.extend(deaths::remarks(recording, &model));
    length + remarks.iter().map(String::len).sum::<usize>()
}
