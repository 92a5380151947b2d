//! A plugin that does everything that a plugin must not do. What it does stands in the library itself: a test makes a copy
//! of the library with another `ORDER` in it, so that each misdeed has a file, and a digest, of its own.
//!
//! Each word is explained where it is obeyed. Without an order it keeps artifacts in memory and runs jobs at once.

mod constructor;
mod orchestrator;
mod store;

use sundae_plugin_api::{Component, Config, Error, Host, export_plugin};

/// What to do: the word after the colon, padded with spaces.
#[used]
static ORDER: [u8; 64] = *b"SUNDAE-HOSTILE-ORDER:nothing                                    ";

/// The word. Read from the file as it was loaded, whatever the compiler believes of a constant.
fn order() -> &'static str {
    let text = std::str::from_utf8(std::hint::black_box(&ORDER)).unwrap_or("");
    text.split_once(':').map_or("", |(_, word)| word.trim_end())
}

/// `panic-in-METHOD`: every method of both kinds calls this first.
fn enter(method: &str) {
    assert!(order().strip_prefix("panic-in-") != Some(method), "told to panic in {method}");
}

/// Nothing is asked of anybody.
#[derive(serde::Deserialize, Config)]
pub(crate) struct HostileConfig {
    /// Refused if it is `odd`.
    #[config(default = "even")]
    taste: String,
}

impl HostileConfig {
    fn check(&self) -> Result<(), Error> {
        enter("open");
        match &*self.taste {
            "odd" => Err(Error::other("this one is odd")),
            _ => Ok(()),
        }
    }
}

impl Component for store::Memory {
    type Config = HostileConfig;

    fn open(config: HostileConfig, _host: Host) -> Result<Self, Error> {
        config.check()?;
        Ok(Self::default())
    }
}

impl Component for orchestrator::AtOnce {
    type Config = HostileConfig;

    fn open(config: HostileConfig, _host: Host) -> Result<Self, Error> {
        config.check()?;
        Ok(Self::default())
    }
}

export_plugin! {
    /// Keeps artifacts in memory, if at all
    artifact_store "hostile" = store::Memory;
    /// Runs jobs at once, if at all
    orchestrator "hostile" = orchestrator::AtOnce;
}
