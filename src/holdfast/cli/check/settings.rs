//! The settings as the components get them, and what can be said of them without asking anybody.

use std::collections::BTreeMap;

use holdfast_core::config::Config;
use holdfast_core::drill;
use holdfast_core::routing::primary::TlsPolicy;
use holdfast_core::routing::route::DrillTimes;

use super::findings::Findings;
use crate::manifest::Manifest;

/// The values of all components together; where they know the same name, they know the same value.
pub struct Settings<'m>(BTreeMap<&'m str, &'m str>);

impl<'m> Settings<'m> {
    /// Collects them. `None` where the application has no settings of ours, or none that agree.
    pub fn of(manifest: &'m Manifest, findings: &mut Findings) -> Option<Self> {
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for component in manifest.components.values() {
            for (name, value) in &component.variables {
                if values
                    .insert(name, value)
                    .is_some_and(|known| known != value)
                {
                    findings.problem(
                        "manifest",
                        &format!("its components are given different values of {name}"),
                        "give each component the same: NAME = \"{{ NAME }}\"",
                    );
                    return None;
                }
            }
        }
        if !values.contains_key("config") {
            let what = "no component is given the variable config: this is not Holdfast";
            findings.problem("manifest", what, "use Holdfast's own spin.toml");
            return None;
        }
        Some(Self(values))
    }

    /// The value of one setting; one that is not set is empty.
    pub fn get(&self, name: &str) -> &'m str {
        self.0.get(name).copied().unwrap_or_default()
    }
}

impl<'m> From<BTreeMap<&'m str, &'m str>> for Settings<'m> {
    fn from(values: BTreeMap<&'m str, &'m str>) -> Self {
        Self(values)
    }
}

/// What the document allows and few want.
pub fn check_config(config: &Config, findings: &mut Findings) {
    let (routes, partners) = (config.routes.len(), config.partners.len());
    findings.ok("config", &format!("routes: {routes}, partners: {partners}"));
    if partners == 0 {
        let what = "there is no partner, so nobody may submit";
        findings.problem("config", what, "add a [[partner]] with name and key_sha256");
    }
    for route in &config.routes {
        if let Some(DrillTimes::At(schedule)) = &route.drill.when
            && let Err(reason) = drill::schedule::read(schedule)
        {
            let key = format!("route.{}.drill_at", route.name);
            findings.problem(
                &key,
                &reason,
                "write it as the start of a window is written",
            );
        }
        let about = format!("route {}", route.name);
        let in_the_clear = route.tls == TlsPolicy::Off && route.credentials.is_some();
        if in_the_clear && route.primaries.iter().any(|primary| primary.is_smtp()) {
            let what = "its password is sent in the clear (tls = \"off\")";
            findings.note(
                &about,
                what,
                "set tls = \"required\" unless the link is safe",
            );
        }
    }
}
