//! Which of the two would be meant?

use std::time::Duration;

use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job};
use sundae_plugin_api::{Component, Config, Error, Host, Orchestrator, export_plugin};

#[derive(serde::Deserialize, Config)]
struct Settings {}

struct Nowhere;

impl Component for Nowhere {
    type Config = Settings;
    fn open(_: Settings, _: Host) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Orchestrator for Nowhere {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new()
    }
    fn submit(&self, _: Job) -> Result<Handle, Error> {
        Err(Error::other("nowhere"))
    }
    fn wait(&self, _: Duration) -> Result<Vec<Change>, Error> {
        Ok(Vec::new())
    }
    fn cancel(&self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }
}

export_plugin! {
    /// Runs nothing
    orchestrator "nowhere" = Nowhere;
    /// Runs nothing, too
    orchestrator "nowhere" = Nowhere;
}

fn main() {}
