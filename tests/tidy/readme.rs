//! Whether README.md says what is.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_core::config::{self, Config};
use holdfast_core::limits;
use toml::{Table, Value};

use super::docs;
use super::repository::{names, read, toml_of};

#[test]
fn readme_lists_each_variable_with_its_default() {
    let manifest = toml_of("spin.toml");
    let variables = manifest["variables"].as_table().unwrap();
    let told = docs::listed(&read("README.md"), "variable", "default");
    let told_names: BTreeSet<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(
        names(variables),
        told_names,
        "the variables of spin.toml, and those of README.md"
    );
    for (name, row) in &told {
        let variable = &variables[name];
        let default = variable["default"].as_str().unwrap();
        // A value stands in backticks; words say what an empty value means.
        let said = row
            .value
            .strip_prefix('`')
            .and_then(|value| value.strip_suffix('`'));
        assert_eq!(
            said.unwrap_or_default(),
            default,
            "README.md on the default of {name}"
        );
        let secret = variable
            .get("secret")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        assert_eq!(
            row.first.contains("(secret)"),
            secret,
            "README.md on whether {name} is secret"
        );
    }
}

#[test]
fn readme_shows_each_key_of_the_config_document_with_its_default() {
    let sources = ["config.rs", "routing/route.rs", "partner.rs"];
    let sources = sources.map(|file| read(&format!("src/core/{file}")));
    let keys = docs::config_keys(&sources, "Document");
    let keys: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    assert!(
        keys.len() > 15 && keys.contains("route.timeouts.data_end"),
        "are these all? {keys:?}"
    );
    let shown = docs::blocks(&read("README.md"), "toml");
    let shown: Table = toml::from_str(&docs::uncommented(&shown.concat())).unwrap();
    let shown = docs::leaves(&shown);
    let shown_keys: BTreeSet<&str> = shown.keys().map(String::as_str).collect();
    assert_eq!(
        keys, shown_keys,
        "the keys the code reads, and those README.md shows"
    );
    for (key, default) in defaults() {
        let said = shown[key]
            .as_str()
            .map_or_else(|| shown[key].to_string(), str::to_owned);
        let right = said == default.text
            || (default.time.is_some() && config::duration(key, &said).ok() == default.time);
        assert!(
            right,
            "README.md shows {key} = {said:?}, and the default is {:?}",
            default.text
        );
    }
}

#[test]
fn readmes_config_document_can_be_used() {
    let document = docs::blocks(&read("README.md"), "toml").concat();
    let document = document.replace("\"…\"", &format!("{:?}", "0".repeat(64)));
    let config = Config::parse(&document, "").unwrap();
    assert_eq!((config.routes.len(), config.partners.len()), (1, 1));
}

#[test]
fn readme_states_limits_as_they_are() {
    let page = read("README.md");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        format!("A sender waits {} s at most", limits::SUBMISSION.as_secs()),
        format!(
            "{} s for all that comes before the end of the message",
            limits::FORWARD_BUDGET.as_secs()
        ),
        format!(
            "`Idempotency-Key` (up to {} characters)",
            limits::IDEMPOTENCY_KEY_CHARS
        ),
    ] {
        assert!(
            page.contains(&sentence),
            "README.md does not say {sentence:?}"
        );
    }
}

struct Default {
    text: String,
    time: Option<Duration>,
}

/// What the code takes where the document says nothing.
fn defaults() -> Vec<(&'static str, Default)> {
    let least = "[[route]]\nname = 'a'\ndomains = ['example.org']\nprimary = 'smtp://192.0.2.1'\ntls_name = 'a.example'\n";
    let config = Config::parse(least, "").unwrap();
    let (health, times) = (config.routes[0].health, config.routes[0].timeouts);
    let text = |text: &dyn std::fmt::Display| Default {
        text: text.to_string(),
        time: None,
    };
    let time = |time: Duration| Default {
        text: format!("{time:?}"),
        time: Some(time),
    };
    let kept = |kept: Option<Duration>| match kept {
        Some(kept) => time(kept),
        None => text(&"none"),
    };
    vec![
        ("limits.message_bytes", text(&config.limits.message_bytes)),
        ("limits.recipients", text(&config.limits.recipients)),
        (
            "route.tls",
            text(&format!("{:?}", config.routes[0].tls).to_lowercase()),
        ),
        (
            "without_receipts",
            text(&format!("{:?}", config.without_receipts).to_lowercase()),
        ),
        (
            "route.health.consecutive_failures",
            text(&health.consecutive_failures),
        ),
        (
            "route.health.healthy_threshold",
            text(&health.healthy_threshold),
        ),
        (
            "route.health.base_ejection_time",
            time(health.base_ejection_time),
        ),
        (
            "route.health.max_ejection_time",
            time(health.max_ejection_time),
        ),
        ("route.health.health_max_age", time(health.max_age)),
        ("route.timeouts.connect", time(times.connect)),
        ("route.timeouts.reply", time(times.reply)),
        ("route.timeouts.data_end", time(times.data_end)),
        (
            "route.queue_lifetime",
            kept(config.routes[0].queue_lifetime),
        ),
        (
            "route.uncertain",
            text(&format!("{:?}", config.routes[0].uncertain).to_lowercase()),
        ),
        ("retention.outcomes", kept(config.retention.outcomes)),
        ("retention.audit", kept(config.retention.audit)),
        (
            "retention.dead_letters",
            kept(config.retention.dead_letters),
        ),
    ]
}
