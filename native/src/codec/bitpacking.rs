//! Numbers of some bits each, the lowest first; ascending words by the gaps between them.

/// Appends bits to a buffer.
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    waiting: u64,
    length: u32,
}

impl<'a> BitWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        BitWriter { out, waiting: 0, length: 0 }
    }

    /// Append a number of so many bits, at most 64.
    pub fn push(&mut self, value: u64, length: u32) {
        if length > 32 {
            self.few(value & 0xffff_ffff, 32);
            self.few(value >> 32, length - 32);
        } else {
            self.few(value, length);
        }
    }

    fn few(&mut self, value: u64, length: u32) {
        self.waiting |= value << self.length;
        self.length += length;
        if self.length >= 32 {
            self.out.extend((self.waiting as u32).to_le_bytes());
            self.waiting >>= 32;
            self.length -= 32;
        }
    }

    /// Append ascending words: of each gap a part in ones, the rest in bits.
    pub fn words(&mut self, all: &[u32]) {
        let low = low_bits(all.len());
        let mut minimum = 0;
        for &word in all {
            let gap = u64::from(word) - minimum;
            let mut ones = (gap >> low) as u32;
            while ones > 24 {
                self.push(0xff_ffff, 24);
                ones -= 24;
            }
            let rest = gap & ((1 << low) - 1);
            self.push(((1 << ones) - 1) | (rest << (ones + 1)), ones + 1 + low);
            minimum = u64::from(word) + 1;
        }
    }

    /// Pad the last byte.
    pub fn end(self) {
        let bytes = self.length.div_ceil(8) as usize;
        self.out.extend(&self.waiting.to_le_bytes()[..bytes]);
    }
}

/// Reads what `BitWriter` wrote. None at the end.
pub struct BitReader<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub fn new(raw: &'a [u8]) -> Self {
        BitReader { raw, at: 0 }
    }

    pub fn take(&mut self, length: u32) -> Option<u64> {
        let (mut value, mut have) = (0u64, 0);
        while have < length {
            let byte = u64::from(*self.raw.get(self.at / 8)?) >> (self.at % 8);
            let some = (8 - self.at as u32 % 8).min(length - have);
            value |= (byte & ((1 << some) - 1)) << have;
            have += some;
            self.at += some as usize;
        }
        Some(value)
    }

    pub fn words(&mut self, length: usize) -> Option<Vec<u32>> {
        let low = low_bits(length);
        let (mut all, mut minimum) = (Vec::with_capacity(length), 0u64);
        for _ in 0..length {
            let mut gap = 0;
            while self.take(1)? == 1 {
                gap += 1 << low;
            }
            gap |= self.take(low)?;
            let word = u32::try_from(minimum + gap).ok()?;
            all.push(word);
            minimum = u64::from(word) + 1;
        }
        Some(all)
    }

    /// Whether all was read, and the last byte was filled with zeros.
    pub fn ended(&self) -> bool {
        let last = self.raw.last().map_or(0, |last| usize::from(*last));
        let used = self.at % 8;
        self.at.div_ceil(8) == self.raw.len() && (used == 0 || last >> used == 0)
    }
}

/// How many bits of a gap are not written in ones: about all, for so many words of 32 bits.
fn low_bits(length: usize) -> u32 {
    ((1u64 << 32) / (length.max(1) as u64)).ilog2().min(31)
}
