//! Trees for people: what belongs to something stands indented below it.

/// Something with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// What it is, in a line.
    pub(super) text: String,
    /// What else is to be said of it, a line each.
    pub(super) notes: Vec<String>,
    /// What belongs to it.
    pub(super) branches: Vec<Self>,
}

impl Tree {
    /// Something that nothing belongs to.
    pub(super) fn leaf(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// The lines of some trees beside each other.
    #[must_use]
    pub(super) fn lines(trees: &[Self]) -> String {
        let mut lines = Vec::new();
        add(trees, "", &mut lines);
        lines.join("\n")
    }
}

fn add(trees: &[Tree], indent: &str, lines: &mut Vec<String>) {
    for (place, tree) in trees.iter().enumerate() {
        let is_last = place + 1 == trees.len();
        let (fork, bar) = if is_last { ("└─", "  ") } else { ("├─", "│ ") };
        lines.push(format!("{indent}{fork} {}", tree.text));
        let below = format!("{indent}{bar} ");
        let beside = if tree.branches.is_empty() { "   " } else { "│  " };
        lines.extend(tree.notes.iter().map(|note| format!("{below}{beside}{note}")));
        add(&tree.branches, &below, lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lead_from_each_thing_to_what_belongs_to_it() {
        let leaf = |text: &str| Tree::leaf(text.to_owned());
        let first = Tree {
            text: "first".to_owned(),
            notes: vec!["a note".to_owned()],
            branches: vec![leaf("one"), leaf("two")],
        };
        let expected = "\
├─ first
│  │  a note
│  ├─ one
│  └─ two
└─ second";
        assert_eq!(Tree::lines(&[first, leaf("second")]), expected);
    }
}
