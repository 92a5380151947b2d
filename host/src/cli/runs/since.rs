//! `--since WHEN`: so long ago, or a day.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// A moment in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since(pub(super) Timestamp);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        since(text, &Zoned::now()).map(Self)
    }
}

fn since(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let wrong = || {
        "it must be a time ago such as `2d`, `12h` or `30m`, or a date such as `2026-11-20`"
            .to_owned()
    };
    let zone: &TimeZone = now.time_zone();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    // A span is tried first: `2026` is no date, and no span either.
    if let Ok(ago) = text.parse::<Span>() {
        let moment = now.checked_sub(ago.abs()).map_err(|_| wrong())?;
        return Ok(moment.timestamp());
    }
    let moment = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from));
    let moment = moment.map_err(|_| wrong())?.to_zoned(zone.clone()).map_err(|_| wrong())?;
    Ok(moment.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_as_people_say_it() {
        let now: Zoned = "2026-11-25T12:00:00[Europe/Berlin]".parse().unwrap();
        for (text, expected) in [
            ("2d", "2026-11-23T11:00:00Z"),
            ("1w", "2026-11-18T11:00:00Z"),
            ("90m", "2026-11-25T09:30:00Z"),
            ("1h 30m", "2026-11-25T09:30:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20 08:00", "2026-11-20T07:00:00Z"),
            ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
        ] {
            assert_eq!(since(text, &now).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "2", "2026", "99999999y"] {
            assert!(since(text, &now).is_err(), "{text}");
        }
    }
}
