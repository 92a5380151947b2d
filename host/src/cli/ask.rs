//! Asking before something is removed that cannot be brought back.

use std::io::{self, IsTerminal as _, Write as _};

use super::context::Context;
use super::{Failure, exit_code};

/// Whether it was agreed to on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// `--yes`
    Given,
    /// Whoever sits at the terminal is asked.
    Asked,
}

impl Consent {
    /// What `--yes` says.
    #[must_use]
    pub(super) fn of(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Asked }
    }
}

/// Asks, unless it was agreed to already.
///
/// # Errors
/// It was refused; or there is nobody to ask.
pub(super) fn confirm(context: &Context, question: &str, consent: Consent) -> Result<(), Failure> {
    if consent == Consent::Given {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage("nobody can be asked here, and nothing was removed")
            .hint("add --yes to remove without a question"));
    }
    let mut answer = String::new();
    write!(anstream::stderr().lock(), "{question} [y/N] ")
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| Failure::new(format!("cannot ask: {error}")))?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    context.ui.say("Nothing was removed.");
    Err(Failure::silent(exit_code::FAILED))
}
