//! Floor 3: the wish. What shall be, who owns each field, and the fragments that several features give to one shared object.

pub mod fragment;
