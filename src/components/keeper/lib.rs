//! Lets time pass, and takes operators' orders.
//!
//! | path | who | what |
//! | --- | --- | --- |
//! | `POST /v1/tick` | tick token | probes that are due |
//! | `GET /v1/health` | operator token | state, evidence, since when, next probe |
//! | `PUT /v1/routes/{route}/override` | operator token | hold, deliver, auto |

use holdfast_core::limits;
use holdfast_core::operate::{self, Order};
use holdfast_core::partner::bearer_is;
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_core::tick;
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, not_allowed, refuse, respond};
use holdfast_edge::settings;
use wasip3::http::types::{ErrorCode, Request, Response};

struct Keeper;

wasip3::http::service::export!(Keeper);

impl wasip3::exports::http::handler::Guest for Keeper {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let answer = match answer(Incoming::new(request)).await {
            Ok(answer) => answer,
            Err(problem) => refuse(&problem),
        };
        respond(&answer)
    }
}

async fn answer(incoming: Incoming) -> Result<Answer, Problem> {
    let path = incoming.path.trim_end_matches('/').to_owned();
    let route = path
        .strip_prefix("/v1/routes/")
        .and_then(|rest| rest.strip_suffix("/override"));
    match (incoming.method.as_str(), path.as_str(), route) {
        ("POST", "/v1/tick", _) => {
            guard(&incoming, "tick_token").await?;
            let app = App::get().await?;
            Ok(Answer::json(
                200,
                &tick::tick(&*app, &app.config, &app.cache).await,
            ))
        }
        ("GET", "/v1/health", _) => {
            guard(&incoming, "operator_token").await?;
            let app = App::get().await?;
            Ok(Answer::json(
                200,
                &operate::health(&*app, &app.config).await,
            ))
        }
        ("PUT", _, Some(route)) => put_override(incoming, route).await,
        (_, "/v1/tick", _) => Err(not_allowed("POST")),
        (_, "/v1/health", _) => Err(not_allowed("GET")),
        (_, _, Some(_)) => Err(not_allowed("PUT")),
        _ => Err(Problem::new(Kind::NotFound, "see /openapi.json")),
    }
}

async fn put_override(incoming: Incoming, route: &str) -> Result<Answer, Problem> {
    guard(&incoming, "operator_token").await?;
    let app = App::get().await?;
    let name = incoming
        .header("holdfast-operator")
        .map(|name| String::from_utf8_lossy(name).into_owned());
    let operator = operate::operator(name.as_deref(), incoming.client_address());
    let most = limits::OPERATOR_BODY_BYTES;
    let body = incoming
        .body(most)
        .await
        .map_err(|error| error.problem(most))?;
    let order: Order = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(
            Kind::BadRequest,
            format!("the order cannot be read: {error}"),
        )
    })?;
    let health = operate::order(&*app, &app.config, &app.cache, route, &operator, order).await?;
    Ok(Answer::json(200, &health))
}

/// Lets nobody pass who does not have the token; a token that is not set opens nothing.
async fn guard(incoming: &Incoming, variable: &str) -> Result<(), Problem> {
    let token = settings::get(variable)
        .await
        .map_err(|reason| Problem::new(Kind::Misconfigured, reason))?;
    if token.is_empty() {
        let detail = format!("the variable {variable} is not set, so nobody may do this");
        return Err(Problem::new(Kind::Unavailable, detail));
    }
    if bearer_is(incoming.header("authorization"), &token) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Unauthorized,
        format!("send `Authorization: Bearer` with the {variable}"),
    ))
}
