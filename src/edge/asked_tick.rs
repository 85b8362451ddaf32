//! Asking the keeper for a tick, by a request of the application to itself, as Spin knows it.
//!
//! It needs the `tick_token` and a host that has such requests; without them nothing is asked, and
//! whoever ticks next does it. Nothing that was promised depends on it.

use holdfast_core::limits;
use holdfast_core::ports::{Event, HttpClient as _, HttpRequest, Log as _};

use crate::app::App;
use crate::settings;
use crate::world::World;

/// The token, where one is set.
pub async fn token() -> Option<String> {
    let token = settings::get("tick_token").await.unwrap_or_default();
    Some(token).filter(|token| !token.is_empty())
}

/// Asks for one, where that may be asked.
pub async fn ask(app: &App) {
    if let Some(token) = token().await {
        ask_with(app, &token).await;
    }
}

/// Asks for one with this token.
pub async fn ask_with(app: &App, token: &str) {
    let request = HttpRequest {
        method: "POST",
        url: TICK.into(),
        headers: vec![("authorization", format!("Bearer {token}"))],
        body: Vec::new(),
        connect: limits::REPLY,
        // Who hangs up ends the tick.
        reply: limits::TICK * 2,
        most: limits::TICKED_BYTES,
    };
    let error = match World.send(request).await {
        Ok(answer) if answer.status == 200 => return,
        Ok(answer) => format!("it was answered with {}", answer.status),
        Err(failure) => failure.detail,
    };
    app.write(Event::new("tick.not-made").with("error", error));
}

/// Spin's name for the application itself.
const TICK: &str = "http://self.alt/v1/tick";
