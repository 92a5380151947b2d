//! Keeping secrets out of what is shown and kept: their values are replaced by stars, also where they are cut into pieces as
//! they come.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::SHORTEST;

/// What stands in the place of a secret.
const STARS: &str = "***";

/// Finds the values of secrets in texts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Mask(Option<Arc<Finder>>);

struct Finder {
    automaton: AhoCorasick,
    patterns: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Finder of {} patterns", self.patterns.len())
    }
}

impl Mask {
    /// Hides these values: as they are, each line of them, and as they look in base64, in URLs and in JSON.
    #[must_use]
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let patterns: BTreeSet<Vec<u8>> = values.into_iter().flat_map(forms).collect();
        let patterns: Vec<_> = patterns.into_iter().collect();
        if patterns.is_empty() {
            return Self::default();
        }
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns);
        // It can only be too large for memory: a few values are not.
        let Ok(automaton) = automaton else { return Self::default() };
        Self(Some(Arc::new(Finder { automaton, patterns })))
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The text without the secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        match &self.0 {
            None => text.to_owned(),
            Some(finder) => {
                let stars = vec![STARS; finder.patterns.len()];
                finder.automaton.replace_all(text, &stars)
            }
        }
    }

    /// Writes to `inner` what is written to it, without the secrets.
    #[must_use]
    pub fn writer<W: Write>(&self, inner: W) -> Masking<W> {
        Masking { mask: self.clone(), inner, held: Vec::new() }
    }
}

/// The forms in which a value may come out.
fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let whole = value.trim_end_matches(['\n', '\r']);
    let lines = whole.lines().map(str::trim);
    let mut forms: BTreeSet<Vec<u8>> = BTreeSet::new();
    for text in [value, whole].into_iter().chain(lines) {
        forms.insert(text.as_bytes().to_vec());
        forms.insert(STANDARD_NO_PAD.encode(text).into_bytes());
        forms.insert(URL_SAFE_NO_PAD.encode(text).into_bytes());
        forms.insert(in_url(text).into_bytes());
        let quoted = serde_json::Value::from(text).to_string();
        forms.insert(quoted.as_bytes()[1..quoted.len() - 1].to_vec());
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Percent-encoded, as in a query (RFC 3986: only unreserved characters stand for themselves).
fn in_url(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A writer that hides secrets. What may be the beginning of one is held back until more comes, or until it is finished.
pub struct Masking<W: Write> {
    mask: Mask,
    inner: W,
    held: Vec<u8>,
}

impl<W: Write> Masking<W> {
    /// Writes what was held back: nothing follows it any more.
    ///
    /// # Errors
    /// The inner writer's.
    pub fn finish(mut self) -> io::Result<W> {
        let end = self.held.len();
        self.release(end)?;
        Ok(self.inner)
    }

    /// Writes what is held up to `end`, or to the end of the secret that begins before it.
    fn release(&mut self, end: usize) -> io::Result<()> {
        let Some(finder) = &self.mask.0 else { return Ok(()) };
        let mut written = 0;
        for found in finder.automaton.find_iter(&self.held) {
            if found.start() >= end {
                break;
            }
            self.inner.write_all(&self.held[written..found.start()])?;
            self.inner.write_all(STARS.as_bytes())?;
            written = found.end();
        }
        if written < end {
            self.inner.write_all(&self.held[written..end])?;
            written = end;
        }
        self.held.drain(..written);
        Ok(())
    }
}

impl Finder {
    /// From where on the bytes may be the beginning of something that goes on: the start of their longest end that is the
    /// beginning of a pattern, and not all of it.
    fn open_from(&self, bytes: &[u8]) -> usize {
        let starts = self.patterns.iter().filter_map(|pattern| {
            let longest = (pattern.len() - 1).min(bytes.len());
            let length = (1..=longest).rev().find(|length| bytes.ends_with(&pattern[..*length]))?;
            Some(bytes.len() - length)
        });
        starts.min().unwrap_or(bytes.len())
    }
}

impl<W: Write> Write for Masking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(finder) = self.mask.0.clone() else { return self.inner.write(bytes) };
        self.held.extend_from_slice(bytes);
        let end = finder.open_from(&self.held);
        self.release(end)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What this process has come to know, and must not show.
static KNOWN: RwLock<(BTreeSet<String>, Mask)> = RwLock::new((BTreeSet::new(), Mask(None)));

/// From now on, [`masked`] hides these values.
pub fn mask_from_now_on<'a>(values: impl IntoIterator<Item = &'a str>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let before = known.0.len();
    known.0.extend(values.into_iter().map(str::to_owned));
    if known.0.len() > before {
        known.1 = Mask::new(known.0.iter().map(String::as_str));
    }
}

/// Whether there is anything that [`masked`] hides.
#[must_use]
pub fn knows_secrets() -> bool {
    !KNOWN.read().unwrap_or_else(PoisonError::into_inner).1.is_empty()
}

/// The text without any secret that this process has come to know.
#[must_use]
pub fn masked(text: String) -> String {
    let mask = KNOWN.read().unwrap_or_else(PoisonError::into_inner).1.clone();
    if mask.is_empty() { text } else { mask.text(&text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(mask: &Mask, chunks: &[&[u8]]) -> Vec<u8> {
        let mut writer = mask.writer(Vec::new());
        for chunk in chunks {
            writer.write_all(chunk).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn every_form_is_hidden() {
        let mask = Mask::new(["hunter2/ö\"", "line one\nline two\n"]);
        for text in [
            "hunter2/ö\"".to_owned(),
            STANDARD_NO_PAD.encode("hunter2/ö\""),
            in_url("hunter2/ö\""),
            r#"hunter2/ö\""#.to_owned(),
            "line two".to_owned(),
        ] {
            assert_eq!(mask.text(&format!("<{text}>")), "<***>", "{text}");
        }
        assert_eq!(mask.text("nothing here"), "nothing here");
        assert!(Mask::new([]).is_empty());
    }

    #[test]
    fn what_cannot_be_the_start_of_a_secret_is_written_at_once() {
        let mut writer = Mask::new(["secret"]).writer(Vec::new());
        writer.write_all(b"a line\nsec").unwrap();
        assert_eq!(writer.inner, b"a line\n");
        writer.write_all(b"ond").unwrap();
        assert_eq!(writer.inner, b"a line\nsecond");
    }

    proptest! {
        /// However it is cut, the result is that of the whole text, and no secret is in it.
        #[test]
        fn no_secret_gets_through(
            secrets in prop::collection::vec("[ab]{4,7}", 1..4),
            text in prop::collection::vec("[abc]{0,9}", 0..20),
        ) {
            let mask = Mask::new(secrets.iter().map(String::as_str));
            let chunks: Vec<_> = text.iter().map(|chunk| chunk.as_bytes()).collect();
            let whole = text.concat();
            let masked = String::from_utf8(through(&mask, &chunks)).unwrap();
            prop_assert_eq!(&masked, &mask.text(&whole));
            for secret in &secrets {
                prop_assert!(!masked.contains(secret.as_str()), "{} is in {}", secret, masked);
            }
        }

        #[test]
        fn text_without_secrets_is_unchanged(text in "\\PC{0,99}", cut: prop::sample::Index) {
            let mask = Mask::new(["correct horse battery"]);
            let bytes = text.as_bytes();
            let (start, end) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(through(&mask, &[start, end]), bytes);
        }
    }
}
