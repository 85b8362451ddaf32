//! What the probe tries with HTTP, and its answers.

use serde_json::{Value, json};
use wasip3::http::client;
use wasip3::http::types::{Fields, Request, RequestOptions, RequestOptionsError, Response, Scheme};
use wasip3::{wit_future, wit_stream};

use super::Query;

/// The request's headers, with URL and authority, as the component sees them.
pub fn headers(request: &Request) -> Value {
    let headers = request.get_headers().copy_all().into_iter();
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    json!({
        "authority": request.get_authority(),
        "path": request.get_path_with_query(),
        "https": matches!(request.get_scheme(), Some(Scheme::Https)),
        "headers": headers.map(|(name, value)| json!([name, text(value)])).collect::<Vec<_>>(),
    })
}

/// Reads the body to its end and counts.
pub async fn length(request: Request) -> usize {
    let (_, handled) = wit_future::new(|| Ok(()));
    let (body, _) = Request::consume_body(request, handled);
    body.collect().await.len()
}

/// GETs `url`; without a scheme it is a path of the own application.
pub async fn fetch(query: &Query) -> Result<Value, String> {
    let url = query.get("url");
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Some(Scheme::Http), rest),
        Some(("https", rest)) => (Some(Scheme::Https), rest),
        _ => (None, url),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let options = options(query).map_err(super::text)?;
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(Fields::new(), None, trailers, Some(options));
    let authority = (!authority.is_empty()).then_some(authority);
    request.set_scheme(scheme.as_ref()).map_err(super::text)?;
    request.set_authority(authority).map_err(super::text)?;
    request
        .set_path_with_query(Some(path))
        .map_err(super::text)?;
    let response = client::send(request).await.map_err(super::text)?;
    let status = response.get_status_code();
    let (_, handled) = wit_future::new(|| Ok(()));
    let (body, outcome) = Response::consume_body(response, handled);
    let body = body.collect().await;
    outcome.await.map_err(super::text)?;
    Ok(json!({ "status": status, "body": String::from_utf8_lossy(&body) }))
}

fn options(query: &Query) -> Result<RequestOptions, RequestOptionsError> {
    let nanos = |name| Some(query.get(name).parse::<u64>().ok()? * 1_000_000);
    let options = RequestOptions::new();
    options.set_connect_timeout(nanos("connect-ms"))?;
    options.set_first_byte_timeout(nanos("first-byte-ms"))?;
    options.set_between_bytes_timeout(nanos("between-bytes-ms"))?;
    Ok(options)
}

/// A JSON response with its length.
pub fn answer(value: &Value) -> Response {
    let body = value.to_string().into_bytes();
    let headers = Fields::new();
    // Fixed names, printable values: they cannot fail.
    headers
        .set("content-type", &[b"application/json".to_vec()])
        .ok();
    headers
        .set("content-length", &[body.len().to_string().into_bytes()])
        .ok();
    let (mut writer, contents) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, Some(contents), trailers);
    wasip3::spawn(async move {
        // What is left over, the client did not want.
        writer.write_all(body).await;
    });
    response
}
