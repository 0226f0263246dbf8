//! Undoes rewriting of ASCII identifiers: the letters and digits of the possible originals.

use crate::codec::hashing::Hasher;
use crate::provenance::text::{is_space, normalise};
use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use percent_encoding::percent_decode_str;

const SHORTEST: usize = 6;
const LONGEST: usize = 128;
const MAX_FORMS: usize = 32;
const READ: usize = 512;
const MARK: u64 = 0xFFFF_FFFF;
const LAYERS: u32 = 2;
const SEPARATORS: &str = " ,;|\"'()[]{}<>=&";

/// The letters and digits of an ASCII identifier in normal form.
pub fn alphanumerics(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A keyed hash of 32 bits.
pub fn fingerprint(letters: &str, hasher: &Hasher) -> u64 {
    hasher.once(letters) & MARK
}

/// Whether letters and digits are long enough not to match by chance.
pub fn traceable(text: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&text.chars().count())
}

/// The letters and digits of the identifiers that an ASCII identifier may encode.
pub fn decoded_forms(raw: &str) -> Vec<String> {
    let raw = &raw[..raw.len().min(READ)];
    let whole = alphanumerics(&normalise(raw));
    let turned = [whole.chars().rev().collect(), whole.chars().map(rot13).collect()];
    let mut texts = Vec::new();
    decode(raw, LAYERS, &mut texts);
    let parts = texts.iter().flat_map(|text| [text.as_str()].into_iter().chain(split(text)));
    let undone = parts.map(|part| alphanumerics(&normalise(part)));
    let mut found: Vec<String> = Vec::new();
    for form in [whole].into_iter().chain(turned).chain(undone) {
        if traceable(&form) && !found.contains(&form) {
            found.push(form);
        }
    }
    found.truncate(MAX_FORMS);
    found
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter| is_space(letter) || SEPARATORS.contains(letter))
}

fn rot13(letter: char) -> char {
    match letter {
        'a'..='m' => (letter as u8 + 13) as char,
        'n'..='z' => (letter as u8 - 13) as char,
        _ => letter,
    }
}

/// Adds the decoded forms of a text, and their decoded forms.
fn decode(text: &str, layers: u32, found: &mut Vec<String>) {
    for raw in [base64(text), hex(text), percent(text)].into_iter().flatten() {
        let printable = !raw.is_empty() && raw.iter().all(|byte| (b' '..=b'~').contains(byte));
        let inner = String::from_utf8(raw).ok().filter(|_| printable);
        let Some(inner) = inner else { continue };
        found.push(inner.clone());
        if layers > 1 {
            decode(&inner, layers - 1, found);
        }
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_matches(is_space).trim_end_matches('=');
    let text = text.replace('-', "+").replace('_', "/");
    BASE64_NOPAD.decode(text.as_bytes()).ok().filter(|_| text.len() >= 8)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_matches(is_space);
    let text = text.strip_prefix("0x").unwrap_or(text);
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().filter(|_| text.len() >= 12)
}

fn percent(text: &str) -> Option<Vec<u8>> {
    text.contains('%').then(|| percent_decode_str(text).collect())
}
