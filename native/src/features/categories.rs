//! The texts that categories are made of: part of `models.features.extraction`.
//!
//! None where a text is not ASCII: Python's own rules for letters and digits then decide.

use crate::json::action::Credential;
use std::net::Ipv4Addr;

const MAX_CLASS: usize = 128;
/// Most bytes of a text that is built without an allocation.
const SHORT: usize = 128;
pub const ENDLESS: &str = "without an end";
const UNSTATED: &str = "not told";
pub const LIFETIMES: u32 = 32;
const DAWN: i64 = 6;
const DUSK: i64 = 18;
const BY_DAY: [&str; 12] = ["06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17"];

/// The class of a resource: at most three path parts, digits blanked.
pub fn resource_class(id: &str, out: &mut String) -> Option<()> {
    if !id.is_ascii() {
        return None;
    }
    let raw = id.as_bytes();
    let hex = |byte: &u8| byte.is_ascii_hexdigit();
    let (mut at, mut slashes) = (0, 0);
    let start = out.len();
    while at < raw.len() {
        let run = raw[at..].iter().take_while(|byte| hex(byte)).count();
        let word = &id[at..at + run];
        let digit = word.bytes().any(|byte| byte.is_ascii_digit());
        out.push_str(if digit { "#" } else { word });
        at += run;
        let rest = &id[at..];
        let other = rest.bytes().position(|byte| hex(&byte) || byte == b'/').unwrap_or(rest.len());
        out.push_str(&rest[..other]);
        at += other;
        if raw.get(at) == Some(&b'/') {
            slashes += 1;
            if slashes == 3 {
                break;
            }
            out.push('/');
            at += 1;
        }
    }
    out.truncate(start + MAX_CLASS);
    out[start..].make_ascii_lowercase();
    Some(())
}

/// The host of a destination: without scheme, path, port and user.
pub fn host_of(destination: &str, out: &mut String) -> Option<()> {
    if !destination.is_ascii() {
        return None;
    }
    let rest = destination.split_once("://").map_or("", |(_, rest)| rest);
    let rest = if rest.is_empty() { destination } else { rest };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or(""),
        None if host.bytes().filter(|&byte| byte == b':').count() == 1 => {
            host.split(':').next().unwrap_or("")
        }
        None => host,
    };
    let start = out.len();
    out.push_str(host);
    out[start..].make_ascii_lowercase();
    Some(())
}

/// Lifetime of a credential, in powers of four. It starts now where the start is unknown.
pub fn lifetime(credential: &Credential<'_>, now_us: i64, out: &mut String) -> Option<()> {
    let Some(expires) = credential.expires_us else {
        out.push_str(if credential.issued_us.is_some() { ENDLESS } else { UNSTATED });
        return Some(());
    };
    let issued = credential.issued_us.unwrap_or(now_us);
    let seconds = ((expires - issued) / 1_000_000).max(0);
    lifetime_name((i64::BITS - seconds.leading_zeros()) / 2, out)
}

/// Append the name of a lifetime, by how many powers of four seconds it has.
pub fn lifetime_name(step: u32, out: &mut String) -> Option<()> {
    let seconds = 4u64.checked_pow(step + 1)?;
    let (length, unit) = if seconds < 2 * 3_600 { (60, " minutes") } else { (3_600, " hours") };
    out.push_str("under ");
    push_number(seconds / length, out);
    out.push_str(unit);
    Some(())
}

/// Append the digits of a number, faster than the formatter.
pub fn push_number(number: u64, out: &mut String) {
    if number >= 10 {
        push_number(number / 10, out);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// The hour of the day of an hour since 1970; outside 6 to 18 six of them are one.
pub fn hour_name(hours: i64) -> &'static str {
    match hours.rem_euclid(24) {
        hour @ DAWN..DUSK => BY_DAY[(hour - DAWN) as usize],
        0..DAWN => "00-06",
        _ => "18-24",
    }
}

/// The kind of day of an hour since 1970, which began on a Thursday.
pub fn day_name(hours: i64) -> &'static str {
    if (hours.div_euclid(24) + 3).rem_euclid(7) >= 5 {
        "weekend"
    } else {
        "workday"
    }
}

/// The location of an address: country and operator where known, else its network.
///
/// None for an address that is not a plain IPv4 one.
pub fn location_of(address: &str, country: Option<&str>, asn: Option<i64>) -> Option<String> {
    if country.is_some() || asn.is_some() {
        let country = country.unwrap_or("unknown country");
        return Some(match asn {
            Some(asn) => format!("{country} AS{asn}"),
            None => format!("{country} unknown operator"),
        });
    }
    let parsed: Ipv4Addr = address.parse().ok()?;
    let [a, b, _, _] = parsed.octets();
    Some(format!("{a}.{b}.0.0/16"))
}

/// Whether an action concerns the agent's own memory. No other letter has these as lower case.
pub fn remembers(tool: &str, resource: &str) -> bool {
    let begins = |text: &str, with: &str| {
        text.as_bytes()
            .get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()))
    };
    begins(tool, "memory.") || begins(resource, "memory/")
}

/// Whether a tool or a resource names secrets.
pub fn secret(tool: &str, resource: &str) -> Option<bool> {
    let (tool, resource) = (tool.as_bytes(), resource.as_bytes());
    if !tool.is_ascii() || !resource.is_ascii() {
        return None;
    }
    // Both as one text: some words have a letter of any kind inside.
    let (mut long, mut short) = (Vec::new(), [b' '; SHORT]);
    let length = tool.len() + 1 + resource.len();
    let text = match short.get_mut(..length) {
        Some(text) => text,
        None => {
            long.resize(length, b' ');
            &mut long[..]
        }
    };
    text[..tool.len()].copy_from_slice(tool);
    text[tool.len() + 1..].copy_from_slice(resource);
    text.make_ascii_lowercase();
    Some((0..length).any(|at| names_secret(text, at)))
}

/// Whether a word for secrets begins at a position.
fn names_secret(text: &[u8], at: usize) -> bool {
    let here = &text[at..];
    match here[0] {
        b's' => here.starts_with(b"secret"),
        b'v' => here.starts_with(b"vault"),
        b'c' => here.starts_with(b"credential"),
        b't' => here.starts_with(b"token"),
        b'p' => here.starts_with(b"passw") || before_key(here, b"private"),
        b'a' => before_key(here, b"api"),
        b'r' => before_key(here, b"root"),
        b'k' => here.starts_with(b"kms") && alone(text, at, at + 3),
        _ => false,
    }
}

/// Whether it begins with a word that is followed by "key", with at most one letter between.
fn before_key(here: &[u8], word: &[u8]) -> bool {
    let Some(rest) = here.strip_prefix(word) else { return false };
    let skipped = rest.split_first().filter(|(letter, _)| **letter != b'\n');
    rest.starts_with(b"key") || skipped.is_some_and(|(_, rest)| rest.starts_with(b"key"))
}

/// Whether a range is not part of a longer word.
fn alone(text: &[u8], from: usize, to: usize) -> bool {
    let inside = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    !inside(from.checked_sub(1).and_then(|at| text.get(at))) && !inside(text.get(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(id: &str) -> String {
        let mut out = String::new();
        resource_class(id, &mut out).unwrap();
        out
    }

    #[test]
    fn names_are_those_of_the_reference() {
        assert_eq!(class("crm/customers/4711/notes/2"), "crm/customers/#");
        assert_eq!(class("CRM/Cafe/a1b-xyz9z"), "crm/cafe/#-xyz#z");
        let mut out = String::new();
        host_of("https://u@api.example.com:443/v1/send", &mut out).unwrap();
        assert_eq!(out, "api.example.com");
        assert_eq!(secret("crm.read", "customers/7"), Some(false));
        assert_eq!(secret("x", "my api-key"), Some(true));
        assert_eq!(secret("aws.KMS", "decrypt"), Some(true));
        assert_eq!(secret("x", "kmsroot keep"), Some(false));
        assert!(remembers("Memory.save", "") && remembers("x", "memory/notes"));
        assert!(!remembers("memory", "notes/memory/") && !remembers("é", "mémory/"));
        assert_eq!(location_of("192.0.2.7", Some("SE"), Some(64_500)).unwrap(), "SE AS64500");
    }
}
