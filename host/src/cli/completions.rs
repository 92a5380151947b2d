//! `sundae completions`

use clap::Args;
use clap_complete::Shell;

use super::Failure;
use super::context::Context;

/// Print what a shell needs to complete commands
///
/// Example: sundae completions bash > ~/.local/share/bash-completion/completions/sundae
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(None), "sundae", &mut script);
        context.ui.data(String::from_utf8_lossy(&script).trim_end())
    }
}
