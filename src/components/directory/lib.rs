//! Knows the people: the directory that other systems keep up to date, and what operators do with
//! the people in it.
//!
//! | path | who | what |
//! | --- | --- | --- |
//! | `/scim/v2/...` | SCIM or operator token | users and groups (RFC 7644) |
//! | `GET /v1/people` | operator token | who is there, and who can get in now |
//! | `GET /v1/people/{user}` | operator token | one user, with contacts elsewhere |
//! | `POST /v1/people/{user}/activation` | operator token | an activation link |
//! | `POST /v1/people/{user}/revoke` | operator token | ends all sessions |
//! | `GET`, `PUT /v1/access` | operator token | the access switch |
//! | `GET /v1/dropbox` | operator token | held mail for recipients that nobody has |
//! | `GET /v1/dropbox/{route}/{name}` | operator token | one message of it |

mod origin;
mod people;
mod scim;

use holdfast_edge::http_in::Incoming;
use wasip3::http::types::{ErrorCode, Request, Response};

struct Directory;

wasip3::http::service::export!(Directory);

impl wasip3::exports::http::handler::Guest for Directory {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let incoming = Incoming::new(request);
        match incoming.path.starts_with("/v1/") {
            true => people::respond(incoming).await,
            false => scim::respond(incoming).await,
        }
    }
}
