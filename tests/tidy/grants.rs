//! What spin.toml grants to each component.

use std::collections::BTreeSet;

use toml::Value;

use super::repository::{names, read, strings, toml_of};

#[test]
fn each_component_is_granted_what_its_job_needs_and_no_more() {
    const PLACES: [&str; 6] = [
        "{{ primary_hosts }}",
        "{{ primary_hosts_2 }}",
        "{{ primary_hosts_3 }}",
        "{{ primary_url_host }}",
        "{{ storage_url }}",
        "{{ storage_host }}",
    ];
    const SETTINGS: [&str; 8] = [
        "config",
        "primary_credentials",
        "storage_access_key",
        "storage_bucket",
        "storage_region",
        "storage_secret_key",
        "storage_style",
        "storage_url",
    ];
    // What each may reach besides the places, and know besides the settings: a submission may ask for a tick.
    let expected: [(&str, &[&str], &[&str]); 2] = [
        ("keeper", &[], &["operator_token", "tick_token"]),
        ("submission", &["http://self"], &["tick_token"]),
    ];
    let manifest = toml_of("spin.toml");
    let components = manifest["component"].as_table().unwrap();
    assert_eq!(
        names(components),
        expected.map(|(name, ..)| name).into(),
        "components"
    );
    for (name, hosts, secrets) in expected {
        let component = components[name].as_table().unwrap();
        let known = [
            "source",
            "allowed_outbound_hosts",
            "key_value_stores",
            "variables",
            "build",
        ];
        assert_eq!(
            names(component),
            known.into(),
            "{name}: a grant this test does not know"
        );
        assert_eq!(
            strings(&component["allowed_outbound_hosts"]),
            [&PLACES, hosts].concat(),
            "{name}: hosts"
        );
        assert_eq!(
            strings(&component["key_value_stores"]),
            ["default"],
            "{name}: stores"
        );
        let variables = component["variables"].as_table().unwrap();
        let may: BTreeSet<&str> = SETTINGS.iter().chain(secrets).copied().collect();
        assert_eq!(names(variables), may, "{name}: variables");
        for (variable, value) in variables {
            let own = format!("{{{{ {variable} }}}}");
            assert_eq!(
                value.as_str(),
                Some(own.as_str()),
                "{name}: {variable} is another's value"
            );
        }
    }
    let variables = manifest["variables"].as_table().unwrap();
    for (name, variable) in variables {
        let secret = variable
            .get("secret")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let is_one = ["credentials", "key", "token"]
            .iter()
            .any(|word| name.ends_with(word));
        assert_eq!(
            secret, is_one,
            "{name}: what is a secret is called one, and nothing else"
        );
        let used = read("spin.toml").contains(&format!("{{{{ {name} }}}}"));
        assert!(used, "nothing uses the variable {name}");
    }
}
