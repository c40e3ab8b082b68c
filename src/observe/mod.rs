//! Floor 6: collectors that only read.
