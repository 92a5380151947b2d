//! Follows a shell command, as much of it as decides which quotes are open.

use std::collections::VecDeque;

use super::Place;
use super::here_document::{Body, Delimiter};

#[derive(Debug, Default)]
pub(in crate::pipeline) struct Scanner {
    /// What is open, innermost last. Nothing: plain commands.
    open: Vec<Open>,
    /// Here-documents whose bodies start at the next line.
    pending: VecDeque<Body>,
    is_escaped: bool,
    /// The last characters read, newest last, and `PLAIN` for those that mean nothing here.
    before: [char; 5],
    /// The first of the two parentheses that end `$((…))` has been read: the second must follow.
    is_half_closed: bool,
    /// What has been met that shells differ on, or that only a full parser could follow.
    lost: Option<&'static str>,
}

const HALF_CLOSED: &str = "behind a single `)` within `$((…))`";

/// Stands in `before` for whatever is no part of an operator or keyword.
const PLAIN: char = 'v';

#[derive(Debug, PartialEq)]
enum Open {
    Single,
    /// `$'…'`: not in every shell, but some `sh` know it.
    Dollar,
    Double,
    /// `${…}` in double quotes.
    Expansion,
    /// `${…}` elsewhere.
    Braces,
    Backticks,
    Comment,
    /// `$(…)` or `(…)`.
    Parentheses,
    /// `$((…))`.
    Arithmetic,
    /// The word after `<<`.
    Delimiter(Delimiter),
    HereDocument(Body),
}

impl Scanner {
    pub(in crate::pipeline) fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    /// Passes over a value and says where it stands.
    pub(in crate::pipeline) fn pass_value(&mut self) -> Place {
        let place = self.place();
        self.before = [PLAIN; 5];
        self.is_escaped = false;
        place
    }

    fn place(&self) -> Place {
        if self.is_escaped {
            return Place::Obstacle("right behind a backslash");
        }
        if let Some(obstacle) = self.lost {
            return Place::Obstacle(obstacle);
        }
        if self.is_half_closed {
            return Place::Obstacle(HALF_CLOSED);
        }
        match self.open.last() {
            Some(Open::Single) => Place::SingleQuotes,
            Some(Open::Comment) => Place::Comment,
            Some(Open::Backticks) => Place::Obstacle("within backticks"),
            Some(Open::Dollar) => Place::Obstacle("within `$'…'`"),
            Some(Open::Expansion | Open::Braces) => Place::Obstacle("within `${…}`"),
            // Quotes mean nothing there, and `$(` does: a value would be run.
            Some(Open::Arithmetic) => Place::Obstacle("within `$((…))`"),
            Some(Open::HereDocument(_)) => Place::Obstacle("in a here-document"),
            Some(Open::Delimiter(_)) => Place::Obstacle("as the end mark of a here-document"),
            _ if self.follows("$") => Place::Obstacle("right behind a `$`"),
            Some(Open::Double) => Place::DoubleQuotes,
            _ if self.follows("<<") => Place::Obstacle("as the end mark of a here-document"),
            None | Some(Open::Parentheses) => Place::Word,
        }
    }

    fn step(&mut self, c: char) {
        let was_escaped = std::mem::take(&mut self.is_escaped);
        if std::mem::take(&mut self.is_half_closed) && c != ')' {
            self.lost = Some(HALF_CLOSED);
        }
        match self.open.last_mut() {
            Some(Open::Single) => self.until('\'', c),
            Some(Open::Comment) => self.until('\n', c),
            Some(Open::Backticks) => self.until_unescaped('`', c, was_escaped),
            Some(Open::Dollar) => self.dollar(c, was_escaped),
            Some(Open::Double | Open::Expansion) if was_escaped => {}
            Some(Open::Double) => self.double(c),
            Some(Open::Expansion) => self.expansion(c),
            Some(Open::Braces) => self.braces(c, was_escaped),
            Some(Open::Delimiter(_)) => self.delimiter(c),
            Some(Open::HereDocument(body)) => {
                if body.ends_with(c) {
                    self.close();
                    self.newline();
                }
            }
            Some(Open::Arithmetic) => self.arithmetic(c, was_escaped),
            None | Some(Open::Parentheses) => self.command(c, was_escaped),
        }
        match c {
            // A line that goes on: the shell takes out both characters.
            '\n' if was_escaped => {}
            // What it is depends on the next character.
            '\\' if self.is_escaped => {}
            _ => self.remember(if was_escaped { PLAIN } else { c }),
        }
    }

    fn remember(&mut self, c: char) {
        // `$$` is the number of the shell's process: its second character begins nothing.
        let c = if c == '$' && self.follows("$") { PLAIN } else { c };
        self.before.rotate_left(1);
        self.before[4] = c;
        // A here-string has no body to look out for.
        if self.follows("<<<") {
            self.before = [PLAIN; 5];
        }
    }

    /// Whether these were the last characters.
    fn follows(&self, text: &str) -> bool {
        let start = self.before.len() - text.len();
        self.before[start..].iter().copied().eq(text.chars())
    }

    fn close(&mut self) {
        self.open.pop();
    }

    fn until(&mut self, end: char, c: char) {
        if c == end {
            self.close();
        }
        if c == '\n' && end == '\n' {
            self.newline();
        }
    }

    fn until_unescaped(&mut self, end: char, c: char, was_escaped: bool) {
        if !was_escaped && c == end {
            self.close();
        }
        self.is_escaped = c == '\\' && !was_escaped;
    }

    fn dollar(&mut self, c: char, was_escaped: bool) {
        if was_escaped && c == '\'' {
            self.lost = Some("behind `\\'` within `$'…'`, which shells read differently");
        }
        self.until_unescaped('\'', c, was_escaped);
    }

    fn expansion(&mut self, c: char) {
        match c {
            '"' | '\'' => self.lost = Some("behind quotes within `${…}` in double quotes"),
            '}' => self.close(),
            _ => self.double(c),
        }
    }

    fn double(&mut self, c: char) {
        match c {
            '"' => self.close(),
            '\\' => self.is_escaped = true,
            '`' => self.open.push(Open::Backticks),
            '(' if self.follows("$") => self.open.push(Open::Parentheses),
            '{' if self.follows("$") => self.open.push(Open::Expansion),
            _ => {}
        }
    }

    fn braces(&mut self, c: char, was_escaped: bool) {
        match c {
            _ if was_escaped => {}
            '}' => self.close(),
            '\\' => self.is_escaped = true,
            '\'' if self.follows("$") => self.open.push(Open::Dollar),
            '\'' => self.open.push(Open::Single),
            '"' => self.open.push(Open::Double),
            '`' => self.open.push(Open::Backticks),
            '(' if self.follows("$") => self.open.push(Open::Parentheses),
            '{' if self.follows("$") => self.open.push(Open::Braces),
            _ => {}
        }
    }

    fn arithmetic(&mut self, c: char, was_escaped: bool) {
        match c {
            // It may be `$( (…) )`, written without the space.
            '\'' | '"' | '`' | '#' | '\\' | '\n' => {
                self.lost = Some("behind `$((…))` with more in it than a calculation");
            }
            _ => self.command(c, was_escaped),
        }
    }

    /// A character outside of quotes.
    fn command(&mut self, c: char, was_escaped: bool) {
        // In arithmetic, `<<` shifts.
        if self.follows("<<") && c != '<' && self.open.last() != Some(&Open::Arithmetic) {
            self.open.push(Open::Delimiter(Delimiter::default()));
            return self.delimiter(c);
        }
        match c {
            _ if was_escaped => {}
            '\\' => self.is_escaped = true,
            '\'' if self.follows("$") => self.open.push(Open::Dollar),
            '\'' => self.open.push(Open::Single),
            '"' => self.open.push(Open::Double),
            '`' => self.open.push(Open::Backticks),
            '#' if starts_word(self.before[4]) => self.open.push(Open::Comment),
            '(' if self.follows("$(") => self.open.push(Open::Arithmetic),
            '(' if self.open.last() == Some(&Open::Arithmetic) => self.open.push(Open::Arithmetic),
            '(' => self.open.push(Open::Parentheses),
            '{' if self.follows("$") => self.open.push(Open::Braces),
            ')' => {
                let was_arithmetic = self.open.pop() == Some(Open::Arithmetic);
                self.is_half_closed = was_arithmetic && self.open.last() != Some(&Open::Arithmetic);
            }
            '\n' => self.newline(),
            _ => {}
        }
        let is_case = self.follows("case") && starts_word(self.before[0]);
        if is_case && c.is_whitespace() && !self.open.is_empty() {
            self.lost = Some("behind `case` within parentheses, whose ends cannot be told apart");
        }
    }

    /// A line of commands has ended: the first here-document that it announced begins.
    fn newline(&mut self) {
        if self.open.last() == Some(&Open::Arithmetic) {
            self.lost =
                Some("behind a line break within `$((…))`, which may be commands after all");
        }
        if let Some(body) = self.pending.pop_front() {
            self.open.push(Open::HereDocument(body));
        }
    }

    fn delimiter(&mut self, c: char) {
        let Some(Open::Delimiter(delimiter)) = self.open.last_mut() else { return };
        if delimiter.ends_with(c) {
            self.pending.push_back(delimiter.body());
            self.close();
            self.before = [PLAIN; 5];
            self.command(c, false);
        }
    }
}

/// Whether a new word starts behind this character.
fn starts_word(before: char) -> bool {
    matches!(before, '\0' | ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' | '`')
}
