//! The API's answers in lines for people.

use serde_json::Value;

use crate::cli::texts::printable;

/// The rows of an answer.
pub fn rows<'v>(answer: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    answer[name].as_array().into_iter().flatten()
}

/// Every route: what a message would meet, its primaries, its queue and its release.
pub fn status(health: &Value, releases: &Value) -> String {
    let mut lines = String::new();
    for one in rows(health, "routes") {
        lines.push_str(&route(one));
        let found = rows(releases, "routes").find(|release| release["route"] == one["route"]);
        let Some(found) = found else { continue };
        lines.push_str(&format!("  queue: {}\n", count(&found["queued"])));
        let latest = &found["latest"];
        if latest.is_object() && latest["done"] == false {
            lines.push_str(&format!("  release: {}\n", rate(latest)));
        }
    }
    lines
}

/// One route and its primaries.
pub fn route(route: &Value) -> String {
    let mut lines = format!("{}: {}", word(route, "route"), word(route, "decision"));
    if let Some(error) = route["error"].as_str() {
        lines.push_str(&format!(" ({})", printable(error)));
    }
    if route["hold"].is_object() {
        let hold = &route["hold"];
        lines.push_str(&format!(
            " ({}: {})",
            word(hold, "reason"),
            word(hold, "detail")
        ));
    }
    lines.push('\n');
    for one in rows(route, "waiting") {
        lines.push_str(&format!("  {}\n", waiting(one)));
    }
    for primary in rows(route, "primaries") {
        let health = &primary["health"];
        let state = health["state"].as_str().unwrap_or("unknown");
        lines.push_str(&format!("  {}: {state}", word(primary, "address")));
        if let Some(since) = health["since"].as_str() {
            lines.push_str(&format!(" since {}", printable(since)));
        }
        lines.push('\n');
    }
    lines
}

/// A page of the queue.
pub fn queue(page: &Value) -> String {
    let mut lines = String::new();
    for one in rows(page, "messages") {
        let to: Vec<&str> = rows(one, "recipients").filter_map(Value::as_str).collect();
        let from = one["sender"].as_str().unwrap_or("<>");
        let head = format!(
            "{} {} {} {from} -> {}",
            word(one, "id"),
            word(one, "route"),
            word(one, "state"),
            to.join(", ")
        );
        lines.push_str(&printable(&head));
        lines.push_str(&format!("\n  {}", word(one, "detail")));
        if let Some(next) = one["next_attempt"].as_str() {
            let attempts = one["attempts"].as_u64().unwrap_or(0);
            lines.push_str(&format!(
                "; {attempts} attempts, the next at {}",
                printable(next)
            ));
        }
        if one["uncertain"] == true {
            lines.push_str("; the primary may have it already");
        }
        lines.push('\n');
    }
    match lines.is_empty() {
        true => "nothing is held".into(),
        false => lines,
    }
}

/// What was done with a message.
pub fn done(done: &Value) -> String {
    let routes: Vec<&str> = rows(done, "routes").filter_map(Value::as_str).collect();
    let what = match done["action"].as_str() {
        Some("drop") => "dropped",
        Some("return") => "returned",
        _ => "to be tried at the next tick",
    };
    format!("{}: {what} ({})", word(done, "id"), routes.join(", "))
}

/// What a release would do.
pub fn forecast(forecast: &Value) -> String {
    let mut line = format!(
        "{}: {} held",
        word(forecast, "route"),
        count(&forecast["queued"])
    );
    if let Some(oldest) = forecast["oldest"].as_str() {
        line.push_str(&format!(", the oldest since {}", printable(oldest)));
    }
    for one in rows(forecast, "waiting") {
        line.push_str(&format!("; {}", waiting(one)));
    }
    match forecast["hold"].is_object() {
        true => line.push_str(&format!(
            "; nothing is released: {}",
            word(&forecast["hold"], "detail")
        )),
        false => line.push_str("; they would be released now, the oldest first"),
    }
    line
}

/// Mail that waits for a person since a window.
pub fn waiting(waiting: &Value) -> String {
    format!(
        "what was held from {} to {} waits for `holdfast release` (window {}: {})",
        word(waiting, "start"),
        word(waiting, "end"),
        word(waiting, "window"),
        word(waiting, "reason")
    )
}

/// What a release did.
pub fn released(answer: &Value) -> String {
    let released = &answer["released"];
    let number = |name: &str| released[name].as_u64().unwrap_or(0);
    let mut line = format!(
        "{}: {} delivered, {} rejected, {} returned, {} left for later",
        word(answer, "route"),
        number("delivered"),
        number("rejected"),
        number("returned"),
        number("left")
    );
    if let Some(stopped) = released["stopped"].as_str() {
        line.push_str(&format!("; stopped: {}", printable(stopped)));
    }
    line
}

/// How fast a release goes and until when.
pub fn rate(latest: &Value) -> String {
    let per_second = latest["per_second"].as_f64().unwrap_or(0.0);
    let released = latest["released"].as_u64().unwrap_or(0);
    let mut line = format!("{released} released, {per_second:.1} a second");
    if let Some(eta) = latest["eta"].as_str() {
        line.push_str(&format!(", done at about {}", printable(eta)));
    }
    line
}

/// A page of the audit log.
pub fn audit(page: &Value) -> String {
    let mut lines = String::new();
    for entry in rows(page, "entries") {
        lines.push_str(&format!(
            "{} {} ({}) {} {}: {}\n",
            word(entry, "at"),
            word(entry, "by"),
            word(entry, "from"),
            word(entry, "action"),
            word(entry, "subject"),
            word(entry, "reason")
        ));
    }
    match lines.is_empty() {
        true => format!("nobody did anything on {}", word(page, "day")),
        false => lines,
    }
}

fn count(count: &Value) -> String {
    let messages = count["messages"].as_u64().unwrap_or(0);
    match count["or_more"] == true {
        true => format!("{messages} or more"),
        false => messages.to_string(),
    }
}

/// A member as text that is safe to print.
pub fn word(value: &Value, name: &str) -> String {
    printable(value[name].as_str().unwrap_or("-"))
}
