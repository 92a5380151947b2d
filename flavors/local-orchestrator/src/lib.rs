//! The `local` orchestrator: steps run on this machine, side by side, inside the host's process tree.

mod machine;
mod orchestrator;
mod pool;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use sundae_plugin_api::{Component, Config, Error, Host, Resources, export_plugin};

/// How a `local` orchestrator is configured.
#[derive(Debug, serde::Deserialize, Config)]
pub struct LocalOrchestratorConfig {
    /// How many steps run at once. Default: as many as this machine has processors.
    parallelism: Option<NonZeroU32>,
    /// How much of each resource steps may use together, such as `memory=8GiB` or `license=2`. Default: the processors (or
    /// `parallelism` if that is more), memory and GPUs of this machine.
    resources: Option<BTreeMap<String, String>>,
}

/// Runs steps on this machine.
pub struct LocalOrchestrator {
    parallelism: u32,
    capacity: Resources,
    pool: pool::Pool,
}

impl Component for LocalOrchestrator {
    type Config = LocalOrchestratorConfig;

    fn open(config: LocalOrchestratorConfig, _host: Host) -> Result<Self, Error> {
        let parallelism = config.parallelism.map_or_else(processors, NonZeroU32::get);
        let mut capacity = machine::resources(parallelism.max(processors()));
        for (name, amount) in config.resources.unwrap_or_default() {
            capacity.insert(name.clone(), machine::amount(&name, &amount)?);
        }
        let pool = pool::Pool::new(parallelism as usize, capacity.clone());
        Ok(Self { parallelism, capacity, pool })
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
