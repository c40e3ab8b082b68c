//! Floor 1: the vocabulary of a run. Units, events, checks and the report; pure data, serialisable.
