//! The message of a drill: it says what it is, asks nobody for an answer (RFC 3834), and has a
//! line that no other message has, so that its bytes cannot be taken for another's.

use bytes::Bytes;

use crate::config::Config;
use crate::mail::{EmailAddress, MessageId};
use crate::routing::Route;

/// The message that takes this path.
pub fn message(
    config: &Config,
    route: &Route,
    id: MessageId,
    path: &str,
    mark: &str,
    to: Option<&EmailAddress>,
) -> Bytes {
    let hostname = &config.hostname;
    let to = to.map_or("undisclosed-recipients:;".to_owned(), |to| {
        format!("<{to}>")
    });
    let text = format!(
        "From: Holdfast <postmaster@{hostname}>\r\n\
         To: {to}\r\n\
         Subject: Holdfast drill on route {route}, by way of the {path}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}.{path}@{hostname}>\r\n\
         Auto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         \r\n\
         This message rehearses a failover. Nobody needs to do anything.\r\n\
         {mark}\r\n",
        route = route.name,
        date = id.at().rfc5322(),
    );
    text.into()
}
