//! Recipients that nobody has, refused while their sender still listens.
//!
//! A message for nobody that is held comes back later as a bounce, and mostly to a sender who was forged.
//! Where a route says `unknown_recipients = "refuse"`, such a recipient is rejected at once. Nobody is
//! refused by a directory that cannot be read, or that is empty: then the primary decides.

use crate::config::Config;
use crate::custody::store::{StoreError, in_time};
use crate::limits;
use crate::mail::{EmailAddress, Envelope};
use crate::people::directory;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::Route;
use crate::routing::route::Unknown;
use crate::submit::answer::{Outcome, ReplyWords, Settled};

/// The recipients of this envelope that are rejected.
pub async fn rejected<P: Ports>(ports: &P, config: &Config, envelope: &Envelope) -> Vec<Settled> {
    let refusing = |address: &EmailAddress| {
        let route = config.route_for(&address.domain());
        route.filter(|route| route.unknown == Unknown::Refuse)
    };
    let asked = envelope.recipients.iter();
    let asked: Vec<_> = asked
        .filter_map(|one| Some((one, refusing(one)?)))
        .collect();
    if asked.is_empty() {
        return Vec::new();
    }
    let looking = unknown(ports, config, &asked);
    match in_time(ports, limits::RECEIPT_STEP, looking).await {
        Ok(unknown) => unknown,
        Err(error) => {
            ports.write(LogEvent::new("directory.unavailable").with("error", error.to_string()));
            Vec::new()
        }
    }
}

async fn unknown<P: Ports>(
    ports: &P,
    config: &Config,
    asked: &[(&EmailAddress, &Route)],
) -> Result<Vec<Settled>, StoreError> {
    let mut unknown = Vec::new();
    for (address, route) in asked {
        let owner = directory::owner_of(ports.store(), config, address).await?;
        if owner.is_none() {
            unknown.push(Settled {
                address: (*address).clone(),
                outcome: Outcome::Rejected,
                route: route.name.clone(),
                reason: None,
                reply: Some(ReplyWords {
                    code: 550,
                    enhanced: Some("5.1.1".into()),
                    text: NOBODY.into(),
                }),
            });
        }
    }
    if !unknown.is_empty() && directory::is_empty(ports.store()).await? {
        unknown.clear();
    }
    Ok(unknown)
}

/// What is said of a recipient that nobody has.
pub const NOBODY: &str = "the directory knows nobody of this address";
