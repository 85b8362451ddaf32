//! Whether the manifest's grants cover what the configuration names, judged as the host will.

use holdfast_core::config::Config;
use holdfast_core::custody::store::s3::S3Settings;
use holdfast_core::routing::Target;
use url::Url;

use super::findings::Findings;
use crate::grants::Grants;
use crate::manifest::{Component, Manifest};

/// Each primary must be granted to each component that hands mail over or probes: those that are given the
/// primaries' credentials.
pub fn check_primaries(manifest: &Manifest, config: &Config, findings: &mut Findings) {
    for component in concerned(manifest) {
        if let Some(fault) = component.grants.fault() {
            let about = format!("grants of {}", component.id);
            let mend = "correct primary_hosts, primary_url_host, storage_url or storage_host: \
                        one wrong entry denies everything";
            findings.problem(&about, fault, mend);
        }
    }
    for route in &config.routes {
        for primary in &route.primaries {
            let about = format!("grant for {} of route {}", primary.text, route.name);
            let mend = match &primary.target {
                Target::Smtp { at, .. } => {
                    format!("--variable primary_hosts=tcp://{at} (or primary_hosts_2, _3)")
                }
                Target::Http(url) => format!("--variable primary_url_host={}", origin(url)),
            };
            let denied = denied(manifest, &primary.target, "primary_credentials");
            match denied.as_slice() {
                [] => findings.ok(&about, "it is granted"),
                denied => {
                    let what = format!("{} may not connect to it", denied.join(" and "));
                    findings.problem(&about, &what, &mend);
                }
            }
        }
    }
}

/// The bucket must be granted too; with the style virtual-host that is another host.
pub fn check_storage(manifest: &Manifest, storage: &S3Settings, findings: &mut Findings) {
    let Ok(mut url) = Url::parse(&storage.url) else {
        return; // Empty, or reported with the storage.
    };
    let mut mend = "set storage_url to scheme://host:port alone: it is its own grant".to_owned();
    if storage.virtual_host {
        let host = format!("{}.{}", storage.bucket, url.host_str().unwrap_or_default());
        if url.set_host(Some(&host)).is_err() {
            return;
        }
        mend = format!("--variable storage_host={}", origin(&url));
    }
    let denied = denied(manifest, &Target::Http(url.clone()), "config");
    match denied.as_slice() {
        [] => findings.ok("grant for the storage", "it is granted"),
        denied => {
            let what = format!("{} may not reach {}", denied.join(" and "), origin(&url));
            findings.problem("grant for the storage", &what, &mend);
        }
    }
}

/// The components that are configured as ours are.
fn concerned(manifest: &Manifest) -> impl Iterator<Item = &Component> {
    let components = manifest.components.values();
    components.filter(|component| component.variables.contains_key("config"))
}

/// The components that know the variable `knows` and may not connect.
fn denied<'m>(manifest: &'m Manifest, target: &Target, knows: &str) -> Vec<&'m str> {
    let concerned = concerned(manifest).filter(|one| one.variables.contains_key(knows));
    let denied = concerned.filter(|component| !allows(&component.grants, target));
    denied.map(|component| component.id.as_str()).collect()
}

fn allows(grants: &Grants, target: &Target) -> bool {
    match target {
        Target::Smtp { at, .. } => grants.allow_connect(*at),
        Target::Http(url) => {
            let host = url.host_str().unwrap_or_default();
            grants.allow(url.scheme(), host, url.port_or_known_default())
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
