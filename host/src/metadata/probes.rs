//! How the first load of each plugin went.

use std::path::PathBuf;

use rusqlite::{OptionalExtension as _, Row, params};

use super::Database;
use super::rows::now_ms;
use crate::plugin::probe::{Fingerprint, Probe, ProbeLog, Verdict};

fn verdict_of(failure: Option<String>) -> Verdict {
    match failure {
        None => Verdict::Passed,
        Some(reason) => Verdict::Failed { reason },
    }
}

fn probe_of(row: &Row<'_>) -> rusqlite::Result<Probe> {
    Ok(Probe {
        digest: row.get("digest")?,
        path: PathBuf::from(row.get::<_, String>("path")?),
        fingerprint: Fingerprint { size: row.get("size")?, modified_ns: row.get("modified_ns")? },
        verdict: verdict_of(row.get("failure")?),
    })
}

impl Database {
    fn failed_probes(&self) -> rusqlite::Result<Vec<Probe>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest, path, size, modified_ns, failure FROM plugin_probe WHERE failure IS NOT NULL",
        )?;
        statement.query_map([], probe_of)?.collect()
    }
}

/// What cannot be read counts as not known, and what cannot be written is found out again: the probe decides, not its memory.
impl ProbeLog for Database {
    fn quarantined(&self) -> Vec<Probe> {
        self.failed_probes().unwrap_or_default()
    }

    fn verdict(&self, digest: &str) -> Option<Verdict> {
        // In several places the verdict is the same, unless one of two processes saw it go wrong.
        let sql =
            "SELECT failure FROM plugin_probe WHERE digest = ?1 ORDER BY failure IS NULL LIMIT 1";
        let found = self.connection.query_row(sql, [digest], |row| row.get(0)).optional();
        found.ok().flatten().map(verdict_of)
    }

    fn record(&self, probe: &Probe) {
        let sql =
            "INSERT OR REPLACE INTO plugin_probe (digest, path, size, modified_ns, failure, probed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Fingerprint { size, modified_ns } = probe.fingerprint;
        let values = params![
            probe.digest,
            probe.path.display().to_string(),
            size,
            modified_ns,
            probe.verdict.reason(),
            now_ms()
        ];
        drop(self.connection.execute(sql, values));
    }

    fn forget(&self, digest: &str) {
        drop(self.connection.execute("DELETE FROM plugin_probe WHERE digest = ?1", [digest]));
    }
}
