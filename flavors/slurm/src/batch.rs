//! Jobs that are handed to Slurm together: one job, or an array of those that ask for the same.

use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::JobDescription;

use crate::files::Place;

/// A batch is handed over when no job has come for so long.
const QUIET: Duration = Duration::from_millis(60);

/// And after so long at the latest.
const LONGEST: Duration = Duration::from_secs(1);

/// What follows a failed attempt to hand it over: the first wait, and the longest.
const RETRIES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Jobs that are to be handed over.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The name of its folder.
    pub(crate) name: String,
    /// What its jobs ask for.
    pub(crate) options: Vec<String>,
    /// The numbers of its jobs.
    pub(crate) numbers: Vec<usize>,
    /// The number that the next job gets.
    next: usize,
    /// What people call its jobs.
    title: String,
    first: Instant,
    last: Instant,
    /// It was handed over before, and nobody knows how that went.
    pub(crate) is_uncertain: bool,
    retry: Option<(Instant, Duration)>,
}

impl Batch {
    pub(crate) fn new(name: String, options: Vec<String>) -> Self {
        let now = Instant::now();
        Self {
            name,
            options,
            numbers: Vec::new(),
            next: 0,
            title: String::new(),
            first: now,
            last: now,
            is_uncertain: false,
            retry: None,
        }
    }

    /// Whether a job that asks for this may join it.
    pub(crate) fn takes(&self, options: &[String], most: usize) -> bool {
        // What was tried to be handed over is closed: Slurm may have it.
        self.retry.is_none() && self.next < most && self.options == options
    }

    /// Takes a job, and returns its number.
    pub(crate) fn add(&mut self, job: &JobDescription) -> usize {
        let number = self.next;
        self.next += 1;
        self.numbers.push(number);
        self.last = Instant::now();
        self.title = if number == 0 { job.name.clone() } else { common(&self.title, &job.name) };
        number
    }

    /// Gives a job up that it has, if this is its batch.
    pub(crate) fn leave(&mut self, place: &Place) {
        if self.name == place.batch {
            self.numbers.retain(|number| *number != place.number);
        }
    }

    /// When it is to be handed over.
    pub(crate) fn due(&self) -> Instant {
        match self.retry {
            Some((due, _)) => due,
            None => (self.last + QUIET).min(self.first + LONGEST),
        }
    }

    /// Slurm could not be asked; so it is asked again later.
    pub(crate) fn put_off(&mut self) {
        let pause = self.retry.map_or(RETRIES.0, |(_, pause)| (pause * 2).min(RETRIES.1));
        self.retry = Some((Instant::now() + pause, pause));
    }

    pub(crate) fn is_array(&self) -> bool {
        self.next > 1
    }

    /// What it says of itself, so that its jobs are known from others, whatever their ids.
    pub(crate) fn comment(&self) -> String {
        comment(&self.name)
    }

    /// The options that tell what it is.
    pub(crate) fn own_options(&self, folder: &std::path::Path) -> Vec<String> {
        // Which `%` means what in a name of a file is Slurm's business.
        let folder = folder.display().to_string().replace('%', "%%");
        let mut options = vec![
            "--parsable".to_owned(),
            format!("--job-name={}", if self.title.is_empty() { "sundae" } else { &self.title }),
            format!("--comment={}", self.comment()),
            // What this process hands to sbatch is little, and no secret.
            "--export=ALL".to_owned(),
            "--open-mode=append".to_owned(),
            "--input=/dev/null".to_owned(),
            format!("--chdir={}", folder.replace("%%", "%")),
        ];
        if self.is_array() {
            options.push(format!("--array={}", ranges(&self.numbers)));
            options.push(format!("--output={folder}/log.%a"));
        } else {
            options.push(format!("--output={folder}/log.0"));
        }
        options
    }
}

/// What the jobs of a batch say of themselves.
pub(crate) fn comment(batch: &str) -> String {
    format!("sundae:{batch}")
}

/// What two names have in common, up to the last `/`: steps of one run have its name.
fn common(one: &str, other: &str) -> String {
    if one == other {
        return one.to_owned();
    }
    let run = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    if run(one) == run(other) { run(one) } else { "sundae".to_owned() }
}

/// `0-3,5`.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let told = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    told.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 4, 7, 8]), "0-2,4,7-8");
        assert_eq!(ranges(&[3]), "3");
    }

    #[test]
    fn a_batch_is_called_after_what_its_jobs_have_in_common() {
        let mut batch = Batch::new("b".to_owned(), Vec::new());
        let mut add = |name: &str| batch.add(&JobDescription::new("id", name));
        assert_eq!(add("training-3/train"), 0);
        assert_eq!(add("training-3/train"), 1);
        assert_eq!(batch.title, "training-3/train");
        batch.add(&JobDescription::new("id", "training-3/test"));
        assert_eq!(batch.title, "training-3");
        batch.add(&JobDescription::new("id", "other-1/test"));
        assert_eq!(batch.title, "sundae");
    }

    #[test]
    fn what_was_handed_over_takes_no_more() {
        let mut batch = Batch::new("b".to_owned(), vec!["--mem=1M".to_owned()]);
        assert!(batch.takes(&["--mem=1M".to_owned()], 1));
        assert!(!batch.takes(&["--mem=2M".to_owned()], 1));
        batch.add(&JobDescription::new("id", "a/b"));
        assert!(!batch.takes(&["--mem=1M".to_owned()], 1), "it is full");
        assert!(batch.takes(&["--mem=1M".to_owned()], 2));
        batch.put_off();
        assert!(!batch.takes(&["--mem=1M".to_owned()], 2));
    }
}
