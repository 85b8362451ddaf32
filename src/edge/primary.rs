//! The primaries of a route, each by its own protocol.

use std::time::Duration;

use holdfast_core::ports::{Delivery, Primary};
use holdfast_core::routing::{Route, Target};
use holdfast_core::smtp::{Attempt, Failure};

use crate::http_primary;
use crate::smtp::{Ready, Sessions};
use crate::world::World;

/// All primaries, and what this instance keeps open to them.
#[derive(Default)]
pub struct Primaries {
    /// The name we give ourselves.
    pub hostname: String,
    sessions: Sessions,
}

impl Primaries {
    /// Primaries to whom we are `hostname`.
    pub fn new(hostname: String) -> Self {
        Self {
            hostname,
            sessions: Sessions::default(),
        }
    }
}

/// A way that is ready for a message.
pub enum Way {
    /// An SMTP session.
    Smtp(Box<Ready>),
    /// The host's HTTP client has its own pool.
    Http,
}

impl Primary for Primaries {
    type Session = Way;

    async fn open(&self, route: &Route, address: usize, budget: Duration) -> Result<Way, Failure> {
        match route.primaries.get(address).map(|primary| &primary.target) {
            Some(Target::Http(_)) => Ok(Way::Http),
            _ => {
                let ready = self
                    .sessions
                    .open(&self.hostname, route, address, budget)
                    .await?;
                Ok(Way::Smtp(Box::new(ready)))
            }
        }
    }

    async fn deliver(
        &self,
        route: &Route,
        address: usize,
        way: Way,
        delivery: &Delivery<'_>,
    ) -> Attempt {
        match way {
            Way::Http => http_primary::deliver(&World, route, address, delivery).await,
            Way::Smtp(ready) => {
                self.sessions
                    .deliver(&self.hostname, route, address, *ready, delivery)
                    .await
            }
        }
    }

    async fn probe(&self, route: &Route, address: usize) -> Result<(), Failure> {
        match route.primaries.get(address).map(|primary| &primary.target) {
            Some(Target::Http(_)) => http_primary::probe(&World, route, address).await,
            _ => self.sessions.probe(&self.hostname, route, address).await,
        }
    }
}
