//! What operators do with people: paths, queries and orders; the rest is
//! [`people`](holdfast_core::operate::people).

use bytes::Bytes;
use holdfast_core::operate::people::{access, activation, dropbox, list, revoke, show};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_core::submit::request::query_pairs;
use holdfast_edge::app::App;
use holdfast_edge::http_in::{self, Incoming, not_allowed, refuse, respond_bytes};
use holdfast_edge::operators::{bad, body, guard, operator, unknown};
use percent_encoding::percent_decode_str;
use wasip3::http::types::{ErrorCode, Response};

use crate::origin::origin;

/// What a request is answered.
enum Reply {
    Json(Answer),
    /// A message, as a file.
    Message(Bytes),
}

impl Reply {
    fn ok(body: &impl serde::Serialize) -> Self {
        Self::Json(Answer::json(200, body))
    }
}

/// Answers what is asked below `/v1`.
pub async fn respond(incoming: Incoming) -> Result<Response, ErrorCode> {
    match answer(incoming).await {
        Ok(Reply::Json(answer)) => http_in::respond(&answer),
        Ok(Reply::Message(message)) => {
            // Strangers wrote it: it is saved, and no browser looks for a page in it.
            let fields = [
                (
                    "content-disposition",
                    "attachment; filename=\"message.eml\"",
                ),
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "default-src 'none'; sandbox"),
            ];
            let fields = fields.map(|(name, value)| (name, value.to_owned()));
            respond_bytes(200, "message/rfc822", &fields, message.to_vec())
        }
        Err(problem) => http_in::respond(&refuse(&problem)),
    }
}

async fn answer(incoming: Incoming) -> Result<Reply, Problem> {
    let path = incoming.path.trim_end_matches('/').to_owned();
    let words = words(&path)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (incoming.method.as_str(), words.as_slice()) {
        ("GET", ["v1", "people"]) => {
            guard(&incoming, TOKEN).await?;
            let query = list_query(&incoming.query)?;
            let app = App::get().await?;
            Ok(Reply::ok(&list::list(&*app, &app.config, &query).await?))
        }
        ("GET", ["v1", "people", user]) => {
            guard(&incoming, TOKEN).await?;
            let app = App::get().await?;
            Ok(Reply::ok(&show::show(&*app, &app.config, user).await?))
        }
        ("POST", ["v1", "people", user, "activation"]) => {
            guard(&incoming, TOKEN).await?;
            let (operator, base) = (operator(&incoming), origin(&incoming));
            let order = body(incoming).await?;
            let app = App::get().await?;
            let (config, base) = (&app.config, base.as_deref());
            let link = activation::activate(&*app, config, base, user, &operator, &order).await?;
            Ok(Reply::Json(Answer::json(201, &link)))
        }
        ("POST", ["v1", "people", user, "revoke"]) => {
            guard(&incoming, TOKEN).await?;
            let operator = operator(&incoming);
            let order = body(incoming).await?;
            let app = App::get().await?;
            let revoked = revoke::revoke(&*app, &app.config, user, &operator, &order).await?;
            Ok(Reply::ok(&revoked))
        }
        ("GET", ["v1", "access"]) => {
            guard(&incoming, TOKEN).await?;
            let app = App::get().await?;
            Ok(Reply::ok(&access::report(&*app, &app.config).await?))
        }
        ("PUT", ["v1", "access"]) => {
            guard(&incoming, TOKEN).await?;
            let operator = operator(&incoming);
            let order = body(incoming).await?;
            let app = App::get().await?;
            let answer = access::order(&*app, &app.config, &operator, order).await?;
            Ok(Reply::ok(&answer))
        }
        ("GET", ["v1", "dropbox"]) => {
            guard(&incoming, TOKEN).await?;
            let (route, after) = dropbox_query(&incoming.query)?;
            let (route, after) = (route.as_deref(), after.as_deref());
            let app = App::get().await?;
            Ok(Reply::ok(
                &dropbox::list(&*app, &app.config, route, after).await?,
            ))
        }
        ("GET", ["v1", "dropbox", route, name]) => {
            guard(&incoming, TOKEN).await?;
            let reason = reason_query(&incoming.query)?;
            let (operator, reason) = (operator(&incoming), reason.as_deref());
            let app = App::get().await?;
            let message = dropbox::read(&*app, &app.config, route, name, &operator, reason);
            Ok(Reply::Message(message.await?))
        }
        (_, ["v1", "people"] | ["v1", "people", _]) => Err(not_allowed("GET")),
        (_, ["v1", "people", _, "activation" | "revoke"]) => Err(not_allowed("POST")),
        (_, ["v1", "access"]) => Err(not_allowed("GET, PUT")),
        (_, ["v1", "dropbox"] | ["v1", "dropbox", _, _]) => Err(not_allowed("GET")),
        _ => Err(Problem::new(Kind::NotFound, "see /openapi.json")),
    }
}

/// The parts of a path: a user's name can have any character.
fn words(path: &str) -> Result<Vec<String>, Problem> {
    let words = path.split('/').skip(1);
    let decoded = words.map(|word| percent_decode_str(word).decode_utf8().map(String::from));
    let decoded: Result<Vec<String>, _> = decoded.collect();
    decoded.map_err(|_| bad("the path is not UTF-8 when percent-decoded"))
}

fn list_query(query: &str) -> Result<list::Query, Problem> {
    let mut read = list::Query::default();
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match name {
            "q" => read.q = Some(value.into_owned()),
            "route" => read.route = Some(value.into_owned()),
            "after" => read.after = Some(value.into_owned()),
            "can" if value == "in" => read.can_get_in = true,
            "can" => return Err(bad("`can` is in: who can get in now")),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| *limit > 0);
                read.limit = Some(limit.ok_or_else(|| bad("`limit` is a number from 1 to 100"))?);
            }
            other => return Err(unknown(other, "q, route, can, after and limit")),
        }
    }
    Ok(read)
}

/// The route and the page.
fn dropbox_query(query: &str) -> Result<(Option<String>, Option<String>), Problem> {
    let (mut route, mut after) = (None, None);
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match name {
            "route" => route = Some(value.into_owned()),
            "after" => after = Some(value.into_owned()),
            other => return Err(unknown(other, "route and after")),
        }
    }
    Ok((route, after))
}

fn reason_query(query: &str) -> Result<Option<String>, Problem> {
    let mut reason = None;
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match name {
            "reason" => reason = Some(value.into_owned()),
            other => return Err(unknown(other, "reason")),
        }
    }
    Ok(reason)
}

const TOKEN: &str = "operator_token";
