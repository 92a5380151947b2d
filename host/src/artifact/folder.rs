//! A folder as an object: a manifest that names the digest of each file, so that equal files are kept once.
//!
//! One JSON object a line, sorted by path. The digest of a folder is the digest of its manifest.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Relative to the folder, parted by `/`.
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub(super) enum Content {
    File {
        digest: String,
        size: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
    },
    /// Only empty folders are named; the others follow from their files.
    EmptyFolder,
    /// A symbolic link to something within the folder.
    Link { target: String },
}

/// What is in a folder on disk, before it is read: its files, empty folders and links, sorted by path.
pub(super) struct Found {
    pub(super) path: String,
    pub(super) on_disk: PathBuf,
    pub(super) what: What,
}

pub(super) enum What {
    File { executable: bool },
    EmptyFolder,
    Link { target: String },
}

/// Lists a folder.
pub(super) fn scan(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    scan_into(folder, "", &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn scan_into(folder: &Path, prefix: &str, found: &mut Vec<Found>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let on_disk = entry.path();
        let name = entry.file_name();
        let name =
            name.to_str().ok_or_else(|| unusable(&on_disk, "its name is not valid UTF-8"))?;
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        let what = if kind.is_dir() {
            let before = found.len();
            scan_into(&on_disk, &path, found)?;
            if found.len() > before {
                continue;
            }
            What::EmptyFolder
        } else if kind.is_symlink() {
            What::Link { target: link_target(&on_disk, &path)? }
        } else if kind.is_file() {
            What::File { executable: is_executable(&entry.metadata()?) }
        } else {
            return Err(unusable(&on_disk, "it is neither a file nor a folder nor a link"));
        };
        found.push(Found { path, on_disk, what });
    }
    Ok(())
}

fn unusable(path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("{} cannot be part of an artifact: {why}", path.display()))
}

/// A link may point to wherever it likes within the folder, and nowhere else.
fn link_target(link: &Path, path: &str) -> io::Result<String> {
    let target = fs::read_link(link)?;
    let text =
        target.to_str().ok_or_else(|| unusable(link, "it links to a name that is not UTF-8"))?;
    if stays_inside(path, text) {
        Ok(text.to_owned())
    } else {
        Err(unusable(link, "it is a link that leads out of the folder; copy what it links to"))
    }
}

/// Whether a link at `path` to `target` leads to something within the folder.
fn stays_inside(path: &str, target: &str) -> bool {
    let mut depth = path.split('/').count() - 1;
    for component in Path::new(target).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// The manifest as text.
pub(super) fn to_text(entries: &[Entry]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&serde_json::to_string(entry)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads a manifest. It came from a store, so no path in it is believed.
pub(super) fn from_text(text: &str) -> Result<Vec<Entry>, String> {
    text.lines()
        .map(|line| {
            let entry: Entry = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let is_plain = |c: Component<'_>| matches!(c, Component::Normal(_));
            let leads_out = match &entry.content {
                Content::Link { target } => !stays_inside(&entry.path, target),
                _ => false,
            };
            if entry.path.is_empty()
                || !Path::new(&entry.path).components().all(is_plain)
                || leads_out
            {
                return Err(format!("`{}` leads out of the folder", entry.path));
            }
            Ok(entry)
        })
        .collect()
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_manifest_cannot_name_what_is_outside() {
        for path in ["", "/etc/passwd", "../x", "a/../../x"] {
            let line = serde_json::json!({ "path": path, "type": "empty-folder" }).to_string();
            assert!(from_text(&line).is_err(), "{path}");
        }
        for (path, target, is_fine) in [
            ("a/l", "../b", true),
            ("l", "../b", false),
            ("a/l", "/etc", false),
            ("l", "a/b", true),
        ] {
            let line = serde_json::json!({ "path": path, "type": "link", "target": target });
            assert_eq!(from_text(&line.to_string()).is_ok(), is_fine, "{path} -> {target}");
        }
    }

    proptest! {
        #[test]
        fn manifests_are_read_as_they_were_written(paths in prop::collection::vec("[a-zé\"\\n ]{1,9}", 0..9)) {
            let entries: Vec<_> = paths
                .into_iter()
                .map(|path| Entry { path, content: Content::EmptyFolder })
                .collect();
            let text = to_text(&entries).unwrap();
            prop_assert_eq!(from_text(&text).unwrap(), entries);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            drop(from_text(&text));
        }
    }
}
