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

-- How often the run went on after it had ended or was killed, and the session of the process that has it, or had it last: what a
-- killed process has left running is known by it.
ALTER TABLE run ADD COLUMN resumed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN session INTEGER;

-- The id of the job that was handed to the orchestrator. Like `handle`, it stands here until the end of the attempt is recorded.
ALTER TABLE step_run ADD COLUMN job TEXT;

-- What is needed to go on with a run that has not completed: JSON. A table of its own, since lists have no use for it.
CREATE TABLE run_plan (
    run  TEXT PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    plan TEXT NOT NULL
) STRICT;

-- What was warned of while a run went on, for those who look at it later or from elsewhere.
CREATE TABLE run_warning (
    run     TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    told    INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- Secrets, sealed; the key is not in the database.
CREATE TABLE secret (
    name    TEXT PRIMARY KEY,
    sealed  BLOB NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs are filtered and sorted by a metric: then those that have it are found without looking at all the others.
CREATE INDEX metric_by_name ON metric (name, value);

-- Digests of large files that were read, with what they looked like: so that they are read again only when they were touched.
CREATE TABLE file_digest (
    path        TEXT PRIMARY KEY,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    changed_ns  INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    device      INTEGER NOT NULL,
    digest      TEXT NOT NULL,
    noted       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the runs of a sweep have in common: an id.
ALTER TABLE run ADD COLUMN sweep TEXT;

-- When `artifact gc` let go of what a run had: that it is gone is no damage.
ALTER TABLE run ADD COLUMN released INTEGER;

-- Counted when a run ends, as JSON: how many steps have which status, and its metrics in the order of the plan. So a list
-- of runs need not look at all their steps.
ALTER TABLE run ADD COLUMN step_counts TEXT;
ALTER TABLE run ADD COLUMN step_metrics TEXT;

-- The newest runs of all, of a pipeline, with a status, are found without looking at others.
DROP INDEX run_by_start;
CREATE INDEX run_by_start ON run (started, number);
CREATE INDEX run_by_status ON run (status, started, number);
CREATE INDEX run_by_pipeline ON run (pipeline, started, number);

-- The greatest number of a deleted run of a pipeline: no run gets the name of another one, also when that is gone.
CREATE TABLE deleted_number (
    pipeline TEXT PRIMARY KEY,
    number   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
