//! HTTP routes, matched as Spin matches them: with the same crate, so that precedence, trailing
//! slashes and captures come out the same. Exact beats parameter beats wildcard; longer beats
//! shorter; nothing matched is a 404.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, anyhow, bail};

use super::document::HttpTrigger;

/// All routes of an application.
pub struct Routes {
    finder: routefinder::Router<Route>,
}

/// One route of the manifest.
#[derive(Debug, Clone)]
pub struct Route {
    /// As written in the manifest, e.g. `/v1/messages/...`.
    pub raw: String,
    /// As matched: with a leading slash and without a trailing one.
    pub based: String,
    /// The component that serves it.
    pub component: String,
}

/// A path that found its route.
#[derive(Debug)]
pub struct Matched<'r> {
    /// The route.
    pub route: &'r Route,
    /// What the trailing `...` stood for, with its leading slash; empty without a wildcard.
    pub path_info: String,
    /// What each `:name` stood for.
    pub captures: Vec<(String, String)>,
}

impl Routes {
    pub(super) fn new(triggers: &[HttpTrigger]) -> Result<Self> {
        let mut finder = routefinder::Router::new();
        let mut seen = BTreeSet::new();
        for trigger in triggers {
            let route = Route::new(trigger);
            if !seen.insert(route.based.clone()) {
                bail!("the route {:?} is in the manifest twice", trigger.route);
            }
            finder
                .add(route.pattern().as_str(), route.clone())
                .map_err(|error| anyhow!("the route {:?} is not valid: {error}", route.raw))?;
        }
        Ok(Self { finder })
    }

    /// The route that serves `path`, if any.
    pub fn find(&self, path: &str) -> Option<Matched<'_>> {
        let found = self.finder.best_match(path)?;
        let captures = found.captures();
        let path_info = match captures.wildcard() {
            None => String::new(),
            Some("") if path.ends_with('/') => "/".to_owned(),
            Some("") => String::new(),
            // The finder drops a trailing slash; Spin's components have always seen it.
            Some(rest) if path.ends_with('/') => format!("/{rest}/"),
            Some(rest) => format!("/{rest}"),
        };
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Some(Matched {
            path_info,
            captures: captures.iter().map(owned).collect(),
            route: found.handler(),
        })
    }

    /// The routes, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.finder.iter().map(|(_, route)| route)
    }
}

impl Route {
    fn new(trigger: &HttpTrigger) -> Self {
        let based = match trigger.route.starts_with('/') {
            true => trigger.route.clone(),
            false => format!("/{}", trigger.route),
        };
        Self {
            raw: trigger.route.clone(),
            based: based.strip_suffix('/').unwrap_or(&based).to_owned(),
            component: trigger.component.clone(),
        }
    }

    /// The finder writes a trailing wildcard `*`, the manifest `...`.
    fn pattern(&self) -> String {
        match self.based.strip_suffix("/...") {
            Some(prefix) => format!("{prefix}/*"),
            None => self.based.clone(),
        }
    }

    /// The route as written, without its trailing wildcard.
    pub fn without_wildcard(&self) -> &str {
        self.raw.strip_suffix("/...").unwrap_or(&self.raw)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
