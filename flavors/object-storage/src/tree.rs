//! Stores that have folders: keys are found by walking them in the order of the keys, without looking where nothing of
//! interest can be.

use std::future::Future;

use sundae_plugin_api::artifact_store::Object;
use sundae_plugin_api::{Error, Key};

use crate::listing::{Cursors, may_start_a_key};

/// What is in a folder.
pub(crate) enum Entry {
    /// Its name, relative to the root and with `/` at the end, as it starts the keys in it.
    Folder(String),
    /// A file that is an object.
    Object(Object),
}

impl Entry {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Folder(name) => name,
            Self::Object(object) => object.key.as_str(),
        }
    }
}

/// A service that can say what is in a folder.
pub(crate) trait Folders: Sync {
    /// What is in a folder, in any order; nothing if there is no such folder. `folder` is empty or ends with `/`.
    fn entries(&self, folder: &str) -> impl Future<Output = Result<Vec<Entry>, Error>> + Send;
}

/// Where a walk stands: what is left of each folder that it is in, the last first.
pub(crate) type Walk = Vec<Vec<Entry>>;

/// The listing that [`ArtifactStore::list`](sundae_plugin_api::ArtifactStore::list) promises.
pub(crate) async fn page(
    folders: &impl Folders,
    cursors: &Cursors<Walk>,
    prefix: &str,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Object>, Error> {
    if !may_start_a_key(prefix) || limit == 0 {
        return Ok(Vec::new());
    }
    let wanted = Wanted { prefix, after };
    let mut walk = match cursors.take(prefix, after) {
        Some(walk) => walk,
        None => {
            // Only the folder that can hold such keys is walked; the prefix may end in the middle of a name.
            let folder = prefix.rfind('/').map_or("", |end| &prefix[..=end]);
            vec![sorted(folders.entries(folder).await?)]
        }
    };
    let mut objects = Vec::new();
    while objects.len() < limit {
        let Some(folder) = walk.last_mut() else { return Ok(objects) };
        match folder.pop() {
            None => drop(walk.pop()),
            Some(Entry::Folder(name)) if wanted.may_be_in(&name) => {
                walk.push(sorted(folders.entries(&name).await?));
            }
            Some(Entry::Folder(_)) => {}
            Some(Entry::Object(object)) if wanted.is(object.key.as_str()) => objects.push(object),
            Some(Entry::Object(_)) => {}
        }
    }
    if let Some(last) = objects.last() {
        cursors.keep(prefix, &last.key, walk);
    }
    Ok(objects)
}

/// The last first, so that the next one is taken from the end.
fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_unstable_by(|one, other| other.name().cmp(one.name()));
    entries
}

/// What is looked for.
struct Wanted<'a> {
    prefix: &'a str,
    after: Option<&'a Key>,
}

impl Wanted<'_> {
    fn is(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && self.after.is_none_or(|after| key > after.as_str())
    }

    /// Whether a key that starts with `start`, which ends with `/`, may be wanted.
    fn may_be_in(&self, start: &str) -> bool {
        let by_prefix = start.starts_with(self.prefix) || self.prefix.starts_with(start);
        // All keys in it come before `after` if its own name does, unless `after` is in it.
        by_prefix
            && self
                .after
                .is_none_or(|after| start > after.as_str() || after.as_str().starts_with(start))
    }
}

/// The folder of a key, with `/` at the end, and its name in it.
pub(crate) fn parted(key: &Key) -> (&str, &str) {
    let text = key.as_str();
    text.rfind('/').map_or(("", text), |end| text.split_at(end + 1))
}
