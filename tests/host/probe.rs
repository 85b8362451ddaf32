//! The probe, a guest that tries things, running in a host of its own.

use std::collections::BTreeMap;

use holdfast::host::{HostOptions, MemoryLog, RunningHost};
use holdfast_tests::{Application, test_component};
use serde_json::Value;

/// The probe, running.
pub struct Probe {
    pub host: RunningHost,
    pub log: MemoryLog,
    pub client: reqwest::Client,
    _application: Application,
}

impl Probe {
    pub async fn with_grants(grants: &[&str]) -> Self {
        Self::start(&format!("allowed_outbound_hosts = {grants:?}"), &[]).await
    }

    pub async fn start(component: &str, variables: &[(&str, &str)]) -> Self {
        let application = application(component);
        let options = HostOptions::new(application.manifest());
        Self::start_with(application, options, variables).await
    }

    pub async fn start_with(
        application: Application,
        mut options: HostOptions,
        variables: &[(&str, &str)],
    ) -> Self {
        let log = MemoryLog::default();
        options.log = log.sink();
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        options.variables = variables.iter().map(own).collect::<BTreeMap<_, _>>();
        let host = RunningHost::start(options).await.unwrap();
        let client = reqwest::Client::new();
        Self {
            host,
            log,
            client,
            _application: application,
        }
    }

    pub async fn get(&self, path_and_query: &str) -> Value {
        let url = format!("{}{path_and_query}", self.host.url());
        self.client
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    pub async fn try_for(&self, what: &str, name: &str, value: &str) -> Value {
        let value: String = url_encode(value);
        self.get(&format!("{what}?{name}={value}")).await
    }
}

/// An application of the probe alone.
pub fn application(component: &str) -> Application {
    let source = test_component("probe");
    Application::new(&format!(
        "[variables]\nword = {{ default = \"\" }}\nhidden = {{ default = \"\", secret = true }}\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"probe\"\n\
         [component.probe]\nsource = {source:?}\n{component}\n"
    ))
}

/// Every byte percent-encoded.
pub fn url_encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
