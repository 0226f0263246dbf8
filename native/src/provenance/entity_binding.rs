//! Binds the entities that a request names to the values used with them.

use crate::codec::hashing::mix;
use crate::provenance::history::bounded_table::{Table, REPEAT_BONUS_DAYS};
use crate::provenance::text::{is_space, CODE, MAIL, NUM, PATH, TEXT, URL};

const MAX_ENTITIES: usize = 8;
const MAX_NAME_WORDS: usize = 4;
pub const UNBOUND: u64 = 0;
pub const MATCHED: u64 = 1;
pub const VIOLATED: u64 = 2;
const MIN_REPEATS: i64 = 3;
const REPEATS_PER_CHANGE: i64 = 8;
const BINDING_KEY: u64 = 14;
const COUNT: u32 = 6;
const MAX: i64 = (1 << COUNT) - 1;
const VALUE: u32 = 32;
const MARK: i64 = (1 << VALUE) - 1;
const SENTENCE_ENDS: &[char] = &['.', '!', '?'];
const ENDS: &[char] = &['.', '!', '?', ':', ',', ';', ')', ']', '}', '>'];
const AROUND: &[char] =
    &['.', '!', '?', ':', ',', ';', ')', ']', '}', '>', '(', '[', '{', '<', '"', '\''];
const TITLES: [&str; 6] = ["Dr.", "Mr.", "Mrs.", "Ms.", "Prof.", "St."];
const MANY_DIGITS: usize = 8;

/// The runs of capitalised words in an ASCII text, in lower case.
pub fn entity_names(text: &str) -> Vec<String> {
    let (mut found, mut run) = (Vec::new(), Vec::new());
    let (mut at_start, mut begins) = (true, true);
    for token in text.split(is_space).filter(|token| !token.is_empty()) {
        let bare = without_ending(token.trim_matches(AROUND));
        if is_name(bare) {
            if run.is_empty() {
                begins = at_start;
            }
            run.push(bare);
        } else {
            end(&mut run, &mut found, begins);
        }
        if TITLES.contains(&token) {
            at_start = false;
            continue;
        }
        if token.ends_with(ENDS) {
            end(&mut run, &mut found, begins);
        }
        at_start = token.ends_with(SENTENCE_ENDS);
    }
    end(&mut run, &mut found, begins);
    found.truncate(MAX_ENTITIES);
    found
}

/// Removes an apostrophe and the ending after it.
fn without_ending(word: &str) -> &str {
    let word = word.strip_suffix("'s").unwrap_or(word);
    match word.split_once('\'') {
        Some((head, rest)) if !rest.starts_with(|letter: char| letter.is_ascii_uppercase()) => head,
        _ => word,
    }
}

fn is_name(bare: &str) -> bool {
    let raw = bare.as_bytes();
    let fits = |&byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'\'' | b'&');
    raw.len() > 1 && raw[0].is_ascii_uppercase() && raw.iter().all(fits)
}

/// Adds the names of a run of words, and clears the run.
fn end(run: &mut Vec<&str>, found: &mut Vec<String>, begins: bool) {
    let first = usize::from(begins);
    for from in 0..=first.min(run.len()) {
        let words = if run.len() > first { &run[from..] } else { &[] };
        let name = words[..words.len().min(MAX_NAME_WORDS)].join(" ");
        if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let name = name.to_ascii_lowercase();
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    run.clear();
}

/// Whether an identifier denotes a person or thing, unlike an amount or a date.
pub fn identifies_entity(text: &str, kind: u8) -> bool {
    let digits = || text.bytes().filter(u8::is_ascii_digit).count();
    matches!(kind, MAIL | URL | PATH | CODE)
        || (matches!(kind, NUM | TEXT) && digits() >= MANY_DIGITS)
}

/// Compares a value with the bindings of the entities of a request.
pub fn check_binding(table: &Table, tool_key: u64, names: &[u64], value: u64) -> u64 {
    let mut found = UNBOUND;
    for &name in names {
        let Some(packed) = table.find(mix(tool_key, name, BINDING_KEY)) else { continue };
        let (again, changes, known) = parts(packed);
        if again < MIN_REPEATS || changes * REPEATS_PER_CHANGE > again {
            continue;
        }
        if known == value as i64 & MARK {
            return MATCHED;
        }
        found = VIOLATED;
    }
    found
}

/// Counts one more session that used a value with an entity at an argument.
pub fn learn_binding(table: &mut Table, tool_key: u64, name: u64, value: u64, day: i64) {
    let key = mix(tool_key, name, BINDING_KEY);
    let mark = value as i64 & MARK;
    let (mut again, mut changes) = (0, 0);
    let before = table.find(key);
    if let Some(packed) = before {
        let known;
        (again, changes, known) = parts(packed);
        if known == mark {
            again = (again + 1).min(MAX);
            if again % REPEATS_PER_CHANGE == 0 || again == MAX {
                changes = (changes - 1).max(0);
            }
        } else {
            (again, changes) = (0, (changes + 1).min(MAX));
        }
    }
    let kept_until = if again == 0 { day } else { day + REPEAT_BONUS_DAYS };
    let packed_binding = ((kept_until << COUNT | again) << COUNT | changes) << VALUE | mark;
    if before != Some(packed_binding) {
        table.put(key, packed_binding);
    }
}

/// The repeats of the value, the number of changes before, and 32 bits of the value.
fn parts(packed: i64) -> (i64, i64, i64) {
    (packed >> (VALUE + COUNT) & MAX, packed >> VALUE & MAX, packed & MARK)
}
