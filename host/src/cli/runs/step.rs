//! One step of a run, as `sundae runs describe RUN STEP` shows it.

use super::word;
use crate::cli::quote;
use crate::cli::sections::{Line, Section, sections};
use crate::cli::table::{duration, key_values, number, short_digest, size, time, value};
use crate::cli::ui::{BAD, DIM, styled};
use crate::engine::event::StepStatus;
use sundae_plugin_api::orchestrator::Usage;

use crate::view::{ItemView, OutputView, StepDetail, StepParts};

/// The step as text.
#[must_use]
pub(super) fn text_of(detail: &StepDetail) -> String {
    let mut text = key_values(&head(detail));
    let sections = sections(&all_sections(detail));
    if !sections.is_empty() {
        text.push_str(&format!("\n\n{sections}"));
    }
    let step = &detail.step;
    if let Some(tail) = &step.log_tail {
        text.push_str(&format!("\n{}", quote::log_tail(tail, &detail.run, &step.name)));
    }
    text
}

fn head(detail: &StepDetail) -> Vec<(&'static str, String)> {
    let step = &detail.step;
    let is_bad = matches!(step.status, StepStatus::Failed | StepStatus::Cancelled);
    let status = match (&step.cached_from, &step.reason) {
        (Some(run), _) => format!("{}, from {run}", word(step.status)),
        (None, Some(reason)) if is_bad => styled(BAD, format!("{}: {reason}", word(step.status))),
        _ => word(step.status),
    };
    let mut facts =
        vec![("step", step.name.clone()), ("run", detail.run.clone()), ("status", status)];
    if !is_bad {
        facts.extend(step.reason.clone().map(|reason| ("why", reason)));
    }
    facts.extend(step.started.as_deref().map(|started| ("started", time(started))));
    facts.extend(step.duration_ms.map(|ms| ("duration", duration(ms))));
    if step.attempts > 1 {
        facts.push(("attempts", step.attempts.to_string()));
    }
    facts.extend(usage_facts(&step.usage));
    facts.extend(step.exit_code.map(|code| ("exit code", code.to_string())));
    facts.extend(detail.cache_key.as_deref().map(|key| ("cache key", short_digest(key))));
    facts
}

/// What the orchestrator knew of the last attempt.
fn usage_facts(usage: &Usage) -> Vec<(&'static str, String)> {
    let machine = usage.machine.as_ref().map(|machine| format!(" on {machine}"));
    let mut facts = Vec::new();
    match (&usage.job, machine) {
        (Some(job), machine) => {
            facts.push(("job", format!("{job}{}", machine.unwrap_or_default())));
        }
        (None, Some(_)) => facts.push(("machine", usage.machine.clone().unwrap_or_default())),
        (None, None) => {}
    }
    let cpu = usage.cpu_ms.and_then(|ms| i64::try_from(ms).ok());
    let cpu = cpu.map(|ms| format!("{} of processor time", duration(ms)));
    let memory = usage.memory.map(|bytes| format!("{} of memory", size(bytes)));
    let used: Vec<_> = cpu.into_iter().chain(memory).collect();
    if !used.is_empty() {
        facts.push(("used", used.join(", ")));
    }
    facts
}

fn all_sections(detail: &StepDetail) -> Vec<Section> {
    let step = &detail.step;
    let none = StepParts::default();
    let parts = detail.parts.as_ref().unwrap_or(&none);
    let command = parts.command.iter().flat_map(|word| word.trim().lines());
    let command = match parts.command.len() {
        // A script as it is written; a program with its arguments in a line.
        0 | 1 => command.map(|line| (line.to_owned(), String::new())).collect(),
        _ => vec![(parts.command.join(" "), String::new())],
    };
    let inputs = detail.taken.iter().map(|(name, input)| {
        let what = input.artifact.as_ref().map(content).unwrap_or_default();
        (name.clone(), format!("{}  {}", input.from, styled(DIM, what)).trim_end().to_owned())
    });
    let after = detail.after.iter().map(|step| (step.clone(), String::new()));
    let texts = |map: &std::collections::BTreeMap<String, String>| -> Vec<Line> {
        map.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    };
    let code = parts.code.iter().map(|(path, digest)| (path.clone(), short_digest(digest)));
    let params = parts.params.iter().map(|(name, param)| (name.clone(), value(param)));
    let outputs = step.outputs.iter().map(|(name, output)| {
        let metadata = output.metadata.iter();
        let said: String =
            metadata.map(|(name, data)| format!(", {name}={}", value(data))).collect();
        (name.clone(), format!("{}{said}", content(output)))
    });
    let metrics = step.metrics.iter().map(|(name, value)| (name.clone(), number(*value)));
    let notes = step.notes.iter().map(|note| (note.clone(), String::new()));
    let log = detail.log.iter().map(|log| match (&log.file, log.size) {
        (Some(file), _) => (file.clone(), String::new()),
        (None, bytes) => {
            let size = bytes.map(size).unwrap_or_default();
            let command = format!("sundae runs logs {} {}", detail.run, step.name);
            (format!("{command}  {}", styled(DIM, format!("({size})"))), String::new())
        }
    });
    let earlier = detail.earlier_attempts.iter().map(|attempt| {
        let reason = attempt.reason.as_deref().unwrap_or("it is not known why it failed");
        let took = attempt.duration_ms.map(|ms| format!(" after {}", duration(ms)));
        let command = format!("--attempt {}", attempt.attempt);
        (command, format!("{reason}{}", took.unwrap_or_default()))
    });
    vec![
        ("items", items(&detail.each)),
        ("inputs", inputs.collect()),
        ("after", after.collect()),
        ("params", params.collect()),
        // What a variable is set to may be nobody's business.
        (
            "environment",
            parts.environment.keys().map(|name| (name.clone(), String::new())).collect(),
        ),
        ("fingerprint", texts(&parts.fingerprint)),
        ("code", code.collect()),
        ("outputs", outputs.collect()),
        ("metrics", metrics.collect()),
        ("notes", notes.collect()),
        ("command", command),
        ("log", log.collect()),
        ("earlier attempts", earlier.collect()),
    ]
}

/// How items ended: those with which something is wrong first, and not all of thousands.
fn items(each: &[ItemView]) -> Vec<Line> {
    const SHOWN: usize = 30;
    let is_fine =
        |item: &&ItemView| matches!(item.status, StepStatus::Completed | StepStatus::Cached);
    let wrong = each.iter().filter(|item| !is_fine(item));
    let mut lines: Vec<Line> =
        wrong.chain(each.iter().filter(is_fine)).take(SHOWN).map(item).collect();
    if each.len() > SHOWN {
        lines.push((format!("and {} more", each.len() - SHOWN), String::new()));
    }
    lines
}

fn item(item: &ItemView) -> Line {
    let took = item.duration_ms.filter(|_| item.status != StepStatus::Cached);
    let took = took.map(|ms| format!(" in {}", duration(ms))).unwrap_or_default();
    let reason = item.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let metrics = item.metrics.iter().map(|(name, value)| format!(", {name} {}", number(*value)));
    let text = format!("{}{took}{reason}{}", word(item.status), metrics.collect::<String>());
    let params = item.params.iter().map(|(name, param)| format!("{name}={}  ", value(param)));
    let text = params.collect::<String>() + &text;
    (item.name.clone(), if item.status == StepStatus::Failed { styled(BAD, text) } else { text })
}

fn content(output: &OutputView) -> String {
    format!("{}, {}, {}", output.kind, size(output.size), short_digest(&output.digest))
}
