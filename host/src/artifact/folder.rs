//! A folder as an object: a manifest that names the digest of each file, so that equal files are kept once.
//!
//! One JSON object a line, sorted by path. The digest of a folder is the digest of its manifest.

use std::collections::HashSet;
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
    File(fs::Metadata),
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
            What::File(entry.metadata()?)
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
        Err(unusable(link, "it is a link that may lead out of the folder; copy what it links to"))
    }
}

/// Whether a link at `path` to `target` leads to something within the folder.
///
/// The way up must come first: behind the name of another link, `..` would start from wherever that one leads.
fn stays_inside(path: &str, target: &str) -> bool {
    let depth = path.split('/').count() - 1;
    let mut up = 0;
    let mut goes_down = false;
    for component in Path::new(target).components() {
        match component {
            Component::Normal(_) => goes_down = true,
            Component::CurDir => {}
            Component::ParentDir if !goes_down && up < depth => up += 1,
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
    let entries = text
        .lines()
        .map(|line| {
            let entry: Entry = serde_json::from_str(line).map_err(|error| error.to_string())?;
            if leads_out(&entry) {
                return Err(format!("`{}` leads out of the folder", entry.path));
            }
            Ok(entry)
        })
        .collect::<Result<Vec<_>, _>>()?;
    match behind_a_link(&entries) {
        None => Ok(entries),
        Some(entry) => Err(format!("`{}` lies behind a link", entry.path)),
    }
}

fn leads_out(Entry { path, content }: &Entry) -> bool {
    let is_plain = |component: Component<'_>| matches!(component, Component::Normal(_));
    if path.is_empty() || !Path::new(path).components().all(is_plain) {
        return true;
    }
    matches!(content, Content::Link { target } if !stays_inside(path, target))
}

/// An entry that would be written to where a link of the same folder leads.
fn behind_a_link(entries: &[Entry]) -> Option<&Entry> {
    let links = entries.iter().filter(|entry| matches!(entry.content, Content::Link { .. }));
    let links: HashSet<&Path> = links.map(|link| Path::new(&link.path)).collect();
    let is_behind = |entry: &&Entry| {
        Path::new(&entry.path).ancestors().skip(1).any(|folder| links.contains(folder))
    };
    // Most folders have no links at all.
    if links.is_empty() { None } else { entries.iter().find(is_behind) }
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
            ("a/b/l", "../../c/./d", true),
            // `c` may be a link to somewhere else.
            ("a/l", "c/../d", false),
        ] {
            let line = serde_json::json!({ "path": path, "type": "link", "target": target });
            assert_eq!(from_text(&line.to_string()).is_ok(), is_fine, "{path} -> {target}");
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let text = concat!(
            "{\"path\":\"a/x\",\"type\":\"link\",\"target\":\"..\"}\n",
            "{\"path\":\"a/x/b/c\",\"type\":\"empty-folder\"}\n",
        );
        assert_eq!(from_text(text), Err("`a/x/b/c` lies behind a link".to_owned()));
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
