//! Ages as people write them: `30d`, `2w`, `12h`, `1h 30m`.

use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, Zoned};

/// So long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ago(pub(super) Duration);

impl Ago {
    /// In milliseconds.
    #[must_use]
    pub(super) fn ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Ago {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it must be an age such as `30d`, `2w`, `12h` or `90m`".to_owned();
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let span: Span = text.parse().map_err(|_| wrong())?;
        // A month is as long as the last one.
        let now = Zoned::now();
        let then = now.checked_sub(span).map_err(|_| wrong())?;
        let ago = Duration::try_from(now.duration_since(&then)).map_err(|_| wrong())?;
        Ok(Self(ago))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_as_people_write_them() {
        for (text, hours) in [("12h", 12), ("90m", 1), ("0", 0), ("0s", 0)] {
            let age: Ago = text.parse().unwrap();
            assert_eq!(age.0.as_secs() / 3600, hours, "{text}");
        }
        // The clock may be set in between.
        let days = "30d".parse::<Ago>().unwrap().0.as_secs() / 3600;
        assert!((719..=721).contains(&days), "{days}");
        for text in ["", "30", "-3d", "soon", "3 apples", "99999y"] {
            assert!(text.parse::<Ago>().is_err(), "{text}");
        }
    }
}
