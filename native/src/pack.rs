//! MessagePack as msgspec writes it: the smallest form of each integer, 64-bit floats.

use pyo3::exceptions::PyValueError;
use pyo3::PyErr;

/// Appends values to a buffer.
#[derive(Default)]
pub struct Writer {
    pub out: Vec<u8>,
}

impl Writer {
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
            0x100..=0xffff => {
                self.out.push(0xcd);
                self.out.extend((value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.out.push(0xce);
                self.out.extend((value as u32).to_be_bytes());
            }
            _ => {
                self.out.push(0xcf);
                self.out.extend(value.to_be_bytes());
            }
        }
    }

    pub fn signed(&mut self, value: i64) {
        match value {
            0.. => self.unsigned(value as u64),
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
        self.out.push(0xcb);
        self.out.extend(value.to_be_bytes());
    }

    pub fn text(&mut self, value: &str) {
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

/// Reads values from a buffer; every error names the place.
pub struct Reader<'a> {
    raw: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, PyErr>;

impl<'a> Reader<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        Reader { raw, at: 0 }
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
            0xcd => self.big(2),
            0xce => self.big(4),
            0xcf => self.big(8),
            _ => Err(self.wrong("an unsigned integer")),
        }
    }

    pub fn signed(&mut self) -> Read<i64> {
        match self.byte()? {
            small @ (0..=0x7f | 0xe0..=0xff) => Ok(i64::from(small as i8)),
            0xcc => Ok(self.big(1)? as i64),
            0xcd => Ok(self.big(2)? as i64),
            0xce => Ok(self.big(4)? as i64),
            0xcf => i64::try_from(self.big(8)?).map_err(|_| self.wrong("a signed integer")),
            0xd0 => Ok(i64::from(self.big(1)? as i8)),
            0xd1 => Ok(i64::from(self.big(2)? as i16)),
            0xd2 => Ok(i64::from(self.big(4)? as i32)),
            0xd3 => Ok(self.big(8)? as i64),
            _ => Err(self.wrong("an integer")),
        }
    }

    pub fn float(&mut self) -> Read<f64> {
        match self.byte()? {
            0xcb => Ok(f64::from_bits(self.big(8)?)),
            _ => {
                self.at -= 1;
                Ok(self.signed()? as f64)
            }
        }
    }

    pub fn text(&mut self) -> Read<&'a str> {
        let length = match self.byte()? {
            small @ 0xa0..=0xbf => usize::from(small & 0x1f),
            0xd9 => self.big(1)? as usize,
            0xda => self.big(2)? as usize,
            0xdb => self.big(4)? as usize,
            _ => return Err(self.wrong("a text")),
        };
        let raw = self.take(length)?;
        std::str::from_utf8(raw).map_err(|_| self.wrong("UTF-8"))
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

    /// The bytes of one value, whatever it is.
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

    fn byte(&mut self) -> Read<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        let numbers = [0, 127, 128, 255, 256, 65_535, 65_536, u64::from(u32::MAX), u64::MAX];
        for number in numbers {
            writer.unsigned(number);
        }
        let signed = [-1, -32, -33, -128, -129, -32_768, -32_769, i64::MIN, 7];
        for number in signed {
            writer.signed(number);
        }
        writer.text(&"x".repeat(300));
        writer.float(-0.1);
        let mut reader = Reader::new(&writer.out);
        for number in numbers {
            assert_eq!(reader.unsigned().unwrap(), number);
        }
        for number in signed {
            assert_eq!(reader.signed().unwrap(), number);
        }
        assert_eq!(reader.text().unwrap().len(), 300);
        assert_eq!(reader.float().unwrap().to_bits(), (-0.1f64).to_bits());
        reader.end().unwrap();
    }
}
