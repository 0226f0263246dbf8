//! Times as RFC 3339 writes them, to whole microseconds, as `pipeline.formats.native` reads them.

use crate::json::values::Text;
use serde::de::{Deserializer, Error};
use serde::Deserialize;

const DAYS_TO_1970: i64 = 719_468;

/// Read a time.
pub fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let text = Text::deserialize(from)?;
    microseconds(&text).ok_or_else(|| D::Error::custom("a time not of the plainest form"))
}

/// Read a time, None for null.
pub fn maybe_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let text: Option<Text<'_>> = Option::deserialize(from)?;
    let text =
        text.as_deref().map(|text| microseconds(text).ok_or("a time not of the plainest form"));
    text.transpose().map_err(D::Error::custom)
}

/// Microseconds since 1970; None where the text is not in the plain form.
pub fn microseconds(text: &str) -> Option<i64> {
    let raw = text.as_bytes();
    let number = |from: usize, length: usize| -> Option<i64> {
        let digits = raw.get(from..from + length)?;
        digits.iter().try_fold(0, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
        })
    };
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if raw.get(at) != Some(&mark) {
            return None;
        }
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if year < 2 || !(1..=12).contains(&month) || day < 1 || day > length_of(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 || year > 9_998 {
        return None;
    }
    let (mut at, mut part) = (19, 0);
    if raw.get(at) == Some(&b'.') {
        let digits = raw[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&digits) {
            return None;
        }
        part = number(at + 1, digits)? * 10i64.pow(6 - digits as u32);
        at += 1 + digits;
    }
    let offset = match *raw.get(at)? {
        b'Z' if raw.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if raw.len() == at + 6 && raw[at + 3] == b':' => {
            let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 60 + minutes;
            if sign == b'+' {
                offset
            } else {
                -offset
            }
        }
        _ => return None,
    };
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset;
    Some((minutes * 60 + second) * 1_000_000 + part)
}

fn length_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date, counted in eras of 400 years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(microseconds("1970-01-01T00:00:01.5Z"), Some(1_500_000));
        assert_eq!(microseconds("2000-02-29T12:00:00+02:00"), Some(951_818_400_000_000));
        assert_eq!(microseconds("1969-12-31T23:59:59-00:30"), Some(1_799_000_000));
    }

    #[test]
    fn others_are_left_alone() {
        for text in [
            "",
            "2026-01-05",
            "2026-02-29T00:00:00Z",
            "2026-01-05T08:00:00",
            "2026-01-05t08:00:00Z",
            "2026-01-05T08:00:60Z",
            "2026-01-05T08:00:00.1234567Z",
            "2026-01-05T08:00:00Zé",
        ] {
            assert_eq!(microseconds(text), None, "{text}");
        }
    }
}
