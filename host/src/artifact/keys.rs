//! Where things are in an artifact store. The layout is a format: what one version writes, every later one reads.
//!
//! - `objects/a/bcdef…`: the bytes with the digest `abcdef…`: a file, a folder's manifest, a log
//! - `outcomes/a/bcdef…`: what the step with the cache key `abcdef…` produced, as JSON
//! - `attempts/ID/…`: what a worker in another process is told, and what it answers; gone when the attempt has ended
//! - `leases/a/bcdef…`: names of objects that somebody relies on though they are old; good for a day
//! - `removals/ID`: somebody is about to remove old objects; there for moments

use sundae_plugin_api::{InvalidKey, Key};

/// The key of the object with this digest.
///
/// # Errors
/// The text is no digest; it may come from a damaged record.
pub fn object_key(digest: &str) -> Result<Key, InvalidKey> {
    fanned_out("objects", digest)
}

/// The key of the outcome of the step with this cache key.
///
/// # Errors
/// The text is no cache key.
pub fn outcome_key(cache_key: &str) -> Result<Key, InvalidKey> {
    fanned_out("outcomes", cache_key)
}

/// The key of the lease of this name: a digest, a cache key, or what else is as unique.
///
/// # Errors
/// The text is not of 64 hexadecimal digits.
pub(super) fn lease_key(id: &str) -> Result<Key, InvalidKey> {
    fanned_out("leases", id)
}

/// The key of the announcement of a removal.
///
/// # Errors
/// The id is not one.
pub(super) fn removal_key(id: &str) -> Result<Key, InvalidKey> {
    Key::new(format!("removals/{id}"))
}

/// The digest or cache key that a key tells of, if it is one of `folder`.
#[must_use]
pub fn digits_in(folder: &str, key: &Key) -> Option<String> {
    let digits: String = key.as_str().strip_prefix(folder)?.strip_prefix('/')?.split('/').collect();
    // What is no digest, or was put there in another way, is not ours to know.
    let is_ours = fanned_out(folder, &digits).is_ok_and(|again| again == *key);
    (is_ours && digits.bytes().all(|byte| !byte.is_ascii_uppercase())).then_some(digits)
}

/// The key of a file of the attempt with this id.
///
/// # Errors
/// The id is not one of letters, digits and `-`.
pub fn attempt_key(id: &str, file: &str) -> Result<Key, InvalidKey> {
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    Key::new(format!("attempts/{}/{file}", if is_id { id } else { "" }))
}

/// One digit of fan-out. A million objects are 62,500 in a folder, which file systems with indexed folders do not mind; with two
/// digits, most of what the first runs put would need a folder made for it, which costs more than the object.
fn fanned_out(folder: &str, digest: &str) -> Result<Key, InvalidKey> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    // What is no digest makes a key that is none either, and so the error.
    let (first, rest) = if is_digest { digest.split_at(1) } else { ("", "") };
    Key::new(format!("{folder}/{first}/{rest}"))
}

#[cfg(test)]
mod tests {
    use super::{attempt_key, digits_in, object_key, outcome_key};

    #[test]
    fn only_keys_of_ours_are_read_back() {
        let digest = "ab".repeat(32);
        let key = object_key(&digest).unwrap();
        assert_eq!(digits_in("objects", &key), Some(digest.clone()));
        assert_eq!(digits_in("outcomes", &key), None);
        assert_eq!(digits_in("outcomes", &outcome_key(&digest).unwrap()), Some(digest));
        let others = [
            format!("objects/{}", "ab".repeat(32)),
            format!("objects/a/b/{}", "ab".repeat(31)),
            format!("objects/A/B{}", "ab".repeat(31)),
            format!("objects/a/b{}.tmp", "ab".repeat(31)),
            "objects/readme".to_owned(),
        ];
        for other in others {
            let key = sundae_plugin_api::Key::new(other.clone()).unwrap();
            assert_eq!(digits_in("objects", &key), None, "{other}");
        }
    }

    #[test]
    fn a_damaged_record_cannot_name_another_file() {
        let digest = "ab".repeat(32);
        let key = object_key(&digest).unwrap();
        assert_eq!(key.as_str(), format!("objects/a/b{}", "ab".repeat(31)));
        for text in ["", "ab", "../../etc/passwd", &"zz".repeat(32), &"é".repeat(32)] {
            assert!(object_key(text).is_err(), "{text}");
        }
        assert_eq!(
            attempt_key("3f-0-1", "spec.json").unwrap().as_str(),
            "attempts/3f-0-1/spec.json"
        );
        for id in ["", "..", "a/b", "a.b"] {
            assert!(attempt_key(id, "spec.json").is_err(), "{id}");
        }
    }
}
