//! Each rule is broken once: a suite that lets it pass tests nothing.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod faults {
    pub(crate) mod orchestrator;
    pub(crate) mod remote;
    pub(crate) mod store;
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use sundae_plugin_testkit::Case;

/// The names of the cases that fail on subjects made by `new`.
fn failing<S>(cases: &[Case<S>], new: impl Fn() -> S) -> Vec<&'static str> {
    let fails = |case: &&Case<S>| catch_unwind(AssertUnwindSafe(|| case.run(&new()))).is_err();
    cases.iter().filter(fails).map(|case| case.name).collect()
}

/// The names of those of the named cases that do not fail.
fn passing<S>(cases: &[Case<S>], names: &[&'static str], new: impl Fn() -> S) -> Vec<&'static str> {
    let named = |name: &&str| cases.iter().find(|case| case.name == *name).unwrap();
    let passes =
        |name: &&&'static str| catch_unwind(AssertUnwindSafe(|| named(name).run(&new()))).is_ok();
    names.iter().filter(passes).copied().collect()
}
