//! Why the database did not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use sundae_plugin_api::ComponentKind;

use crate::stack::with_article;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The folder of the database cannot be made.
    #[error("cannot make the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer version has written it.
    #[error(
        "the database {} was written by a newer version of sundae (its format is {found}, this version knows {known})",
        path.display()
    )]
    FromTheFuture {
        /// The database.
        path: PathBuf,
        /// The number of its format.
        found: u32,
        /// The number of the newest format known here.
        known: u32,
    },
    /// It is something else.
    #[error("{} is not a database of sundae", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// SQLite says no.
    #[error("cannot {doing} in the database {}: {reason}", path.display())]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// Why, in words.
        reason: String,
        /// What SQLite says; boxed, so that results stay small.
        source: Box<rusqlite::Error>,
    },
    /// Another component or stack has the name.
    #[error("there is {what} `{name}` already")]
    NameTaken {
        /// `an artifact-store`, `a stack`.
        what: String,
        /// The name.
        name: String,
    },
    /// A component is part of stacks.
    #[error("{kind} `{name}` is part of {}", listed(stacks))]
    InUse {
        /// Its kind.
        kind: ComponentKind,
        /// Its name.
        name: String,
        /// The names of the stacks.
        stacks: Vec<String>,
    },
    /// The stack that is active everywhere cannot go.
    #[error("stack `{name}` is the active one")]
    StackIsActive {
        /// Its name.
        name: String,
    },
    /// It is not what it was when the change was thought of.
    #[error("{what} was changed by another process meanwhile; nothing of this change was done")]
    Changed {
        /// What.
        what: String,
    },
    /// It was there a moment ago: another process has removed it.
    #[error("{what} is gone: another process has removed it")]
    Gone {
        /// What.
        what: String,
    },
}

fn listed(stacks: &[String]) -> String {
    let names: Vec<_> = stacks.iter().map(|name| format!("`{name}`")).collect();
    format!("the {} {}", if stacks.len() == 1 { "stack" } else { "stacks" }, names.join(", "))
}

impl MetadataError {
    /// Another component of the kind has the name.
    #[must_use]
    pub fn component_name_taken(kind: ComponentKind, name: &str) -> Self {
        Self::NameTaken { what: with_article(kind), name: name.to_owned() }
    }

    /// Another stack has the name.
    #[must_use]
    pub fn stack_name_taken(name: &str) -> Self {
        Self::NameTaken { what: "a stack".to_owned(), name: name.to_owned() }
    }

    pub(super) fn opening(path: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign { path: path.to_owned() },
            _ => Self::while_doing("open what is kept", path, source),
        }
    }

    pub(super) fn while_doing(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let reason = reason(&source, path);
        Self::Failed { doing, path: path.to_owned(), reason, source: Box::new(source) }
    }

    /// Whether another process held the database for too long.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the disk is full.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Failed { reason, .. } if reason == FULL)
    }

    /// Whether the file is ours and has been damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        self.code() == Some(ErrorCode::DatabaseCorrupt)
    }

    /// Whether the file, or its folder, cannot be opened or written to.
    #[must_use]
    pub fn is_no_access(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
        )
    }

    fn code(&self) -> Option<ErrorCode> {
        let Self::Failed { source, .. } = self else { return None };
        source.sqlite_error_code()
    }
}

const FULL: &str = "the disk is full";

fn reason(source: &rusqlite::Error, path: &Path) -> String {
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FULL.to_owned(),
        // The index of the log is made through memory, where SQLite does not learn why it cannot be.
        Some(ErrorCode::SystemIoFailure) if is_disk_full(path) => FULL.to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process is writing to it".to_owned()
        }
        Some(ErrorCode::ReadOnly) => "it may not be written to".to_owned(),
        Some(ErrorCode::CannotOpen) => "it cannot be opened".to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => "it is damaged".to_owned(),
        _ => source.to_string(),
    }
}

/// Whether there is no room for what SQLite needs to begin with: the index of the log, and a few pages.
fn is_disk_full(path: &Path) -> bool {
    const NEEDED: u64 = 64 << 10;
    let folder = path.parent().unwrap_or(path);
    rustix::fs::statvfs(folder)
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < NEEDED)
}
