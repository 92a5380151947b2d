//! The `slurm` orchestrator: steps run as jobs of a Slurm cluster, by the commands that every site has.

mod accounting;
mod batch;
mod cancelling;
mod check;
mod collector;
mod config;
mod files;
mod jobs;
mod orchestrator;
mod pace;
mod requests;
mod script;
mod states;
mod tools;
mod watcher;

use std::sync::Arc;

use sundae_plugin_api::{Component, Error, Host, export_plugin};

pub use config::SlurmConfig;
use files::WorkFolder;
use jobs::Shared;
use requests::Requests;
use tools::Tools;

/// Runs steps as jobs of a Slurm cluster.
pub struct Slurm {
    shared: Arc<Shared>,
}

impl Component for Slurm {
    type Config = SlurmConfig;

    fn open(config: SlurmConfig, host: Host) -> Result<Self, Error> {
        let requests = Requests::of(&config)?;
        let folder = WorkFolder::open(config.work_folder(&host)?)?;
        let tools = Tools::new(config.tools.clone(), config.tool_timeout(), host.clone());
        Ok(Self { shared: Arc::new(Shared::new(config, requests, folder, tools, host)) })
    }
}

export_plugin! {
    /// Runs steps as jobs of a Slurm cluster
    orchestrator "slurm" = Slurm;
}
