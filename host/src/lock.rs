//! Locks on files: the kernel releases them with the process that holds them, however that ends.

use std::fs::{self, File, Metadata};
use std::path::Path;

/// Whether an open file is still the one at a path. One that was removed and made anew is another, whatever it is called; so
/// whoever has locked a file that others may remove has to look.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(of_file), Ok(of_path)) => is_same(&of_file, &of_path),
        _ => false,
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere, a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Whether a file is locked, and whoever locked it has ended: then what it had started has the lock, and will not for long.
pub(crate) fn is_of_the_dead(file: &File) -> bool {
    let (Ok(metadata), Ok(locks)) = (file.metadata(), fs::read_to_string("/proc/locks")) else {
        return false;
    };
    owner(&locks, &metadata).is_some_and(|pid| !is_alive(pid))
}

/// The process that has locked a file, by the list that the kernel keeps: `1: FLOCK  ADVISORY  WRITE 4711 08:02:1234 0 EOF`.
#[cfg(target_os = "linux")]
fn owner(locks: &str, of: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let (major, minor) = (rustix::fs::major(of.dev()), rustix::fs::minor(of.dev()));
    let file = format!("{major:02x}:{minor:02x}:{}", of.ino());
    let fields = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut of_file = fields.filter(|fields| fields.len() == 8 && fields[5] == file);
    // One of another PID namespace is 0 or less here.
    of_file.next()?[4].parse().ok().filter(|pid| *pid > 0)
}

#[cfg(not(target_os = "linux"))]
fn owner(_: &str, _: &Metadata) -> Option<u32> {
    None
}

fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_locked_a_file_is_known_while_it_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        let owner = || {
            let locks = fs::read_to_string("/proc/locks").unwrap();
            owner(&locks, &file.metadata().unwrap())
        };
        assert_eq!(owner(), None);
        file.lock().unwrap();
        assert_eq!(owner(), Some(std::process::id()));
        assert!(!is_of_the_dead(&file));
        file.unlock().unwrap();
        // A shell has it locked by a process that ends at once.
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "exec 9<>\"$0\"; flock 9; echo locked; cat >/dev/null"])
            .arg(&path)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 7];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut said).unwrap();
        assert!(is_of_the_dead(&file));
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(!is_of_the_dead(&file));
    }
}
