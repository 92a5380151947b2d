//! What is said, and where: data on stdout, narration on stderr. Nobody else writes to either.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

use super::{Failure, region};
use crate::secret::masked;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Volume {
    /// Errors only.
    Quiet,
    /// What people want to know.
    Normal,
    /// What plugins log, too.
    Verbose,
}

/// Speaks to the person, or the program, that called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ui {
    volume: Volume,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For what somebody should look at.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();
/// For what was successful.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// For what failed.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// For what is less important.
pub(super) const DIM: Style = Style::new().dimmed();

/// For the headings of a help text.
pub(super) const HEADING: Style = Style::new().bold().underline();
/// For what is to be typed as it stands.
pub(super) const NAME: Style = Style::new().bold();

/// A text in a style; without colour where there is no terminal.
pub(super) fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

impl Ui {
    /// One that says so much.
    #[must_use]
    pub(super) fn new(volume: Volume) -> Self {
        Self { volume }
    }

    /// How much is said.
    #[must_use]
    pub(super) fn volume(self) -> Volume {
        self.volume
    }

    /// Writes data, with a line end.
    ///
    /// # Errors
    /// stdout cannot be written; a reader that has gone away ends the command silently.
    pub(super) fn data(self, text: impl fmt::Display) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(())
    }

    /// Writes data as JSON.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub(super) fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(text),
            Err(error) => Err(Failure::new(format!("cannot write JSON: {error}"))),
        }
    }

    /// Writes data as it is.
    ///
    /// # Errors
    /// As [`Self::data`], or the data cannot be read.
    pub(super) fn copy(self, mut data: impl io::Read) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        io::copy(&mut data, &mut out)?;
        out.flush()?;
        Ok(())
    }

    /// Tells what happens.
    pub(super) fn say(self, text: impl fmt::Display) {
        if self.volume >= Volume::Normal {
            tell(text);
        }
    }

    /// Tells what somebody should know.
    pub(super) fn warn(self, text: impl fmt::Display) {
        if self.volume >= Volume::Normal {
            tell(format_args!("{} {text}", styled(WARNING, "warning:")));
        }
    }

    /// Tells what to do next.
    pub(super) fn hint(self, text: impl fmt::Display) {
        if self.volume >= Volume::Normal {
            tell(format_args!("{} {text}", styled(HINT, "hint:")));
        }
    }

    /// Tells why a command failed. Where there is nobody to tell, there is nothing to do about it.
    pub(super) fn fail(self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        tell(format_args!("{} {}", styled(ERROR, "error:"), failure.message));
        if let Some(hint) = &failure.hint {
            tell(format_args!("\n{} {hint}", styled(HINT, "hint:")));
        }
    }

    /// Whether a person reads stderr at a terminal.
    #[must_use]
    pub(super) fn is_watched(self) -> bool {
        self.volume >= Volume::Normal && io::stderr().is_terminal()
    }

    /// Whether that terminal can show lines that change.
    #[must_use]
    pub(super) fn can_redraw(self) -> bool {
        self.is_watched() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
    }
}

/// Whatever is told comes by here, so that no secret gets out.
fn tell(text: impl fmt::Display) {
    region::say(&masked(text.to_string()));
}
