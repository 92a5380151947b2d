//! The connection to an SFTP server: one `ssh` process, through which the requests of all threads go at once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use openssh_sftp_client::{Sftp, SftpOptions};
use sundae_plugin_api::{Error, Host};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::place::Place;
use crate::sftp::SftpConfig;
use crate::sftp::fault::{Failure, refused};
use crate::transport::Pauses;
use crate::unique::unique;

/// How to connect, and the connection while there is one.
///
/// The system's `ssh` makes it: so hosts, jump hosts, agents, hardware keys and certificates work as they do for the user. It
/// ends with this process, since it reads from a pipe that ends then.
pub(crate) struct Connection {
    config: SftpConfig,
    place: Place,
    host: Host,
    current: Mutex<Option<Arc<Session>>>,
}

/// A running `ssh` that speaks SFTP.
pub(crate) struct Session {
    pub(crate) sftp: Sftp,
    /// Ended with the session.
    _process: Child,
}

impl Connection {
    pub(crate) fn new(config: SftpConfig, place: Place, host: Host) -> Self {
        Self { config, place, host, current: Mutex::new(None) }
    }

    /// Does something on the server, again if the connection breaks: every request of ours may be repeated.
    pub(crate) async fn run<T, F>(
        &self,
        operation: impl Fn(Arc<Session>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut pauses = Pauses::between(self.config.attempts);
        loop {
            let done = match self.session().await {
                Ok(session) => {
                    let done = operation(Arc::clone(&session)).await;
                    if matches!(done, Err(Failure::Lost(_))) {
                        self.forget(&session).await;
                    }
                    done
                }
                Err(failure) => Err(failure),
            };
            let Err(Failure::Lost(why)) = done else { return done };
            let Some(pause) = pauses.next(None) else { return Err(Failure::Lost(why)) };
            self.host.debug(format!("{why}; again in {} ms", pause.as_millis()));
            sleep(pause).await;
        }
    }

    /// A request with its time limit.
    pub(crate) async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, openssh_sftp_client::Error>>,
    ) -> Result<T, Failure> {
        match timeout(self.patience(), request).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(Failure::from(error)),
            Err(_) => Err(Failure::Slow),
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.config.timeout_seconds.get().into())
    }

    async fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut current = self.current.lock().await;
        if let Some(session) = &*current {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.connect().await?);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Drops a session that is of no use, if nobody has done so.
    async fn forget(&self, session: &Arc<Session>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            *current = None;
        }
    }

    async fn connect(&self) -> Result<Session, Failure> {
        let key = self.key_file().map_err(Failure::Ours)?;
        let connected = self.connect_with(key.as_ref().map(KeyFile::path)).await;
        drop(key);
        connected
    }

    async fn connect_with(&self, key: Option<&Path>) -> Result<Session, Failure> {
        let mut process = self.command(key).spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::Ours(Error::new(
                sundae_plugin_api::ErrorKind::InvalidConfig,
                "there is no `ssh` on this machine, which `sftp` needs: install the OpenSSH client",
            )),
            _ => Failure::Ours(Error::other(format!("cannot start `ssh`: {error}"))),
        })?;
        let (Some(input), Some(output), Some(mut errors)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(Failure::Ours(Error::other("`ssh` was started without its pipes")));
        };
        let greeted = timeout(self.patience(), Sftp::new(input, output, SftpOptions::new())).await;
        match greeted {
            Ok(Ok(sftp)) => {
                // Nobody reads what `ssh` says later, and it must not wait for that.
                tokio::spawn(async move {
                    let mut ignored = Vec::new();
                    drop(errors.read_to_end(&mut ignored).await);
                });
                Ok(Session { sftp, _process: process })
            }
            Ok(Err(error)) => {
                let mut said = Vec::new();
                let mut beginning = errors.take(8192);
                drop(timeout(Duration::from_secs(2), beginning.read_to_end(&mut said)).await);
                let said = String::from_utf8_lossy(&said);
                Err(refused(&self.place, said.trim(), &error))
            }
            Err(_) => Err(Failure::Slow),
        }
    }

    fn command(&self, key: Option<&Path>) -> Command {
        let mut command = Command::new("ssh");
        command.args([
            "-o",
            "BatchMode=yes",
            "-o",
            "ServerAliveInterval=15",
            "-o",
            "ConnectTimeout=10",
        ]);
        command.args([
            "-o",
            "ClearAllForwardings=yes",
            "-o",
            "PermitLocalCommand=no",
            "-o",
            "ControlPath=none",
        ]);
        if let Some(key) = key {
            command.arg("-i").arg(key).args(["-o", "IdentitiesOnly=yes"]);
        }
        if let Some(file) = &self.config.known_hosts_file {
            let mut option = std::ffi::OsString::from("UserKnownHostsFile=");
            option.push(file);
            command.arg("-o").arg(option).args(["-o", "StrictHostKeyChecking=yes"]);
        }
        let endpoint = self.config.endpoint.replacen("sftp://", "ssh://", 1);
        command.arg("-s").arg("--").arg(endpoint).arg("sftp");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// The file with the key, for as long as `ssh` reads it.
    fn key_file(&self) -> Result<Option<KeyFile>, Error> {
        match (&self.config.key_file, &self.config.private_key) {
            (Some(file), _) => Ok(Some(KeyFile::Theirs(file.clone()))),
            (None, Some(key)) => {
                let file = self.host.scratch_folder()?.join(format!("key-{}", unique()));
                write_private(&file, key.reveal())
                    .map_err(|error| Error::io("write", &file, &error))?;
                Ok(Some(KeyFile::Ours(file)))
            }
            (None, None) => Ok(None),
        }
    }
}

/// A file that `ssh` reads a key from.
enum KeyFile {
    Theirs(PathBuf),
    Ours(PathBuf),
}

impl KeyFile {
    fn path(&self) -> &Path {
        match self {
            Self::Theirs(path) | Self::Ours(path) => path,
        }
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if let Self::Ours(path) = self {
            drop(std::fs::remove_file(path));
        }
    }
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    // `ssh` takes a key for damaged if its last line does not end.
    if text.ends_with('\n') { Ok(()) } else { file.write_all(b"\n") }
}
