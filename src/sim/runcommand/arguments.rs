//! kubectl's command line, as far as the interpreter understands it.

use std::collections::BTreeMap;

/// A parsed command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Words that are not flags.
    pub words: Vec<String>,
    flags: BTreeMap<&'static str, Vec<String>>,
}

/// (long name, short name, whether it takes a value)
const FLAGS: &[(&str, Option<char>, bool)] = &[
    ("namespace", Some('n'), true),
    ("output", Some('o'), true),
    ("filename", Some('f'), true),
    ("selector", Some('l'), true),
    ("patch", Some('p'), true),
    ("all-namespaces", Some('A'), false),
    ("field-selector", None, true),
    ("type", None, true),
    ("patch-file", None, true),
    ("timeout", None, true),
    ("request-timeout", None, true),
    ("field-manager", None, true),
    ("ignore-not-found", None, false),
    ("overwrite", None, false),
    ("server-side", None, false),
    ("force-conflicts", None, false),
    ("force", None, false),
    ("wait", None, false),
    ("watch", Some('w'), false),
    ("no-headers", None, false),
    ("validate", None, false),
    ("show-managed-fields", None, false),
    ("client", None, false),
];

impl Arguments {
    /// Parses the words after `kubectl`.
    ///
    /// # Errors
    /// What kubectl prints about a flag it does not know or that lacks its value.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (flag, given) = if let Some(long) = word.strip_prefix("--") {
                let (name, given) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
                let flag =
                    FLAGS.iter().find(|(known, ..)| *known == name).ok_or_else(|| format!("error: unknown flag: --{name}"))?;
                (flag, given)
            } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                let letter = short.chars().next().unwrap_or_default();
                let flag = FLAGS.iter().find(|(_, known, _)| *known == Some(letter));
                let flag = flag.ok_or_else(|| format!("error: unknown shorthand flag: '{letter}' in -{short}"))?;
                let attached =
                    short.get(letter.len_utf8()..).map(|rest| rest.trim_start_matches('=')).filter(|rest| !rest.is_empty());
                (flag, attached.map(str::to_owned))
            } else {
                arguments.words.push(word.clone());
                continue;
            };
            let value = match (given, flag.2) {
                (Some(value), _) => value,
                (None, false) => "true".to_owned(),
                (None, true) => rest.next().cloned().ok_or_else(|| format!("error: flag needs an argument: --{}", flag.0))?,
            };
            arguments.flags.entry(flag.0).or_default().push(value);
        }
        Ok(arguments)
    }

    /// The last value of a flag.
    pub fn value(&self, flag: &str) -> Option<&str> {
        self.flags.get(flag)?.last().map(String::as_str)
    }

    /// Every value of a flag.
    pub fn values(&self, flag: &str) -> &[String] {
        self.flags.get(flag).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a switch is on.
    pub fn is_set(&self, flag: &str) -> bool {
        self.value(flag) == Some("true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_all_spellings() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let parsed =
            Arguments::parse(&words("-n kube-system get cm,pods x --ignore-not-found -ojson --output=yaml -lapp=x")).unwrap();
        assert_eq!(parsed.words, ["get", "cm,pods", "x"]);
        assert_eq!(
            (parsed.value("namespace"), parsed.value("output"), parsed.value("selector")),
            (Some("kube-system"), Some("yaml"), Some("app=x"))
        );
        assert!(parsed.is_set("ignore-not-found"));
        assert!(Arguments::parse(&words("get --nonsense")).unwrap_err().contains("unknown flag: --nonsense"));
        assert!(Arguments::parse(&words("get -o")).is_err());
    }
}
