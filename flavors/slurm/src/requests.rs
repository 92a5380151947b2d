//! What a job asks Slurm for: the component's options, and the resources that the step declares.

use std::collections::BTreeMap;

use sundae_plugin_api::{Error, ErrorKind, Resources};

use crate::SlurmConfig;

/// Options that say how jobs are found again and where their output goes: they are ours.
const OURS: [&str; 24] = [
    "--array",
    "--bell",
    "--chdir",
    "--clusters",
    "--comment",
    "--error",
    "--export",
    "--export-file",
    "--help",
    "--input",
    "--job-name",
    "--open-mode",
    "--output",
    "--parsable",
    "--quiet",
    "--test-only",
    "--wait",
    "--wrap",
    "-a",
    "-o",
    "-e",
    "-J",
    "-M",
    "-W",
];

/// What some name of a resource is to Slurm.
#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Processors,
    Memory,
    /// `gpu`, `gpu:a100`.
    Generic(String),
    License(String),
}

/// How jobs are requested.
#[derive(Debug)]
pub(crate) struct Requests {
    /// The same for every job.
    options: Vec<String>,
    meanings: BTreeMap<String, Meaning>,
}

impl Requests {
    /// # Errors
    /// The configuration has an option that is ours, or a resource that means nothing.
    pub(crate) fn of(config: &SlurmConfig) -> Result<Self, Error> {
        let mut options = Vec::new();
        for (option, value) in [
            ("partition", &config.partition),
            ("account", &config.account),
            ("qos", &config.qos),
            ("time", &config.time_limit),
        ] {
            if let Some(value) = value {
                options.push(format!("--{option}={value}"));
            }
        }
        options.push(if config.requeue { "--requeue" } else { "--no-requeue" }.to_owned());
        for option in &config.options {
            options.push(checked(option)?.to_owned());
        }
        let gpus = config.gpu_resource.trim();
        let mut meanings = BTreeMap::from([
            ("cpus".to_owned(), Meaning::Processors),
            ("memory".to_owned(), Meaning::Memory),
            ("gpus".to_owned(), Meaning::Generic(gpus.to_owned())),
        ]);
        for (name, meaning) in &config.resources {
            meanings.insert(name.clone(), meaning_of(name, meaning)?);
        }
        Ok(Self { options, meanings })
    }

    /// The names of resources that steps may declare.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.meanings.keys()
    }

    /// What is the same for every job.
    pub(crate) fn options(&self) -> &[String] {
        &self.options
    }

    /// The options for a job that needs this. What is not known to Slurm is passed over: the host refuses it before.
    pub(crate) fn for_resources(&self, needs: &Resources) -> Vec<String> {
        let mut options = vec!["--nodes=1".to_owned(), "--ntasks=1".to_owned()];
        let (mut generic, mut licenses) = (Vec::new(), Vec::new());
        for (name, amount) in needs {
            match self.meanings.get(name) {
                Some(Meaning::Processors) => {
                    options.push(format!("--cpus-per-task={}", whole(*amount).max(1)));
                }
                // Slurm takes 0 for all that a node has.
                Some(Meaning::Memory) if *amount > 0.0 => {
                    options.push(format!("--mem={}M", whole(amount / 1024.0 / 1024.0)));
                }
                Some(Meaning::Generic(resource)) if *amount > 0.0 => {
                    generic.push(format!("{resource}:{}", whole(*amount)));
                }
                Some(Meaning::License(license)) if *amount > 0.0 => {
                    licenses.push(format!("{license}:{}", whole(*amount)));
                }
                _ => {}
            }
        }
        for (option, wanted) in [("gres", generic), ("licenses", licenses)] {
            if !wanted.is_empty() {
                options.push(format!("--{option}={}", wanted.join(",")));
            }
        }
        options
    }
}

/// Slurm shares out whole things: half a processor is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an amount is no negative number, and a small one"
)]
fn whole(amount: f64) -> u64 {
    amount.ceil() as u64
}

fn checked(option: &str) -> Result<&str, Error> {
    let refused = |why: String| Err(Error::new(ErrorKind::InvalidConfig, why));
    let option = option.trim();
    if !option.starts_with('-') {
        return refused(format!(
            "`options` takes options of sbatch, such as `--constraint=skylake`, and not `{option}`"
        ));
    }
    let name = option.split(['=', ' ']).next().unwrap_or(option);
    if OURS.contains(&name) {
        return refused(format!("`options` must not have `{name}`: it is set for each job"));
    }
    if option.contains(char::is_whitespace) && !option.contains('=') {
        return refused(format!("`{option}` must be written with `=` between name and value"));
    }
    Ok(option)
}

fn meaning_of(name: &str, meaning: &str) -> Result<Meaning, Error> {
    match meaning.split_once(':') {
        Some(("license", license)) if !license.is_empty() => {
            Ok(Meaning::License(license.to_owned()))
        }
        Some(("gres", resource)) if !resource.is_empty() => {
            Ok(Meaning::Generic(resource.to_owned()))
        }
        _ => Err(Error::new(
            ErrorKind::InvalidConfig,
            format!(
                "`{name}={meaning}` says not what `{name}` is: write `license:NAME` or `gres:NAME`"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sundae_plugin_testkit::{Value, json};

    fn requests(config: &Value) -> Result<Requests, Error> {
        let mut whole = json!({
            "gpu_resource": "gpu", "max_jobs": 1, "array_size": 1, "poll_interval": 1, "tool_timeout": 1, "requeue": false,
            "accounting": false, "keep_days": 1, "shared_files": true
        });
        let fields = config.as_object().cloned().unwrap_or_default();
        whole.as_object_mut().unwrap().extend(fields);
        Requests::of(&serde_json::from_value(whole).unwrap())
    }

    fn needs(needs: &[(&str, f64)]) -> Resources {
        needs.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    #[test]
    fn resources_become_options() {
        let requests = requests(&json!({
            "gpu_resource": "gpu:a100",
            "resources": { "seats": "license:matlab", "tpus": "gres:tpu" }
        }))
        .unwrap();
        let wanted = needs(&[
            ("cpus", 0.5),
            ("gpus", 2.0),
            ("memory", 1.5 * 1024.0 * 1024.0),
            ("seats", 1.0),
            ("tpus", 0.0),
        ]);
        assert_eq!(
            requests.for_resources(&wanted)[2..],
            ["--cpus-per-task=1", "--mem=2M", "--gres=gpu:a100:2", "--licenses=matlab:1"]
        );
        let names: Vec<_> = requests.names().collect();
        assert_eq!(names, ["cpus", "gpus", "memory", "seats", "tpus"]);
    }

    #[test]
    fn options_come_after_what_has_a_field_of_its_own() {
        let requests = requests(&json!({ "partition": "short", "options": ["--constraint=a|b"] }));
        assert_eq!(
            requests.unwrap().options(),
            ["--partition=short", "--no-requeue", "--constraint=a|b"]
        );
    }

    #[test]
    fn what_is_ours_or_means_nothing_is_refused() {
        for wrong in [
            json!({ "options": ["--output=x"] }),
            json!({ "options": ["-a", "1"] }),
            json!({ "options": ["skylake"] }),
            json!({ "options": ["--constraint skylake"] }),
            json!({ "resources": { "seats": "matlab" } }),
            json!({ "resources": { "seats": "license:" } }),
        ] {
            assert_eq!(requests(&wrong).unwrap_err().kind(), ErrorKind::InvalidConfig, "{wrong}");
        }
    }
}
