//! `sundae store verify`

use std::collections::HashMap;

use clap::Args;

use super::{name_of, store_component};
use crate::cli::ask::{Consent, confirm};
use crate::cli::context::Context;
use crate::cli::progress::showing;
use crate::cli::runs::database;
use crate::cli::table::{count, size};
use crate::cli::ui::{BAD, styled};
use crate::cli::{Failure, exit_code};
use crate::keeping::{Digest, Need, Verified, repair, verify};
use crate::stack::Component;
use crate::view::{DamageView, VerifiedView};

/// Read everything in an artifact store, and name what is damaged or missing
///
/// Every object is read and compared with its digest. What is wrong is named with the runs and outcomes that need it; then the
/// exit code is 1. What `sundae artifact gc` has removed is not missed.
///
/// With `--repair`, damaged objects are taken out, and so are the outcomes whose data is damaged or missing: the next run makes
/// them again.
///
/// Example: sundae store verify
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Name, id or start of the id of an artifact store; if left out, that of the active stack
    store: Option<String>,

    /// Take out what is damaged, so that it is made again
    #[arg(long)]
    repair: bool,

    /// Ask no question
    #[arg(long, short, requires = "repair")]
    yes: bool,
}

impl Verify {
    pub(in crate::cli) fn run(&self, context: &Context) -> Result<(), Failure> {
        let component = store_component(context, self.store.as_deref())?;
        let store = context.open_artifact_store(&context.loader()?, &component)?;
        let needs = needs(context, &component)?;
        let verified = showing(context, |progress| verify(&*store, &needs, progress))?;
        let location = store.capabilities().location;
        let mut view = VerifiedView::new(&component.name, &location, &verified);
        if !context.wants_json() {
            context.ui.data(text_of(&view))?;
        }
        if self.repair && !verified.damages.is_empty() {
            confirm(context, &question(&verified), Consent::of(self.yes))?;
            view.repaired = Some(repair(&*store, &verified)?.into());
        }
        if context.wants_json() {
            context.ui.json(&view)?;
        }
        report(context, &view)
    }
}

/// What the runs need that have kept their artifacts in this store.
fn needs(context: &Context, store: &Component) -> Result<Vec<Need>, Failure> {
    let database = database(context)?;
    let runs = database.run_briefs()?.into_iter();
    // What was let go is not missed; and what is under way is still being made.
    let names: HashMap<String, String> = runs
        .filter(|run| run.store.as_ref() == Some(&store.id) && !run.is_released)
        .map(|run| (run.id, run.name))
        .collect();
    let mut needs = Vec::new();
    database.each_need(|need| {
        if let (Some(run), Some(digest)) = (names.get(&need.run), Digest::parse(&need.digest)) {
            needs.push(Need { name: name_of(run, &need), kind: need.kind, digest });
        }
    })?;
    Ok(needs)
}

fn text_of(view: &VerifiedView) -> String {
    let (objects, outcomes) = (count(view.objects, "object"), count(view.outcomes, "outcome"));
    let mut text = format!(
        "Artifact store `{}`: {objects} ({}) and {outcomes} were read.",
        view.artifact_store,
        size(view.bytes)
    );
    for damage in &view.damages {
        text.push_str(&format!("\n\n{}", damage_text(damage)));
    }
    text
}

fn damage_text(damage: &DamageView) -> String {
    let DamageView { what, digest, state, reason, needed_by } = damage;
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut text = format!("{} {what} {digest}{reason}", styled(BAD, state));
    match (*what, needed_by.as_slice()) {
        ("object", []) => text.push_str("\n  nothing that is known here needs it"),
        ("object", users) => text.push_str(&format!("\n  needed by {}", users.join(", "))),
        _ => {}
    }
    text
}

fn question(verified: &Verified) -> String {
    let faults = count(verified.damages.len() as u64, "fault");
    format!(
        "Take out what is damaged, and the outcomes that need what is damaged or missing ({faults})?"
    )
}

fn report(context: &Context, view: &VerifiedView) -> Result<(), Failure> {
    match (&view.repaired, view.damages.len()) {
        (_, 0) => {
            context.ui.say("All is as it should be.");
            Ok(())
        }
        (Some(repaired), _) => {
            context.ui.say(format_args!(
                "Took out {} and {}. The next runs of their pipelines make them again.",
                count(repaired.objects, "damaged object"),
                count(repaired.outcomes, "outcome")
            ));
            Err(Failure::silent(exit_code::FAILED))
        }
        (None, 1) => Err(wrong("1 thing is")),
        (None, many) => Err(wrong(&format!("{many} things are"))),
    }
}

fn wrong(what: &str) -> Failure {
    Failure::new(format!("{what} not as it should be"))
        .hint("`--repair` takes out what is damaged; a run of the pipeline then makes it again")
}
