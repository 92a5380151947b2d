//! Pictures of small graphs as a whole, and what must hold for any.

use proptest::prelude::*;

use super::layers::{Sizes, layout};
use super::*;

/// `a>b a>c`: boxes are named where they first come; a name by itself is a box without arrows.
fn drawing(text: &str) -> Drawing {
    let mut drawing = Drawing::default();
    let place = |drawing: &mut Drawing, name: &str| {
        drawing.boxes.iter().position(|shape| shape.name == name).unwrap_or_else(|| {
            let tone = Tone::Plain;
            drawing.boxes.push(Shape { name: name.to_owned(), state: None, detail: None, tone });
            drawing.boxes.len() - 1
        })
    };
    for word in text.split_whitespace() {
        let places: Vec<_> = word.split('>').map(|name| place(&mut drawing, name)).collect();
        for pair in places.windows(2) {
            let label = Some("data".to_owned());
            drawing.arrows.push(Arrow { from: pair[0], to: pair[1], label });
        }
    }
    drawing
}

fn shown(drawing: &Drawing) -> String {
    let line = |line: Line| match line.shape {
        Some(shape) => format!("{} {}", line.lanes, drawing.boxes[shape].name),
        None => line.lanes,
    };
    lines(drawing).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_chain_is_a_list() {
    assert_eq!(shown(&drawing("a>b>c")), "● a\n● b\n● c");
}

#[test]
fn lanes_part_and_meet() {
    let expected = "\
● load
├─┬─╮
● │ │ a
│ ● │ b
├─╯ │
│   ● c
├───╯
● join
● end";
    assert_eq!(shown(&drawing("load>a>join load>b>join load>c>join>end")), expected);
}

#[test]
fn a_lane_passes_others_without_touching_them() {
    let expected = "\
● a
├─╮
● │ b
├─│─╮
│ ● │ d
├─┴─┤
●   │ c
    ● e";
    assert_eq!(shown(&drawing("a>b>c a>d>e b>e d>c")), expected);
}

#[test]
fn boxes_without_arrows_between_do_not_look_as_if_there_were_one() {
    assert_eq!(shown(&drawing("a b>c d")), "● a\n\n● b\n● c\n\n● d");
}

#[test]
fn many_that_are_alike_become_one_and_no_circle_comes_of_it() {
    let mut text = "start>end".to_owned();
    for number in 0..20 {
        text.push_str(&format!(" start>train:{number}>test_{number}>end"));
    }
    text.push_str(" start>other>end");
    let mut drawing = drawing(&text);
    for (place, shape) in drawing.boxes.iter_mut().enumerate() {
        shape.state = Some(if place % 2 == 0 { "completed" } else { "failed" }.to_owned());
        shape.tone = if place % 2 == 0 { Tone::Good } else { Tone::Bad };
    }
    let folded = drawing.folded();
    let names: Vec<_> = folded.boxes.iter().map(|shape| shape.name.as_str()).collect();
    assert_eq!(names, ["start", "end", "train:0 … train:19", "test_0 … test_19", "other"]);
    let train = &folded.boxes[2];
    assert!(train.state.as_ref().unwrap().starts_with("20 steps: "), "{train:?}");
    assert_eq!(train.tone, Tone::Good);
    assert_eq!(folded.boxes[3].tone, Tone::Bad);
    assert_eq!(folded.folded(), folded);
    let expected = "\
● start
├─┬─╮
● │ │ train:0 … train:19
● │ │ test_0 … test_19
├─│─╯
│ ● other
├─╯
● end";
    assert_eq!(shown(&folded), expected);
}

#[test]
fn what_is_drawn_cannot_break_out_of_its_text() {
    let mut nasty = drawing("a");
    nasty.boxes[0].name = "</text><script>\"&\"];\n".to_owned();
    let (svg, mermaid, dot) = (svg(&nasty), mermaid(&nasty), dot(&nasty));
    assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;"), "{svg}");
    assert_eq!(mermaid.lines().count(), 3, "{mermaid}");
    assert!(mermaid.contains("n0[\"#60;/text#62;"), "{mermaid}");
    assert!(dot.contains("[label=\"</text><script>\\\"&\\\"]; \""), "{dot}");
}

/// Arrows from smaller numbers to greater ones.
fn any_graph() -> impl Strategy<Value = Drawing> {
    (1..30_usize).prop_flat_map(|count| {
        proptest::collection::vec((0..count, 0..count), 0..60).prop_map(move |pairs| {
            let boxes = (0..count).map(|number| Shape {
                name: format!("n{number}"),
                state: None,
                detail: None,
                tone: Tone::Plain,
            });
            let arrows = pairs.into_iter().filter(|(a, b)| a != b).map(|(a, b)| Arrow {
                from: a.min(b),
                to: a.max(b),
                label: None,
            });
            Drawing { boxes: boxes.collect(), arrows: arrows.collect() }
        })
    })
}

/// The boxes that the lanes of a picture lead to from each box, read off the signs as an eye does.
fn followed(lines: &[Line], count: usize) -> Vec<Vec<usize>> {
    let cells: Vec<Vec<char>> = lines.iter().map(|line| line.lanes.chars().collect()).collect();
    let at = |row: usize, column: usize| cells[row].get(column).copied().unwrap_or(' ');
    let leads_down = |sign: char| "│├┤┼┬╭╮●".contains(sign);
    let leads_up = |sign: char| "│├┤┼┴╰╯●".contains(sign);
    let leads_left = |sign: char| "─┤┼┬┴╮╯".contains(sign);
    let leads_right = |sign: char| "─├┼┬┴╭╰".contains(sign);
    let mut found = vec![Vec::new(); count];
    for (row, line) in lines.iter().enumerate() {
        let Some(shape) = line.shape else { continue };
        let column = cells[row].iter().position(|sign| *sign == NODE_SIGN).unwrap();
        let mut ends = Vec::new();
        // Down from the box, and sideways in the row of signs directly below it; a lane that is passed is not entered.
        let below = row + 1;
        if below < cells.len() && leads_up(at(below, column)) && lines[below].shape.is_none() {
            let mut starts = vec![column];
            let mut to = column;
            while leads_right(at(below, to)) || (at(below, to) == '│' && at(below, to + 1) == '─')
            {
                to += 1;
                starts.push(to);
            }
            let mut to = column;
            while to > 0
                && (leads_left(at(below, to)) || (at(below, to) == '│' && at(below, to - 1) == '─'))
            {
                to -= 1;
                starts.push(to);
            }
            ends.extend(starts.into_iter().filter(|&start| {
                let sign = at(below, start);
                leads_down(sign) && (sign != '│' || start == column)
            }));
        } else if below < cells.len() && leads_up(at(below, column)) {
            ends.push(column);
        }
        for end in ends {
            let first = if lines[below].shape.is_none() { below + 1 } else { below };
            let (mut row, mut column) = (first, end);
            while at(row, column) != NODE_SIGN {
                if at(row, column) == '╯' {
                    // Past whatever is crossed, to where lines meet.
                    column -= 1;
                    while !"├┼".contains(at(row, column)) {
                        column -= 1;
                    }
                }
                row += 1;
            }
            found[shape].push(lines[row].shape.unwrap());
        }
        found[shape].sort_unstable();
    }
    found
}

const NODE_SIGN: char = '●';

proptest! {
    #[test]
    fn an_eye_that_follows_the_lanes_finds_every_arrow_and_no_other(drawing in any_graph()) {
        let lines = lines(&drawing);
        prop_assert_eq!(followed(&lines, drawing.boxes.len()), drawing.next());
        let drawn: Vec<_> = lines.iter().filter_map(|line| line.shape).collect();
        prop_assert_eq!(drawn.len(), drawing.boxes.len());
    }

    #[test]
    fn boxes_of_a_layer_do_not_overlap_and_arrows_lead_down(drawing in any_graph()) {
        let next = drawing.next();
        let widths: Vec<f64> = (0..next.len()).map(|place| 20.0 + place as f64).collect();
        let laid = layout(&next, &Sizes { widths: widths.clone(), gap: 5.0 });
        for (from, list) in next.iter().enumerate() {
            for &to in list {
                prop_assert!(laid.boxes[from].1 < laid.boxes[to].1);
            }
        }
        for (a, at_a) in laid.boxes.iter().enumerate() {
            for (b, at_b) in laid.boxes.iter().enumerate().skip(a + 1) {
                let apart = (at_a.0 - at_b.0).abs() + 1e-6;
                prop_assert!(at_a.1 != at_b.1 || apart >= (widths[a] + widths[b]) / 2.0 + 5.0);
            }
            prop_assert!(at_a.0 - widths[a] / 2.0 > -1e-6 && at_a.0 + widths[a] / 2.0 < laid.width + 1e-6);
        }
        prop_assert_eq!(laid.ways.len(), next.iter().map(Vec::len).sum::<usize>());
    }
}
