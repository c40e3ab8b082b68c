//! Floor 2: the user's file. YAML with positions in, a typed and checked spec out, all problems at once.

pub mod file;
