//! A drawing in the language of Graphviz.

use super::{Drawing, Tone};

/// The drawing as a digraph.
#[must_use]
pub fn dot(drawing: &Drawing) -> String {
    let mut text = concat!(
        "digraph pipeline {\n",
        "    node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fillcolor=\"#eef2f6\"];\n",
        "    edge [fontname=\"sans-serif\", fontsize=10];\n",
    )
    .to_owned();
    for (place, shape) in drawing.boxes.iter().enumerate() {
        let mut label = escaped(&shape.name);
        if let Some(subtitle) = shape.subtitle() {
            label.push_str(&format!("\\n{}", escaped(&subtitle)));
        }
        let color = match shape.tone {
            Tone::Plain | Tone::Faint => "#eef2f6",
            Tone::Known => "#e0f2fe",
            Tone::Good => "#dcfce7",
            Tone::Active => "#ede9fe",
            Tone::Warning => "#fef3c7",
            Tone::Bad => "#fee2e2",
        };
        text.push_str(&format!("    n{place} [label=\"{label}\", fillcolor=\"{color}\"];\n"));
    }
    for arrow in &drawing.arrows {
        let look = match &arrow.label {
            Some(label) => format!("label=\"{}\"", escaped(label)),
            None => "style=dashed".to_owned(),
        };
        text.push_str(&format!("    n{} -> n{} [{look}];\n", arrow.from, arrow.to));
    }
    text.push_str("}\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ")
}
