//! What steps need of a machine, and whether the orchestrator has it.

use sundae_plugin_api::Ledger;
use sundae_plugin_api::Resources;
use sundae_plugin_api::orchestrator::Capabilities;

use crate::pipeline::{Pipeline, Step};

/// What a step needs: what it declares, and one processor where it says nothing of that.
#[must_use]
pub fn needs(step: &Step) -> Resources {
    let mut needs = step.resources.clone();
    needs.entry("cpus".to_owned()).or_insert(1.0);
    needs
}

/// Why a pipeline can never run on an orchestrator that can do this.
///
/// # Errors
/// Every step that needs more than there is, or something that the orchestrator does not know, in words.
pub fn check(pipeline: &Pipeline, capabilities: &Capabilities) -> Result<(), Vec<String>> {
    let ledger = Ledger::new(capabilities.capacity.clone());
    let mut problems = Vec::new();
    for step in &pipeline.steps {
        let known = &capabilities.resources;
        for name in step.resources.keys().filter(|name| !known.contains(name)) {
            problems.push(format!(
                "step `{}` needs the resource `{name}`, which the orchestrator does not know",
                step.name
            ));
        }
        for (name, need, there_is) in ledger.never_enough(&step.resources) {
            let (need, there_is) = (amount(name, need), amount(name, there_is));
            problems.push(format!(
                "step `{}` needs {need} of `{name}`, and there is {there_is}",
                step.name
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// An amount, for people.
fn amount(name: &str, amount: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is told")]
    match name {
        "memory" => bytesize::ByteSize(amount as u64).to_string(),
        _ => amount.to_string(),
    }
}
