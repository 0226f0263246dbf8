//! Writes values.

use crate::codec::compact_reader::{Read, Reader};
use crate::codec::tokens;
use crate::codec::tokens::RecentValues;

/// Appends values to a buffer.
#[derive(Default)]
pub struct Writer {
    pub out: Vec<u8>,
    recent: Option<RecentValues>,
}

impl Writer {
    /// A writer of compact values, at the end of a buffer.
    pub fn compact(out: Vec<u8>) -> Self {
        Writer { out, recent: Some(RecentValues::default()) }
    }

    /// A number without a token before it, seven bits a byte.
    pub fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    /// One value that already is MessagePack.
    pub fn value(&mut self, raw: &[u8]) -> Read<()> {
        if self.recent.is_none() {
            self.out.extend(raw);
            return Ok(());
        }
        Reader::new(raw).copy(self)
    }

    pub fn nil(&mut self) {
        self.out.push(0xc0);
    }

    pub fn boolean(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    pub fn unsigned(&mut self, value: u64) {
        match value {
            0..=0x7f => self.out.push(value as u8),
            0x80..=0xff => self.out.extend([0xcc, value as u8]),
            0x100..=0xffff_ffff => self.number(value as u32),
            _ => self.wide(value),
        }
    }

    fn number(&mut self, value: u32) {
        if let Some(recent) = &mut self.recent {
            if let Some(ago) = recent.numbers.find_value(value) {
                return self.out.extend([tokens::SAME_NUMBER, ago]);
            }
            recent.numbers.note(value);
        }
        match u16::try_from(value) {
            Ok(value) => {
                self.out.push(0xcd);
                self.out.extend(value.to_be_bytes());
            }
            Err(_) => {
                self.out.push(0xce);
                self.out.extend(value.to_be_bytes());
            }
        }
    }

    fn wide(&mut self, value: u64) {
        if let Some(recent) = &mut self.recent {
            if let Some(near) = recent.near(value) {
                self.out.push(tokens::NEAR);
                return self.varint(near);
            }
        }
        self.out.push(0xcf);
        self.out.extend(value.to_be_bytes());
    }

    pub fn signed(&mut self, value: i64) {
        match value {
            0.. => self.unsigned(value as u64),
            -32..=-17 if self.recent.is_some() => self.out.extend([0xd0, value as u8]),
            -32..=-1 => self.out.push(value as u8),
            -0x80..=-33 => self.out.extend([0xd0, value as u8]),
            -0x8000..=-0x81 => {
                self.out.push(0xd1);
                self.out.extend((value as i16).to_be_bytes());
            }
            -0x8000_0000..=-0x8001 => {
                self.out.push(0xd2);
                self.out.extend((value as i32).to_be_bytes());
            }
            _ => {
                self.out.push(0xd3);
                self.out.extend(value.to_be_bytes());
            }
        }
    }

    pub fn float(&mut self, value: f64) {
        if let Some(recent) = &mut self.recent {
            let bits = value.to_bits();
            if bits == 0 {
                return self.out.push(tokens::ZERO);
            }
            if let Some(whole) = tokens::whole(value) {
                if let Some(token) = tokens::token(whole) {
                    return self.out.push(token);
                }
                self.out.push(tokens::WHOLE);
                return self.varint(tokens::zigzag(whole));
            }
            if let Some(ago) = recent.floats.find_value(bits) {
                return self.out.extend([tokens::SAME_FLOAT, ago]);
            }
            let square = recent.is_square(bits);
            recent.floats.note(bits);
            if square {
                return self.out.push(tokens::SQUARE);
            }
            let token = match bits >> 56 {
                0x3f => Some(tokens::SMALL_FLOAT),
                0x40 => Some(tokens::LARGE_FLOAT),
                _ => None,
            };
            if let Some(token) = token {
                self.out.push(token);
                return self.out.extend(&bits.to_be_bytes()[1..]);
            }
        }
        self.out.push(0xcb);
        self.out.extend(value.to_be_bytes());
    }

    pub fn text(&mut self, value: &str) {
        if self.recent.is_some() && value.len() >= tokens::MIN_TEXT && self.known(value) {
            return;
        }
        self.plain_text(value);
    }

    /// Write a repeated text as a reference. Otherwise note its position.
    fn known(&mut self, value: &str) -> bool {
        if let Some(at) = tokens::WORDS.iter().position(|word| *word == value) {
            self.out.extend([tokens::WORD, at as u8]);
            return true;
        }
        let Some(recent) = &mut self.recent else { return false };
        let same = |&(start, end): &(usize, usize)| &self.out[start..end] == value.as_bytes();
        if let Some(ago) = recent.texts.find(same) {
            self.out.extend([tokens::SAME_TEXT, ago]);
            return true;
        }
        let start = self.out.len() + text_head(value.len());
        recent.texts.note((start, start + value.len()));
        false
    }

    fn plain_text(&mut self, value: &str) {
        match value.len() {
            n @ 0..=31 => self.out.push(0xa0 | n as u8),
            n @ 32..=0xff => self.out.extend([0xd9, n as u8]),
            n @ 0x100..=0xffff => {
                self.out.push(0xda);
                self.out.extend((n as u16).to_be_bytes());
            }
            n => {
                self.out.push(0xdb);
                self.out.extend((n as u32).to_be_bytes());
            }
        }
        self.out.extend(value.as_bytes());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        match value.len() {
            n @ 0..=0xff => self.out.extend([0xc4, n as u8]),
            n @ 0x100..=0xffff => {
                self.out.push(0xc5);
                self.out.extend((n as u16).to_be_bytes());
            }
            n => {
                self.out.push(0xc6);
                self.out.extend((n as u32).to_be_bytes());
            }
        }
        self.out.extend(value);
    }

    pub fn array(&mut self, length: usize) {
        self.head(length, 0x90, 0xdc);
    }

    pub fn map(&mut self, length: usize) {
        self.head(length, 0x80, 0xde);
    }

    fn head(&mut self, length: usize, small: u8, large: u8) {
        match length {
            n @ 0..=15 => self.out.push(small | n as u8),
            n @ 16..=0xffff => {
                self.out.push(large);
                self.out.extend((n as u16).to_be_bytes());
            }
            n => {
                self.out.push(large + 1);
                self.out.extend((n as u32).to_be_bytes());
            }
        }
    }
}

/// Bytes before those of a text.
fn text_head(length: usize) -> usize {
    match length {
        0..=31 => 1,
        32..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    }
}
