//! Terraform's values: between `MessagePack` (with its mark for "not known yet"), the JSON of state files, and one plain tree.

use std::collections::BTreeMap;

use rmpv::Value as Pack;
use serde_json::Value as Json;

use super::schema::{Block, Nesting};
use super::wire::DynamicValue;

/// A value of cty. Lists and sets are both [`Value::List`], maps and objects both [`Value::Map`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Known only after apply.
    Unknown,
    /// A truth value.
    Bool(bool),
    /// A number that JSON can carry.
    Number(serde_json::Number),
    /// A text, or a number too large or too exact for the above: cty writes those as text.
    Text(String),
    /// A list or a set.
    List(Vec<Value>),
    /// A map or an object.
    Map(BTreeMap<String, Value>),
}

/// Why bytes are not a value.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadValue {
    /// The bytes are no `MessagePack`.
    #[error("a value is not MessagePack")]
    Pack(#[from] rmpv::decode::Error),
    /// The bytes are no JSON.
    #[error("a value is not JSON")]
    Json(#[from] serde_json::Error),
    /// A `MessagePack` form that cty never writes.
    #[error("a value has a form that Terraform does not use: `{0}`")]
    Form(String),
}

impl Value {
    /// Decodes what Terraform sent; nothing sent is null.
    pub(super) fn decode(sent: Option<&DynamicValue>) -> Result<Self, BadValue> {
        match sent {
            Some(sent) if !sent.msgpack.is_empty() => Self::from_pack(rmpv::decode::read_value(&mut sent.msgpack.as_slice())?),
            Some(sent) if !sent.json.is_empty() => Ok(Self::from_json(&serde_json::from_slice(&sent.json)?)),
            Some(_) | None => Ok(Self::Null),
        }
    }

    /// Encodes as `MessagePack`.
    pub(super) fn encode(&self) -> DynamicValue {
        let mut msgpack = Vec::new();
        // Writing into memory does not fail.
        let _written = rmpv::encode::write_value(&mut msgpack, &self.to_pack());
        DynamicValue { msgpack, json: Vec::new() }
    }

    fn from_pack(pack: Pack) -> Result<Self, BadValue> {
        Ok(match pack {
            Pack::Nil => Self::Null,
            Pack::Boolean(truth) => Self::Bool(truth),
            Pack::Integer(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Number(number.into()),
                (None, Some(number)) => Self::Number(number.into()),
                (None, None) => return Err(BadValue::Form(number.to_string())),
            },
            Pack::F32(number) => Self::float(f64::from(number))?,
            Pack::F64(number) => Self::float(number)?,
            Pack::String(text) => Self::Text(text.into_str().ok_or_else(|| BadValue::Form("a text that is not UTF-8".into()))?),
            Pack::Array(items) => Self::List(items.into_iter().map(Self::from_pack).collect::<Result<_, _>>()?),
            Pack::Map(entries) => Self::Map(entries.into_iter().map(Self::entry).collect::<Result<_, _>>()?),
            // Type 0 is a plain unknown, type 12 one with refinements, which a provider may ignore.
            Pack::Ext(..) => Self::Unknown,
            Pack::Binary(_) => return Err(BadValue::Form("binary".into())),
        })
    }

    fn entry((key, value): (Pack, Pack)) -> Result<(String, Self), BadValue> {
        let key = key.as_str().ok_or_else(|| BadValue::Form(format!("key {key}")))?.to_owned();
        Ok((key, Self::from_pack(value)?))
    }

    fn float(number: f64) -> Result<Self, BadValue> {
        serde_json::Number::from_f64(number).map(Self::Number).ok_or_else(|| BadValue::Form(number.to_string()))
    }

    fn to_pack(&self) -> Pack {
        match self {
            Self::Null => Pack::Nil,
            Self::Unknown => Pack::Ext(0, vec![0]),
            Self::Bool(truth) => Pack::Boolean(*truth),
            Self::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => Pack::from(number),
                (_, Some(number), _) => Pack::from(number),
                (.., number) => Pack::F64(number.unwrap_or_default()),
            },
            Self::Text(text) => Pack::from(text.as_str()),
            Self::List(items) => Pack::Array(items.iter().map(Self::to_pack).collect()),
            Self::Map(entries) => {
                Pack::Map(entries.iter().map(|(key, value)| (Pack::from(key.as_str()), value.to_pack())).collect())
            }
        }
    }

    /// From the JSON of a state file or of ARM.
    pub(super) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => Self::Number(number.clone()),
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), Self::from_json(value))).collect())
            }
        }
    }

    /// To JSON; what is not known is null.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Unknown => Json::Null,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Number(number) => Json::Number(number.clone()),
            Self::Text(text) => Json::String(text.clone()),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(entries) => Json::Object(entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect()),
        }
    }

    /// A member of a map; null when there is none.
    pub(super) fn get(&self, name: &str) -> &Self {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Map(entries) => entries.get(name).unwrap_or(NULL),
            _ => NULL,
        }
    }

    /// The elements of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The element of a block that may be written once: null when it is not.
    pub(super) fn only(&self, name: &str) -> &Self {
        const NULL: &Value = &Value::Null;
        self.get(name).items().first().unwrap_or(NULL)
    }

    /// The text, if it is a known one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether it is known to be true.
    pub(super) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    /// Whether nothing is there, as far as Terraform's older providers tell: null, empty, zero and false are one.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Unknown => false,
            Self::Bool(truth) => !truth,
            Self::Number(number) => number.as_f64() == Some(0.0),
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
        }
    }

    /// Sets a member of a map.
    pub(super) fn put(&mut self, name: &str, value: Self) {
        if let Self::Map(entries) = self {
            entries.insert(name.to_owned(), value);
        }
    }

    /// An object with every name of the table: what is missing is null, blocks are empty, foreign names are dropped.
    pub(super) fn fitted(&self, block: &Block) -> Self {
        let attributes = block.attributes.iter().map(|attribute| (attribute.name.to_owned(), self.get(attribute.name).clone()));
        let blocks = block.blocks.iter().map(|nested| {
            let value = self.get(nested.name);
            let fitted = match nested.nesting {
                Nesting::Single if *value == Self::Null => Self::Null,
                Nesting::Single => value.fitted(nested.block),
                Nesting::List | Nesting::Set => Self::List(value.items().iter().map(|item| item.fitted(nested.block)).collect()),
            };
            (nested.name.to_owned(), fitted)
        });
        Self::Map(attributes.chain(blocks).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(Value::Unknown),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|number| Value::Number(number.into())),
            any::<u64>().prop_map(|number| Value::Number(number.into())),
            (-1e9..1e9).prop_map(|number: f64| Value::float(number + 0.5).unwrap()),
            ".{0,8}".prop_map(Value::Text),
        ]
    }

    fn tree() -> impl Strategy<Value = Value> {
        leaf().prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(value in tree()) {
            prop_assert_eq!(Value::decode(Some(&value.encode())).unwrap(), value);
        }
    }

    #[test]
    fn unknowns_are_known_by_their_extension() {
        assert_eq!(Value::Unknown.encode().msgpack, [0xd4, 0, 0]);
        // Type 12 carries refinements: here {1: false}, "not null".
        let refined = DynamicValue { msgpack: vec![0xc7, 3, 12, 0x81, 1, 0xc2], json: vec![] };
        assert_eq!(Value::decode(Some(&refined)).unwrap(), Value::Unknown);
    }

    #[test]
    fn numbers_beyond_json_stay_texts() {
        let text = Value::Text("123456789012345678901234567890".into());
        assert_eq!(Value::decode(Some(&text.encode())).unwrap(), text);
        assert_eq!(Value::Number(u64::MAX.into()).encode().msgpack, [0xcf, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn null_and_empty_are_two() {
        let null = Value::decode(Some(&Value::Null.encode())).unwrap();
        let empty = Value::decode(Some(&Value::List(vec![]).encode())).unwrap();
        assert_ne!(null, empty);
        assert!(null.is_zero() && empty.is_zero());
        assert!(!Value::Unknown.is_zero());
    }

    #[test]
    fn what_is_not_a_value_is_refused() {
        for bytes in [vec![0xc4, 1, 0], vec![0x81, 1, 1], vec![0x91]] {
            assert!(Value::decode(Some(&DynamicValue { msgpack: bytes, json: vec![] })).is_err());
        }
    }
}
