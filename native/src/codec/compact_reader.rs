//! Reads values.

use crate::codec::compact_writer::Writer;
use crate::codec::tokens;
use crate::codec::tokens::RecentValues;
use pyo3::exceptions::PyValueError;
use pyo3::PyErr;

/// Reads values from a buffer. Every error names the position.
pub struct Reader<'a> {
    raw: &'a [u8],
    at: usize,
    recent: Option<RecentValues>,
}

pub type Read<T> = Result<T, PyErr>;

impl<'a> Reader<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        Reader { raw, at: 0, recent: None }
    }

    /// A reader of compact values, from a position on.
    pub fn compact(raw: &'a [u8], at: usize) -> Self {
        Reader { raw, at, recent: Some(RecentValues::default()) }
    }

    /// A number without a token before it.
    pub fn varint(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.wrong("a number of 64 bits"))
    }

    /// One value of any kind, as MessagePack.
    pub fn value(&mut self) -> Read<Vec<u8>> {
        if self.recent.is_none() {
            return Ok(self.whole()?.to_vec());
        }
        let mut out = Writer::default();
        self.copy(&mut out)?;
        Ok(out.out)
    }

    /// Write the next value as another writer does.
    pub fn copy(&mut self, out: &mut Writer) -> Read<()> {
        let mut left = 1usize;
        while left > 0 {
            left -= 1;
            match self.raw.get(self.at).copied().ok_or_else(|| self.wrong("more bytes"))? {
                0xc0 => {
                    self.skip_nil();
                    out.nil();
                }
                0xc2 | 0xc3 => out.boolean(self.boolean()?),
                tokens::ONE..=tokens::SIXTEEN if self.recent.is_some() => out.float(self.float()?),
                0xcb
                | tokens::ZERO
                | tokens::SAME_FLOAT..=tokens::LARGE_FLOAT
                | tokens::WHOLE
                | tokens::SQUARE => out.float(self.float()?),
                0xa0..=0xbf | 0xd9..=0xdb | tokens::SAME_TEXT | tokens::WORD => {
                    out.text(self.text()?);
                }
                0xc4..=0xc6 => out.bytes(self.bytes()?),
                0x90..=0x9f | 0xdc | 0xdd => {
                    let length = self.array()?;
                    out.array(length);
                    left += length;
                }
                0x80..=0x8f | 0xde | 0xdf => {
                    let length = self.map()?;
                    out.map(length);
                    left += 2 * length;
                }
                0xd0..=0xd3 | 0xe0..=0xff => out.signed(self.signed()?),
                _ => out.unsigned(self.unsigned()?),
            }
        }
        Ok(())
    }

    /// The remaining bytes.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.raw[self.at..];
        self.at = self.raw.len();
        rest
    }

    /// An error unless everything was read.
    pub fn end(&self) -> Read<()> {
        if self.at == self.raw.len() {
            return Ok(());
        }
        Err(self.wrong("the end"))
    }

    pub fn skip_nil(&mut self) -> bool {
        let nil = self.raw.get(self.at) == Some(&0xc0);
        self.at += usize::from(nil);
        nil
    }

    pub fn boolean(&mut self) -> Read<bool> {
        match self.byte()? {
            0xc2 => Ok(false),
            0xc3 => Ok(true),
            _ => Err(self.wrong("a boolean")),
        }
    }

    pub fn unsigned(&mut self) -> Read<u64> {
        match self.byte()? {
            small @ 0..=0x7f => Ok(u64::from(small)),
            0xcc => self.big(1),
            token => self.wide(token),
        }
    }

    pub fn signed(&mut self) -> Read<i64> {
        match self.byte()? {
            tokens::ONE..=tokens::SIXTEEN if self.recent.is_some() => Err(self.wrong("an integer")),
            small @ (0..=0x7f | 0xe0..=0xff) => Ok(i64::from(small as i8)),
            0xcc => Ok(self.big(1)? as i64),
            0xd0 => Ok(i64::from(self.big(1)? as i8)),
            0xd1 => Ok(i64::from(self.big(2)? as i16)),
            0xd2 => Ok(i64::from(self.big(4)? as i32)),
            0xd3 => Ok(self.big(8)? as i64),
            token => i64::try_from(self.wide(token)?).map_err(|_| self.wrong("a signed integer")),
        }
    }

    /// An unsigned integer beyond 8 bits, its token read.
    fn wide(&mut self, token: u8) -> Read<u64> {
        match (token, self.recent.is_some()) {
            (0xcd | 0xce, _) => {
                let value = self.big(if token == 0xcd { 2 } else { 4 })?;
                self.recent.iter_mut().for_each(|recent| recent.numbers.note(value as u32));
                Ok(value)
            }
            (0xcf, _) => {
                let value = self.big(8)?;
                self.recent.iter_mut().for_each(|recent| recent.wides.note(value));
                Ok(value)
            }
            (tokens::SAME_NUMBER, true) => {
                let ago = self.byte()?;
                let found = self.recent.as_ref().and_then(|recent| recent.numbers.get(ago));
                found.map(u64::from).ok_or_else(|| self.wrong("an integer of before"))
            }
            (tokens::NEAR, true) => {
                let near = self.varint()?;
                let found = self.recent.as_mut().and_then(|recent| recent.wide(near));
                found.ok_or_else(|| self.wrong("an integer of before"))
            }
            _ => Err(self.wrong("an integer")),
        }
    }

    pub fn float(&mut self) -> Read<f64> {
        match (self.byte()?, self.recent.is_some()) {
            (0xcb, _) => {
                let bits = self.big(8)?;
                Ok(self.noted(bits))
            }
            (tokens::SMALL_FLOAT, true) => {
                let bits = self.big(7)?;
                Ok(self.noted(0x3f << 56 | bits))
            }
            (tokens::LARGE_FLOAT, true) => {
                let bits = self.big(7)?;
                Ok(self.noted(0x40 << 56 | bits))
            }
            (tokens::SQUARE, true) => {
                let square = self.recent.as_ref().and_then(RecentValues::square);
                let bits = square.ok_or_else(|| self.wrong("a float to square"))?;
                Ok(self.noted(bits))
            }
            (tokens::ZERO, true) => Ok(0.0),
            (token @ tokens::ONE..=tokens::SIXTEEN, true) => Ok(f64::from(token - tokens::ONE + 1)),
            (tokens::WHOLE, true) => Ok(tokens::unzigzag(self.varint()?) as f64),
            (tokens::SAME_FLOAT, true) => {
                let ago = self.byte()?;
                let found = self.recent.as_ref().and_then(|recent| recent.floats.get(ago));
                found.map(f64::from_bits).ok_or_else(|| self.wrong("a float of before"))
            }
            _ => {
                self.at -= 1;
                Ok(self.signed()? as f64)
            }
        }
    }

    fn noted(&mut self, bits: u64) -> f64 {
        self.recent.iter_mut().for_each(|recent| recent.floats.note(bits));
        f64::from_bits(bits)
    }

    pub fn text(&mut self) -> Read<&'a str> {
        let length = match self.byte()? {
            small @ 0xa0..=0xbf => usize::from(small & 0x1f),
            0xd9 => self.big(1)? as usize,
            0xda => self.big(2)? as usize,
            0xdb => self.big(4)? as usize,
            token => return self.known(token),
        };
        let start = self.at;
        let raw = self.take(length)?;
        if length >= tokens::MIN_TEXT {
            self.recent.iter_mut().for_each(|recent| recent.texts.note((start, start + length)));
        }
        std::str::from_utf8(raw).map_err(|_| self.wrong("UTF-8"))
    }

    /// A repeated text, its token read.
    fn known(&mut self, token: u8) -> Read<&'a str> {
        let Some(recent) = &self.recent else { return Err(self.wrong("a text")) };
        let at = *self.raw.get(self.at).ok_or_else(|| self.wrong("more bytes"))?;
        let found = match token {
            tokens::WORD => tokens::WORDS.get(usize::from(at)).copied(),
            tokens::SAME_TEXT => {
                let index = recent.texts.get(at);
                index.and_then(|(start, end)| std::str::from_utf8(&self.raw[start..end]).ok())
            }
            _ => None,
        };
        self.at += 1;
        found.ok_or_else(|| self.wrong("a text"))
    }

    pub fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = match self.byte()? {
            0xc4 => self.big(1)? as usize,
            0xc5 => self.big(2)? as usize,
            0xc6 => self.big(4)? as usize,
            _ => return Err(self.wrong("bytes")),
        };
        self.take(length)
    }

    /// The bytes of one value of any kind.
    pub fn whole(&mut self) -> Read<&'a [u8]> {
        let (start, mut left) = (self.at, 1usize);
        while left > 0 {
            left -= 1;
            match self.byte()? {
                0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => {}
                0xcc | 0xd0 => drop(self.take(1)?),
                0xcd | 0xd1 => drop(self.take(2)?),
                0xca | 0xce | 0xd2 => drop(self.take(4)?),
                0xcb | 0xcf | 0xd3 => drop(self.take(8)?),
                0xa0..=0xbf | 0xd9..=0xdb => {
                    self.at -= 1;
                    self.text()?;
                }
                0xc4..=0xc6 => {
                    self.at -= 1;
                    self.bytes()?;
                }
                0x90..=0x9f | 0xdc | 0xdd => {
                    self.at -= 1;
                    left += self.array()?;
                }
                0x80..=0x8f | 0xde | 0xdf => {
                    self.at -= 1;
                    left += 2 * self.map()?;
                }
                _ => return Err(self.wrong("a value")),
            }
        }
        Ok(&self.raw[start..self.at])
    }

    pub fn array(&mut self) -> Read<usize> {
        match self.byte()? {
            small @ 0x90..=0x9f => Ok(usize::from(small & 0x0f)),
            0xdc => Ok(self.big(2)? as usize),
            0xdd => Ok(self.big(4)? as usize),
            _ => Err(self.wrong("an array")),
        }
    }

    pub fn map(&mut self) -> Read<usize> {
        match self.byte()? {
            small @ 0x80..=0x8f => Ok(usize::from(small & 0x0f)),
            0xde => Ok(self.big(2)? as usize),
            0xdf => Ok(self.big(4)? as usize),
            _ => Err(self.wrong("a map")),
        }
    }

    pub fn byte(&mut self) -> Read<u8> {
        let byte = *self.raw.get(self.at).ok_or_else(|| self.wrong("more bytes"))?;
        self.at += 1;
        Ok(byte)
    }

    fn big(&mut self, length: usize) -> Read<u64> {
        Ok(self.take(length)?.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.raw.len());
        let end = end.ok_or_else(|| self.wrong("more bytes"))?;
        let taken = &self.raw[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn wrong(&self, expected: &str) -> PyErr {
        let at = self.at;
        PyValueError::new_err(format!("state is malformed: expected {expected} at byte {at}"))
    }
}
