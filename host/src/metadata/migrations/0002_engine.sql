-- What runs came to keep beyond the first format: each table or column says what for.

-- The attempts of a step that another one followed; the last one is in step_run.
CREATE TABLE attempt (
    run       TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step      TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    -- Why it failed.
    reason    TEXT,
    exit_code INTEGER,
    log       TEXT,
    log_tail  TEXT,
    started   INTEGER,
    ended     INTEGER,
    PRIMARY KEY (run, step, attempt)
) STRICT, WITHOUT ROWID;

-- What went into a cache key, as JSON: to say why a step runs again. Once for each key, however many runs had it.
CREATE TABLE cache_key (
    key   TEXT PRIMARY KEY,
    parts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Secrets, sealed; the key is not in the database.
CREATE TABLE secret (
    name    TEXT PRIMARY KEY,
    sealed  BLOB NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
