//! Operators' requests, as every component that takes orders reads them: whether they may, who it is,
//! and what the order says.

use holdfast_core::limits;
use holdfast_core::operate::{self, Operator};
use holdfast_core::partner::bearer_is;
use holdfast_core::problem::{Kind, Problem};
use serde::de::DeserializeOwned;

use crate::http_in::Incoming;
use crate::settings;

/// Lets nobody pass who does not have the token; a token that is not set opens nothing.
pub async fn guard(incoming: &Incoming, variable: &str) -> Result<(), Problem> {
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

/// Who asks: the name in `Holdfast-Operator`, and the address the host saw.
pub fn operator(incoming: &Incoming) -> Operator {
    let name = incoming
        .header("holdfast-operator")
        .map(|name| String::from_utf8_lossy(name).into_owned());
    operate::operator(name.as_deref(), incoming.client_address())
}

/// Reads the body of an order.
pub async fn body<T: DeserializeOwned>(incoming: Incoming) -> Result<T, Problem> {
    let most = limits::OPERATOR_BODY_BYTES;
    let body = incoming
        .body(most)
        .await
        .map_err(|error| error.problem(most))?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("the order cannot be read: {error}");
        Problem::new(Kind::BadRequest, detail)
    })
}

/// A query that names what the path does not know.
pub fn unknown(name: &str, known: &str) -> Problem {
    bad(&format!("the query knows {known}, not {name:?}"))
}

/// A query that cannot be read.
pub fn bad(detail: &str) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}
