//! The tables, as migrations that are compiled in. A migration that was released is never edited.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const FIRST: &str = "
CREATE TABLE runs (
    id TEXT PRIMARY KEY, started TEXT NOT NULL, command TEXT NOT NULL, version TEXT NOT NULL, pid INTEGER NOT NULL,
    ended TEXT, outcome TEXT
) STRICT;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id), unit TEXT NOT NULL, step TEXT NOT NULL,
    started TEXT NOT NULL, ended TEXT, outcome TEXT, evidence TEXT
) STRICT;
CREATE INDEX steps_by_unit ON steps (unit, id);
CREATE TABLE operations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, step INTEGER NOT NULL REFERENCES steps (id), handle TEXT NOT NULL,
    started TEXT NOT NULL, ended TEXT
) STRICT;
CREATE INDEX open_operations ON operations (id) WHERE ended IS NULL;
CREATE TABLE outputs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id), name TEXT NOT NULL, value TEXT NOT NULL,
    written TEXT NOT NULL
) STRICT;
CREATE INDEX outputs_by_name ON outputs (name, id);
CREATE TABLE creations (
    address TEXT PRIMARY KEY, azure_id TEXT, run TEXT NOT NULL REFERENCES runs (id), started TEXT NOT NULL
) STRICT;
";

const DRIFT: &str = "
CREATE TABLE drift (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id), key TEXT NOT NULL, depth TEXT NOT NULL, by TEXT,
    began TEXT NOT NULL, ended TEXT
) STRICT;
CREATE INDEX drift_by_key ON drift (key, id);
";

/// All migrations in order.
pub(super) fn migrations() -> Migrator {
    let first = Migration::new(1, Cow::Borrowed("first"), MigrationType::Simple, FIRST.into_sql_str(), false);
    let drift = Migration::new(2, Cow::Borrowed("drift"), MigrationType::Simple, DRIFT.into_sql_str(), false);
    Migrator::with_migrations(vec![first, drift])
}
