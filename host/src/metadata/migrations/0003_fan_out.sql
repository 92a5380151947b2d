-- A step that has items: how many, once that is known. Each is a row of its own, that names the step.
ALTER TABLE step_run ADD COLUMN items INTEGER;
ALTER TABLE step_run ADD COLUMN parent TEXT;

CREATE INDEX step_run_by_parent ON step_run (run, parent, position) WHERE parent IS NOT NULL;

-- What the last attempt used, by the books of whoever ran it: JSON.
ALTER TABLE step_run ADD COLUMN usage TEXT;
