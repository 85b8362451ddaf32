//! Lists and searches (RFC 7644, 3.4.2 and 3.4.3).
//!
//! Without a filter the keys of the records are listed, which is the truth, and only the page's
//! records are read. A filter that asks for an id, a name, an externalId or an address is answered
//! from the indexes, and its other terms are asked of what is found. Every other filter reads all
//! records, some at a time, and keeps the page's.
//!
//! The order is that of the ids, which nobody can change.

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use serde_json::{Map, Value};

use super::filter::{Filter, Operator, Subject, parse};
use super::problem::ScimError;
use super::schema::{RESOURCES, Resource, get, group::GROUP};
use super::show::Shown;
use super::wanted::Wanted;
use crate::config::Config;
use crate::custody::store::{Store, StoreErrorKind};
use crate::limits;
use crate::mail::EmailAddress;
use crate::people::directory::{
    Owner, group_with_version, groups_by_external_id, groups_by_name, keys, owner_of, user_by_name,
    user_with_version, users_by_external_id,
};

/// What a list is asked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// What to show of each.
    pub wanted: Wanted,
    filter: Option<String>,
    start: usize,
    count: usize,
}

impl Query {
    /// Of a request's query.
    pub fn of_url(query: &str) -> Result<Self, ScimError> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let pairs =
            pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())));
        Self::of(&pairs.collect())
    }

    /// Of the body of a `.search`.
    pub fn of(fields: &Map<String, Value>) -> Result<Self, ScimError> {
        let text = |name: &str| match get(fields, name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                list.join(",")
            }
            _ => String::new(),
        };
        let number = |name: &str, default: i64| match get(fields, name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Number(number)) => Ok(number.as_i64().unwrap_or(default)),
            Some(Value::String(text)) => {
                let number = text.trim().parse::<i64>();
                number.map_err(|_| ScimError::value(format!("{name} is a number")))
            }
            Some(_) => Err(ScimError::value(format!("{name} is a number"))),
        };
        let page = i64::try_from(limits::SCIM_PAGE).unwrap_or(i64::MAX);
        let count = number("count", page)?.clamp(0, page);
        Ok(Self {
            wanted: Wanted::new(&text("attributes"), &text("excludedAttributes")),
            filter: Some(text("filter")).filter(|filter| !filter.trim().is_empty()),
            start: usize::try_from(number("startIndex", 1)?.max(1)).unwrap_or(1),
            count: usize::try_from(count).unwrap_or(0),
        })
    }

    /// Whether it has a filter.
    pub const fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }
}

/// A list as it is answered.
#[derive(Debug, Serialize)]
pub struct List {
    schemas: [&'static str; 1],
    #[serde(rename = "totalResults")]
    total: usize,
    #[serde(rename = "startIndex")]
    start: usize,
    #[serde(rename = "itemsPerPage")]
    items: usize,
    #[serde(rename = "Resources")]
    resources: Vec<Shown>,
}

/// The resources of one kind, or of all, that the query asks for.
pub async fn list<S: Store>(
    store: &S,
    config: &Config,
    base: &str,
    kind: Option<&'static Resource>,
    query: &Query,
) -> Result<List, ScimError> {
    let kinds = kind.map_or_else(|| RESOURCES.to_vec(), |kind| vec![kind]);
    let mut page = Page {
        base,
        query,
        seen: 0,
        read: 0,
        members: 0,
        resources: Vec::new(),
    };
    let mut refused = None;
    let asked = kinds.len();
    let mut refusals = 0;
    for kind in kinds {
        let filter = match &query.filter {
            None => {
                page.all(store, kind).await?;
                continue;
            }
            // An attribute that one kind does not have is no error where all are asked.
            Some(filter) => match parse::filter(kind, filter) {
                Ok(filter) => filter,
                Err(error) => {
                    refused = Some(error);
                    refusals += 1;
                    continue;
                }
            },
        };
        match candidates(store, config, kind, &filter).await? {
            Some(owners) => page.those(store, owners, &filter).await?,
            None => page.scan(store, kind, &filter).await?,
        }
    }
    if let Some(error) = refused.filter(|_| refusals == asked) {
        return Err(error);
    }
    Ok(List {
        schemas: [LIST],
        total: page.seen,
        start: query.start,
        items: page.resources.len(),
        resources: page.resources,
    })
}

/// The page while it is filled.
struct Page<'q> {
    base: &'q str,
    query: &'q Query,
    /// Resources that belong to the result.
    seen: usize,
    /// Records that were read to see that.
    read: usize,
    members: usize,
    resources: Vec<Shown>,
}

impl Page<'_> {
    /// Counts all of a kind, and reads those of the page.
    async fn all<S: Store>(&mut self, store: &S, kind: &Resource) -> Result<(), ScimError> {
        let (first, end) = (
            self.query.start - 1,
            self.query.start - 1 + self.query.count,
        );
        let mut wanted = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let keys = store
                .list(prefix(kind), after.as_deref(), limits::LIST_PAGE)
                .await?;
            for key in &keys.keys {
                if let Some(owner) = owner(kind, key) {
                    if (first..end).contains(&self.seen) {
                        wanted.push(owner);
                    }
                    self.seen += 1;
                }
            }
            after = keys.keys.last().cloned();
            if !keys.more || after.is_none() {
                break;
            }
        }
        let reads = wanted
            .into_iter()
            .map(|owner| show(store, owner, self.base));
        let mut reads = stream::iter(reads).buffered(limits::PEOPLE_READS);
        while let Some(shown) = reads.next().await {
            // One that is being deleted just now is not there.
            if let Some(shown) = shown? {
                let shown = shown.only(&self.query.wanted);
                self.members += shown.members.len();
                if self.members > limits::SCIM_LIST_MEMBERS && !self.resources.is_empty() {
                    break;
                }
                self.resources.push(shown);
            }
        }
        Ok(())
    }

    /// Asks these.
    async fn those<S: Store>(
        &mut self,
        store: &S,
        owners: Vec<Owner>,
        filter: &Filter,
    ) -> Result<(), ScimError> {
        let reads: Vec<_> = owners
            .into_iter()
            .map(|owner| show(store, owner, self.base))
            .collect();
        let mut reads = stream::iter(reads).buffered(limits::PEOPLE_READS);
        while let Some(shown) = reads.next().await {
            if let Some(shown) = shown? {
                self.ask(shown, filter);
            }
        }
        Ok(())
    }

    /// Asks all of a kind.
    async fn scan<S: Store>(
        &mut self,
        store: &S,
        kind: &Resource,
        filter: &Filter,
    ) -> Result<(), ScimError> {
        let mut after: Option<String> = None;
        loop {
            let keys = store
                .list(prefix(kind), after.as_deref(), limits::LIST_PAGE)
                .await?;
            let owners: Vec<Owner> = keys
                .keys
                .iter()
                .filter_map(|key| owner(kind, key))
                .collect();
            self.read += owners.len();
            if self.read > limits::SCIM_SCAN {
                let detail = "the filter asks for what no index has; ask for an id, a name, an \
                              externalId or an address";
                return Err(ScimError::bad("tooMany", detail));
            }
            self.those(store, owners, filter).await?;
            after = keys.keys.last().cloned();
            if !keys.more || after.is_none() {
                return Ok(());
            }
        }
    }

    fn ask(&mut self, shown: Shown, filter: &Filter) {
        let subject = Subject {
            attributes: &shown.attributes,
            members: &shown.members,
        };
        if !filter.matches(subject) {
            return;
        }
        self.seen += 1;
        let on_page = self.seen >= self.query.start && self.resources.len() < self.query.count;
        let shown = shown.only(&self.query.wanted);
        if on_page && self.members + shown.members.len() <= limits::SCIM_LIST_MEMBERS {
            self.members += shown.members.len();
            self.resources.push(shown);
        }
    }
}

async fn show<S: Store>(store: &S, owner: Owner, base: &str) -> Result<Option<Shown>, ScimError> {
    let shown = match owner {
        Owner::User(id) => {
            let found = user_with_version(store, id).await;
            found.map(|found| found.map(|(user, version)| Shown::user(&user, &version, base)))
        }
        Owner::Group(id) => {
            let found = group_with_version(store, id).await;
            found.map(|found| found.map(|(group, version)| Shown::group(group, &version, base)))
        }
    };
    match shown {
        Ok(shown) => Ok(shown),
        // One that nobody can read must not hide all others; asked for by its id it is an error.
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whoever the filter can be true of, if an index says; else none.
async fn candidates<S: Store>(
    store: &S,
    config: &Config,
    kind: &Resource,
    filter: &Filter,
) -> Result<Option<Vec<Owner>>, ScimError> {
    let is_group = kind.name == GROUP.name;
    for (name, value) in equals(filter) {
        let found = match name {
            "id" => {
                let owner = match is_group {
                    true => value.parse().ok().map(Owner::Group),
                    false => value.parse().ok().map(Owner::User),
                };
                owner.into_iter().collect()
            }
            "userName" => {
                let user = user_by_name(store, value).await?;
                user.into_iter()
                    .map(|user| Owner::User(user.id()))
                    .collect()
            }
            "externalId" if is_group => {
                let groups = groups_by_external_id(store, value).await?;
                groups.into_iter().map(Owner::Group).collect()
            }
            "externalId" => {
                let users = users_by_external_id(store, value).await?;
                users.into_iter().map(Owner::User).collect()
            }
            "displayName" if is_group => {
                let groups = groups_by_name(store, value).await?;
                groups.into_iter().map(Owner::Group).collect()
            }
            "emails" => {
                let address = value.parse::<EmailAddress>().ok();
                let address =
                    address.filter(|address| config.route_for(&address.domain()).is_some());
                let Some(address) = address else { continue };
                let owner = owner_of(store, config, &address).await?;
                owner.into_iter().collect()
            }
            _ => continue,
        };
        return Ok(Some(found));
    }
    Ok(None)
}

/// What must be equal to what wherever the filter is true: attributes of the resource itself.
fn equals(filter: &Filter) -> Vec<(&'static str, &str)> {
    match filter {
        Filter::All(filters) => filters.iter().flat_map(equals).collect(),
        Filter::Is(path, Operator::Eq, Value::String(value)) if path.extension.is_none() => {
            let whole = path.part.is_none_or(|part| part.name == "value");
            let name = path
                .attribute
                .filter(|_| whole)
                .map(|attribute| attribute.name);
            name.map(|name| (name, value.as_str()))
                .into_iter()
                .collect()
        }
        Filter::Each(path, inner) if path.is("emails") => {
            let parts = equals(inner).into_iter();
            let values = parts.filter(|(part, _)| *part == "value");
            values.map(|(_, value)| ("emails", value)).collect()
        }
        _ => Vec::new(),
    }
}

fn prefix(kind: &Resource) -> &'static str {
    match kind.name == GROUP.name {
        true => keys::GROUPS,
        false => keys::USERS,
    }
}

fn owner(kind: &Resource, key: &str) -> Option<Owner> {
    let id = key.strip_prefix(prefix(kind))?.strip_suffix(".json")?;
    match kind.name == GROUP.name {
        true => id.parse().ok().map(Owner::Group),
        false => id.parse().ok().map(Owner::User),
    }
}

/// The schema of lists.
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
