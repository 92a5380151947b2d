//! What every orchestrator must do.
//!
//! A job comes as a callback and as a command that does the same. What can only be seen from within the callback is asked
//! of orchestrators that use it, that is, of those that do not declare to be remote.

mod cancelling;
mod jobs;
mod task;
mod waiting;

use std::path::Path;

use serde_json::Value;
use sundae_plugin_api::{Component, Error, Host, Orchestrator, abi};

use crate::case::{Case, case, check_schema};
use cancelling::*;
use jobs::*;
use task::Watch;
use waiting::*;

/// The names of all cases, handed to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __orchestrator_cases {
    ($callback:ident { $($context:tt)* }) => {
        $crate::$callback! {
            { $($context)* }
            it_can_work
            the_exit_code_arrives_once
            the_work_is_done_once
            a_job_that_runs_is_reported
            work_that_fails_ends_the_job
            work_that_panics_ends_the_job
            the_parallelism_is_used_and_not_exceeded
            the_capacity_is_not_exceeded
            many_jobs_from_many_threads_all_end
            the_worker_gets_its_environment
            waiting_ends_when_something_changes
            waiting_costs_nothing_while_nothing_changes
            waiting_for_no_time_does_not_wait
            a_job_that_runs_can_be_cancelled
            a_job_that_waits_can_be_cancelled
            a_job_can_be_cancelled_at_any_moment
            a_second_cancel_stops_what_the_first_did_not
            a_job_that_has_ended_can_be_cancelled
            what_is_not_supported_says_so
            a_worker_that_is_killed_has_not_ended_well
            what_a_job_declares_it_gets
            logs_are_read_from_where_it_is_wanted
            logs_are_read_while_the_job_runs
            a_job_is_taken_up_by_another_component
            a_job_that_ended_unseen_is_taken_up
            a_job_that_was_taken_up_is_reported_once
            waiting_for_nothing_costs_nothing
            closing_does_not_wait_for_jobs
        }
    };
}

/// Every case.
pub const CASES: &[Case<Subject>] = crate::__orchestrator_cases!(__table {});

/// The orchestrator that is tested.
pub struct Subject {
    open: Box<dyn Fn() -> Result<Box<dyn Orchestrator>, Error>>,
}

impl Subject {
    /// An orchestrator; `open` opens one of the same configuration each time.
    #[must_use]
    pub fn new(open: impl Fn() -> Result<Box<dyn Orchestrator>, Error> + 'static) -> Self {
        Self { open: Box::new(open) }
    }

    fn open(&self) -> Watch {
        Watch::new(
            (self.open)().expect("it must open with the configuration that it is tested with"),
        )
    }
}

/// Opens a flavor of this crate as Sundae does: across the library boundary, with the schema applied. The host that it is
/// lent has its folders below `folder`.
///
/// # Errors
/// The configuration does not fit, or the flavor refuses it.
pub fn open<C: Component + Orchestrator + 'static>(
    config: &Value,
    folder: &Path,
) -> Result<Box<dyn Orchestrator>, Error> {
    abi::orchestrator::open_here::<C>(&config.to_string(), Host::for_tests(folder))
}

/// Runs one case on a flavor of this crate. `config` gives a configuration, or `None` where there is nothing to test against;
/// it is `config` that says so.
///
/// # Panics
/// If the case fails, or there is none of that name.
pub fn test<C>(name: &str, config: fn(&Path) -> Option<Value>)
where
    C: Component + Orchestrator + 'static,
{
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let (host, place) = (folder.path().join("host"), folder.path().join("place"));
    std::fs::create_dir(&place).expect("a folder can be made in a temporary folder");
    let Some(config) = config(&place) else { return };
    let open = move || open::<C>(&config, &host);
    case(CASES, name).run(&Subject::new(open));
}

/// Checks the configuration of a flavor.
///
/// # Panics
/// If something is wrong with it.
pub fn test_schema<C: Component + Orchestrator>() {
    check_schema::<C::Config>();
}
