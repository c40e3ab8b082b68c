//! Floor 4: Rego rules over the whole plan. No network by construction.
