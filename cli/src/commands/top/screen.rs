//! The live view on a terminal.

use super::columns::{self, Column};
use super::rows::{Look, Watch};
use super::view::{Order, View, cells, summary};
use crate::failure::{Failure, Outcome};
use nix::sys::signal::{Signal, raise};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Style, Stylize};
use ratatui::widgets::{Paragraph, Row as Line, Table, TableState, Wrap};
use std::time::{Duration, Instant};

/// The summary takes no more lines than this.
const HEAD: u16 = 3;

const HELP: &str = "M memory  G growth  N name  R reverse  o orphans  space look now  q quit";

/// Shows it until somebody quits.
pub(super) fn run(
    watch: &mut Watch,
    view: View,
    delay: Duration,
    iterations: Option<u32>,
) -> Outcome {
    let cannot = |why| Failure::io("cannot use the terminal", why);
    let mut terminal = ratatui::try_init().map_err(cannot)?;
    let mut screen = Screen {
        view,
        look: watch.look(),
        state: TableState::default().with_selected(0),
        help: false,
        coloured: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let done = screen.live(&mut terminal, watch, delay, iterations);
    let restored = ratatui::try_restore();
    done.and(restored).map_err(cannot)?;
    Ok(0)
}

struct Screen {
    view: View,
    look: Look,
    state: TableState,
    help: bool,
    coloured: bool,
}

/// What a key asks for.
#[derive(PartialEq, Eq)]
enum Wish {
    Nothing,
    Look,
    Suspend,
    Quit,
}

impl Screen {
    fn live(
        &mut self,
        terminal: &mut DefaultTerminal,
        watch: &mut Watch,
        delay: Duration,
        iterations: Option<u32>,
    ) -> std::io::Result<()> {
        let mut looks = 1;
        let mut next = Instant::now() + delay;
        loop {
            terminal.draw(|frame| self.draw(frame))?;
            let wish = match event::poll(next.saturating_duration_since(Instant::now()))? {
                false => Wish::Look,
                true => match event::read()? {
                    Event::Key(key) if key.kind == KeyEventKind::Press => self.pressed(key),
                    _ => Wish::Nothing,
                },
            };
            match wish {
                Wish::Quit => return Ok(()),
                Wish::Nothing => {}
                Wish::Suspend => {
                    ratatui::try_restore()?;
                    raise(Signal::SIGTSTP)?;
                    *terminal = ratatui::try_init()?;
                }
                Wish::Look if iterations.is_some_and(|most| looks >= most) => return Ok(()),
                Wish::Look => {
                    self.look = watch.look();
                    looks += 1;
                    next = Instant::now() + delay;
                }
            }
        }
    }

    fn pressed(&mut self, key: KeyEvent) -> Wish {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'd') => Wish::Quit,
                KeyCode::Char('z') => Wish::Suspend,
                _ => Wish::Nothing,
            };
        }
        const PAGE: u16 = 10;
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Char(' ') | KeyCode::Enter => return Wish::Look,
            KeyCode::Char('M' | 'm' | 's') => self.view.order = Order::Size,
            KeyCode::Char('G' | 'g') => self.view.order = Order::Growth,
            KeyCode::Char('N' | 'n') => self.view.order = Order::Name,
            KeyCode::Char('R' | 'r') => self.view.reverse = !self.view.reverse,
            KeyCode::Char('o') => self.view.orphans = !self.view.orphans,
            KeyCode::Char('h' | '?') => self.help = !self.help,
            KeyCode::Down | KeyCode::Char('j') => self.state.select_next(),
            KeyCode::Up | KeyCode::Char('k') => self.state.select_previous(),
            KeyCode::PageDown => self.state.scroll_down_by(PAGE),
            KeyCode::PageUp => self.state.scroll_up_by(PAGE),
            KeyCode::Home => self.state.select_first(),
            KeyCode::End => self.state.select_last(),
            _ => {}
        }
        Wish::Nothing
    }

    fn draw(&mut self, frame: &mut ratatui::Frame) {
        let text = summary(&self.look);
        let width = usize::from(frame.area().width.max(1));
        let height = text.len().div_ceil(width).min(usize::from(HEAD));
        let areas = Layout::vertical([
            Constraint::Length(u16::try_from(height).unwrap_or(HEAD)),
            Constraint::Length(1),
            Constraint::Min(2),
        ]);
        let [head, keys, body] = areas.areas(frame.area());
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), head);
        let line = match (self.help, self.view.orphans) {
            (true, _) => HELP.to_owned(),
            (false, true) => "orphans only (o shows all; h for help)".to_owned(),
            (false, false) => format!("{} (h for help)", self.order()),
        };
        frame.render_widget(Paragraph::new(line).dim(), keys);
        let rows = self.view.apply(&self.look.rows);
        let columns = columns::fitting(&rows, width);
        let lines = rows.iter().map(|row| {
            let style = match (row.is_orphan, row.growth > 0) {
                _ if !self.coloured => Style::new(),
                (true, _) => Style::new().yellow(),
                (false, true) => Style::new().red(),
                (false, false) => Style::new(),
            };
            let texts = cells(row);
            let texts = columns.iter().map(|column| column.cell(&texts));
            Line::new(texts).style(style)
        });
        let headings = columns.iter().map(Column::heading);
        let widths = columns.iter().map(|column| column.width);
        let table = Table::new(lines, widths)
            .column_spacing(columns::GAP)
            .header(Line::new(headings).bold())
            .row_highlight_style(Style::new().reversed());
        frame.render_stateful_widget(table, body, &mut self.state);
    }

    fn order(&self) -> &'static str {
        match self.view.order {
            Order::Size => "by memory in use",
            Order::Growth => "by growth since the start",
            Order::Name => "by name",
        }
    }
}
