//! Floor 0: the words everybody shares. Identifiers, names that can only be legal, facts about Azure, the clock, error classes.
//!
//! Nothing here does I/O. Facts about Azure (api-versions, role GUIDs, endpoints, audiences) live here and nowhere else in
//! the client; the simulator keeps tables of its own so that it cannot agree with our mistakes.

pub mod arm_id;
pub mod arm_object;
pub mod class;
pub mod clock;
pub mod cloud;
pub mod digest;
pub mod go_duration;
pub mod kind;
pub mod location;
pub mod re2;
pub mod role;
pub mod secret;
pub mod span;

pub use arm_id::ArmId;
pub use arm_object::ArmObject;
pub use class::Class;
pub use clock::Clock;
pub use cloud::Cloud;
pub use kind::Kind;
pub use location::Location;
pub use role::{PrincipalKind, Role};
pub use secret::Secret;
pub use span::SPANS;
