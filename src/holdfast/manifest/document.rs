//! `spin.toml` as it is written, with serde, and the checks that need no variable's value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::names;

/// The manifest file: consistent in itself, variables not resolved yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    spin_manifest_version: u32,
    /// What the application says about itself.
    pub application: Application,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    #[serde(rename = "trigger", default)]
    pub(super) triggers: Triggers,
    #[serde(rename = "component", default)]
    pub(super) components: BTreeMap<String, Component>,
    /// The folder of the file.
    #[serde(skip)]
    pub root: PathBuf,
}

/// The `[application]` table. The host uses the name and the version; the rest is for people.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The application's name.
    pub name: String,
    /// The application's version; may be empty.
    #[serde(default)]
    pub version: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "authors")]
    _authors: Option<Vec<String>>,
    #[serde(rename = "targets")]
    _targets: Option<toml::Value>,
    #[serde(rename = "tool")]
    _tool: Option<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    #[serde(default)]
    pub required: bool,
    pub default: Option<String>,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Triggers {
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTrigger {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub route: String,
    pub component: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    pub source: PathBuf,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    pub build: Option<Build>,
    #[serde(rename = "tool")]
    _tool: Option<toml::Table>,
    // Spin has these; this host has not, and says so.
    files: Option<toml::Value>,
    exclude_files: Option<toml::Value>,
    allowed_http_hosts: Option<toml::Value>,
    sqlite_databases: Option<toml::Value>,
    ai_models: Option<toml::Value>,
    targets: Option<toml::Value>,
    dependencies: Option<toml::Value>,
    dependencies_inherit_configuration: Option<toml::Value>,
    profile: Option<toml::Value>,
}

/// How a component is built.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The command, or several to run one after another.
    #[serde(deserialize_with = "one_or_many")]
    pub command: Vec<String>,
    /// The folder to run it in, from the manifest's.
    pub workdir: Option<PathBuf>,
    /// The sources; read by `spin watch`, not needed here.
    #[serde(default)]
    pub watch: Vec<String>,
}

impl Document {
    /// Reads and checks the manifest at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the manifest {} cannot be read", path.display()))?;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        Self::parse(&text, folder.unwrap_or(Path::new(".")))
            .with_context(|| format!("the manifest {} is not valid", path.display()))
    }

    /// Parses and checks the text of a manifest that lies in the folder `root`.
    pub fn parse(text: &str, root: &Path) -> Result<Self> {
        let mut document: Self = toml::from_str(text)?;
        document.root = root.to_owned();
        document.check()?;
        Ok(document)
    }

    /// Whether the application has a variable of this name.
    pub fn declares(&self, variable: &str) -> bool {
        self.variables.contains_key(variable)
    }

    /// How each component is built, by its id; those that name no command are left out.
    pub fn builds(&self) -> impl Iterator<Item = (&str, &Build)> {
        self.components
            .iter()
            .filter_map(|(id, component)| Some((id.as_str(), component.build.as_ref()?)))
    }

    fn check(&self) -> Result<()> {
        if self.spin_manifest_version != 2 {
            bail!(
                "spin_manifest_version is {}; only 2 is known",
                self.spin_manifest_version
            );
        }
        for (name, variable) in &self.variables {
            names::check_variable(name)?;
            match (variable.required, &variable.default) {
                (true, Some(_)) => bail!("the variable {name:?} is required and has a default"),
                (false, None) => {
                    bail!("the variable {name:?} is neither required nor has a default")
                }
                _ => {}
            }
        }
        for (id, component) in &self.components {
            names::check_component(id)?;
            component
                .check()
                .with_context(|| format!("component {id:?}"))?;
        }
        Ok(())
    }
}

impl Component {
    fn check(&self) -> Result<()> {
        for name in self.variables.keys() {
            names::check_variable(name)?;
        }
        let not_ours = [
            ("files", &self.files),
            ("exclude_files", &self.exclude_files),
            ("allowed_http_hosts", &self.allowed_http_hosts),
            ("sqlite_databases", &self.sqlite_databases),
            ("ai_models", &self.ai_models),
            ("targets", &self.targets),
            ("dependencies", &self.dependencies),
            (
                "dependencies_inherit_configuration",
                &self.dependencies_inherit_configuration,
            ),
            ("profile", &self.profile),
        ];
        if let Some((key, _)) = not_ours.iter().find(|(_, value)| value.is_some()) {
            bail!("{key:?} is not supported by this host; run the application with Spin instead");
        }
        Ok(())
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(command) => vec![command],
        OneOrMany::Many(commands) => commands,
    })
}
