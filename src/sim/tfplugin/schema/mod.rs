//! The stand-in's schema: azurerm 5.2.0's own, as constant tables that also say how each argument is spelled in ARM.
//!
//! A line reads `optional("sku_tier", Text).at("/sku/tier", Codec::Same).or_text("Free")`: name, type, flags, where ARM keeps it
//! and the default. Without `at`, ARM spells the name in camel case right below its block.

mod cluster;
mod cluster_parts;
mod features;
mod grafana;
mod node_pool;
mod small;
#[cfg(test)]
mod tests;

pub(super) use cluster::CLUSTER;
pub(super) use grafana::GRAFANA;
pub(super) use small::{CLIENT_CONFIG, MONITOR_WORKSPACE, PROVIDER, RESOURCE_GROUP};

use serde_json::json;

use super::wire;

/// The type of an attribute, in cty's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `string`
    Text,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `list(string)`
    TextList,
    /// `set(string)`
    TextSet,
    /// `set(number)`
    NumberSet,
    /// `map(string)`
    TextMap,
    /// A list of objects of which every field is a text.
    Objects(&'static [&'static str]),
}

/// How a value is spelled in ARM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// As it is.
    Same,
    /// `true` is `Enabled`.
    Switch,
    /// `true` is `false`.
    Inverse,
    /// `true` is the text `true`.
    Word,
    /// A number as text.
    Figure,
    /// A region: lower case, without blanks.
    Place,
    /// A word whose case the service changes.
    Lower,
    /// The given word stands for no value.
    Unless(&'static str),
    /// A set is the keys of an object.
    Keys,
    /// Ids are objects with an `id`.
    References,
    /// A map is a list of `{ipTagType, tag}`.
    Tags,
    /// The first of two numbers in one text.
    Low,
    /// The second of two numbers in one text.
    High,
    /// The taint that keeps ordinary pods off the system pool.
    CriticalTaint,
    /// One of the service mesh's ingress gateways, by mode.
    Gateway(&'static str),
    /// An add-on's identity, read only.
    Identities,
}

/// A default that azurerm writes into the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    /// No default.
    None,
    /// A text.
    Text(&'static str),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Number(i64),
}

/// When a change of an attribute forces a new resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// Never.
    Never,
    /// Always.
    Always,
    /// Unless the old value was this one, or empty.
    Leaving(&'static str),
    /// Unless the new value is this one.
    Entering(&'static str),
}

/// One argument or attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) required: bool,
    pub(super) optional: bool,
    pub(super) computed: bool,
    pub(super) sensitive: bool,
    pub(super) force: Force,
    pub(super) default: Default,
    pub(super) arm: &'static str,
    pub(super) codec: Codec,
    /// Whether the value is sent to ARM.
    pub(super) sent: bool,
    /// Whether the value is read from ARM; otherwise the state's own stays.
    pub(super) read: bool,
}

/// Attributes and blocks of one level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) attributes: &'static [Attribute],
    pub(super) blocks: &'static [Nested],
}

/// How a nested block repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nesting {
    /// At most one, as an object or null.
    Single,
    /// A list.
    List,
    /// A set.
    Set,
}

/// When a block of ARM's answer is a block of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// When the object is there.
    There,
    /// When the truth value at this pointer inside it is true; its removal writes false there.
    Enabled(&'static str),
    /// When it carries something besides empty values.
    Filled,
    /// When its `type` or `mode` is neither `None` nor `Disabled`.
    Named,
    /// When the configuration declared it: the service fills it in unasked.
    Declared,
    /// Never: it is a resource of its own in ARM.
    Apart,
}

/// A nested block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nested {
    pub(super) name: &'static str,
    pub(super) nesting: Nesting,
    pub(super) min: i64,
    pub(super) max: i64,
    /// The service may fill it in: what the state holds stays when the configuration is silent.
    pub(super) computed: bool,
    /// Any change forces a new resource.
    pub(super) fixed: bool,
    /// Appearing or vanishing forces a new resource.
    pub(super) fixed_presence: bool,
    pub(super) arm: &'static str,
    pub(super) array: bool,
    pub(super) presence: Presence,
    pub(super) block: &'static Block,
}

const fn attribute(name: &'static str, kind: Type) -> Attribute {
    Attribute {
        name,
        kind,
        required: false,
        optional: false,
        computed: false,
        sensitive: false,
        force: Force::Never,
        default: Default::None,
        arm: "",
        codec: Codec::Same,
        sent: true,
        read: true,
    }
}

const fn required(name: &'static str, kind: Type) -> Attribute {
    Attribute { required: true, ..attribute(name, kind) }
}

const fn optional(name: &'static str, kind: Type) -> Attribute {
    Attribute { optional: true, ..attribute(name, kind) }
}

/// Optional, and settled by the service when the configuration is silent.
const fn settled(name: &'static str, kind: Type) -> Attribute {
    Attribute { optional: true, computed: true, ..attribute(name, kind) }
}

const fn computed(name: &'static str, kind: Type) -> Attribute {
    Attribute { computed: true, sent: false, ..attribute(name, kind) }
}

impl Attribute {
    const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }
    const fn fixed(self) -> Self {
        Self { force: Force::Always, ..self }
    }
    const fn leaves(self, old: &'static str) -> Self {
        Self { force: Force::Leaving(old), ..self }
    }
    const fn enters(self, new: &'static str) -> Self {
        Self { force: Force::Entering(new), ..self }
    }
    const fn at(self, arm: &'static str, codec: Codec) -> Self {
        Self { arm, codec, ..self }
    }
    const fn or_text(self, text: &'static str) -> Self {
        Self { default: Default::Text(text), ..self }
    }
    const fn or_bool(self, truth: bool) -> Self {
        Self { default: Default::Bool(truth), ..self }
    }
    const fn or_number(self, number: i64) -> Self {
        Self { default: Default::Number(number), ..self }
    }
    /// Neither sent nor read: the state keeps it, or the resource's own code fills it in.
    const fn kept(self) -> Self {
        Self { sent: false, read: false, ..self }
    }
    /// Sent, but the service never tells it again.
    const fn kept_too(self) -> Self {
        Self { read: false, ..self }
    }

    /// The pointer below the block's object in ARM.
    pub(super) fn pointer(&self) -> String {
        pointer(self.name, self.arm)
    }
}

const fn list(name: &'static str, min: i64, max: i64, block: &'static Block) -> Nested {
    Nested {
        name,
        nesting: Nesting::List,
        min,
        max,
        computed: false,
        fixed: false,
        fixed_presence: false,
        arm: "",
        array: max != 1,
        presence: Presence::There,
        block,
    }
}

const fn set(name: &'static str, min: i64, max: i64, block: &'static Block) -> Nested {
    Nested { nesting: Nesting::Set, ..list(name, min, max, block) }
}

impl Nested {
    const fn at(self, arm: &'static str) -> Self {
        Self { arm, ..self }
    }
    const fn computed(self) -> Self {
        Self { computed: true, ..self }
    }
    const fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }
    const fn fixed_presence(self) -> Self {
        Self { fixed_presence: true, ..self }
    }
    const fn array(self) -> Self {
        Self { array: true, ..self }
    }
    const fn enabled(self, pointer: &'static str) -> Self {
        Self { presence: Presence::Enabled(pointer), ..self }
    }
    const fn filled(self) -> Self {
        Self { presence: Presence::Filled, ..self }
    }
    const fn named(self) -> Self {
        Self { presence: Presence::Named, ..self }
    }
    const fn declared(self) -> Self {
        Self { presence: Presence::Declared, ..self }
    }
    const fn apart(self) -> Self {
        Self { presence: Presence::Apart, ..self }
    }

    /// The pointer below the parent's object in ARM.
    pub(super) fn pointer(&self) -> String {
        pointer(self.name, self.arm)
    }
}

/// ARM's own pointer, or `/` and the name in camel case.
fn pointer(name: &str, arm: &str) -> String {
    if !arm.is_empty() {
        return arm.to_owned();
    }
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default();
    words.fold(format!("/{first}"), |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

const TIMEOUTS: Nested = timeouts(&Block {
    attributes: &[
        optional("create", Type::Text),
        optional("delete", Type::Text),
        optional("read", Type::Text),
        optional("update", Type::Text),
    ],
    blocks: &[],
});

const TIMEOUTS_READ: Nested = timeouts(&Block { attributes: &[optional("read", Type::Text)], blocks: &[] });

const fn timeouts(block: &'static Block) -> Nested {
    Nested { nesting: Nesting::Single, ..list("timeouts", 0, 0, block) }
}

const IDENTITIES: Type = Type::Objects(&["client_id", "object_id", "user_assigned_identity_id"]);

const KUBE_CONFIGS: Type =
    Type::Objects(&["client_certificate", "client_key", "cluster_ca_certificate", "host", "password", "username"]);

impl Type {
    fn notation(self) -> serde_json::Value {
        match self {
            Self::Text => json!("string"),
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::TextList => json!(["list", "string"]),
            Self::TextSet => json!(["set", "string"]),
            Self::NumberSet => json!(["set", "number"]),
            Self::TextMap => json!(["map", "string"]),
            Self::Objects(fields) => {
                let fields: serde_json::Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), json!("string"))).collect();
                json!(["list", ["object", fields]])
            }
        }
    }
}

impl Block {
    /// The block as Terraform reads it.
    pub(super) fn to_wire(self) -> wire::Block {
        let attributes = self.attributes.iter().copied().map(Attribute::to_wire).collect();
        wire::Block { attributes, block_types: self.blocks.iter().copied().map(Nested::to_wire).collect() }
    }

    /// An attribute by name.
    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// A nested block by name.
    pub(super) fn nested(&self, name: &str) -> Option<&'static Nested> {
        self.blocks.iter().find(|nested| nested.name == name)
    }
}

impl Attribute {
    fn to_wire(self) -> wire::Attribute {
        wire::Attribute {
            name: self.name.to_owned(),
            r#type: self.kind.notation().to_string().into_bytes(),
            required: self.required,
            optional: self.optional,
            computed: self.computed,
            sensitive: self.sensitive,
        }
    }
}

impl Nested {
    fn to_wire(self) -> wire::NestedBlock {
        let nesting = match self.nesting {
            Nesting::Single => 1,
            Nesting::List => 2,
            Nesting::Set => 3,
        };
        let block = Some(self.block.to_wire());
        wire::NestedBlock { type_name: self.name.to_owned(), block, nesting, min_items: self.min, max_items: self.max }
    }
}
