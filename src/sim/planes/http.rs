//! Between the server's types and an [`exchange`](super::exchange).

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::exchange::{Answer, Request};

/// The largest body that is read; Kubernetes objects end well before it.
const LARGEST: usize = 16 << 20;

/// Reads a request; `path` is what is left below the plane's own address.
///
/// # Errors
/// 413 when the body is too large or breaks off.
pub async fn read(path: &str, request: axum::extract::Request) -> Result<Request, Response> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let agent = text(&request, header::USER_AGENT);
    let content_type = text(&request, header::CONTENT_TYPE);
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let method = request.method().as_str().to_owned();
    let body = to_bytes(request.into_body(), LARGEST).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
    Ok(Request {
        method,
        path: format!("/{}", path.trim_start_matches('/')),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        agent,
        content_type,
        body: body.to_vec(),
    })
}

fn text(request: &axum::extract::Request, name: header::HeaderName) -> String {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request as HttpRequest;

    use super::*;

    #[tokio::test]
    async fn a_form_is_read_and_an_answer_written() {
        let request = HttpRequest::builder()
            .method("POST")
            .uri("/prometheus/x/api/v1/query?time=5&query=a")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(Body::from("query=count%28up%29"))
            .unwrap();
        let request = read("api/v1/query", request).await.unwrap();
        assert_eq!(request.parameter("query").as_deref(), Some("count(up)"));
        assert_eq!(request.parameter("time").as_deref(), Some("5"));
        assert_eq!(request.segments(), ["api", "v1", "query"]);
        let response = Answer::json(403, &serde_json::json!({})).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (403, &HeaderValue::from_static("application/json"))
        );
    }
}
