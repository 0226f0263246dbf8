//! JSON values that are checked, and mostly dropped. `pipeline.formats.native` keeps them.

use crate::json::action::Origins;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

const LARGEST: f64 = 9e15;

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

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text(Cow::Owned(text))
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

/// A number from 0 on.
#[derive(Clone, Copy)]
pub struct NotNegative(pub f64);

impl<'de> Deserialize<'de> for NotNegative {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(from)?;
        let found = Some(NotNegative(number)).filter(|_| number >= 0.0);
        found.ok_or_else(|| D::Error::custom("a number below 0"))
    }
}

/// A value of an attribute.
pub enum Scalar<'a> {
    Number(f64),
    Truth(bool),
    Text(Text<'a>),
    /// The texts of a list.
    Texts(Vec<Text<'a>>),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Scalar<'de>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Truth(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar<'de>, E> {
        if value.abs() > LARGEST {
            return Err(E::custom("a number this large is left to the reference"));
        }
        Ok(Scalar::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(text.to_owned().into()))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
        let mut texts = Vec::new();
        while let Some(one) = seq.next_element::<Scalar>()? {
            if let Scalar::Text(text) = one {
                texts.push(text);
            }
        }
        Ok(Scalar::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<Text, Scalar>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// The attributes of an event.
pub struct Attributes<'a>(pub Vec<(Text<'a>, Scalar<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Attributes<'de>;

            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    found.push(entry);
                }
                Ok(Attributes(found))
            }
        }
        from.deserialize_map(Object)
    }
}

/// The arguments of a call: as JSON, and those that are texts.
pub struct Arguments<'a> {
    pub raw: Cow<'a, str>,
    pub texts: Vec<(Text<'a>, Text<'a>)>,
    /// The hash of their content, where it is known.
    pub mark: Option<u64>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(from)?.get();
        let all: Attributes<'de> = serde_json::from_str(raw).map_err(D::Error::custom)?;
        let text = |(key, value)| match value {
            Scalar::Text(text) => Some((key, text)),
            _ => None,
        };
        let texts = all.0.into_iter().filter_map(text).collect();
        Ok(Arguments { raw: Cow::Borrowed(raw), texts, mark: None })
    }
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
