//! How a `slurm` orchestrator is configured.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use sundae_plugin_api::{Config, Error, ErrorKind, Host};

/// How a `slurm` orchestrator is configured.
#[derive(Debug, Clone, serde::Deserialize, Config)]
pub struct SlurmConfig {
    /// A folder that this machine and all nodes share, for scripts and logs; made if it does not exist. Default: a folder of its
    /// own beside the local database, which is right where nodes share the home folders.
    pub(crate) work_folder: Option<PathBuf>,
    /// Whether nodes find the project's folder under the same path, as where home folders are shared. Where not, its files are
    /// sent along by the artifact store: those that version control does not ignore.
    #[config(default = true)]
    pub(crate) shared_files: bool,
    /// The partition; several may be given, as `short,long`. Default: the one that the site has chosen.
    pub(crate) partition: Option<String>,
    /// The account that pays.
    pub(crate) account: Option<String>,
    /// The quality of service.
    pub(crate) qos: Option<String>,
    /// How long a job may run, as Slurm writes it: `90` (minutes), `4:00:00`, `2-00:00:00`. Default: the partition's.
    pub(crate) time_limit: Option<String>,
    /// The generic resource that a step's `gpus` are: `gpu`, or one type of it, such as `gpu:a100`.
    #[config(default = "gpu")]
    pub(crate) gpu_resource: String,
    /// What other resources of steps are to Slurm: `seats=license:matlab`, `tpus=gres:tpu`.
    #[serde(default)]
    pub(crate) resources: BTreeMap<String, String>,
    /// More options for sbatch, such as `--constraint=skylake`.
    #[serde(default)]
    pub(crate) options: Vec<String>,
    /// Modules that are loaded before a step starts.
    #[serde(default)]
    pub(crate) modules: Vec<String>,
    /// Lines of bash that run before a step starts, after the modules are loaded. A job whose prologue fails does not start.
    pub(crate) prologue: Option<String>,
    /// How many jobs may be waiting or running at once.
    #[config(default = 1000)]
    pub(crate) max_jobs: NonZeroU32,
    /// How many jobs at most become one job array; less than the site's MaxArraySize.
    #[config(default = 1000)]
    pub(crate) array_size: NonZeroU32,
    /// Seconds between two questions to the controller, at most, while there are jobs. It is asked sooner after something has
    /// happened. That a job has started or ended well is seen without it.
    #[config(default = 10)]
    pub(crate) poll_interval: NonZeroU32,
    /// Seconds after which a command of Slurm that does not answer is given up.
    #[config(default = 60)]
    pub(crate) tool_timeout: NonZeroU32,
    /// Whether Slurm starts a job again whose node failed, or that had to make room. Default: the run does so, and tells.
    #[config(default = false)]
    pub(crate) requeue: bool,
    /// Whether memory and processor time of each job are asked of the accounting database, by one more call for all that have
    /// ended; their ends are known up to three seconds later then.
    #[config(default = false)]
    pub(crate) accounting: bool,
    /// Days for which scripts and logs are kept.
    #[config(default = 14)]
    pub(crate) keep_days: u32,
    /// The folder with sbatch, squeue and so on. Default: they are found on PATH.
    pub(crate) tools: Option<PathBuf>,
}

impl SlurmConfig {
    /// The folder for scripts and logs.
    ///
    /// # Errors
    /// It is not absolute: nodes would look for it elsewhere.
    pub(crate) fn work_folder(&self, host: &Host) -> Result<PathBuf, Error> {
        match &self.work_folder {
            None => host.data_folder(),
            Some(folder) if folder.is_absolute() => Ok(folder.clone()),
            Some(folder) => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("`work_folder` must be absolute, and {} is not", folder.display()),
            )),
        }
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        seconds(self.poll_interval)
    }

    pub(crate) fn tool_timeout(&self) -> Duration {
        seconds(self.tool_timeout)
    }
}

fn seconds(number: NonZeroU32) -> Duration {
    Duration::from_secs(u64::from(number.get()))
}
