//! What a component has once it has started: settings, configuration, storage, primaries.
//!
//! Made at an instance's first request and kept for its later ones: a good cache and nothing
//! more. What cannot be used is refused at that first request, by its key, and tried again at the
//! next, so that mending a setting needs no restart of anything but the instance.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use holdfast_core::config::Config;
use holdfast_core::custody::route_state::StateCache;
use holdfast_core::deployment::{self, Configured};
use holdfast_core::ports::{Clock, Event, Log, Ports};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::time::Timestamp;

use crate::primary::Primaries;
use crate::settings;
use crate::storage::Storage;
use crate::world::World;

/// One instance's application.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// Whether nobody configured anything: then only this machine may submit.
    pub unconfigured: bool,
    /// What is remembered of the routes.
    pub cache: StateCache,
    storage: Storage,
    primaries: Primaries,
    world: World,
}

thread_local! {
    static APP: RefCell<Option<Rc<App>>> = const { RefCell::new(None) };
}

impl App {
    /// The instance's application; made where there is none yet.
    pub async fn get() -> Result<Rc<Self>, Problem> {
        let known = APP.with(|app| app.borrow().clone());
        if let Some(app) = known {
            return Ok(app);
        }
        let app = Rc::new(Self::load().await.map_err(|reason| {
            World.write(Event::new("config.refused").with("reason", reason.as_str()));
            Problem::new(Kind::Misconfigured, reason)
        })?);
        // Requests that started side by side share the first one's sessions.
        Ok(APP.with(|slot| slot.borrow_mut().get_or_insert(app).clone()))
    }

    async fn load() -> Result<Self, String> {
        let Configured {
            config,
            unconfigured,
        } = deployment::config(settings::get).await?;
        let storage = Storage::new(&deployment::storage(settings::get).await?)?;
        let primaries = Primaries::new(config.hostname.clone());
        Ok(Self {
            config,
            unconfigured,
            cache: StateCache::default(),
            storage,
            primaries,
            world: World,
        })
    }

    /// What kind of storage it is.
    pub const fn storage_kind(&self) -> &'static str {
        self.storage.kind()
    }

    /// Without a configuration only this machine may submit: the demonstration's key is no secret.
    pub fn admits(&self, client: Option<&str>) -> Result<(), Problem> {
        let address = client.and_then(|client| client.parse::<std::net::SocketAddr>().ok());
        if !self.unconfigured || address.is_some_and(|address| address.ip().is_loopback()) {
            return Ok(());
        }
        let detail =
            "nothing is configured, so only this machine may submit; set the variable `config`";
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

impl Clock for App {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
    fn random(&self, bytes: &mut [u8]) {
        self.world.random(bytes);
    }
    async fn sleep(&self, duration: Duration) {
        self.world.sleep(duration).await;
    }
}

impl Log for App {
    fn write(&self, event: Event) {
        self.world.write(event);
    }
}

impl Ports for App {
    type Store = Storage;
    type Primary = Primaries;
    fn store(&self) -> &Storage {
        &self.storage
    }
    fn primary(&self) -> &Primaries {
        &self.primaries
    }
}
