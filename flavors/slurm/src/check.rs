//! Whether the orchestrator can work: the commands, the controller, what the configuration names, and the work folder.

use sundae_plugin_api::{Error, ErrorKind};

use crate::jobs::Shared;
use crate::tools::ToolError;

impl Shared {
    /// # Errors
    /// What stands in the way, and what to change.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.folder.check()?;
        let site = self
            .tools
            .run("scontrol", &["show", "config"], "")
            .map_err(|error| self.unreachable(&error))?;
        self.check_array_size(&site)?;
        self.check_partition()?;
        self.try_a_job()
    }

    fn unreachable(&self, error: &ToolError) -> Error {
        let message = match error {
            ToolError::NotStarted(..) => error.message(),
            _ => format!(
                "the controller cannot be reached: {}; `scontrol ping` says more",
                error.message()
            ),
        };
        let made = Error::new(ErrorKind::Unavailable, message);
        if error.is_transient() { made.retryable() } else { made }
    }

    fn check_array_size(&self, site: &str) -> Result<(), Error> {
        let most = setting(site, "MaxArraySize").and_then(|most| most.parse::<u32>().ok());
        match most {
            Some(most) if self.config.array_size.get() > most => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!(
                    "`array_size` is {}, and the site's MaxArraySize lets an array have {most} jobs",
                    self.config.array_size
                ),
            )),
            _ => Ok(()),
        }
    }

    fn check_partition(&self) -> Result<(), Error> {
        let Some(wanted) = &self.config.partition else { return Ok(()) };
        let said = self
            .tools
            .run("sinfo", &["--noheader", "--format=%R"], "")
            .map_err(|error| self.unreachable(&error))?;
        let mut there_are: Vec<_> =
            said.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
        there_are.dedup();
        match wanted.split(',').find(|name| !there_are.contains(name)) {
            Some(missing) => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("there is no partition `{missing}` here, but {}", there_are.join(", ")),
            )),
            None => Ok(()),
        }
    }

    /// Asks whether a job with these options would be taken, without submitting one.
    fn try_a_job(&self) -> Result<(), Error> {
        let mut options =
            vec!["--test-only".to_owned(), "--export=ALL".to_owned(), "--ntasks=1".to_owned()];
        options.extend(self.requests.options().iter().cloned());
        match self.tools.run("sbatch", &options, "#!/bin/sh\ntrue\n") {
            Ok(_) => Ok(()),
            Err(error) if error.is_full() => Ok(()),
            Err(error) if error.is_transient() => Err(self.unreachable(&error)),
            Err(error) => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!(
                    "Slurm would take no job with these options ({}): {}",
                    self.requests.options().join(" "),
                    error.message().replace("allocation failure: ", "")
                ),
            )),
        }
    }
}

/// A line of `scontrol show config`.
fn setting<'a>(site: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = site.lines().filter_map(|line| line.split_once('='));
    lines.find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_by_its_name() {
        let site =
            "Configuration data as of 2026\nMaxArraySize            = 1001\nMaxArraySizeX = 2\n";
        assert_eq!(setting(site, "MaxArraySize"), Some("1001"));
        assert_eq!(setting(site, "Max"), None);
    }
}
