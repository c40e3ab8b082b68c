//! The messages of Terraform's plugin protocol 6 that this provider speaks, written from their field numbers.
//!
//! Fields that Terraform sends and this provider does not need are left out: protobuf skips them.

use std::collections::HashMap;

use prost::Message;

/// A value: `MessagePack`, or JSON in old states.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DynamicValue {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) msgpack: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) json: Vec<u8>,
}

/// A finding for the person.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Diagnostic {
    /// 1 is an error, 2 a warning.
    #[prost(int32, tag = "1")]
    pub(super) severity: i32,
    #[prost(string, tag = "2")]
    pub(super) summary: String,
    #[prost(string, tag = "3")]
    pub(super) detail: String,
    #[prost(message, optional, tag = "4")]
    pub(super) attribute: Option<AttributePath>,
}

/// A place in a value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributePath {
    #[prost(message, repeated, tag = "1")]
    pub(super) steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Step {
    #[prost(oneof = "Selector", tags = "1, 2, 3")]
    pub(super) selector: Option<Selector>,
}

/// What a step selects.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub(super) enum Selector {
    #[prost(string, tag = "1")]
    Attribute(String),
    #[prost(string, tag = "2")]
    Key(String),
    #[prost(int64, tag = "3")]
    Index(i64),
}

/// A schema and its version.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Schema {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<Block>,
}

/// One level of a schema.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Block {
    #[prost(message, repeated, tag = "2")]
    pub(super) attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "3")]
    pub(super) block_types: Vec<NestedBlock>,
}

/// An attribute; its type is cty's JSON notation.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) r#type: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub(super) required: bool,
    #[prost(bool, tag = "5")]
    pub(super) optional: bool,
    #[prost(bool, tag = "6")]
    pub(super) computed: bool,
    #[prost(bool, tag = "7")]
    pub(super) sensitive: bool,
}

/// A nested block; nesting 1 is single, 2 list, 3 set.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NestedBlock {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<Block>,
    #[prost(int32, tag = "3")]
    pub(super) nesting: i32,
    #[prost(int64, tag = "4")]
    pub(super) min_items: i64,
    #[prost(int64, tag = "5")]
    pub(super) max_items: i64,
}

/// Answer of `GetProviderSchema`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProviderSchema {
    #[prost(message, optional, tag = "1")]
    pub(super) provider: Option<Schema>,
    #[prost(map = "string, message", tag = "2")]
    pub(super) resource_schemas: HashMap<String, Schema>,
    #[prost(map = "string, message", tag = "3")]
    pub(super) data_source_schemas: HashMap<String, Schema>,
}

/// `ValidateProviderConfig`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProviderConfig {
    #[prost(message, optional, tag = "1")]
    pub(super) config: Option<DynamicValue>,
}

/// Answer of `ValidateProviderConfig`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProviderConfigFindings {
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// `ConfigureProvider`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Configure {
    #[prost(string, tag = "1")]
    pub(super) terraform_version: String,
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<DynamicValue>,
}

/// Answer of `ConfigureProvider` and of the `Validate…Config` calls of resources and data sources.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Findings {
    #[prost(message, repeated, tag = "1")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A type and its configuration: `Validate…Config` and `ReadDataSource`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TypedConfig {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<DynamicValue>,
}

/// `UpgradeResourceState`; the state is JSON.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Upgrade {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
    #[prost(message, optional, tag = "3")]
    pub(super) raw_state: Option<RawState>,
}

/// A state as it lies in the state file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawState {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) json: Vec<u8>,
}

/// A state and findings: answers of `UpgradeResourceState`, `ReadResource` and `ReadDataSource`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StateAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// `ReadResource`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Read {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) current_state: Option<DynamicValue>,
}

/// `PlanResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Plan {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) prior_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "3")]
    pub(super) proposed_new_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "4")]
    pub(super) config: Option<DynamicValue>,
}

/// Answer of `PlanResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PlanAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) planned_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) requires_replace: Vec<AttributePath>,
    #[prost(message, repeated, tag = "4")]
    pub(super) diagnostics: Vec<Diagnostic>,
    #[prost(bool, tag = "5")]
    pub(super) legacy_type_system: bool,
}

/// `ApplyResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Apply {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) prior_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "3")]
    pub(super) planned_state: Option<DynamicValue>,
}

/// Answer of `ApplyResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Applied {
    #[prost(message, optional, tag = "1")]
    pub(super) new_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "3")]
    pub(super) diagnostics: Vec<Diagnostic>,
    #[prost(bool, tag = "4")]
    pub(super) legacy_type_system: bool,
}

/// `ImportResourceState`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Import {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
}

/// Answer of `ImportResourceState`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Imports {
    #[prost(message, repeated, tag = "1")]
    pub(super) imported_resources: Vec<Imported>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// One imported resource.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Imported {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) state: Option<DynamicValue>,
}
