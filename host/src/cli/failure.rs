//! How a command fails: what went wrong, what to do, and the exit code. All hints are written here or by the commands.

use std::io;

use super::exit_code;
use crate::artifact::FetchError;
use crate::metadata::MetadataError;
use crate::pipeline::PipelineError;
use crate::plugin::LoadError;
use crate::project::ProjectError;
use crate::stack::{InvalidName, LookupError, SettingsError, StackProblem};
use crate::view::ListError;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What failed with which name or path; nothing where it has been said already.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// It could not be done.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: exit_code::FAILED, message: message.into(), hint: None }
    }

    /// The command line does not say what it should.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: exit_code::USAGE, ..Self::new(message) }
    }

    /// A plugin could not be used.
    pub fn plugin(message: impl Into<String>) -> Self {
        Self { code: exit_code::PLUGIN, ..Self::new(message) }
    }

    /// All has been said; only the exit code is left.
    #[must_use]
    pub fn silent(code: u8) -> Self {
        Self { code, ..Self::new("") }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, if there is something.
    #[must_use]
    pub fn hint_if_any(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

impl From<MetadataError> for Failure {
    fn from(error: MetadataError) -> Self {
        let failure = Self::new(error.to_string());
        match &error {
            MetadataError::FromTheFuture { .. } => {
                failure.hint("update sundae, or set SUNDAE_HOME to another folder")
            }
            MetadataError::Foreign { .. } => {
                failure.hint("move the file away, or set SUNDAE_HOME to another folder")
            }
            MetadataError::Folder { .. } => {
                failure.hint("set SUNDAE_HOME to a folder that can be written")
            }
            MetadataError::StackIsActive { .. } => {
                failure.hint("make another one active first: `sundae stack set NAME`")
            }
            MetadataError::Changed { .. } => failure.hint("look at it again, then try again"),
            MetadataError::NameTaken { .. } => failure.hint("choose another name"),
            MetadataError::InUse { .. } => failure.hint("take it out of them first: `sundae stack update STACK …`, or `sundae stack delete STACK`"),
            _ if error.is_out_of_space() => failure.hint("free some space and try again"),
            _ if error.is_damage() => failure.hint(
                "put a copy in its place, or move it away: then a new one is made, and what was registered is lost",
            ),
            _ if error.is_no_access() => failure.hint(
                "make the file and its folder writable, or set SUNDAE_HOME to another folder",
            ),
            _ if error.is_busy() => failure.hint("try again when it has finished"),
            _ => failure,
        }
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            LookupError::Unknown { what, nearest, known, .. } => {
                let list = match (nearest, known) {
                    (Some(nearest), Some(known)) => {
                        format!("did you mean `{nearest}`? there are: {known}")
                    }
                    (None, Some(known)) => format!("there are: {known}"),
                    _ => format!("there is none yet: `sundae {what} --help` shows how to make one"),
                };
                failure.hint(list)
            }
            LookupError::Ambiguous { candidates, .. } => {
                let candidates: Vec<_> = candidates
                    .iter()
                    .map(|candidate| format!("`{}` ({})", candidate.name, candidate.id))
                    .collect();
                failure.hint(format!("give more of the id, or the name: {}", candidates.join(", ")))
            }
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let failure = Self::plugin(error.to_string()).hint_if_any(error.cure());
        match error {
            // The plugin is sound: what it was given is not, or what it needs is not there.
            LoadError::Refused { .. } | LoadError::CannotWork { .. } => {
                Self { code: exit_code::FAILED, ..failure }
            }
            _ => failure,
        }
    }
}

impl From<PipelineError> for Failure {
    /// The text has place, line and hint already.
    fn from(error: PipelineError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            ProjectError::Invalid { suggestion, .. } => failure.hint_if_any(suggestion),
            _ => failure,
        }
    }
}

impl From<InvalidName> for Failure {
    fn from(error: InvalidName) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::usage(error.to_string()).hint_if_any(error.suggestion)
    }
}

impl From<StackProblem> for Failure {
    fn from(problem: StackProblem) -> Self {
        let failure = Self::usage(problem.to_string());
        match problem {
            StackProblem::Lacks { kind } => failure.hint(format!(
                "name one with --{kind}; `sundae {kind} list` shows the registered ones"
            )),
            StackProblem::OutOfReach { .. } => {
                failure.hint("use an artifact store that other machines can reach; if its folder lies on a file system that they share, say so: `sundae artifact-store update NAME --shared=true`; others: `sundae artifact-store flavor --list`")
            }
            StackProblem::TooMany { .. } | StackProblem::Twice { .. } => failure,
        }
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        Self::usage(error.to_string()).hint_if_any(error.suggestion)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            FetchError::Missing { .. } | FetchError::Damaged { .. } => {
                failure.hint("run the pipeline again: what is lost is made anew")
            }
            _ => failure,
        }
    }
}

impl From<io::Error> for Failure {
    /// Only for writing to stdout; everything else has a path to tell.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Whoever read has seen enough.
            io::ErrorKind::BrokenPipe => Self::silent(exit_code::DONE),
            _ => Self::new(format!("cannot write to stdout: {error}")),
        }
    }
}
