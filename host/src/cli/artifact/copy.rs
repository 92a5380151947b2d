//! A copy that belongs to whoever asked for it: writable, and nothing of the store's own. It appears whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use walkdir::WalkDir;

/// What happens to a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Refuse,
    Replace,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("{} exists already", path.display())]
    Exists { path: PathBuf, is_folder: bool },
    #[error("{} cannot be written: there is no folder {}", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Copies the file or folder `from` to the path `to`.
pub(super) fn copy_to(from: &Path, to: &Path, existing: Existing) -> Result<(), CopyError> {
    let failed = |source| CopyError::Write { path: to.to_owned(), source };
    if let Ok(metadata) = fs::symlink_metadata(to) {
        let is_folder = metadata.is_dir();
        // A folder is never replaced: nobody could say what all was in it.
        if is_folder || existing == Existing::Refuse || from.is_dir() {
            return Err(CopyError::Exists { path: to.to_owned(), is_folder });
        }
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(CopyError::NoFolder { path: to.to_owned(), folder: parent.to_owned() });
    }
    if from.is_dir() {
        let aside = aside().permissions(mode(0o777)).tempdir_in(parent).map_err(failed)?;
        copy_tree(from, aside.path()).map_err(failed)?;
        return fs::rename(aside.path(), to).map(|()| drop(aside.keep())).map_err(failed);
    }
    let permissions = permissions_like(from).map_err(failed)?;
    let aside = aside().permissions(permissions).tempfile_in(parent).map_err(failed)?;
    copy_content(from, aside.as_file()).map_err(failed)?;
    place(aside, to, existing)
}

fn place(aside: NamedTempFile, to: &Path, existing: Existing) -> Result<(), CopyError> {
    let placed = match existing {
        Existing::Replace => aside.persist(to),
        Existing::Refuse => aside.persist_noclobber(to),
    };
    match placed {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CopyError::Exists { path: to.to_owned(), is_folder: false })
        }
        Err(error) => Err(CopyError::Write { path: to.to_owned(), source: error.error }),
    }
}

fn aside() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".sundae-");
    builder
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let Ok(within) = entry.path().strip_prefix(from) else { continue };
        let target = to.join(within);
        let kind = entry.file_type();
        if kind.is_dir() {
            fs::create_dir(&target)?;
        } else if kind.is_symlink() {
            link(&fs::read_link(entry.path())?, &target)?;
        } else {
            copy_content(entry.path(), &created_like(entry.path(), &target)?)?;
        }
    }
    Ok(())
}

/// Shares the blocks where the file system can, else copies them.
fn copy_content(from: &Path, to: &File) -> io::Result<()> {
    let mut source = File::open(from)?;
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(to, &source).is_ok() {
        return Ok(());
    }
    let mut to = to;
    io::copy(&mut source, &mut to).map(drop)
}

/// A new file that may be executed if the other may.
fn created_like(from: &Path, to: &Path) -> io::Result<File> {
    let mode = permissions_like(from)?.mode();
    OpenOptions::new().write(true).create_new(true).mode(mode).open(to)
}

/// Executable if the other file is; otherwise what is usual. The umask takes its part of it.
fn permissions_like(from: &Path) -> io::Result<Permissions> {
    let is_executable = fs::metadata(from)?.permissions().mode() & 0o111 != 0;
    Ok(mode(if is_executable { 0o777 } else { 0o666 }))
}

fn mode(mode: u32) -> Permissions {
    Permissions::from_mode(mode)
}

fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_protected_data_can_be_changed_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("bin/empty")).unwrap();
        fs::write(from.join("bin/tool"), "#!/bin/sh").unwrap();
        fs::set_permissions(from.join("bin/tool"), Permissions::from_mode(0o555)).unwrap();
        fs::write(from.join("data"), "1").unwrap();
        fs::set_permissions(from.join("data"), Permissions::from_mode(0o444)).unwrap();
        std::os::unix::fs::symlink("data", from.join("link")).unwrap();

        copy_to(&from, &to, Existing::Refuse).unwrap();
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode();
        assert_eq!(mode("data") & 0o600, 0o600);
        assert_eq!(mode("data") & 0o111, 0);
        assert_eq!(mode("bin/tool") & 0o700, 0o700);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("data"));
        assert!(to.join("bin/empty").is_dir());
        fs::write(to.join("data"), "2").unwrap();
        assert_eq!(fs::read_to_string(from.join("data")).unwrap(), "1");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_there_is_replaced_only_when_asked_and_a_folder_never() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("from"), "new").unwrap();
        fs::write(at("to"), "old").unwrap();
        let refused = copy_to(&at("from"), &at("to"), Existing::Refuse).unwrap_err();
        assert!(matches!(refused, CopyError::Exists { is_folder: false, .. }), "{refused}");
        copy_to(&at("from"), &at("to"), Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(at("to")).unwrap(), "new");
        fs::create_dir(at("folder")).unwrap();
        let refused = copy_to(&at("from"), &at("folder"), Existing::Replace).unwrap_err();
        assert!(matches!(refused, CopyError::Exists { is_folder: true, .. }), "{refused}");
    }
}
