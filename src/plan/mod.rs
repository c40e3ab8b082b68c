//! Floor 4: the difference between wish and world, as a value.
