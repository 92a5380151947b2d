//! A Slurm cluster of one test alone, to be damaged: small, and without accounting.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cluster; it ends with this.
pub(crate) struct OwnCluster {
    state: PathBuf,
    /// One at a time, whatever starts it: they have the same ports.
    _lock: File,
}

impl OwnCluster {
    /// `None`: there is no Slurm here.
    pub(crate) fn start() -> Option<Self> {
        // Beside the cluster that is there for all: who tests with that one waits for the same lock, from any checkout.
        let state = PathBuf::from(super::cluster()?).with_file_name("slurm-for-faults");
        fs::create_dir_all(&state).unwrap();
        let lock = File::create(state.join("lock")).unwrap();
        lock.lock().unwrap();
        let cluster = Self { state, _lock: lock };
        cluster.script(&["stop"]);
        drop(fs::remove_dir_all(cluster.state.join("slurm")));
        cluster.script(&["start"]);
        Some(cluster)
    }

    /// What `SLURM_CONF` is for those who use it.
    pub(crate) fn config(&self) -> PathBuf {
        self.state.join("slurm/slurm.conf")
    }

    /// Has the script do something.
    #[track_caller]
    pub(crate) fn script(&self, words: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join("tests/backends/slurm.sh"))
            .find(|script| script.exists())
            .unwrap();
        let mut command = Command::new("bash");
        command.arg(script).args(words).envs([
            ("SUNDAE_BACKENDS", self.state.to_str().unwrap()),
            ("SUNDAE_SLURM_ACCOUNTING", "no"),
            ("SUNDAE_SLURM_PORT", "16917"),
            ("SUNDAE_SLURM_PREFIX", "f"),
            ("SUNDAE_SLURM_MEMORY", "2"),
        ]);
        // What the daemons keep open must not be a pipe of ours: its end would be waited for.
        let said = File::create(self.state.join("said")).unwrap();
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let status = command.status().unwrap();
        let said = || fs::read_to_string(self.state.join("said")).unwrap();
        assert!(status.success(), "{words:?}: {}", said());
    }

    /// What a command of Slurm says there.
    pub(crate) fn ask(&self, tool: &str, words: &[&str]) -> String {
        let output = Command::new(tool).args(words).env("SLURM_CONF", self.config()).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        self.script(&["stop"]);
    }
}
