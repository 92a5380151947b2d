//! The key that secrets are sealed with: a file that only its owner can read, or an environment variable. Never the database.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::OsRng;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

/// The variable that holds the key, where it is not to be in a file.
pub const VARIABLE: &str = "SUNDAE_SECRET_KEY";

/// A key: 32 bytes.
pub struct Key(pub(super) Zeroizing<[u8; 32]>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable holds something else.
    #[error("{VARIABLE} is no key: it must be 64 hexadecimal digits")]
    BadVariable,
    /// The file holds something else.
    #[error("{} is no key of sundae", .0.display())]
    BadFile(PathBuf),
    /// Others can read the file.
    #[error("others can read the key {}", .0.display())]
    Open(PathBuf),
    /// There is none.
    #[error("the key {} does not exist", .0.display())]
    Absent(PathBuf),
    /// The file cannot be read or made.
    #[error("cannot {what} the key {}: {cause}", path.display())]
    Io {
        /// `read`, `make`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl Key {
    /// The key of the environment, else that of the file.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn find(path: &Path) -> Result<Self, KeyError> {
        match std::env::var_os(VARIABLE) {
            Some(text) => {
                let text = Zeroizing::new(text.to_string_lossy().into_owned());
                Self::parse(&text).ok_or(KeyError::BadVariable)
            }
            None => Self::read(path),
        }
    }

    /// As [`Self::find`]; makes the file if there is neither.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn find_or_make(path: &Path) -> Result<Self, KeyError> {
        match Self::find(path) {
            Err(KeyError::Absent(_)) => {
                make(path).map_err(|cause| io_error("make", path, cause))?;
                Self::find(path)
            }
            found => found,
        }
    }

    fn read(path: &Path) -> Result<Self, KeyError> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::Absent(path.to_owned()));
            }
            metadata => metadata.map_err(|cause| io_error("read", path, cause))?,
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let text = fs::read_to_string(path).map_err(|cause| io_error("read", path, cause))?;
        Self::parse(&Zeroizing::new(text)).ok_or_else(|| KeyError::BadFile(path.to_owned()))
    }

    /// 64 hexadecimal digits.
    fn parse(text: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(text.trim()).ok()?;
        Some(Self(Zeroizing::new(*hash.as_bytes())))
    }
}

fn io_error(what: &'static str, path: &Path, cause: io::Error) -> KeyError {
    KeyError::Io { what, path: path.to_owned(), cause }
}

/// Makes a new key, whole or not at all; where two processes do so at once, that of the first stays.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let key = XChaCha20Poly1305::generate_key(&mut OsRng);
    let text = Zeroizing::new(format!("{}\n", blake3::Hash::from_bytes(key.into()).to_hex()));
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/secret.key");
        assert!(matches!(Key::read(&path), Err(KeyError::Absent(_))));
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Key::find_or_make(&path).unwrap().0)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "two made one each");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Key::read(&path), Err(KeyError::Open(_))));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        for content in ["", "abc", &"z".repeat(64), &"0".repeat(63)] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(Key::read(&path), Err(KeyError::BadFile(_))), "{content}");
        }
    }
}
