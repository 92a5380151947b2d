//! What Slurm says of a job, and what that means.

use sundae_plugin_api::orchestrator::JobState;

/// What Slurm knows of a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    /// `RUNNING`, `OUT_OF_MEMORY`, …, without what may follow (`CANCELLED by 0`).
    pub(crate) state: String,
    /// Why it waits, or why it ended.
    pub(crate) reason: String,
    /// Its exit code; 128 and the signal's number for one that a signal ended.
    pub(crate) exit_code: i32,
    /// Where it runs or ran.
    pub(crate) node: String,
}

/// What is to be made of that.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It waits, for this reason.
    Waits,
    /// It runs.
    Runs,
    /// It is ending; how is not known yet.
    Ending,
    /// It would wait for ever, for this reason in words.
    Hopeless(String),
    /// This is its end.
    Over(JobState),
}

/// The exit code in a wait status, as squeue has it.
pub(crate) fn exit_code_of_status(status: i32) -> i32 {
    match status & 0x7f {
        0 => (status >> 8) & 0xff,
        signal => 128 + signal,
    }
}

/// The exit code in `1:0` or `0:9`, as sacct has it.
pub(crate) fn exit_code_of_pair(pair: &str) -> i32 {
    let (code, signal) = pair.split_once(':').unwrap_or((pair, "0"));
    match signal.trim().parse().unwrap_or(0) {
        0 => code.trim().parse().unwrap_or(0),
        signal => 128 + signal,
    }
}

/// Whether what Slurm calls by this name is, or has in it, the job with this id. Tasks of an array that have not started may be
/// told as one: `17_[3-5,8%2]`, or by the array's own id.
pub(crate) fn covers(name: &str, id: &str) -> bool {
    if name == id {
        return true;
    }
    let Some((array, number)) = id.split_once('_') else { return false };
    let Some((name, tasks)) = name.split_once('_') else { return name == array };
    let Some(tasks) = tasks.strip_prefix('[').map(|tasks| tasks.trim_end_matches(']')) else {
        return false;
    };
    let Ok(number) = number.parse::<usize>() else { return false };
    let tasks = tasks.split('%').next().unwrap_or_default().split(',');
    name == array
        && tasks.into_iter().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            // A list that is too long is cut off: what stands there is no number.
            matches!((first.parse::<usize>(), last.parse::<usize>()), (Ok(first), Ok(last)) if (first..=last).contains(&number))
        })
}

impl Known {
    /// What is to be made of it.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.state.as_str() {
            "PENDING" | "CONFIGURING" | "REQUEUED" | "REQUEUE_FED" => match hopeless(&self.reason) {
                Some(why) => Verdict::Hopeless(why),
                None => Verdict::Waits,
            },
            "REQUEUE_HOLD" | "RESV_DEL_HOLD" | "SPECIAL_EXIT" => Verdict::Hopeless(format!(
                "Slurm holds it back after it was requeued{}",
                self.in_brackets()
            )),
            "RUNNING" | "SUSPENDED" | "STOPPED" | "SIGNALING" | "RESIZING" => Verdict::Runs,
            "COMPLETING" | "STAGE_OUT" => Verdict::Ending,
            "COMPLETED" => ended(self.exit_code),
            "FAILED" => self.failed(),
            "CANCELLED" => Verdict::Over(JobState::Cancelled),
            "TIMEOUT" => lost(
                "it ran longer than its time limit (TIMEOUT); `time_limit` of the orchestrator gives it more".to_owned(),
            ),
            "DEADLINE" => lost("it could not end before its deadline (DEADLINE)".to_owned()),
            "OUT_OF_MEMORY" => lost(format!(
                "it needed more memory than it had{} (OUT_OF_MEMORY); `memory` in the step's resources gives it more",
                self.on_node()
            )),
            "NODE_FAIL" => again(format!("its node{} failed (NODE_FAIL)", self.named_node())),
            "BOOT_FAIL" => again(format!("its node{} did not start (BOOT_FAIL)", self.named_node())),
            "PREEMPTED" => again("it had to make room for another job (PREEMPTED)".to_owned()),
            "REVOKED" => again("another cluster took it (REVOKED)".to_owned()),
            "LAUNCH_FAILED" | "RECONFIG_FAIL" => again(format!("it could not be started ({})", self.state)),
            // A state of a newer Slurm is no final one as far as we know.
            _ => Verdict::Ending,
        }
    }

    fn failed(&self) -> Verdict {
        match self.reason.as_str() {
            "BadConstraints" => lost(
                "no node of the partition can ever fulfil what it asks for (BadConstraints)"
                    .to_owned(),
            ),
            "NodeDown" => again(format!("its node{} failed (NodeDown)", self.named_node())),
            _ => ended(self.exit_code),
        }
    }

    fn named_node(&self) -> String {
        if self.node.is_empty() { String::new() } else { format!(" {}", self.node) }
    }

    fn on_node(&self) -> String {
        if self.node.is_empty() { String::new() } else { format!(" on {}", self.node) }
    }

    fn in_brackets(&self) -> String {
        if self.reason.is_empty() { String::new() } else { format!(" ({})", self.reason) }
    }
}

/// Why a job with this reason waits for ever, in words.
fn hopeless(reason: &str) -> Option<String> {
    let why = match reason {
        "DependencyNeverSatisfied" => "it waits for a job that did not end as it must have",
        "BadConstraints" => "no node of the partition can ever fulfil what it asks for",
        "InvalidAccount" => "its account is none of this cluster's",
        "InvalidQOS" => "its QoS is none of this cluster's, or not for its account",
        "PartitionTimeLimit" => "its time limit is longer than the partition's",
        "PartitionNodeLimit" => "the partition has fewer nodes than it asks for",
        "JobHoldMaxRequeue" => "it was started again too often",
        // Not those that pass, such as `QOSMaxCpuPerUserLimit`: other jobs of the user end.
        _ if reason.ends_with("PerJobLimit") || reason.ends_with("PerJob") => {
            "it asks for more than its account or QoS lets one job have"
        }
        _ if reason.contains("MaxWallDurationPerJob") => {
            "its time limit is longer than its account or QoS lets a job have"
        }
        _ => return None,
    };
    Some(format!("{why} ({reason})"))
}

fn ended(exit_code: i32) -> Verdict {
    Verdict::Over(JobState::Ended { exit_code })
}

fn lost(reason: String) -> Verdict {
    Verdict::Over(JobState::lost(reason))
}

fn again(reason: String) -> Verdict {
    Verdict::Over(JobState::Lost { reason, retryable: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(state: &str, reason: &str) -> Verdict {
        let (state, reason, node) = (state.to_owned(), reason.to_owned(), "n1".to_owned());
        Known { state, reason, exit_code: 3, node }.verdict()
    }

    #[test]
    fn ends_are_told_in_words_with_whether_another_try_helps() {
        for (state, says, is_retryable) in [
            ("TIMEOUT", "time limit", false),
            ("OUT_OF_MEMORY", "memory than it had on n1", false),
            ("DEADLINE", "deadline", false),
            ("NODE_FAIL", "its node n1 failed", true),
            ("BOOT_FAIL", "its node n1", true),
            ("PREEMPTED", "make room", true),
        ] {
            let Verdict::Over(JobState::Lost { reason, retryable }) = verdict(state, "None") else {
                panic!("{state} is an end")
            };
            assert!(reason.contains(says) && reason.contains(state), "{reason}");
            assert_eq!(retryable, is_retryable, "{state}");
        }
        assert_eq!(verdict("FAILED", "NonZeroExitCode"), ended(3));
        assert_eq!(verdict("CANCELLED", "None"), Verdict::Over(JobState::Cancelled));
    }

    #[test]
    fn what_waits_for_ever_is_told_from_what_waits() {
        for reason in
            ["DependencyNeverSatisfied", "PartitionTimeLimit", "QOSMaxCpuPerJobLimit", "InvalidQOS"]
        {
            assert!(
                matches!(verdict("PENDING", reason), Verdict::Hopeless(why) if why.contains(reason))
            );
        }
        for reason in [
            "Resources",
            "Priority",
            "QOSMaxCpuPerUserLimit",
            "AssocGrpCpuLimit",
            "None",
            "BeginTime",
        ] {
            assert_eq!(verdict("PENDING", reason), Verdict::Waits, "{reason}");
        }
    }

    #[test]
    fn what_is_requeued_or_unknown_is_no_end() {
        assert_eq!(verdict("REQUEUED", "None"), Verdict::Waits);
        assert_eq!(verdict("COMPLETING", "None"), Verdict::Ending);
        assert_eq!(verdict("HIBERNATING", "None"), Verdict::Ending);
    }

    #[test]
    fn tasks_are_found_by_the_names_of_their_array() {
        for name in ["17_4", "17", "17_[4]", "17_[0,3-5]", "17_[4-9%2]"] {
            assert!(covers(name, "17_4"), "{name}");
        }
        for name in ["17_5", "1", "17_[0-3]", "18_[4]", "17_[0,...]", "17_44", "17_x"] {
            assert!(!covers(name, "17_4"), "{name}");
        }
        assert!(covers("17", "17") && !covers("17_[1]", "17") && !covers("18", "17"));
    }

    #[test]
    fn exit_codes_are_read_as_both_tools_write_them() {
        assert_eq!([0, 512, 9, 36608].map(exit_code_of_status), [0, 2, 137, 143]);
        assert_eq!(["0:0", "2:0", "0:9", ""].map(exit_code_of_pair), [0, 2, 137, 0]);
    }
}
