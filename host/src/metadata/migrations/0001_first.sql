-- Times are milliseconds since 1970 (UTC); ids are UUIDs as text; JSON is text.

CREATE TABLE workspace (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE component (
    id        TEXT PRIMARY KEY,
    workspace TEXT NOT NULL REFERENCES workspace (id),
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    flavor    TEXT NOT NULL,
    plugin    TEXT NOT NULL,
    config    TEXT NOT NULL,
    owner     TEXT NOT NULL,
    is_shared INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    updated   INTEGER NOT NULL,
    UNIQUE (workspace, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stack (
    id        TEXT PRIMARY KEY,
    workspace TEXT NOT NULL REFERENCES workspace (id),
    name      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    is_shared INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    updated   INTEGER NOT NULL,
    UNIQUE (workspace, name)
) STRICT, WITHOUT ROWID;

-- A component that a stack uses cannot be deleted.
CREATE TABLE stack_component (
    stack     TEXT NOT NULL REFERENCES stack (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    component TEXT NOT NULL REFERENCES component (id) ON DELETE RESTRICT,
    PRIMARY KEY (stack, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX stack_component_by_component ON stack_component (component);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How the first load of each plugin went, by the content of its library and the places where it was met.
CREATE TABLE plugin_probe (
    digest      TEXT NOT NULL,
    path        TEXT NOT NULL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    failure     TEXT,
    probed      INTEGER NOT NULL,
    PRIMARY KEY (digest, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    pipeline  TEXT NOT NULL,
    number    INTEGER NOT NULL,
    stack     TEXT NOT NULL,
    -- JSON: the id, kind and name of each component, as they were.
    members   TEXT NOT NULL,
    project   TEXT,
    params    TEXT NOT NULL,
    owner     TEXT NOT NULL,
    status    TEXT NOT NULL,
    reason    TEXT,
    started   INTEGER NOT NULL,
    ended     INTEGER,
    UNIQUE (pipeline, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_by_start ON run (started);
CREATE INDEX run_under_way ON run (status) WHERE status = 'running';

CREATE TABLE step_run (
    run         TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    status      TEXT NOT NULL,
    reason      TEXT,
    cache_key   TEXT,
    -- The run that made the outputs, where they come from the cache.
    cached_from TEXT,
    attempt     INTEGER NOT NULL DEFAULT 0,
    handle      TEXT,
    inputs      TEXT NOT NULL,
    after       TEXT NOT NULL,
    exit_code   INTEGER,
    -- While it runs, the file that its log is written to; then the log as JSON, as it is in the artifact store.
    log_file    TEXT,
    log         TEXT,
    log_tail    TEXT,
    notes       TEXT,
    started     INTEGER,
    ended       INTEGER,
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX step_run_by_name ON step_run (run, name);

CREATE TABLE metric (
    run   TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run, step, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    run        TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step       TEXT NOT NULL,
    output     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    executable INTEGER NOT NULL,
    metadata   TEXT NOT NULL,
    created    INTEGER NOT NULL,
    PRIMARY KEY (run, step, output)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_by_digest ON artifact (digest);
