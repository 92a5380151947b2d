//! The program and the plugin with which a worker reaches the artifact store, in a folder that is named after their content.
//!
//! ```text
//! bundles/DIGEST/sundae
//!                plugins/libsomething.so
//!                contents.json       what belongs there, by digest and size
//! ```
//!
//! A folder is made under another name and then renamed, so it is there as a whole or not at all. It is never changed.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::artifact::{KnownDigests, digest_of_file, digest_of_known_file};

/// The program's name in a bundle.
pub const PROGRAM: &str = "sundae";

const PLUGINS: &str = "plugins";
const CONTENTS: &str = "contents.json";

/// Changes when a worker can no longer tell by an older bundle what belongs to it.
const SCHEMA: u32 = 1;

/// So long after its last use a bundle is removed: longer than jobs wait.
const KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// So long after it was begun a bundle that was not finished is removed.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder with all that a worker needs to begin.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    contents: Contents,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Contents {
    schema: u32,
    files: BTreeMap<String, Content>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Content {
    digest: String,
    size: u64,
}

/// What is wrong with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// A file is not what it was when the bundle was made.
    #[error(
        "the bundle {} is damaged: `{file}` {what}; remove that folder, and the next run makes it again", folder.display()
    )]
    File {
        /// The bundle.
        folder: PathBuf,
        /// The file in it.
        file: String,
        /// In words that follow its name.
        what: String,
    },
    /// What belongs to it cannot be told.
    #[error("the bundle {} cannot be understood: {why}", folder.display())]
    Contents {
        /// The bundle.
        folder: PathBuf,
        /// In words.
        why: String,
    },
}

impl Bundle {
    /// Makes the bundle of a program and plugins below `parent`, unless it is there.
    ///
    /// # Errors
    /// Something cannot be read or written; the text says what.
    pub fn lay(
        parent: &Path,
        program: &Path,
        plugins: &[&Path],
        known: &dyn KnownDigests,
    ) -> Result<Self, String> {
        let mut sources = BTreeMap::from([(PROGRAM.to_owned(), program.to_owned())]);
        for plugin in plugins {
            let name = plugin.file_name().unwrap_or_default().to_string_lossy();
            sources.insert(format!("{PLUGINS}/{name}"), plugin.to_path_buf());
        }
        let mut files = BTreeMap::new();
        for (place, source) in &sources {
            let digested = digest_of_known_file(source, known)
                .map_err(|error| format!("cannot read {}: {error}", source.display()))?;
            files.insert(place.clone(), Content { digest: digested.digest, size: digested.size });
        }
        let contents = Contents { schema: SCHEMA, files };
        let text = serde_json::to_string_pretty(&contents).map_err(|error| error.to_string())?;
        let name = blake3::hash(text.as_bytes()).to_hex();
        let bundle = Self { folder: parent.join(name.as_str()), contents };
        let failed = |error| format!("cannot make the bundle {}: {error}", bundle.folder.display());
        sweep(parent, name.as_str());
        if !bundle.is_there() {
            bundle.make(parent, &sources, &text).map_err(failed)?;
        }
        // It is in use.
        let contents = File::options().append(true).open(bundle.folder.join(CONTENTS));
        contents.and_then(|file| file.set_modified(SystemTime::now())).map_err(failed)?;
        Ok(bundle)
    }

    /// The bundle that a program is part of.
    ///
    /// # Errors
    /// There is one that cannot be understood.
    pub fn around(program: &Path) -> Result<Option<Self>, Damage> {
        let Some(folder) = program.parent() else { return Ok(None) };
        let unclear = |why: String| Damage::Contents { folder: folder.to_owned(), why };
        let text = match fs::read_to_string(folder.join(CONTENTS)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unclear(error.to_string())),
        };
        let contents: Contents =
            serde_json::from_str(&text).map_err(|error| unclear(error.to_string()))?;
        if contents.schema != SCHEMA {
            return Err(unclear("it was made by another version of sundae".to_owned()));
        }
        Ok(Some(Self { folder: folder.to_owned(), contents }))
    }

    /// Reads all files of it.
    ///
    /// # Errors
    /// The first that is not what it was.
    pub fn verify(&self) -> Result<(), Damage> {
        for (file, content) in &self.contents.files {
            let what = match digest_of_file(&self.folder.join(file)) {
                Ok(found) if found.digest == content.digest => continue,
                Ok(found) if found.size != content.size => {
                    format!("has {} bytes instead of {}", found.size, content.size)
                }
                Ok(_) => "has another content than it had".to_owned(),
                Err(error) => format!("cannot be read: {error}"),
            };
            return Err(Damage::File { folder: self.folder.clone(), file: file.clone(), what });
        }
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program in it.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.folder.join(PROGRAM)
    }

    /// The folder of its plugins.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.folder.join(PLUGINS)
    }

    /// Whether all files are there, as far as can be told without reading them: their digests are looked at by those that use them.
    fn is_there(&self) -> bool {
        let there = Self::around(&self.program()).ok().flatten();
        there.is_some_and(|there| there.contents == self.contents)
            && self.contents.files.iter().all(|(file, content)| {
                fs::metadata(self.folder.join(file)).is_ok_and(|found| found.len() == content.size)
            })
    }

    fn make(
        &self,
        parent: &Path,
        sources: &BTreeMap<String, PathBuf>,
        contents: &str,
    ) -> io::Result<()> {
        fs::create_dir_all(parent)?;
        // Removed if something goes wrong.
        let aside = tempfile::Builder::new().prefix(".bundle-").tempdir_in(parent)?;
        fs::create_dir(aside.path().join(PLUGINS))?;
        for (place, source) in sources {
            let copy = aside.path().join(place);
            fs::copy(source, &copy)?;
            // Whoever may use the folder that it is in may run it.
            fs::set_permissions(&copy, Permissions::from_mode(0o755))?;
            let copied = digest_of_file(&copy)?.digest;
            if self.contents.files.get(place).is_none_or(|content| content.digest != copied) {
                let changed = format!("{} was changed meanwhile", source.display());
                return Err(io::Error::other(changed));
            }
        }
        fs::write(aside.path().join(CONTENTS), contents)?;
        fs::set_permissions(aside.path(), Permissions::from_mode(0o755))?;
        if fs::rename(aside.path(), &self.folder).is_err() {
            // Another process was faster; or what is there is not whole.
            if self.is_there() {
                return Ok(());
            }
            let damaged = tempfile::Builder::new().prefix(".damaged-").tempdir_in(parent)?;
            fs::rename(&self.folder, damaged.path().join(PROGRAM))?;
            fs::rename(aside.path(), &self.folder)?;
        }
        Ok(())
    }
}

/// Removes bundles that nobody has used for long, and what was begun and left.
fn sweep(parent: &Path, but: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_unfinished = name.to_string_lossy().starts_with('.');
        let (file, longest) = match is_unfinished {
            true => (path.clone(), ABANDONED_AFTER),
            false => (path.join(CONTENTS), KEPT),
        };
        let used = fs::metadata(file).and_then(|metadata| metadata.modified());
        let is_old = used.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > longest));
        if is_old && name != but {
            // What cannot be removed now is tried again by the next run.
            drop(fs::remove_dir_all(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::NothingKnown;

    struct Bed {
        folder: tempfile::TempDir,
    }

    impl Bed {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("built"), "program").unwrap();
            fs::write(folder.path().join("libstore.so"), "plugin").unwrap();
            Self { folder }
        }

        fn parent(&self) -> PathBuf {
            self.folder.path().join("bundles")
        }

        fn lay(&self) -> Bundle {
            let at = self.folder.path();
            Bundle::lay(
                &self.parent(),
                &at.join("built"),
                &[&at.join("libstore.so")],
                &NothingKnown,
            )
            .unwrap()
        }

        fn bundles(&self) -> usize {
            fs::read_dir(self.parent()).unwrap().count()
        }
    }

    #[test]
    fn the_same_program_and_plugin_are_laid_once() {
        let bed = Bed::new();
        let (first, second) = (bed.lay(), bed.lay());
        assert_eq!(first.folder(), second.folder());
        assert_eq!(bed.bundles(), 1);
        let around = Bundle::around(&first.program()).unwrap().unwrap();
        around.verify().unwrap();
        assert_eq!(fs::read(around.plugins().join("libstore.so")).unwrap(), b"plugin");
        let mode = fs::metadata(first.program()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        fs::write(bed.folder.path().join("built"), "newer program").unwrap();
        assert_ne!(bed.lay().folder(), first.folder());
        assert_eq!(
            fs::read(first.program()).unwrap(),
            b"program",
            "jobs that wait run what they were given"
        );
    }

    #[test]
    fn a_program_by_itself_is_no_bundle() {
        let bed = Bed::new();
        assert!(Bundle::around(&bed.folder.path().join("built")).unwrap().is_none());
    }

    #[test]
    fn damage_is_told_and_what_is_not_whole_is_made_again() {
        let bed = Bed::new();
        let bundle = bed.lay();
        fs::write(bundle.plugins().join("libstore.so"), "pluGin").unwrap();
        let told = bundle.verify().unwrap_err().to_string();
        assert!(told.contains("`plugins/libstore.so` has another content than it had"), "{told}");
        fs::write(bundle.plugins().join("libstore.so"), "plug").unwrap();
        let told = bundle.verify().unwrap_err().to_string();
        assert!(told.contains("has 4 bytes instead of 6"), "{told}");
        bed.lay().verify().unwrap();
        fs::remove_file(bundle.program()).unwrap();
        let told = bundle.verify().unwrap_err().to_string();
        assert!(told.contains("`sundae` cannot be read"), "{told}");
        bed.lay().verify().unwrap();
        fs::write(bundle.folder().join(CONTENTS), "{").unwrap();
        let told = Bundle::around(&bundle.program()).unwrap_err().to_string();
        assert!(told.contains("cannot be understood"), "{told}");
        bed.lay().verify().unwrap();
        assert_eq!(bed.bundles(), 1);
    }

    #[test]
    fn what_nobody_has_used_for_long_goes() {
        let bed = Bed::new();
        let old = bed.lay();
        let long_ago = SystemTime::now() - KEPT - Duration::from_secs(60);
        File::options()
            .append(true)
            .open(old.folder().join(CONTENTS))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        fs::create_dir(bed.parent().join(".bundle-begun")).unwrap();
        fs::write(bed.folder.path().join("built"), "newer program").unwrap();
        let new = bed.lay();
        assert!(!old.folder().exists());
        assert!(new.folder().exists());
        assert!(bed.parent().join(".bundle-begun").exists(), "somebody may be about to finish it");
    }
}
