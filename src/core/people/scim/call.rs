//! One request: which resource it is about, what is done with it, and what is answered.

use serde_json::{Map, Value};

use super::canonical;
use super::discovery;
use super::members::Roll;
use super::patch::{Draft, patch};
use super::path::Path;
use super::problem::ScimError;
use super::query::{self, Query};
use super::schema::{Resource, group::GROUP};
use super::show::{Shown, etag};
use super::{ScimRequest, ScimResponse};
use crate::config::Config;
use crate::custody::store::Version;
use crate::limits;
use crate::people::directory::{
    Attributes, ChangeError, Group, Owner, User, create_group, create_user, delete_group,
    delete_user, group_with_version, replace_group, replace_user, user_with_version,
};
use crate::ports::{Event, Ports};

/// Answers it; `base` is the URL of `/scim/v2`.
pub(super) async fn answer<P: Ports>(
    ports: &P,
    config: &Config,
    base: &str,
    request: ScimRequest,
) -> Result<ScimResponse, ScimError> {
    let call = Call {
        ports,
        config,
        base,
        request,
    };
    call.answer().await
}

/// A request on its way.
struct Call<'c, P> {
    ports: &'c P,
    config: &'c Config,
    base: &'c str,
    request: ScimRequest,
}

/// A resource as it is stored.
enum Stored {
    User(User, Version),
    Group(Group, Version),
}

impl Stored {
    const fn version(&self) -> &Version {
        match self {
            Self::User(_, version) | Self::Group(_, version) => version,
        }
    }

    fn shown(self, base: &str) -> Shown {
        match self {
            Self::User(user, version) => Shown::user(&user, &version, base),
            Self::Group(group, version) => Shown::group(group, &version, base),
        }
    }
}

impl<P: Ports> Call<'_, P> {
    async fn answer(&self) -> Result<ScimResponse, ScimError> {
        if self.request.body.len() > limits::SCIM_BODY_BYTES {
            let most = limits::SCIM_BODY_BYTES;
            return Err(ScimError::new(
                413,
                format!("a body has {most} bytes at most"),
            ));
        }
        let path = self.request.path.split('?').next().unwrap_or_default();
        let path = percent_encoding::percent_decode_str(path);
        let path = path
            .decode_utf8()
            .map_err(|_| ScimError::missing("that path"))?;
        let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
        let method = self.request.method.as_str();
        match words.as_slice() {
            ["Me", ..] => Err(ScimError::new(501, "/Me is not supported")),
            ["Bulk"] => Err(ScimError::new(501, "bulk operations are not supported")),
            [] => match method {
                "GET" => self.list(None).await,
                _ => Err(ScimError::method("GET")),
            },
            [".search"] => self.search(None).await,
            [endpoint] if canonical::kind(endpoint).is_some() => {
                let kind = canonical::kind(endpoint).unwrap_or(&GROUP);
                match method {
                    "GET" => self.list(Some(kind)).await,
                    "POST" => self.create(kind).await,
                    _ => Err(ScimError::method("GET, POST")),
                }
            }
            [endpoint, ".search"] if canonical::kind(endpoint).is_some() => {
                self.search(canonical::kind(endpoint)).await
            }
            [endpoint, id] if canonical::kind(endpoint).is_some() => {
                let kind = canonical::kind(endpoint).unwrap_or(&GROUP);
                let id = owner(kind, id)?;
                match method {
                    "GET" => self.get(id).await,
                    "PUT" | "PATCH" => self.change(kind, id).await,
                    "DELETE" => self.delete(id).await,
                    _ => Err(ScimError::method("GET, PUT, PATCH, DELETE")),
                }
            }
            words => self.discover(words),
        }
    }

    fn discover(&self, words: &[&str]) -> Result<ScimResponse, ScimError> {
        let Some(found) = discovery::answer(self.base, words) else {
            return Err(ScimError::missing("that path"));
        };
        if self.request.method != "GET" {
            return Err(ScimError::method("GET"));
        }
        if Query::of_url(&self.request.query)?.is_filtered() {
            return Err(ScimError::new(
                403,
                "what the service says of itself has no filter",
            ));
        }
        Ok(ScimResponse::json(200, &found?))
    }

    async fn list(&self, kind: Option<&'static Resource>) -> Result<ScimResponse, ScimError> {
        let query = Query::of_url(&self.request.query)?;
        self.listed(kind, &query).await
    }

    async fn search(&self, kind: Option<&'static Resource>) -> Result<ScimResponse, ScimError> {
        if self.request.method != "POST" {
            return Err(ScimError::method("POST"));
        }
        let query = Query::of(&self.body()?)?;
        self.listed(kind, &query).await
    }

    async fn listed(
        &self,
        kind: Option<&'static Resource>,
        query: &Query,
    ) -> Result<ScimResponse, ScimError> {
        let store = self.ports.store();
        let list = query::list(store, self.config, self.base, kind, query).await?;
        Ok(ScimResponse::json(200, &list))
    }

    async fn get(&self, id: Owner) -> Result<ScimResponse, ScimError> {
        let stored = self.read(id).await?;
        let tag = etag(stored.version());
        if names(self.request.if_none_match.as_deref(), &tag) {
            return Ok(ScimResponse {
                etag: Some(tag),
                ..ScimResponse::new(304)
            });
        }
        self.show(200, stored)
    }

    async fn create(&self, kind: &'static Resource) -> Result<ScimResponse, ScimError> {
        let (body, sent) = split(kind, self.body()?);
        let attributes = canonical::resource(kind, body)?;
        let mut roll = Roll::default();
        roll.add(&sent)?;
        let members = roll.members(self.ports.store()).await?;
        for _ in 0..limits::SCIM_TRIES {
            let attributes = attributes.clone();
            let made = match kind.name == GROUP.name {
                true => {
                    let made = create_group(self.ports, self.config, attributes, members.clone());
                    made.await
                        .map(|(group, version)| Stored::Group(group, version))
                }
                false => {
                    let made = create_user(self.ports, self.config, attributes).await;
                    made.map(|(user, version)| Stored::User(user, version))
                }
            };
            match made {
                // Somebody who wanted the same name came in between: it is theirs, or free again.
                Err(ChangeError::Changed) => {}
                Err(error) => return Err(error.into()),
                Ok(stored) => {
                    self.note("directory.created", &stored);
                    return self.show(201, stored);
                }
            }
        }
        Err(busy())
    }

    async fn change(&self, kind: &'static Resource, id: Owner) -> Result<ScimResponse, ScimError> {
        let is_patch = self.request.method == "PATCH";
        let (body, sent) = match self.body()? {
            body if is_patch => (body, Value::Null),
            body => split(kind, body),
        };
        for _ in 0..limits::SCIM_TRIES {
            let stored = self.read(id).await?;
            self.matches(stored.version())?;
            let (attributes, roll) = match &stored {
                Stored::User(user, _) => (user.attributes().clone(), None),
                Stored::Group(group, _) => {
                    (group.attributes().clone(), Some(Roll::of(group.members())))
                }
            };
            let mut draft = Draft {
                attributes,
                members: roll,
            };
            if is_patch {
                patch(kind, &mut draft, &body)?;
            } else {
                draft.attributes = canonical::resource(kind, body.clone())?;
                if let Some(roll) = &mut draft.members {
                    roll.replace(&sent)?;
                }
            }
            match self.write(stored, draft).await {
                Err(ChangeFailed::Changed) if self.request.if_match.is_none() => {}
                Err(ChangeFailed::Changed) => return Err(ChangeError::Changed.into()),
                Err(ChangeFailed::Other(error)) => return Err(error),
                Ok(stored) => return self.changed(stored),
            }
        }
        Err(busy())
    }

    async fn write(&self, stored: Stored, draft: Draft) -> Result<Stored, ChangeFailed> {
        let (ports, config) = (self.ports, self.config);
        let written = match stored {
            Stored::User(user, version) if *user.attributes() == draft.attributes => {
                return Ok(Stored::User(user, version));
            }
            Stored::User(user, version) => {
                let written = replace_user(ports, config, &user, version, draft.attributes).await?;
                Stored::User(written.0, written.1)
            }
            Stored::Group(group, version) => {
                let roll = draft.members.unwrap_or_default();
                let members = roll.members(ports.store()).await?;
                if *group.attributes() == draft.attributes && group.members() == members {
                    return Ok(Stored::Group(group, version));
                }
                let attributes = draft.attributes;
                let written = replace_group(ports, config, &group, version, attributes, members);
                let written = written.await?;
                Stored::Group(written.0, written.1)
            }
        };
        self.note("directory.changed", &written);
        Ok(written)
    }

    /// A changed group is not sent back after a PATCH unless asked for: it can have 50,000 members.
    fn changed(&self, stored: Stored) -> Result<ScimResponse, ScimError> {
        let asked = Query::of_url(&self.request.query)?.wanted.is_any();
        if self.request.method == "PATCH" && matches!(stored, Stored::Group(..)) && !asked {
            return Ok(ScimResponse {
                etag: Some(etag(stored.version())),
                ..ScimResponse::new(204)
            });
        }
        self.show(200, stored)
    }

    async fn delete(&self, id: Owner) -> Result<ScimResponse, ScimError> {
        let version = match self.request.if_match {
            None => None,
            Some(_) => {
                let stored = self.read(id).await?;
                self.matches(stored.version())?;
                Some(stored.version().clone())
            }
        };
        match id {
            Owner::User(id) => delete_user(self.ports, self.config, id, version).await?,
            Owner::Group(id) => delete_group(self.ports, self.config, id, version).await?,
        }
        let event = Event::new("directory.deleted").with("id", id.to_string());
        self.ports.write(event);
        Ok(ScimResponse::new(204))
    }

    fn show(&self, status: u16, stored: Stored) -> Result<ScimResponse, ScimError> {
        let wanted = Query::of_url(&self.request.query)?.wanted;
        let tag = etag(stored.version());
        let shown = stored.shown(self.base);
        let location = shown.location();
        Ok(ScimResponse {
            etag: Some(tag),
            location: Some(location),
            ..ScimResponse::json(status, &shown.only(&wanted))
        })
    }

    async fn read(&self, id: Owner) -> Result<Stored, ScimError> {
        let store = self.ports.store();
        let stored = match id {
            Owner::User(id) => {
                let found = user_with_version(store, id).await?;
                found.map(|(user, version)| Stored::User(user, version))
            }
            Owner::Group(id) => {
                let found = group_with_version(store, id).await?;
                found.map(|(group, version)| Stored::Group(group, version))
            }
        };
        stored.ok_or_else(|| ScimError::missing(&id.to_string()))
    }

    fn body(&self) -> Result<Map<String, Value>, ScimError> {
        serde_json::from_slice(&self.request.body).map_err(|error| {
            let detail = format!("the body is no JSON object: {error}");
            ScimError::bad("invalidSyntax", detail)
        })
    }

    /// 412 where the client knows another version.
    fn matches(&self, version: &Version) -> Result<(), ScimError> {
        let wanted = self.request.if_match.as_deref();
        if wanted.is_none() || names(wanted, &etag(version)) {
            return Ok(());
        }
        Err(ScimError::new(
            412,
            "it is not the version that If-Match names",
        ))
    }

    fn note(&self, name: &'static str, stored: &Stored) {
        let id = match stored {
            Stored::User(user, _) => user.id().to_string(),
            Stored::Group(group, _) => group.id().to_string(),
        };
        self.ports.write(Event::new(name).with("id", id));
    }
}

/// Why a resource was not changed.
enum ChangeFailed {
    /// Another did it first.
    Changed,
    Other(ScimError),
}

impl From<ChangeError> for ChangeFailed {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Changed => Self::Changed,
            error => Self::Other(error.into()),
        }
    }
}

impl From<ScimError> for ChangeFailed {
    fn from(error: ScimError) -> Self {
        Self::Other(error)
    }
}

/// A group's body without its members, and those as they were sent: nobody needs 30,000 of them twice.
fn split(kind: &Resource, mut body: Attributes) -> (Attributes, Value) {
    let keys = body.keys();
    let key = keys.filter(|_| kind.name == GROUP.name).find(|key| {
        let path = Path::parse(kind, key);
        path.is_some_and(|path| path.is("members"))
    });
    let members = key.cloned().and_then(|key| body.remove(&key));
    (body, members.unwrap_or_default())
}

/// The id in a path; what is none of ours is nobody's.
fn owner(kind: &Resource, id: &str) -> Result<Owner, ScimError> {
    let owner = match kind.name == GROUP.name {
        true => id.parse().map(Owner::Group),
        false => id.parse().map(Owner::User),
    };
    owner.map_err(|_| ScimError::missing(&format!("{} {id:?}", kind.name)))
}

/// Whether a condition names this entity tag: weakly compared (RFC 9110, 8.8.3.2), because all of
/// ours are weak (RFC 7644, 3.14).
fn names(condition: Option<&str>, tag: &str) -> bool {
    let bare = |tag: &str| {
        let tag = tag.trim();
        tag.strip_prefix("W/")
            .unwrap_or(tag)
            .trim_matches('"')
            .to_owned()
    };
    let wanted = bare(tag);
    condition.is_some_and(|condition| {
        let mut tags = condition.split(',');
        tags.any(|tag| tag.trim() == "*" || bare(tag) == wanted)
    })
}

fn busy() -> ScimError {
    ScimError::new(503, "others change it at the same time; try again")
}
