//! `/v1/windows`: what is planned, and orders about it.

use holdfast_core::operate::windows::{self, EndOrder};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_core::submit::request::query_pairs;
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, not_allowed};
use holdfast_edge::operators::{body, guard, operator};

use crate::Reply;

/// Answers what is asked below `/v1/windows`.
pub async fn answer(incoming: Incoming, path: &[&str]) -> Result<Reply, Problem> {
    let method = incoming.method.as_str().to_owned();
    let known = match (method.as_str(), path) {
        ("GET" | "POST", []) | ("PUT" | "DELETE", [_]) | ("POST", [_, "end" | "extend"]) => true,
        (_, []) => return Err(not_allowed("GET, POST")),
        (_, [_]) => return Err(not_allowed("PUT, DELETE")),
        (_, [_, "end" | "extend"]) => return Err(not_allowed("POST")),
        _ => false,
    };
    if !known {
        return Err(Problem::new(Kind::NotFound, "see /openapi.json"));
    }
    guard(&incoming, "operator_token").await?;
    let operator = operator(&incoming);
    let app = App::get().await?;
    let (config, cache) = (&app.config, &app.cache);
    let window = match (method.as_str(), path) {
        ("POST", []) => {
            let order: windows::definition::WindowOrder = body(incoming).await?;
            let dry = order.dry_run;
            let window = windows::add(&*app, config, cache, &operator, order).await?;
            let status = if dry { 200 } else { 201 };
            return Ok(Reply::Json(Answer::json(status, &window)));
        }
        ("PUT", [id]) => {
            let order = body(incoming).await?;
            windows::edit(&*app, config, cache, &operator, id, order).await?
        }
        ("DELETE", [id]) => {
            let order = reason(incoming).await?;
            windows::delete(&*app, config, cache, &operator, id, &order).await?
        }
        ("POST", [id, "end"]) => {
            let order = body(incoming).await?;
            windows::end(&*app, config, cache, &operator, id, &order).await?
        }
        ("POST", [id, "extend"]) => {
            let order = body(incoming).await?;
            windows::extend(&*app, config, cache, &operator, id, &order).await?
        }
        _ => return Ok(Reply::ok(&windows::list(&*app, config).await?)),
    };
    Ok(Reply::ok(&window))
}

/// The reason of a DELETE stands in its query, or in its body where a client can send one.
async fn reason(incoming: Incoming) -> Result<EndOrder, Problem> {
    for pair in query_pairs(&incoming.query) {
        let (name, value) = pair?;
        if name == "reason" {
            let reason = value.into_owned();
            return Ok(EndOrder { reason });
        }
    }
    body(incoming).await
}
