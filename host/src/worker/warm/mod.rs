//! Warm servers: processes that have loaded beforehand what steps load first, and start attempts as copies of themselves.
//!
//! `docs/pipelines.md` describes what is said between them and us. A server is an offer and no more: whatever it does, or
//! does not do, the attempt ends as it would have ended without one.

mod call;
mod server;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Cancel;
use super::command::Invocation;
use server::Server;

/// So many servers a run has at most: each holds what it has loaded in memory.
const MOST: usize = 8;

/// The servers of this process, by what they can start; `None` where nobody has asked for any.
static SERVERS: Mutex<Option<HashMap<Kind, Place>>> = Mutex::new(None);

fn servers() -> MutexGuard<'static, Option<HashMap<Kind, Place>>> {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What attempts must have in common to be started by one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    command: Vec<String>,
    workdir: PathBuf,
    environment: BTreeMap<String, String>,
}

enum Place {
    Taken(Arc<Server>),
    /// It cannot be started, or has ended without having been of any use.
    Barred,
}

/// Attempts may be started by warm servers until this is dropped, which ends these.
#[derive(Debug)]
#[must_use]
pub struct Armed(());

/// Lets servers be started from now on, each when the first attempt can use it.
pub fn arm() -> Armed {
    servers().get_or_insert_default();
    Armed(())
}

impl Drop for Armed {
    fn drop(&mut self) {
        for place in servers().take().unwrap_or_default().into_values() {
            if let Place::Taken(server) = place {
                server.finish();
            }
        }
    }
}

/// A step that names a server.
pub(super) struct Offer<'a> {
    /// The command of the server.
    pub(super) command: &'a [String],
    /// The variables that the server has beyond those of this process.
    pub(super) environment: BTreeMap<String, String>,
    /// In which the attempts of this process are made, and no other's.
    pub(super) folder: &'a Path,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// The command has run to its end.
    Ended(ExitStatus),
    /// It has not been started; and why, if that is worth telling.
    NotBegun(Option<String>),
    /// It was started, and how it would have ended is not known. What it has started was killed.
    Lost,
}

/// Lets a server run the command to its end, with all that it starts.
pub(super) fn run(offer: Offer<'_>, invocation: &Invocation<'_>, cancel: &Cancel) -> Answer {
    let kind = Kind {
        command: offer.command.to_owned(),
        workdir: invocation.workdir.to_owned(),
        environment: offer.environment,
    };
    match server(kind, offer.folder) {
        Ok(Some(server)) => call::make(&server, invocation, cancel),
        Ok(None) => Answer::NotBegun(None),
        Err(why) => Answer::NotBegun(Some(why)),
    }
}

/// The server for attempts of this kind, started if need be.
///
/// # Errors
/// It cannot be started; the text says why.
fn server(kind: Kind, folder: &Path) -> Result<Option<Arc<Server>>, String> {
    let mut servers = servers();
    let Some(servers) = servers.as_mut() else { return Ok(None) };
    match servers.get(&kind) {
        Some(Place::Barred) => return Ok(None),
        Some(Place::Taken(server)) if !server.is_gone() => return Ok(Some(Arc::clone(server))),
        Some(Place::Taken(server)) if !server.was_useful() => {
            servers.insert(kind, Place::Barred);
            return Ok(None);
        }
        Some(Place::Taken(_)) => {}
        None if servers.len() >= MOST => return Ok(None),
        None => {}
    }
    match Server::start(&kind, folder) {
        Ok(server) => {
            let server = Arc::new(server);
            servers.insert(kind, Place::Taken(Arc::clone(&server)));
            Ok(Some(server))
        }
        Err(error) => {
            let why = format!("the warm server `{}` cannot be started: {error}", kind.command[0]);
            servers.insert(kind, Place::Barred);
            Err(why)
        }
    }
}
