//! Takes mail in: the hot path. A thin shell that reads a request, lets core serve it on the edge,
//! and answers.
//!
//! | path | what |
//! | --- | --- |
//! | `POST /v1/messages` | submit a message |
//! | `GET /v1/messages/{id}` | the life of one's own message |
//! | `GET /livez` | the component runs |
//! | `GET /readyz` | it can accept durably; a primary that is down does not make it unready |
//! | `GET /openapi.json` | the API's description |

mod ready;

use std::rc::Rc;

use holdfast_core::custody::life;
use holdfast_core::partner::authenticate;
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit;
use holdfast_core::submit::answer::Response as Answer;
use holdfast_core::submit::request::begin;
use holdfast_edge::after;
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, not_allowed, refuse, respond, respond_bytes};
use wasip3::http::types::{ErrorCode, Request, Response};

struct Submission;

wasip3::http::service::export!(Submission);

impl wasip3::exports::http::handler::Guest for Submission {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let incoming = Incoming::new(request);
        if incoming.path == "/openapi.json" && incoming.method == "GET" {
            return respond_bytes(200, "application/json", &[], OPENAPI.to_vec());
        }
        let answer = match answer(incoming).await {
            Ok(answer) => answer,
            Err(problem) => refuse(&problem),
        };
        respond(&answer)
    }
}

async fn answer(incoming: Incoming) -> Result<Answer, Problem> {
    let path = incoming.path.trim_end_matches('/').to_owned();
    match (incoming.method.as_str(), path.as_str()) {
        ("GET" | "HEAD", "/livez") => Ok(Answer::json(200, &serde_json::json!({ "alive": true }))),
        ("GET" | "HEAD", "/readyz") => ready::ready(&*App::get().await?).await,
        ("POST", "/v1/messages") => post(App::get().await?, incoming).await,
        ("GET", path) if path.starts_with("/v1/messages/") => {
            let app = App::get().await?;
            let partner = authenticate(&app.config.partners, incoming.header("authorization"))?;
            let id = path.trim_start_matches("/v1/messages/");
            life::life(&*app, &app.config, partner, id)
                .await
                .map(|life| Answer::json(200, &life))
        }
        (_, "/livez" | "/readyz") => Err(not_allowed("GET, HEAD")),
        (_, "/openapi.json") => Err(not_allowed("GET")),
        (_, "/v1/messages") => Err(not_allowed("POST")),
        (_, path) if path.starts_with("/v1/messages/") => Err(not_allowed("GET")),
        _ => Err(Problem::new(
            Kind::NotFound,
            "messages go to /v1/messages; see /openapi.json",
        )),
    }
}

async fn post(app: Rc<App>, incoming: Incoming) -> Result<Answer, Problem> {
    let head = incoming.head();
    let admitted = app.admits(incoming.client_address());
    let request = match admitted.and_then(|()| begin(&app.config, &head)) {
        Ok(request) => request,
        Err(problem) => {
            incoming.linger();
            return Err(problem);
        }
    };
    let most = request.body_limit;
    let body = incoming
        .body(most)
        .await
        .map_err(|error| error.problem(most))?;
    let submitted = submit::submit(&*app, &app.config, &app.cache, &request, body).await;
    after::work(&app, submitted.copies);
    Ok(submitted.response)
}

/// Generated from the types at build time.
const OPENAPI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));
