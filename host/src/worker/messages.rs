//! What a step says while it runs: JSON lines in the file that `SUNDAE_MESSAGES` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// `{"metric":"accuracy","value":0.95}`
    Metric {
        /// Its name.
        metric: String,
        /// Its value.
        value: f64,
    },
    /// `{"note":"the data has 3 duplicate rows"}`
    Note {
        /// What was noted.
        note: String,
    },
    /// `{"progress":0.5,"label":"epoch 3"}`
    Progress {
        /// From 0 to 1.
        progress: f64,
        /// What it is doing.
        #[serde(default)]
        label: String,
    },
    /// `{"output":"model","metadata":{"media_type":"text/csv"}}`
    Output {
        /// Which output.
        output: String,
        /// What is said of it.
        metadata: Map<String, Value>,
    },
}

/// All that a step said, put together.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Messages {
    /// The last value of each.
    pub(super) metrics: BTreeMap<String, f64>,
    pub(super) notes: Vec<String>,
    /// By output.
    pub(super) metadata: BTreeMap<String, Map<String, Value>>,
    /// For each line that is no message, why not.
    pub(super) complaints: Vec<String>,
}

/// A step that floods its messages fills its disk, but not our memory.
const LONGEST: u64 = 16 << 20;

/// Reads the messages; no file is no messages.
pub(super) fn read(path: &Path) -> Messages {
    let mut messages = Messages::default();
    match fs::metadata(path) {
        Err(_) => return messages,
        Ok(metadata) if metadata.len() > LONGEST => {
            messages
                .complaints
                .push("the messages are longer than 16 MiB; they are not read".to_owned());
            return messages;
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(Message::Metric { metric, value }) => {
                messages.metrics.insert(metric, value);
            }
            Ok(Message::Note { note }) => messages.notes.push(note),
            Ok(Message::Progress { .. }) => {}
            Ok(Message::Output { output, metadata }) => {
                messages.metadata.entry(output).or_default().extend(metadata);
            }
            Err(_) => messages.complaints.push(format!(
                "line {} of the messages is none: it needs `metric` with `value`, `note`, `progress`, or `output` with \
                 `metadata`",
                number + 1
            )),
        }
    }
    messages
}

/// The last progress in a file that is still being written, if there is any.
#[must_use]
pub fn latest_progress(path: &Path) -> Option<(f64, String)> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().find_map(|line| match serde_json::from_str(line) {
        Ok(Message::Progress { progress, label }) => Some((progress.clamp(0.0, 1.0), label)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_metric_counts_and_a_bad_line_is_a_complaint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.jsonl");
        let lines = concat!(
            "{\"metric\":\"loss\",\"value\":1}\n",
            "{\"metric\":\"loss\",\"value\":0.5}\n",
            "nonsense\n\n",
            "{\"note\":\"done\"}\n",
            "{\"progress\":7,\"label\":\"last\"}\n",
            "{\"output\":\"model\",\"metadata\":{\"rows\":3}}\n",
        );
        fs::write(&path, lines).unwrap();
        let messages = read(&path);
        assert_eq!(messages.metrics, BTreeMap::from([("loss".to_owned(), 0.5)]));
        assert_eq!(messages.notes, ["done"]);
        assert_eq!(messages.metadata["model"]["rows"], 3);
        assert_eq!(messages.complaints.len(), 1);
        assert!(messages.complaints[0].starts_with("line 3 "));
        assert_eq!(latest_progress(&path), Some((1.0, "last".to_owned())));
        assert_eq!(read(&folder.path().join("absent")), Messages::default());
    }
}
