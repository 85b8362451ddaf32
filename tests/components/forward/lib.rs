//! Forwards the body of a request to the URL in `FORWARD_URL` and answers with the status it got.
//!
//! This is the least a component can do with a message, and so the upper limit that the benchmark
//! compares the real components with. The bytes pass through the guest's memory, piece by piece, as
//! they must in a component that looks at them.

use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response, Scheme};
use wasip3::wit_bindgen::{StreamReader, StreamResult, StreamWriter};
use wasip3::{http::client, wit_future, wit_stream};

struct Forward;

wasip3::http::service::export!(Forward);

impl wasip3::exports::http::handler::Guest for Forward {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let url = std::env::var("FORWARD_URL").unwrap_or_default();
        let Some((scheme, authority, path)) = parts(&url) else {
            return Ok(answer(500));
        };
        let fields = Fields::new();
        for name in ["content-length", "content-type"] {
            let values = request.get_headers().get(name);
            fields
                .set(name, &values)
                .map_err(|_| ErrorCode::ConfigurationError)?;
        }

        let (_, handled) = wit_future::new(|| Ok(()));
        let (inbound, trailers) = Request::consume_body(request, handled);
        let (writer, outbound) = wit_stream::new();
        let (forwarded, _) = Request::new(fields, Some(outbound), trailers, None);
        let invalid = |()| ErrorCode::HttpRequestUriInvalid;
        forwarded.set_method(&Method::Post).map_err(invalid)?;
        forwarded.set_scheme(Some(&scheme)).map_err(invalid)?;
        forwarded.set_authority(Some(authority)).map_err(invalid)?;
        forwarded.set_path_with_query(Some(path)).map_err(invalid)?;
        wasip3::spawn(pass_on(inbound, writer));

        let response = client::send(forwarded).await?;
        let status = response.get_status_code();
        let (_, handled) = wit_future::new(|| Ok(()));
        let (body, _) = Response::consume_body(response, handled);
        // Read to its end, so that the connection can be used again.
        body.collect().await;
        Ok(answer(status))
    }
}

fn parts(url: &str) -> Option<(Scheme, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    Some((scheme, authority, if path.is_empty() { "/" } else { path }))
}

async fn pass_on(mut from: StreamReader<u8>, mut to: StreamWriter<u8>) {
    let mut buffer = Vec::with_capacity(PIECE);
    loop {
        let (result, filled) = from.read(buffer).await;
        if !filled.is_empty() {
            buffer = to.write_all(filled).await;
            if !buffer.is_empty() {
                return; // The other side wants no more.
            }
        } else {
            buffer = filled;
        }
        if matches!(result, StreamResult::Dropped | StreamResult::Cancelled) {
            return;
        }
    }
}

fn answer(status: u16) -> Response {
    let headers = Fields::new();
    // A fixed name and value: it cannot fail.
    headers.set("content-length", &[b"0".to_vec()]).ok();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, None, trailers);
    // It came as a status, or is 500: it is one.
    response.set_status_code(status).ok();
    response
}

const PIECE: usize = 64 * 1024;
