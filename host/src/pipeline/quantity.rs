//! Durations and sizes as people write them: `90s`, `1m 30s`, `4GiB`.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::SignedDuration;

/// The duration that a text means: numbers with units (`90s`, `1m 30s`, `2h`), or one number of seconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let duration: SignedDuration = text.parse().ok()?;
    duration.try_into().ok()
}

/// The bytes that a text means: `4GiB` is 4 · 1024³, `4GB` is 4 · 1000³, a number alone counts bytes.
pub(super) fn bytes(text: &str) -> Option<u64> {
    text.trim().parse::<ByteSize>().ok().map(|size| size.as_u64())
}

/// A duration as it is told: `1m 30s`.
#[must_use]
pub fn spoken(duration: Duration) -> String {
    match SignedDuration::try_from(duration) {
        Ok(signed) => format!("{signed:#}"),
        Err(_) => format!("{} s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_told() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("1m 30s", 90.0),
            ("2h", 7200.0),
            ("0.5", 0.5),
            ("10 minutes", 600.0),
            ("250ms", 0.25),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "soon", "-5s", "-1", "1d2", "NaN", "inf", "1e300"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(spoken(Duration::from_secs(90)), "1m 30s");
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("4GiB"), Some(4 << 30));
        assert_eq!(bytes("500 MB"), Some(500_000_000));
        assert_eq!(bytes("1024"), Some(1024));
        assert_eq!(bytes("much"), None);
    }
}
