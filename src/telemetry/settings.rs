//! Whether traces are sent, and where to: the variables of OpenTelemetry, and behind them a configuration's own words.

use std::time::Duration;

use url::Url;

use crate::base::Secret;

/// Where OTLP over HTTP wants traces, below a collector's address.
const PATH: &str = "v1/traces";
/// How long a request may take, by OpenTelemetry's convention.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The one way of speaking that is compiled in.
const PROTOCOL: &str = "http/protobuf";

/// A collector that a configuration names.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Its address, below which `/v1/traces` is.
    pub address: Url,
    /// Headers that it wants to see, such as a key.
    pub headers: Vec<(String, Secret)>,
}

impl Collector {
    /// Reads an address and headers, of which every line holds one as `name=value`.
    ///
    /// # Errors
    /// What is wrong with the address, or with which line.
    pub fn read(address: &str, headers: &str) -> Result<Self, String> {
        let mut read = Vec::new();
        for (number, line) in headers.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, value) = line.split_once('=').ok_or_else(|| format!("line {} is not `name=value`", number + 1))?;
            let (name, value) = (name.trim(), value.trim());
            if http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err() {
                return Err(format!("line {} cannot be sent as a header", number + 1));
            }
            read.push((name.to_owned(), Secret::new(value.to_owned())));
        }
        Ok(Self { address: usable(address)?, headers: read })
    }
}

/// How traces are sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to, in full.
    pub(super) endpoint: Url,
    /// How long a request may take.
    pub(super) timeout: Duration,
    /// Headers beside those of `OTEL_EXPORTER_OTLP_HEADERS`, which the exporter reads itself and which win.
    pub(super) headers: Vec<(String, Secret)>,
    /// `service.name`, if somebody chose one.
    pub(super) service: Option<String>,
}

/// Traces are wanted, but not in a way that is possible.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{variable}` {what}")]
pub struct Unusable {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl Settings {
    /// Reads the environment through `variable`, and what a configuration says where the environment says nothing. `None` when
    /// traces are not wanted.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(variable: impl Fn(&str) -> Option<String>, collector: Option<&Collector>) -> Result<Option<Self>, Unusable> {
        // By OpenTelemetry's convention an empty variable is none.
        let variable = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
        let is = |name: &str, word: &str| variable(name).is_some_and(|text| text.eq_ignore_ascii_case(word));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let endpoint = match first(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]) {
            Some((name, text)) => {
                let address = usable(&text).map_err(|what| Unusable { variable: name, what })?;
                if name.contains("TRACES") { address } else { below(&address) }
            }
            None => match collector {
                Some(collector) => below(&collector.address),
                None => return Ok(None),
            },
        };
        if let Some((name, protocol)) = first(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"])
            && protocol != PROTOCOL
        {
            return Err(Unusable {
                variable: name,
                what: format!("must be `{PROTOCOL}` (port 4318): nothing else is spoken here"),
            });
        }
        let timeout = match first(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]) {
            Some((name, text)) => {
                let millis =
                    text.parse().map_err(|_| Unusable { variable: name, what: "is no number of milliseconds".to_owned() })?;
                Duration::from_millis(millis)
            }
            None => TIMEOUT,
        };
        let named = |all: String| {
            let mut pairs = all.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| name.trim() == "service.name").map(|(_, value)| value.trim().to_owned())
        };
        Ok(Some(Self {
            endpoint,
            timeout,
            headers: collector.map(|collector| collector.headers.clone()).unwrap_or_default(),
            service: variable("OTEL_SERVICE_NAME").or_else(|| variable("OTEL_RESOURCE_ATTRIBUTES").and_then(named)),
        }))
    }

    /// The collector's address as it may be shown: keys like to hide in queries.
    pub(super) fn shown(&self) -> String {
        let mut shown = self.endpoint.clone();
        shown.set_query(None);
        shown.to_string()
    }
}

fn usable(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            Err("must be an address that begins with `http://` or `https://`".to_owned())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("must hold no password; send one as a header".to_owned())
        }
        Ok(url) => Ok(url),
        Err(why) => Err(format!("is no address: {why}")),
    }
}

fn below(address: &Url) -> Url {
    let mut endpoint = address.clone();
    endpoint.set_path(&format!("{}/{PATH}", address.path().trim_end_matches('/')));
    endpoint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], collector: Option<&Collector>) -> Result<Option<Settings>, Unusable> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::read(variable, collector)
    }

    fn endpoint(variables: &[(&str, &str)], collector: Option<&Collector>) -> Option<String> {
        read(variables, collector).unwrap().map(|settings| settings.endpoint.to_string())
    }

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        assert_eq!(endpoint(&[("OTEL_SERVICE_NAME", "x"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], None), None);
        let on = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(endpoint(&[on], None).as_deref(), Some("http://collector:4318/v1/traces"));
        assert_eq!(endpoint(&[on, ("OTEL_SDK_DISABLED", "TRUE")], None), None);
        assert_eq!(endpoint(&[on, ("OTEL_TRACES_EXPORTER", "none")], None), None);
    }

    #[test]
    fn the_more_special_word_counts() {
        let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://one/otlp/");
        let special = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://two/in?key=k");
        let collector = Collector::read("http://three", "api-key = s=1 \n\nx=y").unwrap();
        assert_eq!(endpoint(&[general], Some(&collector)).as_deref(), Some("https://one/otlp/v1/traces"));
        assert_eq!(endpoint(&[general, special], None).as_deref(), Some("https://two/in?key=k"));
        assert_eq!(read(&[special], None).unwrap().unwrap().shown(), "https://two/in");
        let settings = read(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "250")], Some(&collector)).unwrap().unwrap();
        assert_eq!((settings.endpoint.as_str(), settings.timeout), ("http://three/v1/traces", Duration::from_millis(250)));
        let headers: Vec<_> = settings.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(headers, [("api-key", "s=1"), ("x", "y")]);
        assert!(!format!("{settings:?}").contains("s=1"));
        let named = [general, ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=shop")];
        assert_eq!(read(&named, None).unwrap().unwrap().service.as_deref(), Some("shop"));
        let both = [named[0], named[1], ("OTEL_SERVICE_NAME", "till")];
        assert_eq!(read(&both, None).unwrap().unwrap().service.as_deref(), Some("till"));
    }

    #[test]
    fn what_cannot_be_is_told_with_its_variable() {
        let on = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
        let told = |more: (&'static str, &'static str)| read(&[on, more], None).unwrap_err().to_string();
        insta::assert_snapshot!(told(("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")), @"`OTEL_EXPORTER_OTLP_PROTOCOL` must be `http/protobuf` (port 4318): nothing else is spoken here");
        insta::assert_snapshot!(told(("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")), @"`OTEL_EXPORTER_OTLP_TIMEOUT` is no number of milliseconds");
        insta::assert_snapshot!(told(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318")), @"`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` must be an address that begins with `http://` or `https://`");
        insta::assert_snapshot!(told(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://me:pw@c")), @"`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` must hold no password; send one as a header");
        assert_eq!(Collector::read("http://c", "a=b\nnonsense").unwrap_err(), "line 2 is not `name=value`");
        assert_eq!(Collector::read("http://c", "a b=c").unwrap_err(), "line 1 cannot be sent as a header");
    }
}
