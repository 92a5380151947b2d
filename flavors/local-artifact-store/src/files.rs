//! The file operations of the store: each leaves a whole file or none.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sundae_plugin_api::Error;

/// A name in `folder` that nobody else uses: not another thread, process or machine that shares the folder.
pub(crate) fn unique_name(folder: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    folder.join(format!("{}-{now:x}-{count}", std::process::id()))
}

/// Does `operation` again with the folder of `target` made, if that was missing.
pub(crate) fn with_folder_of(
    target: &Path,
    mut operation: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    match operation() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            operation()
        }
        other => other,
    }
}

/// Makes a file that can be written to through what is returned, and in no other way.
#[cfg(unix)]
pub(crate) fn create_read_only(file: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o444).open(file)
}

#[cfg(not(unix))]
pub(crate) fn create_read_only(file: &Path) -> io::Result<File> {
    let created = File::create_new(file)?;
    make_read_only(file)?;
    Ok(created)
}

/// Takes away the right to write, and the right to execute, which is no property of an object. Whoever could not read the
/// file before cannot read it now.
#[cfg(unix)]
pub(crate) fn make_read_only(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let readable = fs::metadata(file)?.permissions().mode() & 0o444;
    fs::set_permissions(file, Permissions::from_mode(readable | 0o400))
}

#[cfg(not(unix))]
pub(crate) fn make_read_only(file: &Path) -> io::Result<()> {
    let mut permissions: Permissions = fs::metadata(file)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(file, permissions)
}

/// How far the time of a file may be from the one at which it becomes an object, before it is set.
const TOLERANCE: Duration = Duration::from_secs(60 * 60);

/// Makes a file that becomes an object say so: what a step has unpacked or copied may bear a time of years ago, and what is
/// old is what is removed first. A time that is about right stays, as nearly all are.
pub(crate) fn make_recent(file: &Path) -> io::Result<()> {
    let (modified, now) = (fs::metadata(file)?.modified()?, SystemTime::now());
    if modified < now + TOLERANCE && modified + TOLERANCE > now {
        return Ok(());
    }
    set_modified(file, now)
}

/// By its name: a file that may only be read cannot be opened for this everywhere.
#[cfg(unix)]
fn set_modified(file: &Path, time: SystemTime) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: since.subsec_nanos().into() },
    };
    Ok(utimensat(CWD, file, &times, AtFlags::empty())?)
}

#[cfg(not(unix))]
fn set_modified(file: &Path, time: SystemTime) -> io::Result<()> {
    File::options().write(true).open(file)?.set_modified(time)
}

/// Makes `destination` the same as `source`, by the cheapest means that there are: a clone that shares the blocks, a hard
/// link, or a copy.
pub(crate) fn link_or_copy(source: &Path, destination: &Path) -> io::Result<()> {
    if clone(source, destination)? {
        return Ok(());
    }
    match fs::hard_link(source, destination) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // Another file system, one without links, too many links, or a source that was replaced at this very moment:
            // each has its own error, and copying cures all.
            copy(source, destination)
        }
        linked => linked,
    }
}

/// Copies, and takes away what was written if that fails in the middle.
pub(crate) fn copy(source: &Path, destination: &Path) -> io::Result<()> {
    let copied = fs::copy(source, destination).and_then(|_| make_read_only(destination));
    if copied.is_err() {
        drop(fs::remove_file(destination));
    }
    copied
}

/// Shares the blocks of `source` if the file system can; `false` if it cannot.
fn clone(source: &Path, destination: &Path) -> io::Result<bool> {
    static UNSUPPORTED: AtomicBool = AtomicBool::new(false);
    if !cfg!(target_os = "linux") || UNSUPPORTED.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let from = File::open(source)?;
    let to = File::create_new(destination)?;
    match share_blocks(&from, &to) {
        Ok(()) => {
            make_read_only(destination)?;
            return Ok(true);
        }
        // Between two file systems blocks are never shared, which says nothing of either.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        // Asked once per process: most file systems cannot, and asking costs as much as linking.
        Err(_) => UNSUPPORTED.store(true, Ordering::Relaxed),
    }
    fs::remove_file(destination)?;
    Ok(false)
}

#[cfg(target_os = "linux")]
fn share_blocks(from: &File, to: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(to, from)?)
}

#[cfg(not(target_os = "linux"))]
fn share_blocks(_: &File, _: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Attaches to an I/O error what was being done.
pub(crate) fn while_doing<'a>(
    doing: &'a str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> Error + use<'a> {
    move |error| Error::io(doing, path, &error)
}
