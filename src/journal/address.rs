//! The address of a shared database, read once for both who use it: sqlx here, and the driver in terraform's `pg` backend.
//!
//! What an address leaves out each of them fills in for itself, and not alike: the one would go on unencrypted where the other refuses,
//! the one trusts other certificates than the other, terraform starts in another directory. So it is completed here, and both get the
//! same text, in words that both know (<https://pkg.go.dev/github.com/lib/pq> knows fewer than sqlx).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use super::Error;
use super::database::Place;
use crate::base::Secret;

/// What may stand behind the `?`, in the words of libpq.
const KNOWN: [&str; 11] =
    ["application_name", "dbname", "host", "options", "password", "port", "sslcert", "sslkey", "sslmode", "sslrootcert", "user"];
/// The parameters that name files.
const FILES: [(&str, &str); 3] = [("sslcert", "PGSSLCERT"), ("sslkey", "PGSSLKEY"), ("sslrootcert", "PGSSLROOTCERT")];
/// What `sslmode` may be. terraform's driver has no `allow` and no `prefer`, which would leave it to whoever listens.
const MODES: [&str; 4] = ["disable", "require", "verify-ca", "verify-full"];
/// What an address is made of that has no `sslmode`: the least that terraform's driver takes by itself.
const MODE: &str = "require";

const SHAPE: &str = "write it as `postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full`, with \
    `: / ? # @ %` in user, password or database as `%3A %2F %3F %23 %40 %25`";

/// Where the address of a shared database is written.
#[derive(Clone, Debug)]
pub enum Source {
    /// Nowhere that could change.
    Given(Secret),
    /// In a file, which is read again when the server lets nobody in any more.
    File(PathBuf),
}

impl Source {
    /// The address as it stands there now.
    ///
    /// # Errors
    /// [`Error::Address`]: the file cannot be read.
    pub(super) fn read(&self) -> Result<Secret, Error> {
        match self {
            Self::Given(address) => Ok(address.clone()),
            Self::File(path) => {
                let wrong = |why| Error::Address { why: format!("`{}` cannot be read: {why}", path.display()) };
                std::fs::read_to_string(path).map(|text| Secret::new(text.trim().to_owned())).map_err(wrong)
            }
        }
    }
}

/// An address that is sound and complete.
pub(super) struct Address {
    /// For sqlx and for terraform.
    pub(super) url: Url,
    /// The same without what nobody may see.
    pub(super) place: Place,
}

impl Address {
    /// Reads an address. `variable` looks up libpq's environment variables, which fill in what the address leaves out.
    ///
    /// # Errors
    /// [`Error::Address`], which shows nothing of what it is about but names of parameters and files.
    pub(super) fn parse(text: &Secret, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut all = parts(text.expose())?;
        let known = |name: &str| variable(name).filter(|value| !value.is_empty());
        let default = |all: &mut BTreeMap<String, String>, key: &str, value: Option<String>| {
            if let (false, Some(value)) = (all.contains_key(key), value) {
                all.insert(key.to_owned(), value);
            }
        };
        for (key, name) in [("port", "PGPORT"), ("user", "PGUSER"), ("dbname", "PGDATABASE")] {
            default(&mut all, key, known(name));
        }
        default(&mut all, "host", known("PGHOST").or_else(|| Some("localhost".to_owned())));
        default(&mut all, "application_name", known("PGAPPNAME").or_else(|| Some("aksight".to_owned())));
        for (key, name) in FILES {
            default(&mut all, key, known(name));
            if let Some(path) = all.get_mut(key) {
                *path = readable(key, path)?;
            }
        }
        if all.contains_key("sslcert") != all.contains_key("sslkey") {
            return Err(wrong("`sslcert` and `sslkey` belong together"));
        }
        let host = all.get("host").cloned().unwrap_or_default();
        if host.contains(',') {
            return Err(wrong("it names several hosts; name one that leads to whoever may be written to"));
        }
        let mode = mode(&all, known("PGSSLMODE"), host.starts_with('/'))?;
        all.insert("sslmode".to_owned(), mode);
        let place = Place::shared(&host, all.get("port").map(String::as_str), all.get("dbname").map(String::as_str));
        let mut url = Url::parse("postgres:///").map_err(|_| wrong(SHAPE))?;
        url.query_pairs_mut().extend_pairs(&all);
        Ok(Self { url, place })
    }
}

fn wrong(why: &str) -> Error {
    Error::Address { why: why.to_owned() }
}

/// The address as parameters.
fn parts(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    let url = url.ok_or_else(|| wrong(SHAPE))?;
    let strays = |text: &str| text.contains('@');
    if url.fragment().is_some() || strays(url.path()) || url.query_pairs().any(|(key, _)| strays(&key)) {
        return Err(wrong(SHAPE));
    }
    let plain = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| wrong(SHAPE));
    let mut all = BTreeMap::new();
    let given = [
        ("user", Some(url.username())),
        ("password", url.password()),
        ("host", url.host_str()),
        ("dbname", Some(url.path().trim_start_matches('/'))),
    ];
    for (key, value) in given {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.insert(key.to_owned(), plain(value)?);
        }
    }
    if let Some(port) = url.port() {
        all.insert("port".to_owned(), port.to_string());
    }
    for (key, value) in url.query_pairs() {
        if !KNOWN.contains(&&*key) {
            let why = format!("`{key}` is no parameter that both aksight and terraform know; those are {}", KNOWN.join(", "));
            return Err(Error::Address { why });
        }
        all.insert(key.into_owned(), value.into_owned());
    }
    Ok(all)
}

/// How encrypted the way shall be.
fn mode(all: &BTreeMap<String, String>, variable: Option<String>, local: bool) -> Result<String, Error> {
    let said = all.get("sslmode").cloned().or(variable);
    let mode = said.unwrap_or_else(|| MODE.to_owned());
    if !MODES.contains(&mode.as_str()) {
        return Err(Error::Address { why: format!("`sslmode` must be one of {}", MODES.join(", ")) });
    }
    Ok(match mode.as_str() {
        // Nobody encrypts what does not leave the machine.
        _ if local => "disable".to_owned(),
        // libpq and terraform's driver take a certificate that is named as one to be checked.
        "require" if all.contains_key("sslrootcert") => "verify-ca".to_owned(),
        _ => mode,
    })
}

/// A file that a parameter names, from the root: terraform runs elsewhere.
fn readable(key: &str, path: &str) -> Result<String, Error> {
    let wrong = |why| Error::Address { why: format!("`{key}` names `{path}`, which cannot be read: {why}") };
    let absolute = std::path::absolute(Path::new(path)).map_err(wrong)?;
    std::fs::File::open(&absolute).map_err(wrong)?;
    Ok(absolute.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, variables: &[(&str, &str)]) -> Result<Address, Error> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Address::parse(&Secret::new(text.to_owned()), &variable)
    }

    fn told(text: &str, variables: &[(&str, &str)]) -> String {
        match parsed(text, variables) {
            Ok(address) => format!("{}\n{}", address.place, percent_decode_str(address.url.as_str()).decode_utf8().unwrap()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_left_out_is_said_so_that_both_readers_take_it_alike() {
        insta::assert_snapshot!(told("postgres://ada:p%40%2Fs@db.example:6432/aksight", &[]), @r"
        PostgreSQL at db.example:6432/aksight
        postgres:///?application_name=aksight&dbname=aksight&host=db.example&password=p@/s&port=6432&sslmode=require&user=ada
        ");
        insta::assert_snapshot!(told("postgres:///x", &[("PGHOST", "db"), ("PGUSER", "ada"), ("PGSSLMODE", "verify-full")]), @r"
        PostgreSQL at db/x
        postgres:///?application_name=aksight&dbname=x&host=db&sslmode=verify-full&user=ada
        ");
        // Nothing is encrypted within a machine, whatever is said.
        insta::assert_snapshot!(told("postgres://ada@%2Frun%2Fpg/x?sslmode=verify-full", &[]), @r"
        PostgreSQL at a local socket/x
        postgres:///?application_name=aksight&dbname=x&host=/run/pg&sslmode=disable&user=ada
        ");
    }

    #[test]
    fn a_certificate_that_is_named_is_checked_and_found_from_everywhere() {
        let relative = told("postgres://h/x?sslrootcert=Cargo.toml&sslmode=require", &[]);
        let absolute = std::path::absolute("Cargo.toml").unwrap();
        assert!(relative.contains(&format!("sslmode=verify-ca&sslrootcert={}", absolute.display())), "{relative}");
        assert!(
            told("postgres://h/x", &[("PGSSLROOTCERT", "/none.pem")])
                .contains("`sslrootcert` names `/none.pem`, which cannot be read")
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for text in [
            "postgres://ada:hunter#2@h/x",
            "postgres://ada:hun@t/er@h/x",
            "postgres://ada:1234?hunter@h/x",
            "postgres://ada:hun/ter@h/x",
            "mysql://h/hunter",
        ] {
            let told = told(text, &[]);
            assert!(told.contains("as `%3A") && !told.contains("hun") && !told.contains("ter@"), "{told}");
        }
        assert!(told("postgres://h1,h2/x", &[]).contains("several hosts"));
        assert!(told("postgres://h/x?sslcert=Cargo.toml", &[]).contains("belong together"));
        assert!(told("postgres://h/x?sslmode=prefer", &[]).contains("`sslmode` must be one of disable, require"));
        let unknown = told("postgres://h/x?channel_binding=hunter2", &[]);
        assert!(unknown.contains("`channel_binding` is no parameter") && !unknown.contains("hunter"), "{unknown}");
    }
}
