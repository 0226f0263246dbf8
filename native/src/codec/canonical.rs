//! One canonical text of equal JSON values.

/// Values nested more deeply are left to the reference.
const DEEPEST: usize = 128;
/// Bytes of a string that are taken at once.
const WORD: usize = 8;

/// A member of an open object: how it begins, and where it, its value and its end are in `out`.
/// A value that is null is empty.
type Member = (u64, usize, usize, usize);

/// Writes canonical texts, one after the other into the same buffers.
#[derive(Default)]
pub struct Canonical {
    /// Longer than any canonical text of what is read; `end` says how much of it is written.
    out: Vec<u8>,
    end: usize,
    members: Vec<Member>,
    sorted: Vec<u8>,
    /// Whether all numbers of the latest text are written as they would be written again.
    pub plain_numbers: bool,
}

impl Canonical {
    /// The canonical text of a JSON value; None where it is nested too deeply, or is no JSON.
    pub fn of(&mut self, raw: &[u8]) -> Option<&[u8]> {
        // A comma may be added to each value, and nothing else.
        let capacity = 2 * raw.len() + WORD;
        if self.out.len() < capacity {
            self.out.resize(capacity, 0);
        }
        (self.end, self.plain_numbers) = (0, true);
        self.members.clear();
        let at = self.value(raw, blank(raw, 0), 0)?;
        (blank(raw, at) == raw.len()).then_some(&self.out[..self.end])
    }

    /// Write the value at a position; gives the position after it.
    fn value(&mut self, raw: &[u8], at: usize, depth: usize) -> Option<usize> {
        match *raw.get(at)? {
            b'"' => self.string(raw, at),
            b'{' if depth < DEEPEST => self.object(raw, at + 1, depth + 1),
            b'[' if depth < DEEPEST => self.array(raw, at + 1, depth + 1),
            b'{' | b'[' => None,
            _ => {
                let length = raw[at..].iter().take_while(|byte| is_plain(**byte)).count();
                raw[at..at + length].iter().for_each(|byte| self.put(*byte));
                self.plain_numbers &= is_plain_number(&raw[at..at + length]);
                (length > 0).then_some(at + length)
            }
        }
    }

    fn array(&mut self, raw: &[u8], mut at: usize, depth: usize) -> Option<usize> {
        self.put(b'[');
        at = blank(raw, at);
        while *raw.get(at)? != b']' {
            at = blank(raw, self.value(raw, at, depth)?);
            self.put(b',');
            at = next(raw, at, b']')?;
        }
        self.put(b']');
        Some(at + 1)
    }

    fn object(&mut self, raw: &[u8], mut at: usize, depth: usize) -> Option<usize> {
        self.put(b'{');
        let (begin, first) = (self.end, self.members.len());
        at = blank(raw, at);
        while *raw.get(at)? != b'}' {
            let member = self.end;
            if raw[at] != b'"' {
                return None;
            }
            at = blank(raw, self.string(raw, at)?);
            if *raw.get(at)? != b':' {
                return None;
            }
            at = blank(raw, at + 1);
            self.put(b':');
            let value = self.end;
            if raw[at..].starts_with(b"null") {
                at += 4;
            } else {
                at = self.value(raw, at, depth)?;
                self.put(b',');
            }
            let head = head(&self.out[member + 1..self.end]);
            self.members.push((head, member, value, self.end));
            at = next(raw, blank(raw, at), b'}')?;
        }
        self.sort(begin, first)?;
        self.put(b'}');
        Some(at + 1)
    }

    /// Put the members from a number on, whose texts begin at a place, in order, without those that
    /// are null; None where a name comes twice, which is left to the reference.
    fn sort(&mut self, begin: usize, first: usize) -> Option<()> {
        let (out, members) = (&mut self.out, &mut self.members[first..]);
        let text = |member: &Member| &out[member.1..member.3];
        members.sort_unstable_by(|one, other| {
            one.0.cmp(&other.0).then_with(|| text(one).cmp(text(other)))
        });
        let name = |member: &Member| &out[member.1..member.2];
        if members.windows(2).any(|pair| name(&pair[0]) == name(&pair[1])) {
            return None;
        }
        self.sorted.clear();
        for member in members.iter().filter(|member| member.2 < member.3) {
            self.sorted.extend_from_slice(text(member));
        }
        self.end = begin + self.sorted.len();
        out[begin..self.end].copy_from_slice(&self.sorted);
        self.members.truncate(first);
        Some(())
    }

    /// Write the string at a position without needless escapes.
    fn string(&mut self, raw: &[u8], at: usize) -> Option<usize> {
        let (begin, mut from) = (self.end, at + 1);
        self.put(b'"');
        // Most strings are short: to take words takes less than to look for the end and to copy.
        while let Some(word) = raw.get(from..from + WORD) {
            let word: [u8; WORD] = word.try_into().ok()?;
            self.out.get_mut(self.end..self.end + WORD)?.copy_from_slice(&word);
            let ends = quotes(u64::from_le_bytes(word));
            let length = if ends == 0 { WORD } else { ends.trailing_zeros() as usize / 8 };
            self.end += length;
            from += length;
            if ends != 0 {
                break;
            }
        }
        while !matches!(*raw.get(from)?, b'"' | b'\\') {
            self.put(raw[from]);
            from += 1;
        }
        if raw[from] == b'"' {
            self.put(b'"');
            return Some(from + 1);
        }
        self.end = begin;
        self.escaped(raw, at, from)
    }

    /// Write the string at a position, whose first escape is at another one.
    fn escaped(&mut self, raw: &[u8], at: usize, mut end: usize) -> Option<usize> {
        while raw[end] == b'\\' {
            end += 2 + memchr::memchr2(b'"', b'\\', raw.get(end + 2..)?)?;
        }
        let text: String = serde_json::from_slice(&raw[at..=end]).ok()?;
        self.put(b'"');
        for &byte in text.as_bytes() {
            if matches!(byte, b'"' | b'\\') {
                self.put(b'\\');
            }
            self.put(byte);
        }
        self.put(b'"');
        Some(end + 1)
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.out[self.end] = byte;
        self.end += 1;
    }
}

/// Which bytes of a word are a quote or a backslash: the lowest bit set is in the first of them.
#[inline]
fn quotes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64))
}

/// The first eight bytes as a number in the same order.
#[inline]
fn head(text: &[u8]) -> u64 {
    if let Some(Ok(head)) = text.get(..WORD).map(<[u8; WORD]>::try_from) {
        return u64::from_be_bytes(head);
    }
    let mut head = [0; WORD];
    head[..text.len()].copy_from_slice(text);
    u64::from_be_bytes(head)
}

/// Whether a byte may be part of a number, true, false or null.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Whether a number, true, false or null is written in the one canonical way.
fn is_plain_number(token: &[u8]) -> bool {
    if token.iter().any(|byte| byte.is_ascii_alphabetic()) {
        return matches!(token, b"true" | b"false" | b"null");
    }
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    let Some(point) = memchr::memchr(b'.', digits) else {
        return digits != b"0" || token == digits;
    };
    let (whole, part) = (&digits[..point], &digits[point + 1..]);
    let small = whole == b"0" && part.first() == Some(&b'0');
    digits.len() <= 16 && (part == b"0" || !(small || part.ends_with(b"0")))
}

/// The position of the first byte from one on that is no white space.
fn blank(raw: &[u8], mut at: usize) -> usize {
    while raw.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The position of the next item, or of the end of a list.
fn next(raw: &[u8], at: usize, end: u8) -> Option<usize> {
    match *raw.get(at)? {
        b',' => Some(blank(raw, at + 1)),
        byte if byte == end => Some(at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> Option<String> {
        Canonical::default().of(raw.as_bytes()).map(|text| String::from_utf8(text.into()).unwrap())
    }

    #[test]
    fn order_white_space_and_escapes_do_not_matter() {
        let text = r#"{"a":{"x":1,"y":[2.0,null,],},"b":"\"\\A",}"#;
        for raw in [
            r#"{"a":{"x":1,"y":[2.0,null]},"b":"\"\\A"}"#,
            r#" { "b" : "\u0022\u005c\u0041" , "a" : { "y" : [ 2.0 , null ] , "x" : 1 } } "#,
        ] {
            assert_eq!(canonical(raw).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_member_that_is_null_counts_as_missing() {
        assert_eq!(canonical(r#"{"a":null,"b":{"c":null}}"#), canonical(r#"{"b":{}}"#));
    }

    #[test]
    fn a_name_that_comes_twice_is_left_alone() {
        for raw in [r#"{"a":1,"b":2,"a":3}"#, r#"{"a":1,"a":null}"#, r#"{"b":{"\u0061":1,"a":1}}"#]
        {
            assert_eq!(canonical(raw), None, "{raw}");
        }
        assert!(canonical(r#"{"a":1,"ab":2,"b":{"a":3}}"#).is_some());
    }

    #[test]
    fn numbers_are_as_written_and_a_string_hides_no_end() {
        assert_ne!(canonical("[1]"), canonical("[1.0]"));
        assert_ne!(canonical(r#"["a","b"]"#), canonical(r#"["a\",\"b"]"#));
    }

    #[test]
    fn unusual_numbers_are_noticed() {
        let plain = |raw: &str| {
            let mut canonical = Canonical::default();
            canonical.of(raw.as_bytes()).unwrap();
            canonical.plain_numbers
        };
        for raw in ["[1,-2,0,0.0,1.5,12345678.25,true,null]", r#"{"a":"1e5"}"#] {
            assert!(plain(raw), "{raw}");
        }
        for raw in ["[1.50]", "[-0]", "[1e3]", "[0.01]", "[123456789012345.67]"] {
            assert!(!plain(raw), "{raw}");
        }
    }

    #[test]
    fn what_is_deep_or_broken_is_left_alone() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(canonical(&deep(DEEPEST)).is_some());
        for raw in [&deep(DEEPEST + 1), "", "{", "[1", r#"{"a"}"#, r#"{"a":1"#, "\"\\", "[1]x"] {
            assert_eq!(canonical(raw), None, "{raw}");
        }
    }
}
