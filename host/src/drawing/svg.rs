//! A drawing as SVG: one file without anything from elsewhere, to be read on light paper and on dark.

use unicode_width::UnicodeWidthStr as _;

use super::layers::{Layout, Sizes, layout};
use super::{Drawing, Shape, Tone};

const BOX_HEIGHT: f64 = 46.0;
const LAYER_HEIGHT: f64 = 92.0;
const GAP: f64 = 22.0;
const MARGIN: f64 = 16.0;
/// Of a letter of the name, and of the smaller ones below it: the fonts are of fixed width, so that boxes fit everywhere.
const LETTER: f64 = 7.9;
const SMALL_LETTER: f64 = 6.7;
/// Longer texts are cut; the whole of them is shown where the mouse stands.
const MOST_LETTERS: usize = 40;

/// The drawing as an SVG document.
#[must_use]
pub fn svg(drawing: &Drawing) -> String {
    let next = drawing.next();
    let widths = drawing.boxes.iter().map(width).collect();
    let layout = layout(&next, &Sizes { widths, gap: GAP });
    let width = layout.width + 2.0 * MARGIN;
    #[expect(clippy::cast_precision_loss, reason = "there are few layers")]
    let height = layout.layers.saturating_sub(1) as f64 * LAYER_HEIGHT + BOX_HEIGHT + 2.0 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n{STYLE}<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
    );
    draw_arrows(&mut text, drawing, &next, &layout);
    for (shape, at) in drawing.boxes.iter().zip(&layout.boxes) {
        draw_box(&mut text, shape, point(*at));
    }
    text.push_str("</svg>\n");
    text
}

/// Without variables, which some programs that show SVG do not know.
const STYLE: &str = r#"<style>
text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; text-anchor: middle; }
.paper { fill: #ffffff; } .name { font-size: 13px; font-weight: 600; fill: #0f172a; } .more { font-size: 11px; fill: #475569; }
.way { fill: none; stroke: #94a3b8; stroke-width: 1.4; } .order { stroke-dasharray: 5 4; } .head { fill: #94a3b8; }
.box rect { fill: #f8fafc; stroke: #94a3b8; stroke-width: 1.5; } .faint rect { stroke-dasharray: 4 3; }
.known rect { fill: #e0f2fe; stroke: #0284c7; } .good rect { fill: #dcfce7; stroke: #16a34a; }
.active rect { fill: #ede9fe; stroke: #7c3aed; } .warning rect { fill: #fef3c7; stroke: #d97706; }
.bad rect { fill: #fee2e2; stroke: #dc2626; }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; } .name { fill: #e6edf3; } .more { fill: #9da7b3; }
.way { stroke: #6e7681; } .head { fill: #6e7681; }
.box rect { fill: #161b22; stroke: #6e7681; }
.known rect { fill: #0b2a3c; stroke: #38bdf8; } .good rect { fill: #0f2e1b; stroke: #4ade80; }
.active rect { fill: #251a44; stroke: #a78bfa; } .warning rect { fill: #3a2a0a; stroke: #fbbf24; }
.bad rect { fill: #3d1518; stroke: #f87171; }
}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>
"#;

fn width(shape: &Shape) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "texts are short")]
    let of = |text: &str, letter: f64| cut(text).width() as f64 * letter;
    let subtitle = shape.subtitle().map_or(0.0, |text| of(&text, SMALL_LETTER));
    of(&shape.name, LETTER).max(subtitle).max(60.0) + 24.0
}

/// The middle of a place in a layer.
fn point((x, layer): (f64, usize)) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "there are few layers")]
    let down = layer as f64;
    (x + MARGIN, down * LAYER_HEIGHT + MARGIN + BOX_HEIGHT / 2.0)
}

fn draw_arrows(text: &mut String, drawing: &Drawing, next: &[Vec<usize>], layout: &Layout) {
    let pairs =
        next.iter().enumerate().flat_map(|(from, list)| list.iter().map(move |&to| (from, to)));
    for ((from, to), way) in pairs.zip(&layout.ways) {
        let between = drawing.arrows.iter().filter(|arrow| arrow.from == from && arrow.to == to);
        let labels: Vec<&str> = between.filter_map(|arrow| arrow.label.as_deref()).collect();
        let class = if labels.is_empty() { "way order" } else { "way" };
        let path = path(way);
        let title = match labels.is_empty() {
            true => String::new(),
            false => format!("<title>{}</title>", escaped(&labels.join(", "))),
        };
        text.push_str(&format!(
            "<path class=\"{class}\" d=\"{path}\" marker-end=\"url(#head)\">{title}</path>\n"
        ));
    }
}

/// A curve that leaves and enters every place from above to below; between boxes it passes those that are in its way straight.
fn path(way: &[(f64, usize)]) -> String {
    let half = BOX_HEIGHT / 2.0;
    let last = way.len().saturating_sub(1);
    let mut text = String::new();
    let mut from = (0.0, 0.0);
    for (place, at) in way.iter().enumerate() {
        let (x, y) = point(*at);
        let (top, bottom) = (y - half, y + half);
        if place == 0 {
            text.push_str(&format!("M{x:.1} {bottom:.1}"));
        } else {
            let end = if place == last { top - 1.0 } else { top };
            let middle = f64::midpoint(from.1, end);
            text.push_str(&format!(
                "C{:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {end:.1}",
                from.0
            ));
            if place != last {
                text.push_str(&format!("V{bottom:.1}"));
            }
        }
        from = (x, bottom);
    }
    text
}

fn draw_box(text: &mut String, shape: &Shape, (x, y): (f64, f64)) {
    let (width, subtitle) = (width(shape), shape.subtitle());
    let (left, top) = (x - width / 2.0, y - BOX_HEIGHT / 2.0);
    let said = subtitle.as_ref().map(|subtitle| format!(": {subtitle}")).unwrap_or_default();
    let title = escaped(&format!("{}{said}", shape.name));
    let class = if shape.tone == Tone::Plain { "box" } else { "box " };
    let tone = if shape.tone == Tone::Plain { "" } else { shape.tone.class() };
    text.push_str(&format!(
        "<g class=\"{class}{tone}\"><title>{title}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BOX_HEIGHT}\" rx=\"7\"/>"
    ));
    let name_y = if subtitle.is_some() { y - 4.0 } else { y + 4.5 };
    text.push_str(&line("name", x, name_y, &shape.name));
    if let Some(subtitle) = subtitle {
        text.push_str(&line("more", x, y + 13.0, &subtitle));
    }
    text.push_str("</g>\n");
}

fn line(class: &str, x: f64, y: f64, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(&cut(text)))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MOST_LETTERS {
        return text.to_owned();
    }
    text.chars().take(MOST_LETTERS - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
