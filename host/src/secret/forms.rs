//! The forms in which programs show a value: as it is, quoted, and as it looks in URLs, in base64 and in hexadecimal.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::SHORTEST;

/// Where programs break lines of base64.
const WIDTHS: [usize; 2] = [64, 76];

/// The digits of hexadecimal numbers, as some programs write them and as others do.
const DIGITS: [&[u8; 16]; 2] = [b"0123456789abcdef", b"0123456789ABCDEF"];

/// All forms of a value, of the value without the line breaks at its end, and of each of its lines. What is too short to be told
/// from ordinary words is none.
pub(super) fn forms(value: &str) -> BTreeSet<String> {
    let whole = value.trim_end_matches(['\n', '\r']);
    let lines = whole.lines().map(str::trim);
    let texts: BTreeSet<_> = [value, whole].into_iter().chain(lines).collect();
    let mut forms = BTreeSet::new();
    for text in texts {
        forms.insert(text.to_owned());
        quoted(text, &mut forms);
        in_urls(text, &mut forms);
        in_base64(text.as_bytes(), &mut forms);
        let bytes = text.bytes();
        forms.extend(DIGITS.map(|digits| bytes.clone().flat_map(|b| pair(b, digits)).collect()));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Between the quotes of JSON, of Python, and of a shell that shows what it does.
fn quoted(text: &str, forms: &mut BTreeSet<String>) {
    let json = serde_json::Value::from(text).to_string();
    let json = &json[1..json.len() - 1];
    let bare = json.replace("\\\"", "\"");
    forms.extend([
        in_ascii(json),
        json.to_owned(),
        bare.replace('\'', "\\'"),
        bare,
        text.replace('\'', r"'\''"),
        text.replace('\'', r#"'"'"'"#),
    ]);
}

/// What stands in JSON that is ASCII.
fn in_ascii(json: &str) -> String {
    let mut ascii = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            units.iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
    }
    ascii
}

/// Percent-encoded: what stands for itself differs from program to program, and so does what stands for a space.
fn in_urls(text: &str, forms: &mut BTreeSet<String>) {
    for kept in ["", "/", "!*'()"] {
        for space in ["%20", "+"] {
            forms.extend(DIGITS.map(|digits| in_url(text, kept, space, digits)));
        }
    }
}

fn in_url(text: &str, kept: &str, space: &str, digits: &[u8; 16]) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.contains(character) {
            encoded.push(character);
        } else if byte == b' ' {
            encoded.push_str(space);
        } else {
            encoded.push('%');
            encoded.extend(pair(byte, digits));
        }
    }
    encoded
}

fn pair(byte: u8, digits: &[u8; 16]) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from(digits[usize::from(digit)]))
}

/// By itself, in lines, and in the middle of something longer, as the password in `user:password`.
fn in_base64(bytes: &[u8], forms: &mut BTreeSet<String>) {
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        let alone = engine.encode(bytes);
        for width in WIDTHS.into_iter().filter(|width| alone.len() > *width) {
            let lines = (0..alone.len()).step_by(width);
            forms.extend(lines.map(|at| alone[at..alone.len().min(at + width)].to_owned()));
        }
        forms.insert(alone);
        for before in 0..3 {
            let within = engine.encode([&[0; 2][..before], bytes].concat());
            // Six bits are a character: only those that nothing else has a part in.
            let first = (before * 8).div_ceil(6);
            let end = (before + bytes.len()) * 8 / 6;
            forms.extend(within.get(first..end).map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, shown: &str) {
        assert!(forms(value).contains(shown), "{shown} is not known for {value}");
    }

    #[test]
    fn what_programs_make_of_a_value_is_known() {
        let value = "pa'ss \"w\\ör/d";
        check(value, value);
        // Python: json.dumps, repr, urllib.parse.quote and quote_plus.
        check(value, r#"pa'ss \"w\\\u00f6r/d"#);
        check(value, r#"pa\'ss "w\\ör/d"#);
        check(value, "pa%27ss%20%22w%5C%C3%B6r/d");
        check(value, "pa%27ss+%22w%5C%C3%B6r%2Fd");
        // JavaScript: JSON.stringify and encodeURIComponent.
        check(value, r#"pa'ss \"w\\ör/d"#);
        check(value, "pa'ss%20%22w%5C%C3%B6r%2Fd");
        // `sh -x`: bash and dash.
        check(value, r#"pa'\''ss "w\ör/d"#);
        check(value, r#"pa'"'"'ss "w\ör/d"#);
        // Windows and Java like small digits.
        check(value, "pa%27ss%20%22w%5c%c3%b6r%2fd");
        check(value, "7061277373202277 5cc3b6722f64".replace(' ', "").as_str());
        check("𝄞 clef", r"\ud834\udd1e clef");
    }

    #[test]
    fn in_base64_it_is_known_wherever_it_stands() {
        for before in ["", "u", "us", "use", "user:"] {
            for after in ["", "\n", "&"] {
                let text = STANDARD_NO_PAD.encode(format!("{before}correct horse{after}"));
                let longest = forms("correct horse")
                    .into_iter()
                    .filter(|form| text.contains(form.as_str()))
                    .max_by_key(String::len);
                let left = text.replace(&longest.unwrap_or_default(), "");
                let around = STANDARD_NO_PAD.encode(format!("{before}{after}")).len();
                assert!(left.len() <= around + 3, "{left} is left of {text}");
            }
        }
        let long = "0123456789".repeat(12);
        let encoded = STANDARD_NO_PAD.encode(&long);
        check(&long, &encoded[..76]);
        check(&long, &encoded[76..152]);
        check(&long, &encoded[64..128]);
    }

    #[test]
    fn each_line_is_known_and_ordinary_words_are_not() {
        let value = "-----BEGIN-----\n  first line\nabc\n\n-----END-----\n";
        check(value, "first line");
        check(value, value);
        check(value, value.trim_end());
        check(value, r"-----BEGIN-----\n  first line\nabc\n\n-----END-----");
        assert!(forms(value).iter().all(|form| form.len() >= SHORTEST));
        assert!(!forms(value).contains("abc"));
    }
}
