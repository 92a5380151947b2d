//! How a flavor becomes a component: from its configuration.

use crate::{Config, Error, Host};

/// What every flavor of every kind implements, beside the trait of its kind.
pub trait Component: Sized {
    /// The configuration that people give when they register a component of this flavor.
    type Config: Config;

    /// Makes a component ready for use.
    ///
    /// The host calls it once per component and process, with a configuration that fits [`Config::SCHEMA`] and has
    /// the defaults filled in. It is called for commands that only look, too, so it should not be slow: connect on first use.
    ///
    /// # Errors
    /// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) where the values cannot work together; any other kind as it fits.
    fn open(config: Self::Config, host: Host) -> Result<Self, Error>;
}
