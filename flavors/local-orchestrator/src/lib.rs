//! The `local` orchestrator: steps run on this machine, side by side, inside the host's process tree.

mod orchestrator;
mod pool;

use std::num::NonZeroUsize;

use sundae_plugin_api::{Component, Config, Error, ErrorKind, Host, export_plugin};

/// How a `local` orchestrator is configured.
#[derive(Debug, serde::Deserialize, Config)]
pub struct LocalOrchestratorConfig {
    /// How many steps run at once. Default: as many as this machine has processors.
    parallelism: Option<u32>,
}

/// Runs steps on this machine.
pub struct LocalOrchestrator {
    parallelism: u32,
    pool: pool::Pool,
}

impl Component for LocalOrchestrator {
    type Config = LocalOrchestratorConfig;

    fn open(config: LocalOrchestratorConfig, _host: Host) -> Result<Self, Error> {
        let parallelism = match config.parallelism {
            Some(0) => {
                return Err(Error::new(
                    ErrorKind::InvalidConfig,
                    "`parallelism` must be at least 1: with 0, no step would ever start",
                ));
            }
            Some(number) => number,
            None => processors(),
        };
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
