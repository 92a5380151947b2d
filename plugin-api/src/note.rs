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
    #[test]
    fn constant_json_is_what_serde_json_makes() {
        const SAID: &str = "say \"hi\"\\ \n\u{1} ü";
        assert_eq!(__const_json!(SAID), r#""say \"hi\"\\ \u000a\u0001 ü""#);
        assert_eq!(serde_json::from_str::<String>(__const_json!(SAID)).unwrap(), SAID);
        assert_eq!(__const_text!("a", "", "bc"), "abc");
    }
}
