//! Numbers of some bits each, the lowest first; ascending words by the gaps between them.

/// Appends bits to a buffer.
pub struct Bits<'a> {
    out: &'a mut Vec<u8>,
    waiting: u64,
    length: u32,
}

impl<'a> Bits<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Bits { out, waiting: 0, length: 0 }
    }

    /// Append the lowest bits of a number, at most 32.
    pub fn push(&mut self, value: u64, length: u32) {
        self.waiting |= value << self.length;
        self.length += length;
        while self.length >= 8 {
            self.out.push(self.waiting as u8);
            self.waiting >>= 8;
            self.length -= 8;
        }
    }

    /// Append ascending words: of each gap a part in ones, the rest in bits.
    pub fn words(&mut self, all: &[u32]) {
        let low = low_bits(all.len());
        let mut least = 0;
        for &word in all {
            let gap = u64::from(word) - least;
            for _ in 0..gap >> low {
                self.push(1, 1);
            }
            self.push(0, 1);
            self.push(gap & ((1 << low) - 1), low);
            least = u64::from(word) + 1;
        }
    }

    /// Fill up the last byte.
    pub fn end(self) {
        if self.length > 0 {
            self.out.push(self.waiting as u8);
        }
    }
}

/// Reads what `Bits` wrote; None where there are no more.
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
        let (mut all, mut least) = (Vec::with_capacity(length), 0u64);
        for _ in 0..length {
            let mut gap = 0;
            while self.take(1)? == 1 {
                gap += 1 << low;
            }
            gap |= self.take(low)?;
            let word = u32::try_from(least + gap).ok()?;
            all.push(word);
            least = u64::from(word) + 1;
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

/// Bits that numbers below this one take.
pub fn width(numbers: usize) -> u32 {
    usize::BITS - numbers.saturating_sub(1).leading_zeros()
}
