//! `sundae worker ATTEMPT`: makes one attempt of a step, wherever an orchestrator has put it. Not for people.
//!
//! It knows no database. What it is to do, and how that went, lies in the artifact store; how to reach that is in its
//! environment and not on its command line, since it may hold secrets.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sundae_plugin_api::orchestrator::JobDescription;
use sundae_plugin_api::{ArtifactStore, ComponentKind};
use tempfile::TempDir;

use super::context::Context;
use super::globals::Globals;
use super::ui::Ui;
use super::{Failure, exit_code, signals};
use crate::artifact::staging::{Staging, sweep};
use crate::metadata::OWNER;
use crate::plugin::probe::NoLog;
use crate::plugin::{Catalog, Loader, Origin, Place};
use crate::secret::mask_from_now_on;
use crate::stack::Component;
use crate::worker::{AttemptReport, AttemptSpec, Cancel, Secrets, portable, reaper};

/// The hidden command.
const COMMAND: &str = "worker";

/// The variable that says how to reach the artifact store.
const VARIABLE: &str = "SUNDAE_WORKER";

/// The variable that says where plugins are looked for.
const PLUGIN_PATH: &str = "SUNDAE_PLUGIN_PATH";

/// How to reach the artifact store. Not to be printed: it may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Errand {
    id: String,
    name: String,
    plugin: String,
    flavor: String,
    config: Map<String, Value>,
    /// The secrets that the step names.
    #[serde(default)]
    secrets: Secrets,
    /// Where plugins are looked for here, beyond what is usual.
    #[serde(skip)]
    plugin_path: String,
}

impl Errand {
    /// The errand for a store with this configuration.
    ///
    /// # Errors
    /// The project's file cannot be read.
    pub(super) fn new(
        context: &Context,
        store: &Component,
        config: Map<String, Value>,
    ) -> Result<Self, Failure> {
        let is_of_user = |place: &Place| place.origin < Origin::System;
        let places = context.places()?.into_iter().filter(is_of_user);
        // A folder whose name cannot be part of a path is not looked into there.
        let plugin_path = std::env::join_paths(places.map(|place| context.absolute(&place.folder)));
        let plugin_path = plugin_path.unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            id: store.id.clone(),
            name: store.name.clone(),
            plugin: store.plugin.clone(),
            flavor: store.flavor.clone(),
            config,
            secrets: Secrets::new(),
            plugin_path,
        })
    }

    /// Fills in how a worker makes an attempt.
    ///
    /// # Errors
    /// In words.
    pub(super) fn describe(
        &self,
        spec: &AttemptSpec,
        secrets: &Secrets,
        job: &mut JobDescription,
    ) -> Result<(), String> {
        let binary = std::env::current_exe()
            .map_err(|error| format!("cannot find the program itself: {error}"))?;
        let named = spec.step.secrets().filter_map(|name| secrets.get_key_value(name));
        let secrets = named.map(|(name, value)| (name.clone(), value.clone())).collect();
        let errand = Self { secrets, ..self.clone() };
        let text = serde_json::to_string(&errand).map_err(|error| error.to_string())?;
        job.worker = vec![binary.display().to_string(), COMMAND.to_owned(), spec.id.clone()];
        job.environment.insert(VARIABLE.to_owned(), text);
        job.environment.insert(PLUGIN_PATH.to_owned(), self.plugin_path.clone());
        Ok(())
    }

    fn read() -> Result<Self, Failure> {
        let text = std::env::var(VARIABLE).map_err(|_| {
            Failure::usage(format!("{VARIABLE} is not set"))
                .hint("this command is for orchestrators; `sundae run` is for people")
        })?;
        // What is wrong with it is not told: it may hold secrets.
        serde_json::from_str(&text)
            .map_err(|_| Failure::usage(format!("{VARIABLE} does not say how to reach a store")))
    }

    fn store(self) -> Component {
        let now = Timestamp::now();
        Component {
            id: self.id,
            kind: ComponentKind::ArtifactStore,
            name: self.name,
            flavor: self.flavor,
            plugin: self.plugin,
            config: self.config,
            owner: OWNER.to_owned(),
            is_shared: false,
            created: now,
            updated: now,
        }
    }
}

/// Does it, if that is what the words say.
#[must_use]
pub(super) fn run_if_asked(words: &[OsString]) -> Option<u8> {
    let [_, command, attempt] = words else { return None };
    if command != COMMAND {
        return None;
    }
    let globals = Globals::default();
    let ui = Ui::new(globals.volume());
    let made = Context::new(globals).and_then(|context| make(&context, &attempt.to_string_lossy()));
    Some(made.unwrap_or_else(|failure| {
        ui.fail(&failure);
        failure.code
    }))
}

/// Makes the attempt, and returns the exit code that tells how it ended.
fn make(context: &Context, attempt: &str) -> Result<u8, Failure> {
    let mut errand = Errand::read()?;
    let secrets = std::mem::take(&mut errand.secrets);
    mask_from_now_on(secrets.values().map(String::as_str));
    let component = errand.store();
    let binary = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the program itself: {error}")))?;
    let catalog = Catalog::read(&context.places()?, &NoLog);
    let loader = Loader::new(&catalog, &NoLog, binary.clone());
    let store = context.open_artifact_store(&loader, &component)?;
    let workplace = Workplace::near(&*store)?;
    let cancel = Arc::new(Cancel::default());
    let heard = Arc::clone(&cancel);
    let _signals = signals::listen(move |_| heard.request())?;
    let folder = workplace.folder();
    let _reaper = reaper::arm(binary, folder, workplace.lock());
    let report = portable::run_from_store(&*store, attempt, folder, &cancel, &secrets)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(exit_code_of(&report))
}

/// The folder in which the attempt is made; removed when dropped.
enum Workplace {
    /// On the store's file system.
    Staging(Staging),
    /// Where this machine has room for what is temporary. Others have things there: nothing is swept.
    Temporary(TempDir),
}

impl Workplace {
    fn near(store: &dyn ArtifactStore) -> Result<Self, Failure> {
        let failed = |error| Failure::new(format!("cannot make a folder to work in: {error}"));
        let Some(parent) = store.capabilities().staging else {
            let folder = tempfile::Builder::new().prefix("sundae-worker-").tempdir();
            return folder.map(Self::Temporary).map_err(failed);
        };
        sweep(&parent);
        // Not the attempt's id: a scheduler may start a job anew while the first one still ends.
        let name = format!("worker-{}", uuid::Uuid::new_v4());
        Staging::create(&parent, &name).map(Self::Staging).map_err(failed)
    }

    /// The lock of the folder, if it is one that is swept.
    fn lock(&self) -> Option<File> {
        match self {
            Self::Staging(staging) => staging.lock().ok(),
            Self::Temporary(_) => None,
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Staging(staging) => staging.folder(),
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// For the orchestrator's own books; the host reads the report.
fn exit_code_of(report: &AttemptReport) -> u8 {
    if report.failure.is_none() {
        return exit_code::DONE;
    }
    let code = report.exit_code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    code.unwrap_or(exit_code::FAILED)
}
