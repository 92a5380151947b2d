//! `sundae worker ATTEMPT`: makes one attempt of a step, wherever an orchestrator has put it. Not for people.
//!
//! It knows no database. What it is to do, and how that went, lies in the artifact store; how to reach that is in its
//! environment and not on its command line, since it may hold secrets.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
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
use super::{Failure, exit_code, reveal, signals};
use crate::artifact::staging::{Staging, sweep};
use crate::metadata::OWNER;
use crate::plugin::probe::NoLog;
use crate::plugin::{Catalog, Loader, Origin, Place};
use crate::secret::mask_from_now_on;
use crate::shipping::{Bundle, Damage, PROGRAM};
use crate::stack::Component;
use crate::worker::{AttemptReport, AttemptSpec, Cancel, Secrets, portable, reaper};

/// The hidden command.
const COMMAND: &str = "worker";

/// The variable that says how to reach the artifact store.
const VARIABLE: &str = "SUNDAE_WORKER";

/// The folder of bundles.
const BUNDLES: &str = "bundles";

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
    /// What goes along to where steps run.
    #[serde(skip)]
    bundle: PathBuf,
}

impl Errand {
    /// The errand for a store, with what goes along to where steps run: laid in a folder that is shared with them, or else here.
    ///
    /// # Errors
    /// The store's plugin cannot be found, its configuration not be filled in, or the bundle not be made.
    pub(super) fn new(
        context: &Context,
        store: &Component,
        loader: &Loader<'_>,
        shared_folder: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let config = reveal::revealed(context, store, loader)?;
        let found = context.catalog()?.flavor_of(&store.plugin, store.kind.as_str(), &store.flavor);
        // It was opened just now.
        let library = found.map(|flavor| flavor.library.path.clone()).ok_or_else(|| {
            Failure::new(format!("the plugin `{}` has gone meanwhile", store.plugin))
        })?;
        let parent = shared_folder.unwrap_or_else(|| context.home.folder.clone());
        let bundle = Bundle::lay(
            &context.absolute(&parent).join(BUNDLES),
            &own_binary()?,
            &[&library],
            context.database()?,
        )
        .map_err(Failure::new)?;
        Ok(Self {
            id: store.id.clone(),
            name: store.name.clone(),
            plugin: store.plugin.clone(),
            flavor: store.flavor.clone(),
            config,
            secrets: Secrets::new(),
            bundle: bundle.folder().to_owned(),
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
        let named = spec.step.secrets().filter_map(|name| secrets.get_key_value(name));
        let secrets = named.map(|(name, value)| (name.clone(), value.clone())).collect();
        let errand = Self { secrets, ..self.clone() };
        let text = serde_json::to_string(&errand).map_err(|error| error.to_string())?;
        let program = self.bundle.join(PROGRAM).display().to_string();
        job.worker = vec![program, COMMAND.to_owned(), spec.id.clone()];
        job.bundle.clone_from(&self.bundle);
        job.environment.insert(VARIABLE.to_owned(), text);
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
    let binary = own_binary()?;
    let catalog = Catalog::read(&places(context, &binary)?, &NoLog);
    let loader = Loader::new(&catalog, &NoLog, binary.clone());
    let store = context.open_artifact_store(&loader, &component)?;
    let workplace = Workplace::near(&*store)?;
    let cancel = Arc::new(Cancel::default());
    let heard = Arc::clone(&cancel);
    let _signals = signals::listen(move |_| heard.request())?;
    let folder = workplace.folder();
    let _reaper = reaper::arm(binary, folder, workplace.lock());
    let ui = context.ui;
    let tell = move |message: &str| ui.warn(message);
    let report = portable::run_from_store(&*store, attempt, folder, &cancel, &secrets, &tell)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(exit_code_of(&report))
}

fn own_binary() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the program itself: {error}")))
}

/// Where the store's plugin is looked for: in the bundle that this program is part of, and nowhere else if there is one.
fn places(context: &Context, binary: &Path) -> Result<Vec<Place>, Failure> {
    let damaged = |damage: Damage| Failure::new(damage.to_string());
    match Bundle::around(binary).map_err(damaged)? {
        None => context.places(),
        Some(bundle) => {
            bundle.verify().map_err(damaged)?;
            Ok(vec![Place { folder: bundle.plugins(), origin: Origin::Distribution }])
        }
    }
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
        let failed = |parent: &Path, error| {
            let parent = parent.display();
            Failure::new(format!("cannot make a folder to work in below {parent}: {error}"))
        };
        let Some(parent) = store.capabilities().staging else {
            let parent = std::env::temp_dir();
            let folder = tempfile::Builder::new().prefix("sundae-worker-").tempdir_in(&parent);
            return folder.map(Self::Temporary).map_err(|error| failed(&parent, error));
        };
        sweep(&parent);
        // Not the attempt's id: a scheduler may start a job anew while the first one still ends.
        let name = format!("worker-{}", uuid::Uuid::new_v4());
        Staging::create(&parent, &name).map(Self::Staging).map_err(|error| failed(&parent, error))
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
