//! The tables, as migrations that are compiled in. A migration that was released is never edited.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::database::Dialect;

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

/// Several stacks in one place, their reports, and who works on what. A file holds one stack, whose name there is empty, or the
/// daemon's roster.
const SHARED: &str = "
ALTER TABLE runs ADD COLUMN stack TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN report TEXT;
ALTER TABLE outputs ADD COLUMN stack TEXT NOT NULL DEFAULT '';
ALTER TABLE drift ADD COLUMN stack TEXT NOT NULL DEFAULT '';
CREATE TABLE begun (
    stack TEXT NOT NULL, address TEXT NOT NULL, azure_id TEXT, run TEXT NOT NULL REFERENCES runs (id), started TEXT NOT NULL,
    PRIMARY KEY (stack, address)
) STRICT;
INSERT INTO begun SELECT '', address, azure_id, run, started FROM creations;
DROP TABLE creations;
ALTER TABLE begun RENAME TO creations;
CREATE TABLE stacks (
    name TEXT PRIMARY KEY, fleet TEXT, digest TEXT, kept INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0,
    looks INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, verified INTEGER, asked TEXT, taken TEXT, last TEXT,
    rejected TEXT, changed INTEGER NOT NULL DEFAULT 0, holder TEXT, fence INTEGER NOT NULL DEFAULT 0, since INTEGER, until INTEGER
) STRICT;
CREATE INDEX stacks_by_due ON stacks (kept, due);
CREATE INDEX stacks_by_change ON stacks (changed);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE INDEX steps_by_run ON steps (run);
CREATE INDEX operations_by_step ON operations (step);
CREATE INDEX outputs_by_run ON outputs (run);
CREATE INDEX drift_by_run ON drift (run);
";

const POSTGRES: &str = "
CREATE TABLE runs (
    rowid BIGINT GENERATED ALWAYS AS IDENTITY, id TEXT PRIMARY KEY, stack TEXT NOT NULL, started TEXT NOT NULL, command TEXT NOT NULL,
    version TEXT NOT NULL, pid BIGINT NOT NULL, ended TEXT, outcome TEXT, report TEXT
);
CREATE INDEX runs_by_stack ON runs (stack, rowid);
CREATE TABLE steps (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, unit TEXT NOT NULL,
    step TEXT NOT NULL, started TEXT NOT NULL, ended TEXT, outcome TEXT, evidence TEXT
);
CREATE INDEX steps_by_run ON steps (run, id);
CREATE TABLE operations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, step BIGINT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    handle TEXT NOT NULL, started TEXT NOT NULL, ended TEXT
);
CREATE INDEX operations_by_step ON operations (step);
CREATE TABLE outputs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stack TEXT NOT NULL, run TEXT NOT NULL REFERENCES runs (id), name TEXT NOT NULL,
    value TEXT NOT NULL, written TEXT NOT NULL
);
CREATE INDEX outputs_by_name ON outputs (stack, name, id);
CREATE TABLE creations (
    stack TEXT NOT NULL, address TEXT NOT NULL, azure_id TEXT, run TEXT NOT NULL REFERENCES runs (id), started TEXT NOT NULL,
    PRIMARY KEY (stack, address)
);
CREATE TABLE drift (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stack TEXT NOT NULL, run TEXT NOT NULL REFERENCES runs (id), key TEXT NOT NULL,
    depth TEXT NOT NULL, by TEXT, began TEXT NOT NULL, ended TEXT
);
CREATE INDEX drift_by_stack ON drift (stack, id);
CREATE INDEX drift_by_run ON drift (run);
CREATE INDEX outputs_by_run ON outputs (run);
CREATE TABLE stacks (
    name TEXT PRIMARY KEY, fleet TEXT, digest TEXT, kept BIGINT NOT NULL DEFAULT 0, due BIGINT NOT NULL DEFAULT 0,
    looks BIGINT NOT NULL DEFAULT 0, failures BIGINT NOT NULL DEFAULT 0, verified BIGINT, asked TEXT, taken TEXT, last TEXT,
    rejected TEXT, changed BIGINT NOT NULL DEFAULT 0, holder TEXT, fence BIGINT NOT NULL DEFAULT 0, since BIGINT, until BIGINT
);
CREATE INDEX stacks_by_due ON stacks (kept, due);
CREATE INDEX stacks_by_change ON stacks (changed);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// All migrations in order.
pub(super) fn migrations(dialect: Dialect) -> Migrator {
    let simple = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(match dialect {
        Dialect::Sqlite => vec![simple(1, "first", FIRST), simple(2, "drift", DRIFT), simple(3, "shared", SHARED)],
        Dialect::Postgres => vec![simple(1, "first", POSTGRES)],
    })
}
