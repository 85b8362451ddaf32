//! Whether this installation can accept durably: its storage answers. A primary that is down is
//! what Holdfast is for, and says nothing here.

use holdfast_core::custody::route_state;
use holdfast_core::custody::store::{Conditional, Store as _};
use holdfast_core::ports::Ports as _;
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_edge::app::App;
use serde_json::json;

/// Asks the storage.
pub async fn ready(app: &App) -> Result<Answer, Problem> {
    let unready = |error: String| {
        let detail = format!("mail can be delivered but not held: {error}");
        Problem::new(Kind::Unavailable, detail).with("storage", app.storage_kind())
    };
    for route in &app.config.routes {
        route_state::read_now(app, &route.name)
            .await
            .map_err(|error| unready(error.to_string()))?;
    }
    let conditional = app
        .store()
        .conditional()
        .await
        .map_err(|error| unready(error.to_string()))?;
    let writes = match conditional {
        Conditional::Yes => "conditional writes hold",
        _ => {
            "no conditional writes: two instances can pass the same check at once, at worst a duplicate"
        }
    };
    Ok(Answer::json(
        200,
        &json!({ "ready": true, "storage": app.storage_kind(), "writes": writes }),
    ))
}
