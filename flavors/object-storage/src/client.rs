//! The HTTP client of all stores.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;
use sundae_plugin_api::Error;

/// How long it may take until a connection stands: an address at which nobody answers is found out before people give up.
const CONNECT: Duration = Duration::from_secs(10);

/// The client, with the connections that it keeps. Certificates are verified by the roots of the system.
pub(crate) fn client() -> Result<Client, Error> {
    static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        let name = concat!("sundae-object-storage/", env!("CARGO_PKG_VERSION"));
        let builder = Client::builder().user_agent(name).connect_timeout(CONNECT);
        builder.build().map_err(|error| error.to_string())
    });
    made.clone().map_err(|error| Error::other(format!("cannot set up HTTPS: {error}")))
}
