//! The runtime on which the asynchronous library works, behind traits that are synchronous.

use std::future::Future;
use std::sync::OnceLock;

use sundae_plugin_api::Error;
use tokio::runtime::{Builder, Runtime};

/// One for all components of this plugin, made on first use and never ended: connections are kept alive by it.
///
/// The thread that calls waits and does the file I/O; these two only move bytes between memory and sockets.
fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("sundae-storage").enable_all();
        builder.build().map_err(|error| error.to_string())
    });
    made.as_ref().map_err(|error| Error::other(format!("cannot start threads for I/O: {error}")))
}

/// Waits for what `future` gives. Not to be called from within the runtime.
pub(crate) fn wait<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    runtime()?.block_on(future)
}
