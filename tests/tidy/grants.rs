//! What spin.toml grants to each component.

use std::collections::BTreeSet;

use toml::Value;

use super::repository::{names, read, strings, toml_of};

#[test]
fn each_component_is_granted_what_its_job_needs_and_no_more() {
    const PRIMARIES: [&str; 4] = [
        "{{ primary_hosts }}",
        "{{ primary_hosts_2 }}",
        "{{ primary_hosts_3 }}",
        "{{ primary_url_host }}",
    ];
    const STORAGE: [&str; 2] = ["{{ storage_url }}", "{{ storage_host }}"];
    const SETTINGS: [&str; 7] = [
        "config",
        "storage_access_key",
        "storage_bucket",
        "storage_region",
        "storage_secret_key",
        "storage_style",
        "storage_url",
    ];
    // Whether each may reach the primaries, what else besides the storage, and what it may know besides the
    // settings: whoever takes mail in may ask for a tick.
    let expected: [(&str, bool, &[&str], &[&str]); 5] = [
        ("directory", false, &[], &["operator_token", "scim_token"]),
        (
            "inbound",
            true,
            &["http://self"],
            &["primary_credentials", "gateway_keys", "tick_token"],
        ),
        (
            "keeper",
            true,
            &[],
            &["primary_credentials", "operator_token", "tick_token"],
        ),
        (
            "mailbox",
            false,
            &["http://self"],
            &["session_key", "dkim_key", "tick_token"],
        ),
        (
            "submission",
            true,
            &["http://self"],
            &["primary_credentials", "tick_token"],
        ),
    ];
    let manifest = toml_of("spin.toml");
    let components = manifest["component"].as_table().unwrap();
    assert_eq!(
        names(components),
        expected.map(|(name, ..)| name).into(),
        "components"
    );
    for (name, primaries, hosts, secrets) in expected {
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
            [
                if primaries { &PRIMARIES[..] } else { &[] },
                &STORAGE,
                hosts
            ]
            .concat(),
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
        let is_one = ["credentials", "key", "keys", "token"]
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
