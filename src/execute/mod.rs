//! Floor 6: the engine and its steps. Does what an approved plan says and nothing else.
