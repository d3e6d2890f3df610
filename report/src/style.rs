//! Colours, for whoever shows text on a terminal.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The name of a call.
    Call,
    /// An error.
    Error,
    /// The object that a line is about.
    Object,
    /// Process, time: beside the point.
    Aside,
    /// A heading.
    Heading,
    /// Good news.
    Good,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With terminal escapes.
    pub colour: bool,
}

impl Style {
    /// Plain text.
    pub const PLAIN: Style = Style { colour: false };

    /// The text in the role's colour.
    #[must_use]
    pub fn paint(self, role: Role, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match role {
            Role::Call => "1",
            Role::Error => "31",
            Role::Object => "36",
            Role::Aside => "2",
            Role::Heading => "1;4",
            Role::Good => "32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
