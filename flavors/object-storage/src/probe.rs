//! Proving a configuration by doing everything once.

use sundae_plugin_api::artifact_store::{ArtifactStore, Existing};
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::unique::unique;

/// Writes, reads, lists and deletes an object of its own.
pub(crate) fn probe(store: &impl ArtifactStore) -> Result<(), Error> {
    let name = format!("probe/{}", unique());
    let key = Key::new(name.as_str())?;
    let content = name.as_bytes();
    store.write(&key, content, Existing::Replace)?;
    let looked = look(store, &key, content);
    let deleted = store.delete(&key);
    looked.and(deleted)
}

fn look(store: &impl ArtifactStore, key: &Key, content: &[u8]) -> Result<(), Error> {
    let read = store.read(key, None)?;
    if read != content {
        let message = format!("what was written as {key} came back as something else");
        return Err(Error::new(ErrorKind::Other, message));
    }
    let listed = store.list(key.as_str(), None, 1)?;
    if listed.iter().any(|object| object.key == *key) {
        return Ok(());
    }
    let message = format!("{key} was written and can be read, but is not in the listing");
    Err(Error::new(ErrorKind::Other, message))
}
