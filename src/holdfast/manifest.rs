//! The application manifest, `spin.toml` (manifest version 2), read as Spin reads it.
//!
//! Two steps, because building the components needs the first only: [`Document`] is the file,
//! checked for its own consistency; [`Manifest`] is the application with every variable resolved.
//! What Spin refuses is refused here. What Spin offers and this host does not, is refused by name
//! instead of being ignored: an application must not behave differently in silence.

mod document;
mod names;
pub mod routes;
mod template;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use document::{Build, Document};
pub use names::check_variable as check_variable_name;
use routes::Routes;
use variables::Variables;

use crate::grants::Grants;

/// An application, ready to run: variables resolved, routes compiled, grants parsed.
#[derive(Debug)]
pub struct Manifest {
    /// The application's name.
    pub name: String,
    /// The application's version; may be empty.
    pub version: String,
    /// The folder of `spin.toml`; relative paths start here.
    pub root: PathBuf,
    /// The components by id.
    pub components: BTreeMap<String, Component>,
    /// The HTTP routes, each naming its component.
    pub routes: Routes,
}

/// One component and what it was given.
pub struct Component {
    /// The component's id in the manifest.
    pub id: String,
    /// The `.wasm` file.
    pub source: PathBuf,
    /// What it may reach.
    pub grants: Grants,
    /// The labels of the key-value stores it may open.
    pub key_value_stores: BTreeSet<String>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// The variables it may read, resolved. Their values may be secrets.
    pub variables: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the manifest at `path` and resolves its variables: from `given` first, then from the
    /// environment (`SPIN_VARIABLE_NAME`), else the default.
    pub fn load(path: &Path, given: &BTreeMap<String, String>) -> Result<Self> {
        Self::load_with(path, given, |name| std::env::var(name).ok())
    }

    /// Like [`Manifest::load`], with another environment.
    pub fn load_with(
        path: &Path,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let document = Document::read(path)?;
        Self::resolve(document, given, environment)
            .with_context(|| format!("{} cannot be run", path.display()))
    }

    fn resolve(
        document: Document,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let variables = Variables::resolve(&document.variables, given, environment)?;
        let mut components = BTreeMap::new();
        for (id, declared) in &document.components {
            let component = Component::resolve(&document.root, id, declared, &variables)
                .with_context(|| format!("component {id:?}"))?;
            components.insert(id.clone(), component);
        }
        let routes = Routes::new(&document.triggers.http)?;
        for route in routes.iter() {
            if !components.contains_key(&route.component) {
                bail!(
                    "the route {:?} names the component {:?}, which is not in the manifest",
                    route.raw,
                    route.component
                );
            }
        }
        Ok(Self {
            name: document.application.name,
            version: document.application.version,
            root: document.root,
            components,
            routes,
        })
    }
}

impl Component {
    fn resolve(
        root: &Path,
        id: &str,
        declared: &document::Component,
        variables: &Variables,
    ) -> Result<Self> {
        let mut values = BTreeMap::new();
        for (name, text) in &declared.variables {
            let value = variables
                .fill(text)
                .with_context(|| format!("its variable {name:?}"))?;
            values.insert(name.clone(), value);
        }
        Ok(Self {
            id: id.to_owned(),
            source: root.join(&declared.source),
            grants: grants(&declared.allowed_outbound_hosts, variables)?,
            key_value_stores: declared.key_value_stores.iter().cloned().collect(),
            environment: declared.environment.clone(),
            variables: values,
        })
    }
}

/// Shows the names of what may be secret, never the values.
impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("grants", &self.grants)
            .field("key_value_stores", &self.key_value_stores)
            .field("environment", &self.environment.keys())
            .field("variables", &self.variables.keys())
            .finish()
    }
}

/// An entry without a template, or one whose variables all have defaults, must be right in the
/// manifest itself, and Spin refuses to start otherwise. An entry spoiled by a value that was
/// given denies everything at run time instead.
fn grants(entries: &[String], variables: &Variables) -> Result<Grants> {
    let mut filled = Vec::new();
    for entry in entries {
        let context = || format!("allowed_outbound_hosts: {entry:?}");
        let template = template::Template::parse(entry).with_context(context)?;
        if template.is_literal() {
            Grants::parse([entry.as_str()]).with_context(context)?;
        } else if let Some(usual) = variables.fill_with_defaults(&template) {
            Grants::parse(skip_empty(&usual)).with_context(context)?;
        }
        let text = variables.fill_template(&template).with_context(context)?;
        match template.is_literal() {
            true => filled.push(text),
            false => filled.extend(skip_empty(&text).map(str::to_owned)),
        }
    }
    Ok(Grants::parse(filled.iter().map(String::as_str)).unwrap_or_else(Grants::broken))
}

/// An optional endpoint: a template that came out empty, or as a bare HTTP scheme, grants nothing
/// and is no error.
fn skip_empty(filled: &str) -> Option<&str> {
    match filled {
        "" | "http://" | "https://" => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests;
