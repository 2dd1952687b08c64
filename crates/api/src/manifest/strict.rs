//! From the tree to the types, strictly.
//!
//! A serde deserializer that is told the known fields of every struct by the struct's own derive, so that they are
//! declared once. Unknown fields are collected and reading goes on; the first value of a wrong type ends it.

mod entries;
mod refusal;

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor, value::StrDeserializer};

use super::error::Problem;
use super::scalar::Meaning;
use super::tree::{Entry, Kind, Node, Scalar, shown};
use crate::path::{FieldPath, Step};
use crate::spec;
use crate::text::{did_you_mean, list, nearest};
use entries::{Entries, Items};
use refusal::{Lack, Refusal, Refused};

/// Reads a document; the problems are all unknown fields, and the first value that does not fit.
pub(super) fn from_tree<T: DeserializeOwned>(root: &Node) -> Result<T, Vec<Problem>> {
    let unknown = RefCell::new(Vec::new());
    let result = T::deserialize(Reader { node: root, path: &Path::Top, unknown: &unknown });
    let mut problems = unknown.into_inner();
    match result {
        Ok(resource) if problems.is_empty() => Ok(resource),
        Ok(_) => Err(problems),
        Err(refused) => {
            // A field that is missing because it is misspelled is one problem, not two.
            if refused.lack != Lack::Field || problems.is_empty() {
                problems.push(root_problem(root, *refused.0));
            }
            Err(problems)
        }
    }
}

fn root_problem(root: &Node, refused: Refusal) -> Problem {
    let place = refused.place.or(Some((root.line, root.column)));
    Problem { place, path: refused.path, words: refused.words }
}

/// Fields that Kubernetes puts into an exported manifest and that mean nothing here.
fn belongs_to_kubernetes(type_name: &str, field: &str) -> bool {
    type_name == "ObjectMeta" || (type_name == "GatewaySync" && field == "status")
}

/// The way to the value in hand, kept on the stack.
enum Path<'a> {
    Top,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn to_field_path(&self) -> FieldPath {
        match self {
            Self::Top => FieldPath::default(),
            Self::Key(parent, key) => parent.to_field_path().key(key),
            Self::Index(parent, index) => parent.to_field_path().index(*index),
        }
    }
}

/// The value in hand.
#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    path: &'a Path<'a>,
    unknown: &'a RefCell<Vec<Problem>>,
}

impl Reader<'_> {
    fn refuse(&self, words: String) -> Refused {
        self.locate(Refused::new(words))
    }

    fn wrong_type(&self, expected: &str) -> Refused {
        self.refuse(format!("must be {expected}, not {}", self.node.describe()))
    }

    /// Adds the place to a refusal that came out of a type's own code.
    fn locate(&self, mut refused: Refused) -> Refused {
        if refused.place.is_some() {
            return refused;
        }
        let Refusal { place, path, words, lack } = &mut *refused.0;
        let mut at = self.node;
        let mut full = self.path.to_field_path();
        for step in path.steps() {
            if let Step::Key(field) = step
                && let Some(empty) = at.get(field)
            {
                at = empty;
                "is required and has no value".clone_into(words);
            }
            full.push(step.clone());
        }
        if *lack == Lack::Actual {
            words.push_str(", not ");
            words.push_str(&at.describe());
        }
        *path = full;
        *place = Some((at.line, at.column));
        refused
    }

    /// The bounds that the contract gives the field in hand, where it gives any.
    fn bounds(&self) -> Option<RangeInclusive<u32>> {
        match self.path {
            Path::Key(_, field) => spec::bounds_of(field),
            _ => None,
        }
    }

    fn scalar(&self) -> Option<&Scalar> {
        match &self.node.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    fn integer(&self, min: i64, max: i64) -> Result<i64, Refused> {
        match self.scalar().map(|scalar| scalar.meaning) {
            Some(Meaning::Integer(number)) if (min..=max).contains(&number) => Ok(number),
            Some(Meaning::Integer(number)) => Err(self.refuse(match self.bounds() {
                Some(bounds) => spec::out_of_bounds(&bounds, number),
                None if number < 0 => format!("must be zero or more, not {number}"),
                None => format!("must be at most {max}, not {number}"),
            })),
            Some(Meaning::Text) => {
                let text = self.scalar().map_or("", |scalar| &*scalar.text);
                let quotes = if text.parse::<i64>().is_ok() { "; remove the quotes" } else { "" };
                Err(self.refuse(format!("must be a whole number, not the text {:?}{quotes}", shown(text))))
            }
            Some(Meaning::Number) => {
                let words = format!("must be a whole number in plain digits, not {}", self.node.describe());
                Err(self.refuse(words))
            }
            _ => Err(self.wrong_type("a whole number")),
        }
    }

    /// Keeps the fields that the type knows and that have a value; notes the unknown ones.
    fn known_entries(&self, type_name: &str, fields: &[&str], entries: &'_ [Entry]) -> Vec<bool> {
        let mut keep = Vec::with_capacity(entries.len());
        for entry in entries {
            let known = fields.contains(&&*entry.key);
            keep.push(known && !entry.value.is_null());
            if known || belongs_to_kubernetes(type_name, &entry.key) {
                continue;
            }
            let absent = || fields.iter().copied().filter(|field| self.node.get(field).is_none());
            let hint = match nearest(&entry.key, absent()) {
                Some(name) => format!("did you mean {name:?}?"),
                None => format!("known here: {}", list(fields.iter().copied())),
            };
            self.unknown.borrow_mut().push(Problem {
                place: Some((entry.line, entry.column)),
                path: self.path.to_field_path().key(&shown(&entry.key)),
                words: format!("unknown field; {hint}"),
            });
        }
        keep
    }
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Refused;

    #[allow(clippy::cast_sign_loss, reason = "only a number that is not negative is visited as unsigned")]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let Some(scalar) = self.scalar() else {
            return match self.node.kind {
                Kind::Seq(_) => self.deserialize_seq(visitor),
                _ => self.deserialize_map(visitor),
            };
        };
        match scalar.meaning {
            Meaning::Null => visitor.visit_unit(),
            Meaning::Bool(value) => visitor.visit_bool(value),
            Meaning::Integer(number) if number >= 0 => visitor.visit_u64(number as u64),
            Meaning::Integer(number) => visitor.visit_i64(number),
            Meaning::Number
                if scalar.text.contains('.')
                    && let Ok(number) = scalar.text.parse() =>
            {
                visitor.visit_f64(number)
            }
            Meaning::OldBool | Meaning::Number | Meaning::Text => visitor.visit_str(&scalar.text),
        }
        .map_err(|refused| self.locate(refused))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.scalar().map(|scalar| (scalar.meaning, &*scalar.text)) {
            Some((Meaning::Bool(value), _)) => visitor.visit_bool(value),
            Some((Meaning::Text, text @ ("true" | "false"))) => {
                Err(self.refuse(format!("must be true or false, not the text {text:?}; remove the quotes")))
            }
            // `yes` and `off` are what a cluster's reader takes them for.
            Some((Meaning::OldBool, text)) => {
                let word = matches!(text.as_bytes()[0] | 0x20, b'y') || text.eq_ignore_ascii_case("on");
                visitor.visit_bool(word)
            }
            _ => Err(self.wrong_type("true or false")),
        }
    }

    #[allow(clippy::cast_sign_loss, reason = "the number was checked against the bounds of the type")]
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number = self.integer(0, i64::MAX)?;
        visitor.visit_u64(number as u64).map_err(|refused| self.locate(refused))
    }

    #[allow(clippy::cast_sign_loss, reason = "the number was checked against the bounds of the type")]
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number = self.integer(0, u32::MAX.into())?;
        visitor.visit_u64(number as u64).map_err(|refused| self.locate(refused))
    }

    #[allow(clippy::cast_sign_loss, reason = "the number was checked against the bounds of the type")]
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number = self.integer(0, u16::MAX.into())?;
        visitor.visit_u64(number as u64).map_err(|refused| self.locate(refused))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number = self.integer(i64::MIN, i64::MAX)?;
        visitor.visit_i64(number).map_err(|refused| self.locate(refused))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.scalar() {
            Some(Scalar { text, meaning: Meaning::Text }) => {
                visitor.visit_str(text).map_err(|refused| self.locate(refused))
            }
            Some(Scalar { text, meaning }) if *meaning != Meaning::Null => {
                let words = format!(
                    "must be text, not {}; put it in quotes: \"{}\"",
                    self.node.describe(),
                    shown(text)
                );
                Err(self.refuse(words))
            }
            Some(_) => {
                Err(self.refuse("must be text, not an empty value; write \"\" for an empty text".to_owned()))
            }
            None => Err(self.wrong_type("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self).map_err(|refused| self.locate(refused))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match &self.node.kind {
            Kind::Seq(items) => visitor.visit_seq(Items { reader: self, nodes: items, next: 0 }),
            _ => Err(self.wrong_type("a list")),
        }
        .map_err(|refused| self.locate(refused))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match &self.node.kind {
            Kind::Map(entries) => {
                visitor.visit_map(Entries { reader: self, all: entries, keep: None, next: 0 })
            }
            _ => Err(self.wrong_type("a map")),
        }
        .map_err(|refused| self.locate(refused))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let Kind::Map(entries) = &self.node.kind else {
            // Without its content: somebody may have put the token itself where its reference belongs.
            let actual = self.node.kind_of_value();
            return Err(
                self.refuse(format!("must be a map with {}, not {actual}", list(fields.iter().copied())))
            );
        };
        let keep = Some(self.known_entries(name, fields, entries));
        visitor
            .visit_map(Entries { reader: self, all: entries, keep, next: 0 })
            .map_err(|refused| self.locate(refused))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let words = || list(variants.iter().copied());
        let Some(scalar) = self.scalar() else {
            return Err(self.wrong_type(&format!("one of {}", words())));
        };
        if !variants.contains(&&*scalar.text) {
            let hint = did_you_mean(&scalar.text, variants.iter().copied());
            return Err(self.refuse(format!("{:?} is not one of {}{hint}", shown(&scalar.text), words())));
        }
        let text: StrDeserializer<'_, Refused> = (*scalar.text).into_deserializer();
        visitor.visit_enum(text).map_err(|refused| self.locate(refused))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    // No type of the contract asks for these.
    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}
