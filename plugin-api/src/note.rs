//! Puts a plugin's identity into the library file: text put together at compile time, in a section of its own.
//!
//! On Linux it is an ELF note (the same mechanism as `.note.package` of systemd): the linker places it in the first page,
//! a program header points to it, and it survives `strip`. Mach-O and PE have a section of the same content.

/// The owner's name in the note, with its terminating zero, padded to a multiple of four.
pub const OWNER: [u8; 8] = *b"Sundae\0\0";
/// The length of the owner's name as the note header tells it, without the padding.
pub const OWNER_LENGTH: u32 = 7;
/// The note's type.
pub const NOTE_TYPE: u32 = 1;

/// An ELF note. `N` is the length of the text rounded up to a multiple of four.
#[repr(C, align(4))]
pub struct Note<const N: usize> {
    owner_length: u32,
    text_length: u32,
    note_type: u32,
    owner: [u8; 8],
    text: [u8; N],
}

impl<const N: usize> Note<N> {
    /// A note with this text.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut padded = [0; N];
        let mut i = 0;
        while i < bytes.len() {
            padded[i] = bytes[i];
            i += 1;
        }
        Self {
            owner_length: OWNER_LENGTH,
            text_length: bytes.len() as u32,
            note_type: NOTE_TYPE,
            owner: OWNER,
            text: padded,
        }
    }
}

/// The length of a note's text with padding.
#[must_use]
pub const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// The length of several texts together.
#[must_use]
pub const fn total_length(parts: &[&str]) -> usize {
    let mut total = 0;
    let mut i = 0;
    while i < parts.len() {
        total += parts[i].len();
        i += 1;
    }
    total
}

/// Several texts one after the other; `N` is their [`total_length`].
#[must_use]
pub const fn concatenated<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut out = [0; N];
    let (mut at, mut i) = (0, 0);
    while i < parts.len() {
        let bytes = parts[i].as_bytes();
        let mut j = 0;
        while j < bytes.len() {
            out[at] = bytes[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    out
}

/// The bytes as text.
#[must_use]
pub const fn text(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("joined texts are UTF-8, and so is escaping"),
    }
}

/// The length of a text as a JSON string, quotes included.
#[must_use]
pub const fn json_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut length, mut i) = (2, 0);
    while i < bytes.len() {
        length += match bytes[i] {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        i += 1;
    }
    length
}

/// A text as a JSON string; `N` is its [`json_length`].
#[must_use]
pub const fn json_string<const N: usize>(text: &str) -> [u8; N] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut out = [b'"'; N];
    let (mut at, mut i) = (1, 0);
    while i < bytes.len() {
        let escaped: [u8; 6] = match bytes[i] {
            b @ (b'"' | b'\\') => [b'\\', b, 0, 0, 0, 0],
            b @ 0..0x20 => {
                [b'\\', b'u', b'0', b'0', HEX[(b >> 4) as usize], HEX[(b & 15) as usize]]
            }
            b => [b, 0, 0, 0, 0, 0],
        };
        let mut j = 0;
        while j < 6 && (j == 0 || escaped[j] != 0) {
            out[at] = escaped[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    out
}

/// The text without the leading space that `///` leaves.
#[must_use]
pub const fn trim_doc(text: &str) -> &str {
    match text.as_bytes() {
        [b' ', ..] => text.split_at(1).1,
        _ => text,
    }
}

/// The crate's name without a leading `sundae-`.
#[must_use]
pub const fn plugin_name(crate_name: &str) -> &str {
    match crate_name.as_bytes() {
        [b's', b'u', b'n', b'd', b'a', b'e', b'-', _, ..] => crate_name.split_at(7).1,
        _ => crate_name,
    }
}

/// Stops the compiler at a flavor that nobody could name on a command line, or that is there twice.
pub const fn check_flavors(flavors: &[(&str, &str)]) {
    let mut i = 0;
    while i < flavors.len() {
        let (kind, name) = flavors[i];
        assert!(
            is_flavor_name(name),
            "the name of a flavor is made of lowercase letters, digits and `-`, and starts with a letter"
        );
        let mut j = 0;
        while j < i {
            let is_same = equal(flavors[j].0, kind) && equal(flavors[j].1, name);
            assert!(!is_same, "a plugin has each flavor once");
            j += 1;
        }
        i += 1;
    }
}

/// Lowercase letters, digits and `-`, starting with a letter.
#[must_use]
pub const fn is_flavor_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'a'..=b'z' => {}
            b'0'..=b'9' | b'-' if i > 0 => {}
            _ => return false,
        }
        i += 1;
    }
    !bytes.is_empty() && bytes.len() <= 64
}

/// Stops the compiler at a default that its field cannot have. `literal` is `text`, `integer`, `float` or `boolean`;
/// `field_type` is a [`ConfigField::TYPE`](crate::ConfigField::TYPE), and `json` the default itself.
pub const fn check_default(field_type: &str, is_secret: bool, literal: &str, json: &str) {
    assert!(!is_secret, "a secret cannot have a default: everybody can read the defaults");
    let fits = if has_type(field_type, "choice") {
        assert!(contains(field_type, json), "the default is none of the field's choices");
        true
    } else if equal(literal, "text") {
        has_type(field_type, "string") || has_type(field_type, "path")
    } else if equal(literal, "integer") {
        has_type(field_type, "integer") || has_type(field_type, "number")
    } else if equal(literal, "float") {
        has_type(field_type, "number")
    } else {
        has_type(field_type, "boolean")
    };
    assert!(fits, "the default is not of the field's type");
}

/// Whether the JSON of a field's type starts with that type.
const fn has_type(json: &str, name: &str) -> bool {
    const BEFORE: usize = r#""type":""#.len();
    let end = BEFORE + name.len();
    json.len() > end
        && is_at(json.as_bytes(), BEFORE, name.as_bytes())
        && json.as_bytes()[end] == b'"'
}

const fn contains(text: &str, part: &str) -> bool {
    let mut at = 0;
    while at + part.len() <= text.len() {
        if is_at(text.as_bytes(), at, part.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn equal(a: &str, b: &str) -> bool {
    a.len() == b.len() && is_at(a.as_bytes(), 0, b.as_bytes())
}

/// Whether `part` stands at that place; `text` is long enough.
const fn is_at(text: &[u8], at: usize, part: &[u8]) -> bool {
    let mut i = 0;
    while i < part.len() {
        if text[at + i] != part[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Joins constant texts into one constant text.
#[doc(hidden)]
#[macro_export]
macro_rules! __const_text {
    ($($part:expr),* $(,)?) => {{
        const PARTS: &[&str] = &[$($part),*];
        const BYTES: [u8; $crate::note::total_length(PARTS)] = $crate::note::concatenated(PARTS);
        $crate::note::text(&BYTES)
    }};
}

/// A constant text as a JSON string.
#[doc(hidden)]
#[macro_export]
macro_rules! __const_json {
    ($text:expr) => {{
        const TEXT: &str = $text;
        const BYTES: [u8; $crate::note::json_length(TEXT)] = $crate::note::json_string(TEXT);
        $crate::note::text(&BYTES)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_flavors_can_be_typed() {
        for name in ["local", "s3", "a-b-2"] {
            assert!(is_flavor_name(name), "{name}");
        }
        for name in ["", "S3", "3s", "-a", "a b", "a/b", "a_b", "ä", &"x".repeat(65)] {
            assert!(!is_flavor_name(name), "{name}");
        }
    }

    #[test]
    fn a_plugin_is_named_after_its_crate() {
        assert_eq!(plugin_name("sundae-local-artifact-store"), "local-artifact-store");
        assert_eq!(plugin_name("acme-s3"), "acme-s3");
        assert_eq!(plugin_name("sundae-"), "sundae-");
    }

    #[test]
    fn a_note_is_laid_out_as_elf_wants_it() {
        const TEXT: &str = "hello";
        let note = Note::<{ padded(TEXT.len()) }>::new(TEXT);
        assert_eq!((note.owner_length, note.text_length, note.note_type), (7, 5, 1));
        assert_eq!(&note.owner, b"Sundae\0\0");
        assert_eq!(&note.text, b"hello\0\0\0");
        assert_eq!(size_of_val(&note), 12 + 8 + 8);
    }

    #[test]
    fn constant_json_is_what_serde_json_makes() {
        const SAID: &str = "say \"hi\"\\ \n\u{1} ü";
        assert_eq!(__const_json!(SAID), r#""say \"hi\"\\ \u000a\u0001 ü""#);
        assert_eq!(serde_json::from_str::<String>(__const_json!(SAID)).unwrap(), SAID);
        assert_eq!(__const_text!("a", "", "bc"), "abc");
    }
}
