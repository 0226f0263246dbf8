//! JSON values that are checked, and mostly dropped.

use crate::json::action::Origins;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

const LARGEST: f64 = 9e15;
/// Attributes that rules look at.
const LEFT_TO_REFERENCE: [&str; 4] =
    ["telemetry", "tool_digest", "peer_verified", "approval_seconds"];
/// Attributes that name the team; `models.baseline.identity`.
const TEAM: [&str; 2] = ["agent.team", "team"];
/// Attributes with the cost of a call: the first one with its tokens counts, and its price;
/// `models.baseline.volume_baseline`.
const SPENT: [&str; 3] = ["tokens", "total_tokens", "cost"];
const MILLIONTHS: f64 = 1e6;
const MAX: f64 = (1_i64 << 53) as f64;

/// A string, without a copy where its JSON has no escapes.
pub struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Text<'de>;

            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Whole)
    }
}

/// Whether a text has at most so many characters.
pub fn short(text: &str, max_length: usize) -> bool {
    text.len() <= max_length || text.chars().count() <= max_length
}

/// A string of at most so many characters, checked and forgotten.
pub struct Short<const MAX: usize>;

impl<'de, const MAX: usize> Deserialize<'de> for Short<MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        short(&text, MAX).then_some(Short).ok_or_else(|| D::Error::custom("a text this long"))
    }
}

/// A number from 0 on, checked and forgotten.
pub struct NotNegative;

impl<'de> Deserialize<'de> for NotNegative {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let fits = f64::deserialize(from)? >= 0.0;
        fits.then_some(NotNegative).ok_or_else(|| D::Error::custom("a number below 0"))
    }
}

/// A JSON object whose values are checked and forgotten.
pub struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Checked;

            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
                while map.next_key::<Word>()?.is_some() {
                    map.next_value::<Plain>()?;
                }
                Ok(Checked)
            }
        }
        from.deserialize_map(Object)
    }
}

/// A string that is checked and forgotten.
struct Word;

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Anything).map(|_| Word)
    }
}

/// Any JSON value; a number is kept, and a string without escapes.
enum Plain<'a> {
    Number(f64),
    Truth,
    Text(&'a str),
    Escaped,
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Plain<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Plain<'de>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Plain<'de>, E> {
        Ok(Plain::Truth)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain<'de>, E> {
        Ok(Plain::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain<'de>, E> {
        Ok(Plain::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Plain<'de>, E> {
        if value.abs() > LARGEST {
            return Err(E::custom("a number this large is left to the reference"));
        }
        Ok(Plain::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Plain<'de>, E> {
        Ok(Plain::Text(text))
    }

    fn visit_str<E>(self, _: &str) -> Result<Plain<'de>, E> {
        Ok(Plain::Escaped)
    }

    fn visit_unit<E>(self) -> Result<Plain<'de>, E> {
        Ok(Plain::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Plain<'de>, A::Error> {
        while seq.next_element::<Plain>()?.is_some() {}
        Ok(Plain::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain<'de>, A::Error> {
        while map.next_key::<Word>()?.is_some() {
            map.next_value::<Plain>()?;
        }
        Ok(Plain::Other)
    }
}

/// What is read of the attributes.
#[derive(Default)]
pub struct Attributes<'a> {
    pub spent: Option<i64>,
    pub team: Option<&'a str>,
    /// Whether there is an attribute that a rule reads.
    pub needs_reference: bool,
}

impl<'a> Attributes<'a> {
    /// Read a team, in either spelling. Two different ones are left to the reference.
    fn claim(&mut self, value: &Plain<'a>) {
        match (value, self.team) {
            (Plain::Text(text), None) => self.team = Some(text),
            (Plain::Text(text), Some(team)) => self.needs_reference |= *text != team,
            (Plain::Escaped, _) => self.needs_reference = true,
            _ => {}
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Attributes<'de>;

            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut out, mut spent) = (Attributes::default(), [None; SPENT.len()]);
                while let Some(key) = map.next_key::<Text>()? {
                    let value = map.next_value::<Plain>()?;
                    out.needs_reference |= LEFT_TO_REFERENCE.contains(&&*key);
                    if TEAM.contains(&&*key) {
                        out.claim(&value);
                    }
                    let Some(at) = SPENT.iter().position(|name| **name == *key) else { continue };
                    spent[at] = match value {
                        Plain::Number(number) if number.abs() <= LARGEST => Some(number),
                        Plain::Text(_) | Plain::Escaped | Plain::Other => None,
                        _ => {
                            out.needs_reference = true;
                            None
                        }
                    };
                }
                out.spent = spent_of(spent);
                Ok(out)
            }
        }
        from.deserialize_map(Object)
    }
}

/// Tokens, the millionths of the price, or of both the geometric mean;
/// `models.baseline.volume_baseline._spent`.
fn spent_of(found: [Option<f64>; SPENT.len()]) -> Option<i64> {
    let [tokens, total, price] = found.map(|one| one.filter(|number| *number >= 0.0));
    let tokens = tokens.or(total).map(|number| number.min(MAX));
    let millionths = price.map(|price| price.min(MAX) * MILLIONTHS);
    let spent = match (tokens, millionths) {
        (Some(tokens), Some(millionths)) => ((1.0 + tokens) * (1.0 + millionths)).sqrt(),
        (only, other) => only.or(other)?,
    };
    Some(spent.min(MAX) as i64)
}

pub fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Origins<'de>>, D::Error> {
    struct Object;
    impl<'de> Visitor<'de> for Object {
        type Value = Option<Origins<'de>>;

        fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
            out.write_str("an object or null")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found: Origins<'de> = Vec::new();
            while let Some((key, values)) = map.next_entry::<Text, Vec<(Text, Vec<Text>)>>()? {
                if found.iter().any(|(known, _)| **known == *key) {
                    return Err(A::Error::custom(
                        "a key that comes twice is left to the reference",
                    ));
                }
                found.push((key, values));
            }
            Ok(Some(found))
        }
    }
    from.deserialize_any(Object)
}
