//! Keeping secrets out of what is shown and kept: their values are replaced by stars, also where they are cut into pieces as
//! they come.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::forms::forms;

/// What stands in the place of a secret.
const STARS: &str = "***";

/// Finds the values of secrets in texts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Mask(Option<Arc<Finder>>);

struct Finder {
    automaton: AhoCorasick,
    /// Sorted.
    patterns: Vec<String>,
    /// The length of the longest.
    longest: usize,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Finder of {} patterns", self.patterns.len())
    }
}

impl Mask {
    /// Hides these values: as they are, each line of them, and as they look when a program has quoted or encoded them.
    #[must_use]
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let patterns: BTreeSet<String> = values.into_iter().flat_map(forms).collect();
        let patterns: Vec<_> = patterns.into_iter().collect();
        let Some(longest) = patterns.iter().map(String::len).max() else { return Self::default() };
        let mut builder = AhoCorasick::builder();
        // As fast as any for a few values, made in a fifth of the time, and small also for a long key with many lines.
        builder.kind(Some(AhoCorasickKind::ContiguousNFA));
        let automaton = builder.match_kind(MatchKind::LeftmostLongest).build(&patterns);
        // To go on without would be to show them.
        let automaton = automaton.expect("a few values, far shorter than the 2 GiB that it takes");
        Self(Some(Arc::new(Finder { automaton, patterns, longest })))
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
        let mut starts = bytes.len().saturating_sub(self.longest - 1)..bytes.len();
        starts.find(|start| self.goes_on(&bytes[*start..])).unwrap_or(bytes.len())
    }

    /// Whether there is a pattern that begins so and is longer.
    fn goes_on(&self, begin: &[u8]) -> bool {
        // They are sorted: those that begin so come directly behind it.
        let next = self.patterns.partition_point(|pattern| pattern.as_bytes() <= begin);
        self.patterns.get(next).is_some_and(|pattern| pattern.as_bytes().starts_with(begin))
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
    drop(mask_with(values));
}

/// From now on, [`masked`] hides these values; and so does this mask, with all that are known beside them.
pub fn mask_with<'a>(values: impl IntoIterator<Item = &'a str>) -> Mask {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let before = known.0.len();
    for value in values {
        if !known.0.contains(value) {
            known.0.insert(value.to_owned());
        }
    }
    if known.0.len() > before {
        known.1 = Mask::new(known.0.iter().map(String::as_str));
    }
    known.1.clone()
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
    fn what_is_hidden_is_replaced_by_stars() {
        let mask = Mask::new(["hunter2/ö\"", "line one\nline two\n"]);
        assert_eq!(
            mask.text(r#"<hunter2/ö">, {"a": "hunter2/\u00f6\""}"#),
            r#"<***>, {"a": "***"}"#
        );
        assert_eq!(mask.text("line one, line two, line"), "***, ***, line");
        assert_eq!(mask.text("line one\nline two\n."), "***.", "the longest first");
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

        /// Whatever a secret is, and however it is shown and cut.
        #[test]
        fn no_form_gets_through(
            secret in "\\PC{4,9}(\n\\PC{4,9}){0,2}",
            before in "[ -~]{0,9}",
            which: prop::sample::Index,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let mask = Mask::new([secret.as_str()]);
            let forms: Vec<_> = forms(&secret).into_iter().collect();
            let form = which.get(&forms);
            let text = format!("{before}{form}\nand on it goes");
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            let masked = String::from_utf8(through(&mask, &chunks)).unwrap();
            prop_assert_eq!(&masked, &mask.text(&text));
            prop_assert!(!masked.contains(form.as_str()), "{:?} is in {:?}", form, masked);
            prop_assert!(!masked.contains(secret.as_str()), "{:?} is in {:?}", secret, masked);
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
