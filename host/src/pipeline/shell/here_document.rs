//! Here-documents: the word behind `<<`, and the lines up to that word.

/// The word behind `<<`, as it is read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Delimiter {
    word: String,
    quote: Option<char>,
    is_escaped: bool,
    /// Whether it was `<<-`.
    is_indented: bool,
    has_begun: bool,
    has_word: bool,
}

impl Delimiter {
    /// Takes the next character, or says that it no longer belongs to the word.
    pub(super) fn ends_with(&mut self, c: char) -> bool {
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        if let Some(quote) = self.quote {
            if c == quote {
                self.quote = None;
            } else {
                self.word.push(c);
            }
            return false;
        }
        let was_escaped = std::mem::take(&mut self.is_escaped);
        match c {
            _ if was_escaped => self.word.push(c),
            '-' if !has_begun => {
                self.is_indented = true;
                return false;
            }
            ' ' | '\t' => return self.has_word,
            '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => return true,
            '\\' => self.is_escaped = true,
            '\'' | '"' => self.quote = Some(c),
            _ => self.word.push(c),
        }
        self.has_word = true;
        false
    }

    /// The body that the word will end.
    pub(super) fn body(&mut self) -> Body {
        let delimiter = std::mem::take(&mut self.word);
        Body { delimiter, is_indented: self.is_indented, line: String::new() }
    }
}

/// The body of a here-document, as it is read.
#[derive(Debug, PartialEq)]
pub(super) struct Body {
    delimiter: String,
    is_indented: bool,
    line: String,
}

impl Body {
    /// Takes the next character, and says whether it ends the last line.
    pub(super) fn ends_with(&mut self, c: char) -> bool {
        if c != '\n' {
            self.line.push(c);
            return false;
        }
        let line = std::mem::take(&mut self.line);
        let line = if self.is_indented { line.trim_start_matches('\t') } else { &line };
        line == self.delimiter
    }
}
