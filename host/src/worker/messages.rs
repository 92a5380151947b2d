//! What a step says while it runs: JSON lines in the file that `SUNDAE_MESSAGES` names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::secret::Mask;
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

/// Reads the messages of a step with these outputs, without secrets; no file is no messages.
pub(super) fn read(path: &Path, outputs: &[String], mask: &Mask) -> Messages {
    let mut messages = Messages::default();
    let Ok(mut file) = File::open(path) else { return messages };
    if file.metadata().is_ok_and(|metadata| metadata.len() > LONGEST) {
        messages
            .complaints
            .push("the messages are longer than 16 MiB; they are not read".to_owned());
        return messages;
    }
    let mut bytes = Vec::new();
    if let Err(error) = file.read_to_end(&mut bytes) {
        messages.complaints.push(format!("the messages cannot be read: {error}"));
    }
    // Before it is taken apart: whatever becomes of a message, no secret is in it.
    let text = mask.text(&String::from_utf8_lossy(&bytes));
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if let Err(complaint) = messages.take(line, outputs) {
            messages.complaints.push(format!("line {} of the messages {complaint}", number + 1));
        }
    }
    if mask.is_empty() { messages } else { messages.masked(mask) }
}

impl Messages {
    /// Without secrets that JSON had written in another way, such as with `\u0068` for `h`.
    fn masked(self, mask: &Mask) -> Self {
        let metrics = self.metrics.into_iter().map(|(name, value)| (mask.text(&name), value));
        let metadata = self.metadata.into_iter();
        Self {
            metrics: metrics.collect(),
            notes: self.notes.iter().map(|note| mask.text(note)).collect(),
            metadata: metadata.map(|(of, facts)| (of, masked_facts(facts, mask))).collect(),
            complaints: self.complaints.iter().map(|complaint| mask.text(complaint)).collect(),
        }
    }

    /// Takes a line, or says what is wrong with it.
    fn take(&mut self, line: &str, outputs: &[String]) -> Result<(), String> {
        match serde_json::from_str(line) {
            Ok(Message::Metric { metric, value }) => {
                self.metrics.insert(metric, value);
            }
            Ok(Message::Note { note }) => self.notes.push(note),
            Ok(Message::Progress { .. }) => {}
            Ok(Message::Output { output, metadata }) if outputs.contains(&output) => {
                self.metadata.entry(output).or_default().extend(metadata);
            }
            Ok(Message::Output { output, .. }) => {
                return Err(format!("tells of `{output}`, which is no output of this step"));
            }
            Err(_) => {
                return Err("is none: it needs `metric` with `value`, `note`, `progress`, or `output` with \
                     `metadata`".to_owned());
            }
        }
        Ok(())
    }
}

fn masked_facts(facts: Map<String, Value>, mask: &Mask) -> Map<String, Value> {
    facts.into_iter().map(|(name, value)| (mask.text(&name), masked_value(value, mask))).collect()
}

fn masked_value(value: Value, mask: &Mask) -> Value {
    match value {
        Value::String(text) => Value::String(mask.text(&text)),
        Value::Array(items) => items.into_iter().map(|item| masked_value(item, mask)).collect(),
        Value::Object(facts) => Value::Object(masked_facts(facts, mask)),
        other => other,
    }
}

/// The progress that a step tells of while it runs.
#[derive(Debug)]
pub struct Progress {
    path: PathBuf,
    /// Up to there, all lines were read.
    read: u64,
}

impl Progress {
    /// The progress in the messages at `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: 0 }
    }

    /// The last progress that was told since the last call: from 0 to 1, and what the step is doing.
    pub fn news(&mut self) -> Option<(f64, String)> {
        if std::fs::metadata(&self.path).ok()?.len() <= self.read {
            return None;
        }
        let mut file = File::open(&self.path).ok()?;
        file.seek(SeekFrom::Start(self.read)).ok()?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        // The last line may still be being written.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n')? + 1;
        self.read += whole as u64;
        let text = String::from_utf8_lossy(&bytes[..whole]);
        text.lines().rev().find_map(|line| match serde_json::from_str(line) {
            Ok(Message::Progress { progress, label }) => Some((progress.clamp(0.0, 1.0), label)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

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
            "{\"output\":\"modle\",\"metadata\":{\"rows\":3}}\n",
            "{\"metric\":\"loss\",\"value\":NaN}",
        );
        fs::write(&path, lines).unwrap();
        let messages = read(&path, &["model".to_owned()], &Mask::new(["done"]));
        assert_eq!(messages.metrics, BTreeMap::from([("loss".to_owned(), 0.5)]));
        assert_eq!(messages.notes, ["***"]);
        assert_eq!(messages.metadata["model"]["rows"], 3);
        let none = "is none: it needs `metric` with `value`, `note`, `progress`, or `output` with `metadata`";
        assert_eq!(
            messages.complaints,
            [
                format!("line 3 of the messages {none}"),
                "line 8 of the messages tells of `modle`, which is no output of this step"
                    .to_owned(),
                format!("line 9 of the messages {none}"),
            ]
        );
        let absent = folder.path().join("absent");
        assert_eq!(read(&absent, &[], &Mask::default()), Messages::default());
    }

    #[test]
    fn no_secret_is_in_them_however_json_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.jsonl");
        let lines = concat!(
            r#"{"note":"it is \u0068unter2"}"#,
            "\n",
            r#"{"metric":"h\u0075nter2","value":1}"#,
            "\n",
            r#"{"output":"x","metadata":{"a":["hun\u0074er2",7],"h\u0075nter2":{"b":"hunter\u0032"}}}"#,
        );
        fs::write(&path, lines).unwrap();
        let messages = read(&path, &["x".to_owned()], &Mask::new(["hunter2"]));
        assert_eq!(messages.notes, ["it is ***"]);
        assert_eq!(messages.metrics, BTreeMap::from([("***".to_owned(), 1.0)]));
        let facts = serde_json::json!({"a": ["***", 7], "***": {"b": "***"}});
        assert_eq!(Value::Object(messages.metadata["x"].clone()), facts);
    }

    #[test]
    fn progress_is_told_once_and_only_in_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.jsonl");
        let mut progress = Progress::new(path.clone());
        assert_eq!(progress.news(), None);
        let mut file = File::create(&path).unwrap();
        file.write_all(
            b"{\"progress\":0.1}\n{\"progress\":0.2,\"label\":\"b\"}\n{\"note\":\"\"}\n{\"prog",
        )
        .unwrap();
        assert_eq!(progress.news(), Some((0.2, "b".to_owned())));
        assert_eq!(progress.news(), None);
        file.write_all(b"ress\":7}\n").unwrap();
        assert_eq!(progress.news(), Some((1.0, String::new())));
        assert_eq!(progress.news(), None);
    }
}
