//! Reading all of a store: what is damaged, what is missing, and who needs it.

use std::collections::{HashMap, HashSet};

use sundae_plugin_api::{ArtifactStore, Error, ErrorKind, Key};

use super::parallel::{in_parallel, on_all_cores};
use super::{Digest, Inventory, KeepingError, Progress, Reach, Stored, expand, reach};
use crate::artifact::{ArtifactKind, object_key, outcome_key};

/// So much of an object is in memory at a time, for each core.
const PART: u64 = 4 << 20;

/// Who needs an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// For people: `training-3/train.model`, or of which run and step it is the log.
    pub name: String,
    /// File or folder.
    pub kind: ArtifactKind,
    /// What it is.
    pub digest: Digest,
}

/// What is the matter with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its content is another one than it should be.
    Damaged {
        /// What was found.
        reason: String,
    },
    /// It is not there.
    Missing,
    /// It could not be read.
    Unread {
        /// Why.
        reason: String,
    },
}

/// An object or an outcome that is not as it should be, and who needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The digest of an object, or the cache key of an outcome.
    pub digest: Digest,
    /// Whether it is an outcome.
    pub is_outcome: bool,
    /// What is the matter.
    pub fault: Fault,
    /// Who needs it.
    pub needed_by: Vec<Needed>,
}

/// Who needs something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needed {
    /// What a run has.
    Run(String),
    /// An outcome that others may look up.
    Outcome {
        /// Its cache key.
        key: Digest,
        /// The name of the run that made it, wherever that was.
        run: String,
    },
}

/// What was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many objects were read.
    pub objects: u64,
    /// How many outcomes were read.
    pub outcomes: u64,
    /// How many bytes.
    pub bytes: u64,
    /// What is not as it should be.
    pub damages: Vec<Damage>,
}

/// Reads every object and outcome, and looks whether all is there that `needs` and the outcomes name.
///
/// # Errors
/// The store could not be asked at all; that one object cannot be read is a [`Fault`].
pub fn verify(
    store: &dyn ArtifactStore,
    needs: &[Need],
    progress: &Progress,
) -> Result<Verified, KeepingError> {
    let inventory = Inventory::read(store, progress)?;
    let faults = read_objects(store, &inventory.objects, progress)?;
    let present: HashSet<Digest> = inventory.objects.iter().map(|object| object.digest).collect();
    let mut wrong = Wrong { faults, users: HashMap::new() };
    for need in needs {
        wrong.need(need.digest, &present, || Needed::Run(need.name.clone()));
    }
    let mut folders: HashMap<Digest, Vec<Needed>> = HashMap::new();
    for need in needs.iter().filter(|need| need.kind == ArtifactKind::Folder) {
        folders.entry(need.digest).or_default().push(Needed::Run(need.name.clone()));
    }
    let mut damages = Vec::new();
    for (key, outcome) in read_outcomes(store, &inventory.outcomes, progress)? {
        match outcome {
            // It was removed since it was listed.
            Ok(None) => {}
            Ok(Some((run, reach))) => {
                let who = || Needed::Outcome { key, run: run.clone() };
                for digest in reach.objects {
                    wrong.need(digest, &present, who);
                }
                for digest in reach.folders {
                    folders.entry(digest).or_default().push(who());
                }
            }
            Err(fault) => {
                let needed_by = Vec::new();
                damages.push(Damage { digest: key, is_outcome: true, fault, needed_by });
            }
        }
    }
    wrong.read_folders(store, &folders, &present, progress)?;
    damages.extend(wrong.damages(store)?);
    damages.sort_by_key(|damage| (damage.is_outcome, damage.digest));
    Ok(Verified {
        objects: inventory.objects.len() as u64,
        outcomes: inventory.outcomes.len() as u64,
        bytes: inventory.objects.iter().map(|object| object.size).sum(),
        damages,
    })
}

/// What is not as it should be, and who needs what.
struct Wrong {
    faults: HashMap<Digest, Fault>,
    users: HashMap<Digest, Vec<Needed>>,
}

impl Wrong {
    /// Somebody needs an object.
    fn need(&mut self, digest: Digest, present: &HashSet<Digest>, who: impl FnOnce() -> Needed) {
        if !present.contains(&digest) {
            self.faults.entry(digest).or_insert(Fault::Missing);
        }
        // What is whole is not remembered: that is nearly all.
        if self.faults.contains_key(&digest) {
            self.users.entry(digest).or_default().push(who());
        }
    }

    /// Looks what the manifests name of the folders that somebody needs.
    fn read_folders(
        &mut self,
        store: &dyn ArtifactStore,
        folders: &HashMap<Digest, Vec<Needed>>,
        present: &HashSet<Digest>,
        progress: &Progress,
    ) -> Result<(), KeepingError> {
        let whole: Vec<_> =
            folders.keys().filter(|folder| !self.faults.contains_key(folder)).copied().collect();
        progress.begin("reading folders", whole.len());
        for (folder, objects) in expand(store, &whole, progress)? {
            for object in objects {
                for who in &folders[&folder] {
                    self.need(object, present, || who.clone());
                }
            }
        }
        Ok(())
    }

    /// What is still so: others may have made and removed things while all was read.
    fn damages(mut self, store: &dyn ArtifactStore) -> Result<Vec<Damage>, Error> {
        let mut damages = Vec::new();
        for (digest, fault) in std::mem::take(&mut self.faults) {
            let mut needed_by = self.users.remove(&digest).unwrap_or_default();
            needed_by.sort();
            needed_by.dedup();
            if fault == Fault::Missing {
                needed_by = still_there(store, needed_by)?;
                if needed_by.is_empty() || store.stat(&key_of(&digest)?)?.is_some() {
                    continue;
                }
            }
            damages.push(Damage { digest, is_outcome: false, fault, needed_by });
        }
        Ok(damages)
    }
}

/// Those of them that have not been removed.
fn still_there(store: &dyn ArtifactStore, users: Vec<Needed>) -> Result<Vec<Needed>, Error> {
    let mut there = Vec::new();
    for user in users {
        let is_there = match &user {
            Needed::Run(_) => true,
            Needed::Outcome { key, .. } => store.stat(&outcome_key(&key.to_string())?)?.is_some(),
        };
        if is_there {
            there.push(user);
        }
    }
    Ok(there)
}

fn key_of(digest: &Digest) -> Result<Key, Error> {
    Ok(object_key(&digest.to_string())?)
}

fn read_objects(
    store: &dyn ArtifactStore,
    objects: &[Stored],
    progress: &Progress,
) -> Result<HashMap<Digest, Fault>, KeepingError> {
    progress.begin("reading objects", objects.len());
    let faults = on_all_cores(objects, progress, |object| {
        let fault = read_object(store, object, progress)?;
        progress.add(1, 0);
        Ok(fault.map(|fault| (object.digest, fault)))
    })?;
    Ok(faults.into_iter().flatten().collect())
}

/// What is the matter with an object, if something is.
pub(super) fn read_object(
    store: &dyn ArtifactStore,
    object: &Stored,
    progress: &Progress,
) -> Result<Option<Fault>, KeepingError> {
    let key = key_of(&object.digest)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        progress.go_on()?;
        let from = hasher.count();
        let part = match store.read(&key, Some(from..from + PART)) {
            Ok(part) => part,
            // Somebody has removed it since it was listed; whether it is missed is found out later.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Fault::Missing)),
            Err(error) => return Ok(Some(Fault::Unread { reason: error.to_string() })),
        };
        hasher.update(&part);
        progress.add(0, part.len() as u64);
        if (part.len() as u64) < PART {
            break;
        }
    }
    let found = hasher.finalize().to_hex();
    if Digest::parse(&found) == Some(object.digest) {
        return Ok(None);
    }
    let reason = format!("its {} bytes have the digest {found}", hasher.count());
    Ok(Some(Fault::Damaged { reason }))
}

type OutcomeRead = (Digest, Result<Option<(String, Reach)>, Fault>);

fn read_outcomes(
    store: &dyn ArtifactStore,
    outcomes: &[Stored],
    progress: &Progress,
) -> Result<Vec<OutcomeRead>, KeepingError> {
    progress.begin("reading outcomes", outcomes.len());
    in_parallel(outcomes, progress, |outcome| {
        progress.add(1, 0);
        let read = match reach::of_outcome(store, &outcome.digest) {
            Ok(outcome) => Ok(outcome),
            Err(KeepingError::Unreadable { reason, .. }) => Err(Fault::Damaged { reason }),
            Err(KeepingError::Store(error)) => Err(Fault::Unread { reason: error.to_string() }),
            Err(other) => return Err(other),
        };
        Ok((outcome.digest, read))
    })
}
