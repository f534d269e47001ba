//! What a script names: the modules that it imports and the files that it opens, read from its text without running it.
//!
//! A small scanner, not a parser: comments, strings, templates and regular expressions are told apart, so that a name inside a
//! comment does not count. A name that is computed at run time cannot be seen; for that the whole folder goes along.

/// Names in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// After `from`, `import` and in `import(…)`, `require(…)`.
    pub(super) imports: Vec<String>,
    /// In `open(…)`, `import.meta.resolve(…)`.
    pub(super) opens: Vec<String>,
    pub(super) has_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

pub(super) fn uses(script: &str) -> Uses {
    let mut uses = Uses::default();
    let mut before: [Token; 2] = [Token::Sign(' '), Token::Sign(' ')];
    let mut scanner = Scanner { rest: script, after_value: false };
    while let Some(token) = scanner.next() {
        if let Token::Text(text) = &token {
            match &before {
                [_, Token::Word(word)] if word == "from" || word == "import" => uses.imports.push(text.clone()),
                [Token::Word(word), Token::Sign('(')] => match word.as_str() {
                    "import" | "require" => uses.imports.push(text.clone()),
                    "open" | "resolve" => uses.opens.push(text.clone()),
                    _ => {}
                },
                _ => {}
            }
        }
        if let ([_, Token::Word(first)], Token::Word(second)) = (&before, &token) {
            uses.has_default |= second == "default" && matches!(first.as_str(), "export" | "as");
        }
        if let ([Token::Word(object), Token::Sign('.')], Token::Word(field)) = (&before, &token) {
            uses.has_default |= object == "module" && field == "exports" || object == "exports" && field == "default";
        }
        let [_, last] = before;
        before = [last, token];
    }
    uses
}

struct Scanner<'a> {
    rest: &'a str,
    /// Whether a `/` here divides, or starts a regular expression.
    after_value: bool,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<Token> {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("//") {
                self.rest = rest.split_once(['\n', '\r']).map_or("", |(_, rest)| rest);
            } else if let Some(rest) = self.rest.strip_prefix("/*") {
                self.rest = rest.split_once("*/").map_or("", |(_, rest)| rest);
            } else {
                break;
            }
        }
        let first = self.rest.chars().next()?;
        if is_word(first) {
            let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
            let word = self.take(end);
            // After these words a value begins, so a “/” is a regular expression.
            self.after_value =
                !matches!(word.as_str(), "return" | "typeof" | "case" | "in" | "of" | "delete" | "void" | "throw" | "new" | "else" | "do" | "await" | "yield");
            return Some(Token::Word(word));
        }
        if matches!(first, '"' | '\'' | '`') {
            self.after_value = true;
            return Some(self.quoted(first));
        }
        if first == '/' && !self.after_value {
            self.regular_expression();
            self.after_value = true;
            return Some(Token::Sign('/'));
        }
        self.take(first.len_utf8());
        self.after_value = matches!(first, ')' | ']' | '}');
        Some(Token::Sign(first))
    }

    fn take(&mut self, bytes: usize) -> String {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken.to_owned()
    }

    /// A string; one with `${…}` in it has no fixed text, and an unclosed one ends with its line.
    fn quoted(&mut self, quote: char) -> Token {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        let mut computed = false;
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    if let Some((_, escaped)) = characters.next() {
                        text.push(escaped);
                    }
                }
                '\n' if quote != '`' => {
                    self.rest = self.rest.get(at..).unwrap_or_default();
                    return Token::Sign(quote);
                }
                c if c == quote => {
                    self.rest = self.rest.get(at.saturating_add(c.len_utf8())..).unwrap_or_default();
                    return if computed { Token::Sign(quote) } else { Token::Text(text) };
                }
                c => {
                    computed |= quote == '`' && c == '{' && text.ends_with('$');
                    text.push(c);
                }
            }
        }
        self.rest = "";
        Token::Sign(quote)
    }

    fn regular_expression(&mut self) {
        let mut in_class = false;
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    characters.next();
                }
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    self.rest = self.rest.get(at.saturating_add(1)..).unwrap_or_default();
                    return;
                }
                '\n' => break,
                _ => {}
            }
        }
        // It was a division after all.
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_file_is_seen() {
        let uses = uses(
            r#"
            import http from 'k6/http';
            import './side-effect.js';
            import { a, b as c } from "./a.js";
            export * from './again.js'; export { d } from '../d.ts';
            const e = require('./e.js');
            const f = await import(`./f.js`);
            const data = new SharedArray('users', () => JSON.parse(open('./users.json')));
            const g = open(import.meta.resolve('./g.csv'), 'b');
            export default function () { return /from '.\/no.js'/.test(x) ? 4 / 2 : open(`./${name}.csv`); }
            // import './comment.js'
            /* require('./block.js') */
            const text = "import './inside.js'";
            "#,
        );
        assert_eq!(uses.imports, ["k6/http", "./side-effect.js", "./a.js", "./again.js", "../d.ts", "./e.js", "./f.js"]);
        assert_eq!(uses.opens, ["./users.json", "./g.csv"]);
        assert!(uses.has_default);
    }

    #[test]
    fn broken_scripts_end() {
        for script in ["import './a.js", "import `./a", "/* never closed import './x.js'", "x = /[/", "'\\", "open(", "😀 import'./é.js'"] {
            uses(script);
        }
        assert_eq!(uses("😀 import'./é.js'").imports, ["./é.js"]);
        assert!(!uses("export const options = {}; const x = {default: 1}").has_default);
        assert!(uses("function f() {}\nexport { f as default };").has_default);
    }
}
