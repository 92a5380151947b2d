//! A drawing as Mermaid, which many sites that show Markdown draw.

use super::{Drawing, Tone};

/// The drawing as a Mermaid flowchart.
#[must_use]
pub fn mermaid(drawing: &Drawing) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (place, shape) in drawing.boxes.iter().enumerate() {
        let mut label = escaped(&shape.name);
        if let Some(subtitle) = shape.subtitle() {
            label.push_str(&format!("<br/>{}", escaped(&subtitle)));
        }
        text.push_str(&format!("    n{place}[\"{label}\"]:::{}\n", shape.tone.class()));
    }
    for arrow in &drawing.arrows {
        let line = match &arrow.label {
            Some(label) => format!("-->|\"{}\"|", escaped(label)),
            None => "-.->".to_owned(),
        };
        text.push_str(&format!("    n{} {line} n{}\n", arrow.from, arrow.to));
    }
    for tone in Tone::ALL {
        if drawing.boxes.iter().any(|shape| shape.tone == tone) {
            text.push_str(&format!("    classDef {} {}\n", tone.class(), style(tone)));
        }
    }
    text
}

/// Colours that can be read on light paper and on dark one, since nobody knows which it will be.
fn style(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "fill:#eef2f6,stroke:#64748b,color:#0f172a",
        Tone::Faint => "fill:#f1f5f9,stroke:#94a3b8,color:#475569,stroke-dasharray:4 3",
        Tone::Known => "fill:#e0f2fe,stroke:#0284c7,color:#0c4a6e",
        Tone::Good => "fill:#dcfce7,stroke:#16a34a,color:#14532d",
        Tone::Active => "fill:#ede9fe,stroke:#7c3aed,color:#4c1d95",
        Tone::Warning => "fill:#fef3c7,stroke:#d97706,color:#78350f",
        Tone::Bad => "fill:#fee2e2,stroke:#dc2626,color:#7f1d1d",
    }
}

/// Text as it can stand between quotes; Mermaid reads HTML, and writes characters as `#NUMBER;`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | '\\' | '`' | ';' => {
                out.push_str(&format!("#{};", u32::from(c)));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
