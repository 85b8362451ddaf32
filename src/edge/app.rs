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
use holdfast_core::custody::store::s3::S3Settings;
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
        let document = settings::get("config").await?;
        let credentials = settings::get("primary_credentials").await?;
        let unconfigured = document.trim().is_empty();
        let document = if unconfigured { LOCAL_ONLY } else { &document };
        let config = Config::parse(document, &credentials).map_err(|error| error.to_string())?;
        let or = |value: String, default: &str| {
            if value.is_empty() {
                default.to_owned()
            } else {
                value
            }
        };
        let style = settings::get("storage_style").await?;
        let virtual_host = match style.as_str() {
            "" | "path" => false,
            "virtual-host" => true,
            other => {
                return Err(format!(
                    "storage_style: {other:?} is neither path nor virtual-host"
                ));
            }
        };
        let storage = Storage::new(&S3Settings {
            url: settings::get("storage_url").await?,
            bucket: or(settings::get("storage_bucket").await?, "holdfast"),
            region: or(settings::get("storage_region").await?, "us-east-1"),
            virtual_host,
            access_key: settings::get("storage_access_key").await?,
            secret_key: settings::get("storage_secret_key").await?,
        })?;
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

/// The configuration of those who have none: one route to a mail server on this machine, and a
/// partner whose key everybody knows (`demo-key`), admitted from this machine only.
const LOCAL_ONLY: &str = r#"
[[route]]
name = "demo"
domains = ["example.org"]
primary = "smtp://127.0.0.1:2525"
tls = "off"
[[partner]]
name = "demo"
key_sha256 = "c48a01f49fd0f2cc404bc3cbbc80e91457a3d41bb429a695243de4c61794155c"
"#;
