//! Lets time pass, and takes operators' orders.
//!
//! | path | who | what |
//! | --- | --- | --- |
//! | `POST /v1/tick` | tick token | probes that are due, the canary, the queue |
//! | `GET /v1/health` | operator token | state, evidence, since when, next probe |
//! | `PUT /v1/routes/{route}/override` | operator token | hold, deliver, auto |
//! | `GET /v1/queue` | operator token | what is held, and why |
//! | `POST /v1/queue/{id}/{action}` | operator token | retry, return or drop one message |
//! | `GET`, `POST /v1/release` | operator token | how releases go; release now, or say what that would do |
//! | `GET`, `POST /v1/windows`, `PUT`, `DELETE /v1/windows/{id}` | operator token | maintenance windows |
//! | `POST /v1/windows/{id}/{end,extend}` | operator token | the occurrence that is open ends now, or later |
//! | `GET /v1/audit` | operator token | who did what and why, as JSON or CSV |
//! | `GET`, `POST /v1/drills` | operator token | results of drills; rehearse a failover now |
//! | `GET /metrics` | operator or tick token | figures for Prometheus |

mod orders;
mod windows;

use std::rc::Rc;

use holdfast_core::limits;
use holdfast_core::operate::{self, audit, drills, metrics};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_core::tick;
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, not_allowed, refuse, respond, respond_bytes};
use holdfast_edge::operators::{body, guard, operator};
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_bindgen;

struct Keeper;

wasip3::http::service::export!(Keeper);

impl wasip3::exports::http::handler::Guest for Keeper {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match answer(Incoming::new(request)).await {
            Ok(Reply::Json(answer)) => respond(&answer),
            Ok(Reply::Text(kind, text)) => respond_bytes(200, kind, &[], text.into_bytes()),
            Err(problem) => respond(&refuse(&problem)),
        }
    }
}

/// What a request is answered.
enum Reply {
    Json(Answer),
    /// Text of this media type.
    Text(&'static str, String),
}

impl Reply {
    fn ok(body: &impl serde::Serialize) -> Self {
        Self::Json(Answer::json(200, body))
    }
}

async fn answer(incoming: Incoming) -> Result<Reply, Problem> {
    let path = incoming.path.trim_end_matches('/').to_owned();
    let words: Vec<&str> = path.split('/').skip(1).collect();
    match (incoming.method.as_str(), words.as_slice()) {
        ("POST", ["v1", "tick"]) => {
            guard(&incoming, "tick_token").await?;
            let app = App::get().await?;
            let ticked = tick::tick(&*app, &app.config, &app.cache).await;
            if ticked.more {
                go_on(app);
            }
            Ok(Reply::ok(&ticked))
        }
        ("GET", ["v1", "health"]) => {
            guard(&incoming, "operator_token").await?;
            let app = App::get().await?;
            Ok(Reply::ok(&operate::health(&*app, &app.config).await))
        }
        ("GET", ["v1", "queue"]) => {
            guard(&incoming, "operator_token").await?;
            let query = orders::queue_query(&incoming.query)?;
            let app = App::get().await?;
            let page = operate::queue::list(&*app, &app.config, &query).await?;
            Ok(Reply::ok(&page))
        }
        ("GET", ["v1", "release"]) => {
            guard(&incoming, "operator_token").await?;
            let app = App::get().await?;
            let releases = operate::release::releases(&*app, &app.config).await?;
            Ok(Reply::ok(&releases))
        }
        ("POST", ["v1", "release"]) => {
            guard(&incoming, "operator_token").await?;
            let operator = operator(&incoming);
            let order = body(incoming).await?;
            let app = App::get().await?;
            let (config, cache) = (&app.config, &app.cache);
            let answer = operate::release::release(&*app, config, cache, &operator, &order).await?;
            Ok(Reply::ok(&answer))
        }
        ("GET", ["v1", "audit"]) => {
            guard(&incoming, "operator_token").await?;
            let query = orders::audit_query(&incoming.query)?;
            let app = App::get().await?;
            let page = audit::read(&*app, query.day.as_deref(), query.after.as_deref()).await?;
            Ok(match query.csv {
                true => Reply::Text("text/csv; charset=utf-8", audit::csv(&page)),
                false => Reply::ok(&page),
            })
        }
        ("PUT", ["v1", "routes", route, "override"]) => {
            guard(&incoming, "operator_token").await?;
            let operator = operator(&incoming);
            let order = body(incoming).await?;
            let app = App::get().await?;
            let order = operate::order(&*app, &app.config, &app.cache, route, &operator, order);
            Ok(Reply::ok(&order.await?))
        }
        ("POST", ["v1", "queue", id, action]) => {
            guard(&incoming, "operator_token").await?;
            let action = orders::action(action)?;
            let operator = operator(&incoming);
            let because = body(incoming).await?;
            let app = App::get().await?;
            let done = operate::queue::act(&*app, &app.config, id, action, &operator, &because);
            Ok(Reply::ok(&done.await?))
        }
        (_, ["v1", "windows", rest @ ..]) => windows::answer(incoming, rest).await,
        ("GET", ["v1", "drills"]) => {
            guard(&incoming, "operator_token").await?;
            let query = orders::drill_query(&incoming.query)?;
            let (route, after) = (query.route.as_deref(), query.after.as_deref());
            let app = App::get().await?;
            Ok(Reply::ok(&drills::list(&*app, route, after).await?))
        }
        ("POST", ["v1", "drills"]) => {
            guard(&incoming, "operator_token").await?;
            let operator = operator(&incoming);
            let order = body(incoming).await?;
            let app = App::get().await?;
            let drill = drills::order(&*app, &app.config, &operator, &order).await?;
            Ok(Reply::ok(&drill))
        }
        ("GET", ["metrics"]) => {
            // A monitor that scrapes need not be able to give orders.
            if guard(&incoming, "tick_token").await.is_err() {
                guard(&incoming, "operator_token").await?;
            }
            let app = App::get().await?;
            let page = metrics::metrics(&*app, &app.config).await;
            Ok(Reply::Text(metrics::CONTENT_TYPE, page))
        }
        (_, ["v1", "tick"] | ["v1", "queue", _, _]) => Err(not_allowed("POST")),
        (_, ["metrics"] | ["v1", "health" | "queue" | "audit"]) => Err(not_allowed("GET")),
        (_, ["v1", "release" | "drills"]) => Err(not_allowed("GET, POST")),
        (_, ["v1", "routes", _, "override"]) => Err(not_allowed("PUT")),
        _ => Err(Problem::new(Kind::NotFound, "see /openapi.json")),
    }
}

/// More is to be done than one tick may: it goes on after the answer, tick after tick, so that one
/// call drains a queue. Nothing depends on it: whoever ticks next goes on where it was.
fn go_on(app: Rc<App>) {
    wit_bindgen::spawn(async move {
        for _ in 0..limits::TICKS_IN_A_ROW {
            if !tick::tick(&*app, &app.config, &app.cache).await.more {
                return;
            }
        }
    });
}
