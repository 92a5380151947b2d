//! A disk that is small enough to be filled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::backends::tell;

/// A small disk of its own; unmounted when dropped.
pub(super) struct Disk {
    mounted: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// `None`, and a line that says so, where this user may not mount anything.
    pub(super) fn new(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = folder.path().join("disk");
        fs::create_dir(&mounted).unwrap();
        let size = format!("size={megabytes}m,mode=777");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&mounted)
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { mounted, _folder: folder }),
            other => {
                let why = match other {
                    Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                    Err(error) => error.to_string(),
                };
                tell(&format!(
                    "NOT TESTED: a full disk. It needs a small file system, and none can be mounted here: {why}"
                ));
                None
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.mounted
    }

    /// Fills it to the last byte, and returns the file that does.
    pub(super) fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.mounted.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        for size in [1 << 20, 4096, 1] {
            let block = vec![b'x'; size];
            while file.write(&block).is_ok_and(|written| written == size) {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.mounted).status());
    }
}
