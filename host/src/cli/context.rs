//! What commands work with. Each part is opened when it is first asked for, so that a command pays only for what it uses.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sundae_plugin_api::{ArtifactStore, ComponentKind, Host, Level, Orchestrator};

use super::globals::{Globals, Output};
use super::home::Home;
use super::ui::{Ui, Volume};
use super::{Failure, reveal};
use crate::metadata::{Database, WORKSPACE};
use crate::plugin::services::Services;
use crate::plugin::{Catalog, Loader, Place, Wanted, places};
use crate::project::Project;
use crate::stack::{Component, Stack, find};

/// What commands work with.
pub(super) struct Context {
    /// The options that every command takes.
    pub globals: Globals,
    /// Speaks.
    pub ui: Ui,
    /// The user's data folder.
    pub home: Home,
    /// The folder in which the command was given.
    pub folder: PathBuf,
    /// Set when components shall stop what they are about.
    pub cancelled: Arc<AtomicBool>,
    project: OnceCell<Option<Project>>,
    database: OnceCell<Database>,
    catalog: OnceCell<Catalog>,
}

/// The stack that a run would use, and who says so.
#[derive(Debug, Clone)]
pub(super) struct ActiveStack {
    /// The stack.
    pub stack: Stack,
    /// Who says so.
    pub scope: Scope,
}

/// Who says which stack is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The user, for everything.
    Global,
    /// The project, for what is in it.
    Project,
}

impl Scope {
    /// The scope in a word.
    #[must_use]
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Project => "project",
        }
    }
}

impl Context {
    /// The context of a command with these options.
    ///
    /// # Errors
    /// There is no folder for the user's data.
    pub(super) fn new(mut globals: Globals) -> Result<Self, Failure> {
        let folder = std::env::current_dir()
            .map_err(|error| Failure::new(format!("the current folder cannot be used: {error}")))?;
        for dir in &mut globals.plugin_dir {
            *dir = folder.join(&*dir);
        }
        Ok(Self {
            ui: Ui::new(globals.volume()),
            home: Home::find()?,
            folder,
            globals,
            cancelled: Arc::default(),
            project: OnceCell::new(),
            database: OnceCell::new(),
            catalog: OnceCell::new(),
        })
    }

    /// The same, with nothing read yet: for commands that change what they have read.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn afresh(&self) -> Result<Self, Failure> {
        Self::new(self.globals.clone())
    }

    /// The same in another folder: for what was begun there.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn in_folder(&self, folder: &Path) -> Result<Self, Failure> {
        let globals = self.globals.clone();
        Ok(Self { folder: folder.to_owned(), ..Self::new(globals)? })
    }

    /// Whether data is to be written as JSON.
    #[must_use]
    pub(super) fn wants_json(&self) -> bool {
        self.globals.output == Output::Json
    }

    /// The project that the current folder is in.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub(super) fn project(&self) -> Result<Option<&Project>, Failure> {
        if self.project.get().is_none() {
            let found = Project::find(&self.folder)?;
            return Ok(self.project.get_or_init(|| found).as_ref());
        }
        Ok(self.project.get().and_then(Option::as_ref))
    }

    /// The local database.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn database(&self) -> Result<&Database, Failure> {
        if let Some(database) = self.database.get() {
            return Ok(database);
        }
        let database = Database::open(&self.home.database())?;
        Ok(self.database.get_or_init(|| database))
    }

    /// Where plugins are looked for.
    ///
    /// # Errors
    /// The project's file cannot be read.
    pub(super) fn places(&self) -> Result<Vec<Place>, Failure> {
        let root = self.project()?.map(|project| project.root.as_path());
        Ok(places(&self.globals.plugin_dir, root, &self.home.plugins()))
    }

    /// What is installed.
    ///
    /// # Errors
    /// The database cannot be opened, or the project's file not read.
    pub(super) fn catalog(&self) -> Result<&Catalog, Failure> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(catalog);
        }
        let catalog = Catalog::read(&self.places()?, self.database()?);
        Ok(self.catalog.get_or_init(|| catalog))
    }

    /// Loads plugins.
    ///
    /// # Errors
    /// As [`Self::catalog`], or the running program cannot be found.
    pub(super) fn loader(&self) -> Result<Loader<'_>, Failure> {
        let binary = std::env::current_exe()
            .map_err(|error| Failure::new(format!("cannot find the program itself: {error}")))?;
        Ok(Loader::new(self.catalog()?, self.database()?, binary))
    }

    /// The components of a kind.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) fn components(&self, kind: ComponentKind) -> Result<Vec<Component>, Failure> {
        Ok(self.database()?.components(Some(kind))?)
    }

    /// The component of a kind that a text means: a name, an id, or the start of an id.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn component(&self, kind: ComponentKind, text: &str) -> Result<Component, Failure> {
        let components = self.components(kind)?;
        Ok(find(kind.as_str(), &components, text)?.clone())
    }

    /// The stack that a text means: a name, an id, or the start of an id.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn stack(&self, text: &str) -> Result<Stack, Failure> {
        let stacks = self.database()?.stacks()?;
        Ok(find("stack", &stacks, text)?.clone())
    }

    /// The stack that is active here: the project's, else the global one.
    ///
    /// # Errors
    /// The stack that the project names is not registered.
    pub(super) fn active_stack(&self) -> Result<ActiveStack, Failure> {
        if let Some(project) = self.project()?
            && let Some(name) = &project.stack
        {
            let stack = self.stack(name).map_err(|failure| Failure {
                message: format!("{}, which {} names", failure.message, project.file().display()),
                hint: Some(
                    "register it (`sundae stack register --help`), or choose another: `sundae stack set NAME`"
                        .to_owned(),
                ),
                ..failure
            })?;
            return Ok(ActiveStack { stack, scope: Scope::Project });
        }
        let database = self.database()?;
        let active = database.active_stack()?;
        let mut stacks = database.stacks()?;
        let place = stacks.iter().position(|stack| Some(&stack.id) == active.as_ref());
        // One that was active and is gone was deleted by another version: the default one is never deleted.
        let place = place.or_else(|| stacks.iter().position(|stack| stack.name == "default"));
        match place {
            Some(place) => {
                Ok(ActiveStack { stack: stacks.swap_remove(place), scope: Scope::Global })
            }
            None => Err(Failure::new("no stack is active")
                .hint("`sundae stack set NAME`; `sundae stack list` shows the registered ones")),
        }
    }

    /// As [`Self::active_stack`], where it does not matter much: `None` if it cannot be told.
    #[must_use]
    pub(super) fn active_stack_if_any(&self) -> Option<ActiveStack> {
        self.active_stack().ok()
    }

    /// Tells which database, workspace and stack a command works with.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) fn say_where(&self) -> Result<(), Failure> {
        if self.ui.volume() < Volume::Normal {
            return Ok(());
        }
        self.database()?;
        let scope = if self.project()?.is_some() { Scope::Project } else { Scope::Global };
        self.ui.say("Using the default local database.");
        self.ui
            .say(format_args!("Running with active workspace: '{WORKSPACE}' ({})", scope.word()));
        if let Some(active) = self.active_stack_if_any() {
            let (name, scope) = (&active.stack.name, active.scope.word());
            self.ui.say(format_args!("Running with active stack: '{name}' ({scope})"));
        }
        Ok(())
    }

    /// Opens an artifact store.
    ///
    /// # Errors
    /// Its plugin cannot be used, or refuses its configuration.
    pub(super) fn open_artifact_store(
        &self,
        loader: &Loader<'_>,
        component: &Component,
    ) -> Result<Box<dyn ArtifactStore>, Failure> {
        let config = reveal::revealed(self, component, loader)?;
        let wanted = wanted(component, &config);
        Ok(loader.artifact_store(&wanted, self.lend(component)?)?)
    }

    /// Opens an orchestrator.
    ///
    /// # Errors
    /// Its plugin cannot be used, or refuses its configuration.
    pub(super) fn open_orchestrator(
        &self,
        loader: &Loader<'_>,
        component: &Component,
    ) -> Result<Box<dyn Orchestrator>, Failure> {
        let config = reveal::revealed(self, component, loader)?;
        let wanted = wanted(component, &config);
        Ok(loader.orchestrator(&wanted, self.lend(component)?)?)
    }

    /// Opens a component only to hear whether its flavor accepts the configuration.
    ///
    /// # Errors
    /// It does not, or its plugin cannot be used.
    pub(super) fn check_component(&self, component: &Component) -> Result<(), Failure> {
        let loader = self.loader()?;
        let config = reveal::revealed(self, component, &loader)?;
        let wanted = wanted(component, &config);
        Ok(loader.check(&wanted, self.lend(component)?)?)
    }

    /// The host's services for a component.
    ///
    /// # Errors
    /// A secret that its configuration names is not there.
    fn lend(&self, component: &Component) -> Result<Host, Failure> {
        let ui = self.ui;
        let log = move |level: Level, component: &str, message: &str| match level {
            Level::Error | Level::Warning => ui.warn(format_args!("{component}: {message}")),
            _ if ui.volume() >= Volume::Verbose => ui.say(format_args!("{component}: {message}")),
            _ => {}
        };
        Ok(Services {
            component: format!("{} `{}`", component.kind, component.name),
            data_folder: self.home.component_data(&component.id),
            scratch_folder: self.home.component_scratch(&component.id),
            log: Arc::new(log),
            cancelled: Arc::clone(&self.cancelled),
            secrets: reveal::of_component(self, component)?,
        }
        .lend())
    }

    /// A path that was given, from the current folder.
    #[must_use]
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// What a plugin is asked for, to get this component with this configuration.
pub(super) fn wanted<'a>(
    component: &'a Component,
    config: &'a serde_json::Map<String, serde_json::Value>,
) -> Wanted<'a> {
    Wanted {
        kind: component.kind,
        component: &component.name,
        plugin: &component.plugin,
        flavor: &component.flavor,
        config,
    }
}
