//! The `local` orchestrator: steps run on this machine, side by side, inside the host's process tree.

mod orchestrator;
mod pool;

use std::num::{NonZeroU32, NonZeroUsize};

use sundae_plugin_api::{Component, Config, Error, Host, export_plugin};

/// How a `local` orchestrator is configured.
#[derive(Debug, serde::Deserialize, Config)]
pub struct LocalOrchestratorConfig {
    /// How many steps run at once. Default: as many as this machine has processors.
    parallelism: Option<NonZeroU32>,
}

/// Runs steps on this machine.
pub struct LocalOrchestrator {
    parallelism: u32,
    pool: pool::Pool,
}

impl Component for LocalOrchestrator {
    type Config = LocalOrchestratorConfig;

    fn open(config: LocalOrchestratorConfig, _host: Host) -> Result<Self, Error> {
        let parallelism = config.parallelism.map_or_else(processors, NonZeroU32::get);
        Ok(Self { parallelism, pool: pool::Pool::new(parallelism as usize) })
    }
}

fn processors() -> u32 {
    let number = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u32::try_from(number).unwrap_or(u32::MAX)
}

export_plugin! {
    /// Runs steps on this machine, side by side
    orchestrator "local" = LocalOrchestrator;
}
