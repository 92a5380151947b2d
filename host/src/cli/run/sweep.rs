//! `--sweep KEY=V1,V2`: one run for each combination of values, one after the other. What does not depend on them runs once,
//! since runs share the cache.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use super::{Run, ended, plan};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::exit_code;
use crate::cli::runs::view_of;
use crate::cli::table;
use crate::cli::ui::{NAME, styled};
use crate::engine::event::RunStatus;
use crate::metadata::RunRecord;
use crate::pipeline::Pipeline;
use crate::stack::Stack;
use crate::view::PlanRow;

/// Values for a param of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swept {
    key: String,
    values: Vec<String>,
}

impl FromStr for Swept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "it must be KEY=VALUE,VALUE,…, such as `rate=0.1,1,10`".to_owned();
        let (key, values) = text.split_once('=').ok_or_else(wrong)?;
        let values = parted(values);
        if key.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Self { key: key.trim().to_owned(), values })
    }
}

/// The parts between commas, but for those within brackets or quotes: `[1,2],[3]` is two lists.
fn parted(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_u32, None);
    for character in text.chars() {
        match character {
            ',' if depth == 0 && quote.is_none() => {
                parts.push(String::new());
                continue;
            }
            '"' | '\'' if quote == Some(character) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(character),
            '[' | '{' if quote.is_none() => depth += 1,
            ']' | '}' if quote.is_none() => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

type Combination = Vec<(String, String)>;

/// Every value with every other; the last param changes fastest.
fn combinations(swept: &[Swept]) -> Vec<Combination> {
    swept.iter().fold(vec![Vec::new()], |combinations, Swept { key, values }| {
        let extended = combinations.iter().flat_map(|combination| {
            values.iter().map(move |value| {
                let mut combination = combination.clone();
                combination.push((key.clone(), value.clone()));
                combination
            })
        });
        extended.collect()
    })
}

/// Runs them all. One that fails does not keep the others from running.
///
/// # Errors
/// [`Failure`]; that a step failed is one, too.
pub(super) fn run(
    command: &Run,
    context: &Context,
    stack: &Stack,
    mut detached: Option<String>,
) -> Result<(), Failure> {
    let combinations = combinations(&command.sweep);
    let mut pipelines = Vec::with_capacity(combinations.len());
    // All of them before the first is run: what is wrong with the last value is known now.
    for combination in &combinations {
        let pipeline = command.pipeline(combination)?;
        if !command.dry_run {
            command.check_part(context, stack, &pipeline, combination)?;
        }
        pipelines.push(pipeline);
    }
    if command.dry_run {
        return look_ahead(command, context, stack, &combinations, &pipelines);
    }
    let sweep = uuid::Uuid::new_v4().to_string();
    let mut runs = Vec::with_capacity(pipelines.len());
    for (number, (pipeline, combination)) in pipelines.into_iter().zip(&combinations).enumerate() {
        let place = format!("{} of {}", number + 1, combinations.len());
        context.ui.say(format_args!("{} ({place})", styled(NAME, told(combination))));
        let (run, status) =
            command.once(context, stack, pipeline, Some(&sweep), detached.take())?;
        runs.push(context.database()?.run(&run.id)?.unwrap_or(run));
        if status == RunStatus::Cancelled {
            break;
        }
    }
    show(context, command, &runs)?;
    let worst = runs.iter().map(|run| ended(run.status)).find_map(Result::err);
    match worst {
        None => Ok(()),
        Some(_) if runs.iter().any(|run| run.status == RunStatus::Cancelled) => {
            Err(Failure::silent(exit_code::INTERRUPTED))
        }
        Some(failure) => Err(failure),
    }
}

fn told(combination: &Combination) -> String {
    let pairs = combination.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// What would become of the steps for one combination.
#[derive(Serialize)]
struct Ahead<'p> {
    params: &'p BTreeMap<String, Value>,
    steps: Vec<PlanRow>,
}

/// Shows what would be run for each combination, as things are now: what one of them would make is not there for the next.
fn look_ahead(
    command: &Run,
    context: &Context,
    stack: &Stack,
    combinations: &[Combination],
    pipelines: &[Pipeline],
) -> Result<(), Failure> {
    let mut all = Vec::with_capacity(pipelines.len());
    let mut refusal = None;
    for (pipeline, combination) in pipelines.iter().zip(combinations) {
        plan::check(context, pipeline, stack)?;
        let prospects = plan::look_ahead(context, pipeline, stack, !command.no_cache)?;
        refusal = refusal.or(command.part.refusal(&prospects, &command.typed(combination)));
        if context.wants_json() {
            all.push(Ahead { params: &pipeline.params, steps: plan::rows(prospects) });
        } else {
            context.ui.say(styled(NAME, told(combination)));
            plan::show(context, stack, pipeline, prospects, command.explain)?;
        }
    }
    if context.wants_json() {
        context.ui.json(&all)?;
    }
    refusal.map_or(Ok(()), Err)
}

fn show(context: &Context, command: &Run, runs: &[RunRecord]) -> Result<(), Failure> {
    if context.wants_json() {
        let database = context.database()?;
        let views = runs.iter().map(|run| view_of(database, run));
        return context.ui.json(&views.collect::<Result<Vec<_>, Failure>>()?);
    }
    let mut metrics: Vec<_> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let keys: Vec<_> = command.sweep.iter().map(|swept| &swept.key).collect();
    let headings = ["name", "status"].map(table::heading).into_iter();
    let headings = headings.chain(keys.iter().chain(&metrics).map(|name| table::heading(name)));
    let rows = runs.iter().map(|run| {
        let status = serde_json::to_value(run.status).unwrap_or_default();
        let params = keys.iter().map(|key| run.params.get(*key).map(table::value));
        let metrics = metrics.iter().map(|name| run.metrics.get(*name).copied().map(table::number));
        let cells = params.chain(metrics).map(Option::unwrap_or_default);
        [run.name.clone(), table::value(&status)].into_iter().chain(cells).collect()
    });
    context.ui.data(table::table(&headings.collect::<Vec<_>>(), &rows.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parted_by_commas_but_not_within_lists_and_texts() {
        assert_eq!(parted("0.1, 1,10"), ["0.1", "1", "10"]);
        assert_eq!(parted("[1,2],[3]"), ["[1,2]", "[3]"]);
        assert_eq!(parted("\"a,b\",{x=[1,2]},'c,d'"), ["\"a,b\"", "{x=[1,2]}", "'c,d'"]);
        for wrong in ["rate", "=1", "rate=", "rate=1,,2", "rate=1,"] {
            assert!(wrong.parse::<Swept>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_value_meets_every_other() {
        let swept: Vec<Swept> = ["a=1,2", "b=x,y"].map(|text| text.parse().unwrap()).into();
        let told: Vec<String> = combinations(&swept)
            .iter()
            .map(|combination| {
                combination.iter().map(|(key, value)| format!("{key}{value}")).collect()
            })
            .collect();
        assert_eq!(told, ["a1bx", "a1by", "a2bx", "a2by"]);
    }
}
