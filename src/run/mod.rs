//! Floor 7: conducting. Bundles the hands and runs observe, plan, execute and verify in rounds.
