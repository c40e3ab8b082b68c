//! The page: files that are compiled in, for anybody. What they show, they ask for with the reader's token.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// Nothing but what comes from here, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! script {
    ($name:literal) => {
        (concat!("/", $name), SCRIPT, include_str!(concat!("../page/", $name)))
    };
}

/// Path, type and text of every file.
const FILES: [(&str, &str, &str); 13] = [
    ("/", HTML, include_str!("../page/index.html")),
    ("/page.css", STYLE, include_str!("../page/page.css")),
    script!("api.js"),
    script!("dom.js"),
    script!("fleet.js"),
    script!("graph.js"),
    script!("live.js"),
    script!("page.js"),
    script!("plan.js"),
    script!("report.js"),
    script!("run.js"),
    script!("stack.js"),
    script!("words.js"),
];

/// The routes of the page.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .iter()
        .fold(Router::new(), |router, &(path, kind, text)| router.route(path, get(move || async move { file(kind, text) })))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let fixed = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, kind),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        // A daemon that was renewed brings a page that was renewed.
        fixed(header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file names is there, and none is there that nobody names.
    #[test]
    fn every_file_that_is_asked_for_is_served() {
        let all = &FILES;
        let named = |name: &str| {
            all.iter().any(|(_, _, text)| text.contains(&format!("\"{name}\"")) || text.contains(&format!("\".{name}\"")))
        };
        for (path, _, text) in all {
            assert!(*path == "/" || named(path), "{path}");
            for import in text.lines().filter_map(|line| line.strip_prefix("import ")?.split('"').nth(1)) {
                assert!(all.iter().any(|(path, _, _)| import == format!(".{path}")), "{path}: {import}");
            }
            // Text from the daemon never becomes markup.
            assert!(!text.contains("innerHTML") && !text.contains("style=\""), "{path}");
        }
    }
}
