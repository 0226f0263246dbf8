//! Compact MessagePack: unused tokens replace repeated values of stored state;
//! `models.codec.tokens` lists them.

/// The float 0.0.
pub const ZERO: u8 = 0xc1;
/// An earlier float, by its distance.
pub const SAME_FLOAT: u8 = 0xc7;
/// Floats of 3e-5 to 2 and of 2 to 131072, without their first byte.
pub const SMALL_FLOAT: u8 = 0xc8;
pub const LARGE_FLOAT: u8 = 0xc9;
/// A wide integer, by its difference from the last one or its distance to an equal one.
pub const NEAR: u8 = 0xca;
/// Floats of 1 to 16 without a fraction have a token each; the integers that MessagePack has there
/// take two bytes.
pub const ONE: u8 = 0xe0;
pub const SIXTEEN: u8 = 0xef;
/// A float without a fraction.
pub const WHOLE: u8 = 0xd4;
/// An earlier integer of 9 to 32 bits, by its distance.
pub const SAME_NUMBER: u8 = 0xd5;
/// An earlier text, by its distance.
pub const SAME_TEXT: u8 = 0xd6;
/// A word of `WORDS`.
pub const WORD: u8 = 0xd7;

/// The square of the last float.
pub const SQUARE: u8 = 0xd8;

/// Shorter texts are not looked for.
pub const MIN_TEXT: usize = 3;
const REACH: usize = 32;
const NEARBY: u64 = 1 << 46;
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Words of state. The list only grows, as stored bytes contain the indices.
pub const WORDS: [&str; 17] = [
    "delegated",
    "autonomous",
    "unknown",
    "active",
    "learning",
    "relearning",
    "restricted",
    "watch",
    "normal",
    "trusted",
    "open",
    "quarantined",
    "bytes_in_hour",
    "bytes_out_hour",
    "records_hour",
    "cost",
    "bytes_out_day",
];

/// The last values of one kind.
#[derive(Default)]
pub struct Recent<T>(Vec<T>);

impl<T: Copy> Recent<T> {
    /// Distance to the last equal value, if it is recent.
    pub fn find(&self, same: impl Fn(&T) -> bool) -> Option<u8> {
        self.0.iter().rev().take(REACH).position(same).map(|ago| ago as u8)
    }

    /// The same for a value. It is fast where there is none, the common case.
    pub fn find_value(&self, value: T) -> Option<u8>
    where
        T: PartialEq,
    {
        let lately = &self.0[self.0.len().saturating_sub(REACH)..];
        let is = lately.iter().fold(false, |is, one| is | (*one == value));
        if is {
            return self.find(|known| *known == value);
        }
        None
    }

    pub fn note(&mut self, value: T) {
        self.0.push(value);
    }

    pub fn get(&self, ago: u8) -> Option<T> {
        self.0.iter().rev().take(REACH).nth(usize::from(ago)).copied()
    }
}

/// Values written or read before; texts by position.
#[derive(Default)]
pub struct RecentValues {
    pub floats: Recent<u64>,
    pub numbers: Recent<u32>,
    pub texts: Recent<(usize, usize)>,
    pub wides: Recent<u64>,
}

/// The float as an integer, where it is one and not -0.0.
pub fn whole(value: f64) -> Option<i64> {
    let is = value.fract() == 0.0 && value.abs() < MAX_WHOLE && value != 0.0;
    is.then_some(value as i64)
}

impl RecentValues {
    /// The code of a wide integer, where it is shorter. An uneven code is the distance to an equal
    /// one. An even code is the difference from the last one.
    pub fn near(&mut self, value: u64) -> Option<u64> {
        if let Some(ago) = self.wides.find_value(value) {
            return Some((u64::from(ago) << 1) | 1);
        }
        let last = self.wides.get(0).unwrap_or_default();
        self.wides.note(value);
        let near = value.abs_diff(last) < NEARBY;
        near.then(|| zigzag(value.wrapping_sub(last) as i64) << 1)
    }

    /// The wide integer of a code of `near`.
    pub fn wide(&mut self, near: u64) -> Option<u64> {
        if near & 1 == 1 {
            return self.wides.get(u8::try_from(near >> 1).ok()?);
        }
        let last = self.wides.get(0).unwrap_or_default();
        let value = last.wrapping_add(unzigzag(near >> 1) as u64);
        self.wides.note(value);
        Some(value)
    }

    /// Whether a float is the square of the last one.
    pub fn is_square(&self, bits: u64) -> bool {
        self.square() == Some(bits)
    }

    pub fn square(&self) -> Option<u64> {
        let last = f64::from_bits(self.floats.get(0)?);
        let square = last * last;
        square.is_finite().then(|| square.to_bits())
    }
}

/// The token of a small float without a fraction.
pub fn token(whole: i64) -> Option<u8> {
    (1..=16).contains(&whole).then(|| ONE + (whole as u8 - 1))
}

/// Small numbers for small integers of either sign.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of `zigzag`.
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
