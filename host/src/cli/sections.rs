//! Groups of names and values, each group below its title.

use unicode_width::UnicodeWidthStr as _;

use super::ui::{HEADING, styled};

/// A name and what is said of it.
pub(super) type Line = (String, String);

/// A title with its lines.
pub(super) type Section = (&'static str, Vec<Line>);

/// The sections that have lines, all values in one column; there is an empty line between two.
#[must_use]
pub(super) fn sections(sections: &[Section]) -> String {
    // What stands alone in its line needs no column.
    let lines = sections.iter().flat_map(|(_, lines)| lines).filter(|(_, what)| !what.is_empty());
    let width = lines.map(|(name, _)| name.width()).max().unwrap_or(0);
    let shown = sections.iter().filter(|(_, lines)| !lines.is_empty()).map(|(title, lines)| {
        let mut text = styled(HEADING, title);
        for (name, what) in lines {
            let padding = " ".repeat(width.saturating_sub(name.width()));
            text.push_str(format!("\n  {name}{padding}  {what}").trim_end());
        }
        text
    });
    shown.collect::<Vec<_>>().join("\n\n")
}
