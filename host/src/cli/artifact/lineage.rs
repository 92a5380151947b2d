//! `sundae artifact lineage`

use std::collections::{HashMap, HashSet};

use clap::Args;

use super::reference;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::graph::PictureArgs;
use crate::cli::runs::database;
use crate::cli::table::{duration, short_digest, size, value};
use crate::cli::tree::Tree;
use crate::cli::ui::{DIM, HEADING, styled};
use crate::drawing::{Arrow, Drawing, Shape, Tone};
use crate::metadata::Direction;
use crate::view::{LineageNode, LineageStep, LineageView};

/// Show what an artifact was made of, and what was made of it
///
/// Through runs: what a run has taken from the cache leads to the run that made it.
///
/// Example: sundae artifact lineage training-3/train.model --upstream
#[derive(Debug, Args)]
pub(crate) struct Lineage {
    #[arg(help = reference::HELP)]
    artifact: String,

    /// Only what it was made of
    #[arg(long, conflicts_with = "downstream")]
    upstream: bool,

    /// Only what was made of it
    #[arg(long)]
    downstream: bool,

    #[command(flatten)]
    picture: PictureArgs,
}

impl Lineage {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let found = reference::find(context, &self.artifact)?;
        let directions = match (self.upstream, self.downstream) {
            (true, _) => vec![Direction::Upstream],
            (_, true) => vec![Direction::Downstream],
            _ => vec![Direction::Upstream, Direction::Downstream],
        };
        let lineage = database(context)?.lineage(&found, &directions)?;
        let keys = lineage.executions.iter().filter_map(|step| step.cache_key.as_ref());
        let parts = database(context)?.key_parts(keys)?;
        let view = LineageView::new(&found, &lineage, &parts);
        if context.wants_json() {
            return context.ui.json(&view);
        }
        let text = || text_of(&view, &directions);
        self.picture.draw(context, &drawing_of(&view), text)?;
        if !view.complete {
            context.ui.hint("this is not all: there is too much of it to be shown");
        }
        Ok(())
    }
}

/// More than these below one node are counted and not shown.
const MOST_BRANCHES: usize = 20;

/// A view that can be walked.
struct Walk<'v> {
    nodes: HashMap<&'v str, &'v LineageNode>,
    /// By node: what leads to it or from it, with the name of the input or output.
    beside: HashMap<&'v str, Vec<(&'v str, &'v str)>>,
    direction: Direction,
    shown: HashSet<&'v str>,
}

fn text_of(view: &LineageView, directions: &[Direction]) -> String {
    let nodes: HashMap<_, _> = view.nodes.iter().map(|node| (node.id(), node)).collect();
    let root = nodes.get(view.node.as_str()).map(|node| label(node)).unwrap_or_default();
    let mut text = match view.node == view.artifact {
        true => root,
        false => format!("{}, from the cache: it was made as\n{root}", view.artifact),
    };
    for direction in directions {
        let mut beside: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
        for edge in &view.edges {
            let (at, other) = match direction {
                Direction::Upstream => (edge.to.as_str(), edge.from.as_str()),
                Direction::Downstream => (edge.from.as_str(), edge.to.as_str()),
            };
            beside.entry(at).or_default().push((other, edge.name.as_str()));
        }
        let mut walk =
            Walk { nodes: nodes.clone(), beside, direction: *direction, shown: HashSet::new() };
        let branches = walk.branches(&view.node);
        let title = match direction {
            Direction::Upstream => "made by",
            Direction::Downstream => "used by",
        };
        text.push_str(&format!("\n\n{}\n", styled(HEADING, title)));
        match branches.is_empty() {
            true => text.push_str(&styled(DIM, "nothing")),
            false => text.push_str(&Tree::lines(&branches)),
        }
    }
    text
}

impl<'v> Walk<'v> {
    fn branches(&mut self, of: &str) -> Vec<Tree> {
        let beside = self.beside.get(of).cloned().unwrap_or_default();
        let more = beside.len().saturating_sub(MOST_BRANCHES);
        let mut branches: Vec<_> = beside
            .into_iter()
            .take(MOST_BRANCHES)
            .filter_map(|(other, name)| self.tree(other, name))
            .collect();
        if more > 0 {
            branches.push(Tree::leaf(styled(DIM, format!("… and {more} more"))));
        }
        branches
    }

    /// A node with what is beside it, or a hint to where it stands already.
    fn tree(&mut self, id: &'v str, name: &str) -> Option<Tree> {
        let node = *self.nodes.get(id)?;
        let text = match (node, self.direction) {
            (LineageNode::Artifact { .. }, Direction::Upstream) => {
                format!("{} {}", styled(DIM, format!("{name}:")), label(node))
            }
            (LineageNode::Step(_), Direction::Downstream) => {
                format!("{} {}", label(node), styled(DIM, format!("as {name}")))
            }
            _ => label(node),
        };
        if !self.shown.insert(id) && self.beside.contains_key(id) {
            return Some(Tree::leaf(format!("{text} {}", styled(DIM, "(see above)"))));
        }
        let notes = match node {
            LineageNode::Step(step) => notes(step),
            LineageNode::Artifact { .. } => Vec::new(),
        };
        Some(Tree { text, notes, branches: self.branches(id) })
    }
}

fn label(node: &LineageNode) -> String {
    match node {
        LineageNode::Artifact { id, artifact } => {
            let what = format!(
                "{}, {}, {}",
                artifact.kind,
                size(artifact.size),
                short_digest(&artifact.digest)
            );
            format!("{id}  {}", styled(DIM, what))
        }
        LineageNode::Step(step) => {
            let how = match (&step.made_elsewhere, step.duration_ms) {
                (Some(run), _) => format!("cached from {run}, which is not known here"),
                (None, Some(ms)) => format!("in {}", duration(ms)),
                (None, None) => String::new(),
            };
            format!("step {} of {}  {}", step.step, step.run, styled(DIM, how))
                .trim_end()
                .to_owned()
        }
    }
}

/// What went into a step beside its inputs.
fn notes(step: &LineageStep) -> Vec<String> {
    let Some(parts) = &step.parts else { return Vec::new() };
    let params = parts.params.iter().map(|(name, param)| format!("{name}={}", value(param)));
    let code = parts.code.iter().map(|(path, digest)| format!("{path} {}", short_digest(digest)));
    let groups = [("params", params.collect::<Vec<_>>()), ("code", code.collect())];
    let shown = groups.into_iter().filter(|(_, list)| !list.is_empty());
    shown.map(|(what, list)| styled(DIM, format!("{what} {}", list.join(", ")))).collect()
}

fn drawing_of(view: &LineageView) -> Drawing {
    let places: HashMap<&str, usize> =
        view.nodes.iter().enumerate().map(|(place, node)| (node.id(), place)).collect();
    let shape = |node: &LineageNode| match node {
        LineageNode::Artifact { id, artifact } => Shape {
            name: id.clone(),
            state: None,
            detail: Some(format!("{}, {}", artifact.kind, size(artifact.size))),
            tone: if *id == view.node { Tone::Active } else { Tone::Plain },
        },
        LineageNode::Step(step) => Shape {
            name: step.step.clone(),
            state: Some(format!("step of {}", step.run)),
            detail: step.duration_ms.map(duration),
            tone: if step.made_elsewhere.is_some() { Tone::Known } else { Tone::Good },
        },
    };
    let arrow = |edge: &crate::view::LineageEdge| {
        let (from, to) = (*places.get(edge.from.as_str())?, *places.get(edge.to.as_str())?);
        Some(Arrow { from, to, label: Some(edge.name.clone()) })
    };
    Drawing {
        boxes: view.nodes.iter().map(shape).collect(),
        arrows: view.edges.iter().filter_map(arrow).collect(),
    }
}
