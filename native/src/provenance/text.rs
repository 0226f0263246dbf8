//! Splits requests into words, and determines the kind of an identifier.
//!
//! Python handles text that is not ASCII, with the lower case and digits of all scripts.
//! `coverage` and `stem` use ASCII words only and are valid for every text.

use rustc_hash::FxHashSet;
use std::sync::OnceLock;

pub const MAIL: u8 = 0;
pub const URL: u8 = 1;
pub const PATH: u8 = 2;
pub const DATE: u8 = 3;
pub const NUM: u8 = 4;
pub const CODE: u8 = 5;
pub const WORD: u8 = 6;
pub const TEXT: u8 = 7;

const SUFFIXES: [&str; 10] = ["ations", "ation", "ings", "ing", "ied", "ies", "ed", "es", "s", "e"];
const STOP_WORDS: &str = "the a an to of and or in on at for from with by is are be it its this \
    that my me i you your our please can could if not as into all any do get via";
const FILES: &str =
    "pdf txt doc docx xls xlsx ppt pptx csv md htm html png jpg jpeg gif json xml yml \
    yaml zip gz py js sh log exe";

/// Cuts the common English endings off a lower-case ASCII word.
pub fn stem(word: &str) -> &str {
    let mut stem = word;
    for suffix in SUFFIXES {
        if word.ends_with(suffix) && word.len() - suffix.len() >= 3 {
            stem = &word[..word.len() - suffix.len()];
            break;
        }
    }
    let raw = stem.as_bytes();
    if raw.len() > 3 && raw[raw.len() - 1] == raw[raw.len() - 2] {
        return &stem[..stem.len() - 1];
    }
    stem
}

fn is_stop(stemmed: &str) -> bool {
    static STOP: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    STOP.get_or_init(|| STOP_WORDS.split_whitespace().map(stem).collect()).contains(stemmed)
}

/// The runs of lower-case ASCII letters and of ASCII digits.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let raw = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < raw.len() && !raw[at].is_ascii_lowercase() && !raw[at].is_ascii_digit() {
            at += 1;
        }
        let start = at;
        let same = |byte: u8| match raw.get(start) {
            Some(first) if first.is_ascii_digit() => byte.is_ascii_digit(),
            _ => byte.is_ascii_lowercase(),
        };
        while at < raw.len() && same(raw[at]) {
            at += 1;
        }
        (at > start).then(|| &text[start..at])
    })
}

/// Visits the stems of the words of an ASCII text, without stop words, single letters and words
/// with a digit.
pub fn each_stem(text: &str, visit: impl FnMut(&str)) {
    let mut apart = String::with_capacity(text.len() + 8);
    let mut lower = false;
    for letter in text.chars() {
        if lower && letter.is_ascii_uppercase() {
            apart.push(' ');
        }
        lower = letter.is_ascii_lowercase();
        apart.push(letter.to_ascii_lowercase());
    }
    words(&apart)
        .filter(|word| word.len() > 1 && !word.bytes().any(|byte| byte.is_ascii_digit()))
        .map(stem)
        .filter(|word| !is_stop(word))
        .for_each(visit);
}

/// The words of three letters and more of an ASCII text, in order and each once.
pub fn long_words(text: &str) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    let found = words(&text).filter(|word| word.len() > 2 && !is_stop(stem(word)));
    let mut out: Vec<String> = found.map(String::from).collect();
    out.sort_unstable();
    out.dedup();
    out
}

pub fn is_space(letter: char) -> bool {
    matches!(letter, '\t'..='\r' | '\x1c'..='\x1f' | ' ')
}

/// The normal form of an ASCII identifier, which is equal for all its spellings.
pub fn normalise(value: &str) -> String {
    let lower = value.to_ascii_lowercase();
    let bare = lower.trim_matches(is_space).trim_end_matches('/').trim_matches(is_space);
    let letters = bare.bytes().take_while(u8::is_ascii_lowercase).count();
    let rest = match bare[letters..].strip_prefix("://") {
        Some(rest) if letters > 0 => rest,
        _ => bare,
    };
    rest.strip_prefix("www.").unwrap_or(rest).to_owned()
}

/// `$` of a pattern: a line break at the very end may follow.
fn line(value: &str) -> &str {
    value.strip_suffix('\n').unwrap_or(value)
}

fn is_mail(value: &str) -> bool {
    let value = line(value);
    let Some((local, domain)) = value.split_once('@') else { return false };
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    !local.is_empty()
        && !host.is_empty()
        && !top.is_empty()
        && top.bytes().all(|byte| byte.is_ascii_lowercase())
        && !domain.contains('@')
        && !value.contains(is_space)
}

fn digits(raw: &[u8]) -> usize {
    raw.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn is_date(value: &str) -> bool {
    let raw = value.as_bytes();
    let first = digits(raw);
    let Some(&mark) = raw.get(first) else { return false };
    let rest = &raw[first + 1..];
    let second = digits(rest);
    if first == 4 && matches!(mark, b'-' | b'/') && second >= 1 {
        return true;
    }
    if !(1..=2).contains(&first) {
        return false;
    }
    if matches!(mark, b':' | b'/') && second >= 2 {
        return true;
    }
    matches!(mark, b'.' | b'/')
        && (1..=2).contains(&second)
        && matches!(rest.get(second), Some(b'.' | b'/'))
        && digits(&rest[second + 1..]) >= 2
}

fn is_number(value: &str) -> bool {
    let mut raw = line(value).as_bytes();
    if let [b'-' | b'+' | b'$', rest @ ..] = raw {
        raw = rest;
    }
    let mut many = digits(raw);
    if many == 0 {
        return false;
    }
    raw = &raw[many..];
    while let [b'.' | b',', rest @ ..] = raw {
        many = digits(rest);
        if many == 0 {
            return false;
        }
        raw = &rest[many..];
    }
    matches!(raw, [] | [b'%'])
}

/// The host at the start of an ASCII identifier.
fn host(value: &str) -> Option<&str> {
    let raw = value.as_bytes();
    let in_label = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let (mut at, mut labels) = (0, 0);
    let mut last;
    loop {
        let many = raw[at..].iter().take_while(|byte| in_label(byte)).count();
        if many == 0 {
            return None;
        }
        (last, labels, at) = (at, labels + 1, at + many);
        match raw.get(at) {
            Some(b'.') => at += 1,
            None | Some(b'/' | b'?' | b':') => break,
            Some(b'\n') if at + 1 == raw.len() => break,
            _ => return None,
        }
    }
    let top = &raw[last..at];
    let named = top.len() >= 2 && top.iter().all(u8::is_ascii_lowercase);
    (labels >= 2 && named).then(|| &value[..at])
}

fn is_file(value: &str) -> bool {
    let value = line(value);
    value.rsplit_once('.').is_some_and(|(_, end)| FILES.split(' ').any(|known| known == end))
}

fn is_code(value: &str) -> bool {
    let value = line(value);
    let fits = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    !value.is_empty() && value.bytes().all(fits)
}

/// The kind of a normalised ASCII identifier.
pub fn kind_of(value: &str) -> u8 {
    if is_mail(value) {
        return MAIL;
    }
    if is_date(value) {
        return DATE;
    }
    if is_number(value) {
        return NUM;
    }
    let slash = value.contains('/');
    if host(value).is_some() && (slash || !is_file(value)) {
        return URL;
    }
    if is_file(value) || (slash && !value.contains(' ')) {
        return PATH;
    }
    if is_code(value) {
        let digit = value.bytes().any(|byte| byte.is_ascii_digit());
        return if digit { CODE } else { WORD };
    }
    TEXT
}

/// Bits of an identifier against a match by chance: 12 a word, 4 a letter if less, 3.3 a digit.
pub fn specificity(value: &str, kind: u8) -> f64 {
    if kind == DATE {
        return 8.0;
    }
    let mut bits = 0.0;
    for word in words(value) {
        let length = word.len() as f64;
        let digit = word.as_bytes()[0].is_ascii_digit();
        bits += if digit { 3.3 * length } else { (4.0 * length).min(12.0) };
    }
    if bits == 0.0 {
        return 4.0 * value.chars().count() as f64;
    }
    bits
}

/// The host of a URL or the directory of a path.
pub fn root_of(value: &str, kind: u8) -> Option<&str> {
    match kind {
        URL => host(value),
        PATH => value.rsplit_once('/').map(|(root, _)| root).filter(|root| !root.is_empty()),
        _ => None,
    }
}

/// The domain of a mail address.
pub fn domain_of(value: &str, kind: u8) -> Option<&str> {
    value.rsplit_once('@').map(|(_, domain)| domain).filter(|_| kind == MAIL)
}

/// Share of an identifier's letters that the request names, 0 .. 1; 0 for hosts.
pub fn coverage(value: &str, kind: u8, request_words: &[String]) -> f64 {
    if kind == URL {
        return 0.0;
    }
    let text = if kind == MAIL { value.split('@').next().unwrap_or(value) } else { value };
    let (mut total, mut hit) = (0usize, 0usize);
    for word in words(text).filter(|word| word.len() > 1) {
        total += word.len();
        if request_words.binary_search_by(|known| known.as_str().cmp(word)).is_ok() {
            hit += word.len();
            continue;
        }
        let starts = request_words.iter().filter(|start| start.len() > 3);
        hit += starts.filter(|s| word.starts_with(s.as_str())).map(String::len).max().unwrap_or(0);
    }
    if total == 0 {
        return 0.0;
    }
    hit as f64 / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_kinds_of_the_reference() {
        let values = "a@b.example 2026-01-05 12.50 example.com/x /doc/a.txt inv-204 reset \u{7f}";
        let kinds = [MAIL, DATE, NUM, URL, PATH, CODE, WORD, TEXT];
        for (value, kind) in values.split(' ').zip(kinds) {
            assert_eq!(kind_of(value), kind, "{value}");
        }
    }

    #[test]
    fn words_are_stemmed_and_camel_case_is_taken_apart() {
        let mut stems = Vec::new();
        each_stem("Send the invoices sendInvoice", |stem| stems.push(stem.to_owned()));
        assert_eq!(stems, ["send", "invoic", "send", "invoic"]);
    }
}
