//! Floor 6: proof that data arrives.
