//! Floor 1: what can be said about a problem. Diagnostics with codes, positions and remedies; pure data.
