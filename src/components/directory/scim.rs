//! `/scim/v2/...` (RFC 7644): who asks, the body, the URL we are known by; the rest is
//! [`scim`](holdfast_core::people::scim).

use holdfast_core::limits;
use holdfast_core::partner::bearer_is;
use holdfast_core::people::scim::problem::ScimError;
use holdfast_core::people::scim::{self, ScimRequest, ScimResponse};
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, refuse, respond_bytes};
use holdfast_edge::settings;
use wasip3::http::types::{ErrorCode, Response};

use crate::origin::origin;

/// Answers what is asked below `/scim/v2`.
pub async fn respond(incoming: Incoming) -> Result<Response, ErrorCode> {
    let answered = answer(incoming).await;
    written(answered.unwrap_or_else(|error| ScimResponse::error(&error)))
}

async fn answer(incoming: Incoming) -> Result<ScimResponse, ScimError> {
    if !is_granted(&incoming).await? {
        incoming.linger();
        let detail = "send `Authorization: Bearer` with the scim_token";
        return Err(ScimError::new(401, detail));
    }
    let Some(path) = below(&incoming.path).map(str::to_owned) else {
        return Err(ScimError::missing("that path"));
    };
    let base = format!("{}{ROOT}", origin(&incoming).unwrap_or_default());
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

fn written(answer: ScimResponse) -> Result<Response, ErrorCode> {
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
    respond_bytes(answer.status, CONTENT_TYPE, &fields, answer.body)
}

/// Where it lies.
pub const ROOT: &str = "/scim/v2";
const CONTENT_TYPE: &str = "application/scim+json";
