//! `sundae graph`, and how graphs are drawn.

use std::collections::HashMap;
use std::path::PathBuf;

use anstyle::Style;
use clap::{Args, ValueEnum};

use super::Failure;
use super::context::Context;
use super::table::duration;
use super::ui::{BAD, DIM, GOOD, WARNING, styled};
use crate::drawing::{Arrow, Drawing, Line, Shape, Tone, dot, lines, mermaid, svg, widest};
use crate::engine::event::StepStatus;
use crate::pipeline::Pipeline;
use crate::view::{GraphEdge, GraphStep, GraphView};

/// Draw the steps of a pipeline, and what passes between them
///
/// Nothing runs. Many steps that are alike are drawn as one.
///
/// Example: sundae graph training.toml --format svg > training.svg
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The pipeline file: JSON if its name ends in `.json`, else TOML
    file: PathBuf,

    #[command(flatten)]
    picture: PictureArgs,
}

/// How a graph is to be drawn.
#[derive(Debug, Clone, Args)]
pub(super) struct PictureArgs {
    /// How it is drawn: lines of text, a picture, or the language of a program that draws
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// Draw every step by itself, however many are alike
    #[arg(long)]
    pub unfold: bool,
}

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Svg,
    Mermaid,
    Dot,
}

impl Graph {
    /// Draws the pipeline.
    ///
    /// # Errors
    /// The file is no pipeline.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let pipeline = Pipeline::read(&self.file, &[])?;
        let mut graph = GraphView::new(&pipeline.name);
        for step in &pipeline.steps {
            let taken = step
                .taken()
                .map(|(name, from)| (name.to_owned(), (from.step.clone(), from.output.clone())));
            graph.add(GraphStep::planned(&step.name), &taken.collect(), &step.after);
        }
        self.picture.show(context, &graph.with_data())
    }
}

impl PictureArgs {
    /// Shows a graph; as JSON, it is the graph itself.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub(super) fn show(&self, context: &Context, graph: &GraphView) -> Result<(), Failure> {
        if context.wants_json() {
            return context.ui.json(graph);
        }
        let text = |drawing: &Drawing| text_of(drawing, graph.run.is_some());
        self.draw_folded(context, &drawing_of(graph), text)
    }

    /// Draws a graph; as text, it is what is given.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub(super) fn draw(
        &self,
        context: &Context,
        drawing: &Drawing,
        text: impl Fn() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => context.ui.data(text()),
            _ => self.draw_folded(context, drawing, |_| text()),
        }
    }

    fn draw_folded(
        &self,
        context: &Context,
        whole: &Drawing,
        text: impl Fn(&Drawing) -> String,
    ) -> Result<(), Failure> {
        let drawing = if self.unfold { whole.clone() } else { whole.folded() };
        context.ui.data(match self.format {
            Format::Text => text(&drawing),
            Format::Svg => svg(&drawing).trim_end().to_owned(),
            Format::Mermaid => mermaid(&drawing).trim_end().to_owned(),
            Format::Dot => dot(&drawing).trim_end().to_owned(),
        })?;
        let hidden = whole.boxes.len() - drawing.boxes.len();
        if hidden > 0 {
            context.ui.hint("`--unfold` draws every step by itself");
        }
        Ok(())
    }
}

fn drawing_of(graph: &GraphView) -> Drawing {
    let steps = graph.steps.iter().enumerate();
    let places: HashMap<&str, usize> =
        steps.map(|(place, step)| (step.name.as_str(), place)).collect();
    let arrow = |edge: &GraphEdge| {
        let (from, to) = (*places.get(edge.from.as_str())?, *places.get(edge.to.as_str())?);
        Some(Arrow { from, to, label: edge.output.clone() })
    };
    Drawing {
        boxes: graph.steps.iter().map(shape_of).collect(),
        arrows: graph.edges.iter().filter_map(arrow).collect(),
    }
}

fn shape_of(step: &GraphStep) -> Shape {
    let took = step.duration_ms.map(duration);
    let (state, tone, detail) = match step.status {
        None => (None, Tone::Plain, None),
        Some(StepStatus::Waiting) => (Some("waiting"), Tone::Faint, None),
        Some(StepStatus::Running) => (Some("running"), Tone::Active, None),
        Some(StepStatus::Completed) => (Some("completed"), Tone::Good, took),
        Some(StepStatus::Cached) => {
            let from = step.cached_from.as_ref().map(|run| format!("from {run}"));
            (Some("cached"), Tone::Known, from)
        }
        Some(StepStatus::Failed) => (Some("failed"), Tone::Bad, step.reason.clone().or(took)),
        Some(StepStatus::Skipped) => (Some("skipped"), Tone::Faint, step.reason.clone()),
        Some(StepStatus::Cancelled) => (Some("cancelled"), Tone::Warning, None),
    };
    Shape { name: step.name.clone(), state: state.map(str::to_owned), detail, tone }
}

/// The lanes to the left, and beside each box what is to be said of it.
fn text_of(drawing: &Drawing, is_run: bool) -> String {
    let lines = match widest(drawing) > MOST_LANES {
        false => lines(drawing),
        // No terminal is so wide: what each step takes is said beside it all the same.
        true => (0..drawing.boxes.len())
            .map(|place| Line { lanes: "●".to_owned(), shape: Some(place) })
            .collect(),
    };
    let widest = lines.iter().map(|line| line.lanes.chars().count()).max().unwrap_or(0);
    let names = drawing.boxes.iter().map(|shape| shape.name.chars().count());
    let longest = names.max().unwrap_or(0).min(MOST_LETTERS);
    let taken = taken(drawing);
    let shown = |line: &Line| {
        let Some(place) = line.shape else { return line.lanes.clone() };
        let shape = &drawing.boxes[place];
        let more = match (is_run, &shape.state) {
            (false, None) => taken[place].clone(),
            _ => said(shape),
        };
        let lanes = &line.lanes;
        let padding = " ".repeat(widest - lanes.chars().count());
        let lanes = lanes.replace('●', &styled(style(shape.tone), sign(shape.tone)));
        let name = format!("{:longest$}", shape.name);
        format!("{lanes}{padding}  {name}  {more}").trim_end().to_owned()
    };
    lines.iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// More of them are not drawn.
const MOST_LANES: usize = 100;

/// Longer names move what stands behind them.
const MOST_LETTERS: usize = 32;

/// What each box takes from which others.
fn taken(drawing: &Drawing) -> Vec<String> {
    let mut taken = vec![Vec::new(); drawing.boxes.len()];
    for arrow in &drawing.arrows {
        let from = &drawing.boxes[arrow.from].name;
        taken[arrow.to].push(match &arrow.label {
            Some(label) => format!("{from}.{label}"),
            None => format!("after {from}"),
        });
    }
    let line = |taken: Vec<String>| match taken.is_empty() {
        true => String::new(),
        false => styled(DIM, format!("← {}", taken.join(", "))),
    };
    taken.into_iter().map(line).collect()
}

fn said(shape: &Shape) -> String {
    let state = shape.state.as_ref().map(|state| styled(style(shape.tone), state));
    let detail = shape.detail.as_ref().map(|detail| styled(DIM, detail));
    [state, detail].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain | Tone::Active => Style::new(),
        Tone::Faint => DIM,
        Tone::Known | Tone::Good => GOOD,
        Tone::Warning => WARNING,
        Tone::Bad => BAD,
    }
}

/// What stands for a box, so that it can be told without colour how it stands.
fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Good | Tone::Known => "●",
        Tone::Faint => "○",
        Tone::Active => "◉",
        Tone::Warning | Tone::Bad => "✖",
    }
}
