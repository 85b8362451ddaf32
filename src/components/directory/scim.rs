//! `/scim/v2/...` (RFC 7644): who asks, the body, the URL we are known by; the rest is
//! [`scim`](holdfast_core::people::scim).

use holdfast_core::limits;
use holdfast_core::partner::bearer_is;
use holdfast_core::people::scim::problem::ScimError;
use holdfast_core::people::scim::{self, ScimRequest, ScimResponse};
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, refuse, respond_bytes};
use holdfast_edge::settings;
<<<<<<< ours
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_future;
=======
use wasip3::http::types::{ErrorCode, Response};
>>>>>>> theirs

use crate::origin::origin;

<<<<<<< ours
wasip3::http::service::export!(Directory);

impl wasip3::exports::http::handler::Guest for Directory {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (authority, scheme) = (request.get_authority(), request.get_scheme());
        let scheme = match scheme {
            Some(Scheme::Http) => "http",
            _ => "https",
        };
        let url = (scheme, authority);
        let answered = answer(Incoming::new(request), url).await;
        respond(answered.unwrap_or_else(|error| ScimResponse::error(&error)))
    }
=======
/// Answers what is asked below `/scim/v2`.
pub async fn respond(incoming: Incoming) -> Result<Response, ErrorCode> {
    let answered = answer(incoming).await;
    written(answered.unwrap_or_else(|error| ScimResponse::error(&error)))
>>>>>>> theirs
}

async fn answer(incoming: Incoming, url: HostUrl) -> Result<ScimResponse, ScimError> {
    if !is_granted(&incoming).await? {
        incoming.linger();
        let detail = "send `Authorization: Bearer` with the scim_token";
        return Err(ScimError::new(401, detail));
    }
    let Some(path) = below(&incoming.path).map(str::to_owned) else {
        return Err(ScimError::missing("that path"));
    };
<<<<<<< ours
    let base = base_url(&incoming, url);
=======
    let base = format!("{}{ROOT}", origin(&incoming).unwrap_or_default());
>>>>>>> theirs
    let text = |name: &str| incoming.last_header(name).map(str::to_owned);
    let mut request = ScimRequest {
        method: incoming.method.clone(),
        path,
        query: incoming.query.clone(),
        if_match: text("if-match"),
        if_none_match: text("if-none-match"),
        ..ScimRequest::default()
    };
    if matches!(incoming.method.as_str(), "POST" | "PUT" | "PATCH") {
        let most = limits::SCIM_BODY_BYTES;
        let body = incoming.body(most).await;
        request.body = body.map_err(|error| {
            let problem = error.problem(most);
            ScimError::new(problem.kind.status(), problem.detail)
        })?;
    }
    let app = App::get().await.map_err(|problem| {
        refuse(&problem);
        ScimError::new(problem.kind.status(), problem.detail)
    })?;
    Ok(scim::answer(&*app, &app.config, &base, request).await)
}

/// Whether the token is one of the two; one that is not set opens nothing.
async fn is_granted(incoming: &Incoming) -> Result<bool, ScimError> {
    let sent = incoming.header("authorization");
    let mut granted = false;
    let mut any = false;
    for variable in ["scim_token", "operator_token"] {
        let token = settings::get(variable).await;
        let token = token.map_err(|reason| ScimError::new(500, reason))?;
        any |= !token.is_empty();
        granted |= bearer_is(sent, &token);
    }
    if !any {
        let detail = "neither scim_token nor operator_token is set, so nobody may do this";
        return Err(ScimError::new(503, detail));
    }
    Ok(granted)
}

/// The path below `/scim/v2`.
fn below(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(ROOT)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

<<<<<<< ours
/// The scheme and the authority that the host names.
type HostUrl = (&'static str, Option<String>);

/// The URL of `/scim/v2` as the client reaches it: of the `Host` field where the host passes it on,
/// else of the whole URL as Spin says it, else of the request's authority. A proxy in front says in
/// `x-forwarded-proto` whether it speaks TLS. Clients who lie here get their own lie back, and
/// nobody else does.
fn base_url(incoming: &Incoming, (scheme, authority): HostUrl) -> String {
    let full = incoming.last_header("spin-full-url");
    let full = full.and_then(|full| url::Url::parse(full).ok());
    let of_url = full.as_ref().and_then(|full| {
        let host = full.host_str()?;
        Some(match full.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    });
    let of_field = incoming.last_header("host").map(str::to_owned);
    let mut hosts = [of_field, of_url, authority].into_iter().flatten();
    let forwarded = incoming.last_header("x-forwarded-proto");
    let scheme = forwarded
        .filter(|scheme| matches!(*scheme, "http" | "https"))
        .or(full.as_ref().map(url::Url::scheme))
        .unwrap_or(scheme);
    match hosts.find(|host| is_host(host)) {
        Some(host) => format!("{scheme}://{host}{ROOT}"),
        None => ROOT.to_owned(),
    }
}

fn is_host(host: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !host.is_empty() && host.len() <= 300 && host.chars().all(good)
}

fn respond(answer: ScimResponse) -> Result<Response, ErrorCode> {
=======
fn written(answer: ScimResponse) -> Result<Response, ErrorCode> {
>>>>>>> theirs
    let mut fields = Vec::new();
    if answer.status == 401 {
        fields.push(("www-authenticate", "Bearer realm=\"holdfast\"".to_owned()));
    }
    if let Some(tag) = answer.etag {
        fields.push(("etag", tag));
    }
    if let Some(location) = answer.location {
        fields.push(("location", location));
    }
    if let Some(methods) = answer.allow {
        fields.push(("allow", methods.to_owned()));
    }
    if let Some(seconds) = answer.retry_after {
        fields.push(("retry-after", seconds.to_string()));
    }
    if matches!(answer.status, 204 | 304) {
        return respond_empty(answer.status, &fields);
    }
    respond_bytes(answer.status, CONTENT_TYPE, &fields, answer.body)
}

<<<<<<< ours
/// An answer that has no body, and so no length either (RFC 9110, 8.6).
fn respond_empty(status: u16, fields: &[(&str, String)]) -> Result<Response, ErrorCode> {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    let headers = Fields::from_list(&fields.collect::<Vec<_>>())
        .map_err(|_| ErrorCode::InternalError(Some("a header field cannot be set".into())))?;
    let (_trailers, result) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, None, result);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some("status".into())))?;
    Ok(response)
}

const ROOT: &str = "/scim/v2";
=======
/// Where it lies.
pub const ROOT: &str = "/scim/v2";
>>>>>>> theirs
const CONTENT_TYPE: &str = "application/scim+json";
