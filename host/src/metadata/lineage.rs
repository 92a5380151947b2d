//! Where an artifact comes from, and what was made of it: through runs, and through what was taken from the cache.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;

use super::artifacts::{ArtifactFilter, ArtifactRecord};
use super::rows::{json, named, timestamp_if_any};
use super::{Database, MetadataError};
use crate::engine::event::{DATA, StepStatus};

/// Larger ones are cut: nobody reads them.
const MOST_NODES: usize = 5_000;

/// What made an artifact, and what was made of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lineage {
    /// Artifacts, each as the step that made it published it; the first is the one that was asked for.
    pub artifacts: Vec<ArtifactRecord>,
    /// Executions of steps.
    pub executions: Vec<Execution>,
    /// Which execution made which artifact.
    pub made: Vec<(usize, usize)>,
    /// Which artifact was taken by which execution, and as which input.
    pub taken: Vec<(usize, usize, String)>,
    /// Whether there is more, which was left out.
    pub is_cut: bool,
}

/// A step that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The id of the run.
    pub run_id: String,
    /// The name of the run.
    pub run: String,
    /// The name of the step.
    pub step: String,
    /// How it stands.
    pub status: StepStatus,
    /// Its cache key.
    pub cache_key: Option<String>,
    /// The run that made the outputs, if that is not known here: it was on another machine, or was deleted.
    pub elsewhere: Option<String>,
    /// The params of the run.
    pub run_params: BTreeMap<String, Value>,
    /// Its inputs: name → (step, output).
    pub inputs: BTreeMap<String, (String, String)>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what an artifact was made of.
    Upstream,
    /// To what was made of it.
    Downstream,
}

impl Database {
    /// What made an artifact, and what was made of it, in these directions.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn lineage(
        &self,
        artifact: &ArtifactRecord,
        directions: &[Direction],
    ) -> Result<Lineage, MetadataError> {
        let mut search =
            Search { database: self, found: Lineage::default(), known: Known::default() };
        let Some(root) = search.artifact(&artifact.run_id, &artifact.step, &artifact.output)?
        else {
            return Ok(Lineage { artifacts: vec![artifact.clone()], ..Lineage::default() });
        };
        for direction in directions {
            search.follow(root, *direction)?;
        }
        Ok(search.found)
    }

    /// A step of a run, with the name of the run.
    fn execution(
        &self,
        condition: &str,
        values: [&str; 2],
    ) -> Result<Option<Execution>, MetadataError> {
        let failed = self.failed("read a step");
        let sql = format!(
            "SELECT run.id AS run_id, run.name AS run_name, run.params, s.name AS step, s.status, s.cache_key,
                 s.cached_from, s.inputs, s.started, s.ended
             FROM step_run s JOIN run ON run.id = s.run WHERE {condition}"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let found = statement.query_row(values, |row| {
            Ok(Execution {
                run_id: row.get("run_id")?,
                run: row.get("run_name")?,
                step: row.get("step")?,
                status: named(row, "status")?,
                cache_key: row.get("cache_key")?,
                elsewhere: row.get("cached_from")?,
                run_params: json(row, "params")?,
                inputs: json(row, "inputs")?,
                started: timestamp_if_any(row, "started")?,
                ended: timestamp_if_any(row, "ended")?,
            })
        });
        found.optional().map_err(&failed)
    }

    /// The execution that made what a step of a run has: its own, or that of an earlier run that it was taken from.
    fn origin(&self, run: &str, step: &str) -> Result<Option<Execution>, MetadataError> {
        let own = "s.run = ?1 AND s.name = ?2";
        let Some(own) = self.execution(own, [run, step])? else { return Ok(None) };
        let (Some(from), Some(key)) = (&own.elsewhere, &own.cache_key) else {
            return Ok(Some(own));
        };
        // By the key and not by the step's name: another pipeline may call the same work otherwise. And another machine may have
        // a run of the same name.
        let same = "run.name = ?1 AND s.cache_key = ?2 AND s.status != 'cached'";
        Ok(Some(self.execution(same, [from, key])?.unwrap_or(own)))
    }

    /// The first run that had the same data from outside under this name.
    fn data_origin(&self, run: &str, name: &str) -> Result<String, MetadataError> {
        let failed = self.failed("read what came from outside");
        let sql = "SELECT first.run FROM artifact own
             JOIN artifact first ON first.digest = own.digest AND first.step = own.step AND first.output = own.output
             JOIN run ON run.id = first.run
             WHERE own.run = ?1 AND own.step = ?2 AND own.output = ?3
             ORDER BY run.started, run.number LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let first = statement.query_row([run, DATA, name], |row| row.get(0)).optional();
        Ok(first.map_err(&failed)?.unwrap_or_else(|| run.to_owned()))
    }

    /// The steps that took what an execution made as this output, or what comes from outside, with the name of the input; those that were taken from the cache
    /// are left out, unless nothing else is known of them.
    fn takers(
        &self,
        maker: Option<&Execution>,
        artifact: &ArtifactRecord,
    ) -> Result<Vec<(String, String)>, MetadataError> {
        let failed = self.failed("read what was made of an artifact");
        let sql = "SELECT DISTINCT c.run, c.name
             FROM artifact a
             LEFT JOIN step_run p ON p.run = a.run AND p.name = a.step
             JOIN step_run c ON c.run = a.run
             JOIN run ON run.id = a.run
             WHERE a.digest = ?1 AND a.output = ?2
               AND ((a.run = ?3 AND a.step = ?4) OR (p.status = 'cached' AND p.cached_from = ?5 AND p.cache_key = ?6)
                 OR (?5 IS NULL AND p.name IS NULL AND a.step = ?4))
               AND c.parent IS NULL
               AND (c.status = 'completed'
                 OR (c.status = 'cached' AND NOT EXISTS (
                   SELECT 1 FROM run o JOIN step_run s ON s.run = o.id
                   WHERE o.name = c.cached_from AND s.cache_key = c.cache_key AND s.status != 'cached')))
               AND EXISTS (SELECT 1 FROM json_each(c.inputs) i
                           WHERE i.value ->> 0 = a.step AND i.value ->> 1 = a.output)
             ORDER BY run.started, c.position";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let values = params![
            artifact.artifact.digest,
            artifact.output,
            maker.map_or(&artifact.run_id, |maker| &maker.run_id),
            maker.map_or(&artifact.step, |maker| &maker.step),
            maker.map(|maker| maker.elsewhere.as_ref().unwrap_or(&maker.run)),
            maker.and_then(|maker| maker.cache_key.as_ref()),
        ];
        let rows =
            statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}

/// What was found already, by run, step and output.
#[derive(Default)]
struct Known {
    artifacts: HashMap<(String, String, String), usize>,
    executions: HashMap<(String, String), usize>,
}

struct Search<'a> {
    database: &'a Database,
    found: Lineage,
    known: Known,
}

impl Search<'_> {
    fn follow(&mut self, root: usize, direction: Direction) -> Result<(), MetadataError> {
        let mut waiting = VecDeque::from([root]);
        let mut seen = vec![root];
        while let Some(artifact) = waiting.pop_front() {
            if self.found.artifacts.len() + self.found.executions.len() > MOST_NODES {
                self.found.is_cut = true;
                break;
            }
            let next = match direction {
                Direction::Upstream => self.made_of(artifact)?,
                Direction::Downstream => self.made_from(artifact)?,
            };
            for other in next {
                if !seen.contains(&other) {
                    seen.push(other);
                    waiting.push_back(other);
                }
            }
        }
        Ok(())
    }

    /// The artifacts that the maker of an artifact took.
    fn made_of(&mut self, artifact: usize) -> Result<Vec<usize>, MetadataError> {
        let makers = self.found.made.iter();
        let Some(&(maker, _)) = makers.into_iter().find(|(_, made)| *made == artifact) else {
            return Ok(Vec::new());
        };
        let Execution { run_id, inputs, .. } = self.found.executions[maker].clone();
        let mut taken = Vec::new();
        for (input, (step, output)) in inputs {
            if let Some(source) = self.artifact(&run_id, &step, &output)? {
                self.take(source, maker, input);
                taken.push(source);
            }
        }
        Ok(taken)
    }

    /// The artifacts that were made of an artifact.
    fn made_from(&mut self, artifact: usize) -> Result<Vec<usize>, MetadataError> {
        let maker = self.found.made.iter().find(|(_, made)| *made == artifact);
        let maker = maker.map(|(maker, _)| self.found.executions[*maker].clone());
        let record = self.found.artifacts[artifact].clone();
        let mut results = Vec::new();
        for (run, step) in self.database.takers(maker.as_ref(), &record)? {
            let Some(taker) = self.execution(&run, &step)? else { continue };
            let inputs = self.found.executions[taker].inputs.clone();
            for (input, (step, output)) in inputs {
                let run = self.found.executions[taker].run_id.clone();
                if self.artifact(&run, &step, &output)? == Some(artifact) {
                    self.take(artifact, taker, input);
                }
            }
            results.extend(self.outputs(taker)?);
        }
        Ok(results)
    }

    fn take(&mut self, artifact: usize, taker: usize, input: String) {
        let entry = (artifact, taker, input);
        if !self.found.taken.contains(&entry) {
            self.found.taken.push(entry);
        }
    }

    fn outputs(&mut self, maker: usize) -> Result<Vec<usize>, MetadataError> {
        let Execution { run_id, step, .. } = self.found.executions[maker].clone();
        let wanted =
            ArtifactFilter { run: Some(&run_id), step: Some(&step), ..ArtifactFilter::default() };
        let mut outputs = Vec::new();
        for record in self.database.artifacts(&wanted)? {
            outputs.extend(self.artifact(&record.run_id, &record.step, &record.output)?);
        }
        Ok(outputs)
    }

    /// The place of an artifact, as the step that made it published it.
    fn artifact(
        &mut self,
        run: &str,
        step: &str,
        output: &str,
    ) -> Result<Option<usize>, MetadataError> {
        let maker = self.execution(run, step)?;
        let (run, step) = match maker {
            Some(maker) => {
                let Execution { run_id, step, .. } = &self.found.executions[maker];
                (run_id.clone(), step.clone())
            }
            // It comes from outside.
            None if step == DATA => (self.database.data_origin(run, output)?, step.to_owned()),
            None => return Ok(None),
        };
        let key = (run.clone(), step.clone(), output.to_owned());
        if let Some(place) = self.known.artifacts.get(&key) {
            return Ok(Some(*place));
        }
        let wanted = ArtifactFilter {
            run: Some(&run),
            step: Some(&step),
            output: Some(output),
            ..ArtifactFilter::default()
        };
        let Some(record) = self.database.artifacts(&wanted)?.pop() else { return Ok(None) };
        let place = self.found.artifacts.len();
        self.found.artifacts.push(record);
        self.found.made.extend(maker.map(|maker| (maker, place)));
        self.known.artifacts.insert(key, place);
        Ok(Some(place))
    }

    /// The place of the execution that made what a step of a run has.
    fn execution(&mut self, run: &str, step: &str) -> Result<Option<usize>, MetadataError> {
        let asked = (run.to_owned(), step.to_owned());
        if let Some(place) = self.known.executions.get(&asked) {
            return Ok(Some(*place));
        }
        let Some(origin) = self.database.origin(run, step)? else { return Ok(None) };
        // Several runs may have taken what was made elsewhere; it was made once.
        let key = match (&origin.elsewhere, &origin.cache_key) {
            (Some(run), Some(key)) => (format!("elsewhere/{run}"), key.clone()),
            _ => (origin.run_id.clone(), origin.step.clone()),
        };
        let place = match self.known.executions.get(&key) {
            Some(place) => *place,
            None => {
                self.found.executions.push(origin);
                self.found.executions.len() - 1
            }
        };
        self.known.executions.insert(key, place);
        self.known.executions.insert(asked, place);
        Ok(Some(place))
    }
}
