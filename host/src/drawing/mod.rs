//! Pictures of graphs: lines for a terminal, SVG, Mermaid, DOT. Knows boxes and arrows, and nothing of what they stand for.

mod dot;
mod fold;
mod lanes;
mod layers;
mod mermaid;
mod order;
mod svg;
#[cfg(test)]
mod tests;

pub use dot::dot;
pub use lanes::{Line, lines, widest};
pub use mermaid::mermaid;
pub use svg::svg;

/// What is to be drawn: boxes, and arrows between them that never lead in a circle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawing {
    /// The boxes, in the order in which they should come where nothing else counts.
    pub boxes: Vec<Shape>,
    /// The arrows.
    pub arrows: Vec<Arrow>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What stands in it.
    pub name: String,
    /// How it stands, in a word; boxes that are drawn as one are counted by it.
    pub state: Option<String>,
    /// What else is to be said, in a few words.
    pub detail: Option<String>,
    /// How it looks.
    pub tone: Tone,
}

/// How a box looks. Of boxes that are drawn as one, the last of these tones counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Nothing is known of it.
    #[default]
    Plain,
    /// It is of less importance.
    Faint,
    /// It was done before.
    Known,
    /// It was done.
    Good,
    /// It is under way.
    Active,
    /// It was stopped.
    Warning,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// All of them.
    const ALL: [Self; 7] =
        [Self::Plain, Self::Faint, Self::Known, Self::Good, Self::Active, Self::Warning, Self::Bad];

    /// Its name in style sheets.
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Faint => "faint",
            Self::Known => "known",
            Self::Good => "good",
            Self::Active => "active",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// An arrow from one box to another, by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What it carries; without a text it only says what comes first.
    pub label: Option<String>,
}

impl Shape {
    /// What stands below the name: state and detail.
    fn subtitle(&self) -> Option<String> {
        match (&self.state, &self.detail) {
            (Some(state), Some(detail)) => Some(format!("{state} · {detail}")),
            (one, other) => one.clone().or_else(|| other.clone()),
        }
    }
}

impl Drawing {
    /// For each box, those that its arrows lead to, each once and in order.
    fn next(&self) -> Vec<Vec<usize>> {
        let mut next = vec![Vec::new(); self.boxes.len()];
        for arrow in &self.arrows {
            next[arrow.from].push(arrow.to);
        }
        for list in &mut next {
            list.sort_unstable();
            list.dedup();
        }
        next
    }
}
