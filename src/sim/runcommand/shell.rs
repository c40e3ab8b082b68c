//! A small shell: words, quotes, `&&`, `||`, `;`, new lines, and output thrown away. What it cannot do it says, and fails.

/// How a command depends on the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It runs in any case.
    Always,
    /// It runs if the one before succeeded.
    Success,
    /// It runs if the one before failed.
    Failure,
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// When it runs.
    pub after: After,
    /// Its words, unquoted.
    pub words: Vec<String>,
    /// Whether its standard output is thrown away.
    pub silent: bool,
    /// Whether its error output is thrown away.
    pub quiet: bool,
}

/// Why a text is not a command line for this shell; the text a shell prints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("/bin/sh: {0}")]
pub struct Unreadable(String);

/// Splits a text into commands.
///
/// # Errors
/// An open quote, or something this shell does not do: pipes, expansions, redirections other than to `/dev/null` and `2>&1`.
pub fn parse(text: &str) -> Result<Vec<Command>, Unreadable> {
    let mut commands = Vec::new();
    let mut after = After::Always;
    let mut words: Vec<Word> = Vec::new();
    for token in tokens(text)? {
        match token {
            Token::Word(word) => words.push(word),
            Token::Then(next) => {
                if !words.is_empty() {
                    commands.push(command(after, std::mem::take(&mut words))?);
                } else if next != After::Always {
                    return Err(Unreadable("syntax error: unexpected operator".to_owned()));
                }
                after = next;
            }
        }
    }
    if !words.is_empty() {
        commands.push(command(after, words)?);
    } else if after != After::Always {
        return Err(Unreadable("syntax error: unexpected end of file".to_owned()));
    }
    Ok(commands)
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    quoted: bool,
}

enum Token {
    Word(Word),
    Then(After),
}

fn command(after: After, words: Vec<Word>) -> Result<Command, Unreadable> {
    let mut command = Command { after, words: Vec::new(), silent: false, quiet: false };
    for word in words {
        match word.text.as_str() {
            _ if word.quoted => command.words.push(word.text),
            "2>/dev/null" => command.quiet = true,
            ">/dev/null" | "1>/dev/null" => command.silent = true,
            "2>&1" => {}
            text if text.contains('>') || text.contains('<') => {
                return Err(Unreadable(format!("{text}: only redirections to /dev/null work in this rehearsal")));
            }
            _ => command.words.push(word.text),
        }
    }
    Ok(command)
}

fn tokens(text: &str) -> Result<Vec<Token>, Unreadable> {
    let mut found = Vec::new();
    let mut word: Option<Word> = None;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                word.quoted = true;
                quoted(c, &mut letters, &mut word.text)?;
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().text.push(next),
            },
            '$' | '`' => return Err(Unreadable(format!("`{c}`: expansions do not work in this rehearsal"))),
            // The ampersand of a redirection belongs to its word.
            '&' if word.as_ref().is_some_and(|word| word.text.ends_with('>')) => word.get_or_insert_default().text.push('&'),
            ' ' | '\t' if word.as_ref().is_some_and(|word| !word.quoted && word.text.ends_with('>')) => {}
            ' ' | '\t' | '\n' | ';' | '&' | '|' => {
                found.extend(word.take().map(Token::Word));
                match (c, letters.peek()) {
                    (' ' | '\t', _) => {}
                    ('&', Some('&')) => {
                        letters.next();
                        found.push(Token::Then(After::Success));
                    }
                    ('|', Some('|')) => {
                        letters.next();
                        found.push(Token::Then(After::Failure));
                    }
                    ('\n', _) if matches!(found.last(), Some(Token::Then(_)) | None) => {}
                    ('\n' | ';', _) => found.push(Token::Then(After::Always)),
                    _ => return Err(Unreadable(format!("`{c}`: pipes and background jobs do not work in this rehearsal"))),
                }
            }
            '#' if word.is_none() => while letters.next_if(|c| *c != '\n').is_some() {},
            _ => word.get_or_insert_default().text.push(c),
        }
    }
    found.extend(word.map(Token::Word));
    Ok(found)
}

fn quoted(quote: char, letters: &mut std::iter::Peekable<std::str::Chars>, text: &mut String) -> Result<(), Unreadable> {
    while let Some(c) = letters.next() {
        match c {
            _ if c == quote => return Ok(()),
            '\\' if quote == '"' => match letters.next() {
                Some(next @ ('"' | '\\' | '$' | '`')) => text.push(next),
                Some('\n') => {}
                Some(next) => {
                    text.push('\\');
                    text.push(next);
                }
                None => break,
            },
            '$' | '`' if quote == '"' => return Err(Unreadable(format!("`{c}`: expansions do not work in this rehearsal"))),
            _ => text.push(c),
        }
    }
    Err(Unreadable("syntax error: unterminated quoted string".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(After, Vec<String>)> {
        parse(text).unwrap().into_iter().map(|command| (command.after, command.words)).collect()
    }

    #[test]
    fn lists_and_quotes() {
        assert_eq!(
            words("kubectl apply -f cm.yaml && echo 'a b' \"c\\\"d\"; x || y\nz"),
            [
                (After::Always, vec!["kubectl".to_owned(), "apply".into(), "-f".into(), "cm.yaml".into()]),
                (After::Success, vec!["echo".into(), "a b".into(), "c\"d".into()]),
                (After::Always, vec!["x".into()]),
                (After::Failure, vec!["y".into()]),
                (After::Always, vec!["z".into()]),
            ]
        );
    }

    #[test]
    fn redirections_to_nowhere() {
        let commands = parse("a 2>/dev/null; b > /dev/null 2>&1; c '>x'").unwrap();
        assert_eq!((commands[0].quiet, commands[1].silent, commands[2].words.len()), (true, true, 2));
    }

    #[test]
    fn what_it_cannot_do_it_says() {
        for text in ["a | b", "a &", "echo $X", "echo \"$(x)\"", "a > f", "echo 'x", "a &&", "&& a"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
