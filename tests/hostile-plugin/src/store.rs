//! A store in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::enter;

#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Key, Vec<u8>>>);

impl Memory {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        enter("drop");
    }
}

impl ArtifactStore for Memory {
    fn capabilities(&self) -> Capabilities {
        enter("capabilities");
        Capabilities::at("memory")
    }

    fn check(&self) -> Result<(), Error> {
        enter("check");
        Ok(())
    }

    fn put(&self, key: &Key, file: &Path, _: Source) -> Result<(), Error> {
        enter("put");
        let bytes = std::fs::read(file).map_err(|error| Error::io("read", file, &error))?;
        self.objects().insert(key.clone(), bytes);
        Ok(())
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        enter("get");
        let bytes = self.read(key, None)?;
        std::fs::write(destination, bytes).map_err(|error| Error::io("write", destination, &error))
    }

    fn write(&self, key: &Key, bytes: &[u8], _: Existing) -> Result<(), Error> {
        enter("write");
        self.objects().insert(key.clone(), bytes.to_vec());
        Ok(())
    }

    fn read(&self, key: &Key, _: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        enter("read");
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no {key}"));
        self.objects().get(key).cloned().ok_or_else(missing)
    }

    fn stat(&self, _: &Key) -> Result<Option<Object>, Error> {
        enter("stat");
        Ok(None)
    }

    fn list(&self, _: &str, _: Option<&Key>, _: usize) -> Result<Vec<Object>, Error> {
        enter("list");
        Ok(Vec::new())
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        enter("delete");
        self.objects().remove(key);
        Ok(())
    }
}
