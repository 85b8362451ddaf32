//! What the manifest accepts and refuses.

use super::*;

const GOOD: &str = r#"
spin_manifest_version = 2
[application]
name = "t"
version = "1.0.0"
[variables]
host = { default = "" }
scheme = { default = "" }
key = { required = true, secret = true }
[[trigger.http]]
route = "/v1/..."
component = "api"
[component.api]
source = "api.wasm"
allowed_outbound_hosts = ["{{ host }}", "https://{{ scheme }}"]
key_value_stores = ["default"]
environment = { GREETING = "hello" }
[component.api.variables]
storage_key = "k:{{ key }}"
[component.api.build]
command = "cargo build"
"#;

fn load(text: &str, given: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Manifest> {
    let own = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect()
    };
    let environment = own(environment);
    let document = Document::parse(text, Path::new("/app"))?;
    Manifest::resolve(document, &own(given), |name| environment.get(name).cloned())
}

fn refusal(text: &str) -> String {
    format!(
        "{:#}",
        load(text, &[("key", "x")], &[]).expect_err("must be refused")
    )
}

#[test]
fn variables_come_from_the_hand_then_the_environment_then_the_default() {
    let value = |given: &[(&str, &str)], environment: &[(&str, &str)]| {
        load(GOOD, given, environment).unwrap().components["api"].variables["storage_key"].clone()
    };
    assert_eq!(value(&[("key", "a")], &[("SPIN_VARIABLE_KEY", "b")]), "k:a");
    assert_eq!(value(&[], &[("SPIN_VARIABLE_KEY", "b")]), "k:b");
    let missing = load(GOOD, &[], &[]).unwrap_err();
    assert!(
        format!("{missing:#}").contains("--variable key=VALUE"),
        "{missing:#}"
    );
}

#[test]
fn an_unknown_variable_given_by_hand_is_a_typing_error() {
    let error = load(GOOD, &[("key", "x"), ("kez", "y")], &[]).unwrap_err();
    assert!(format!("{error:#}").contains("\"kez\""), "{error:#}");
}

#[test]
fn secrets_do_not_show() {
    let manifest = load(GOOD, &[("key", "hunter2")], &[]).unwrap();
    assert!(
        !format!("{manifest:?}").contains("hunter2"),
        "a value is in the Debug output"
    );
}

#[test]
fn empty_templates_grant_nothing_and_break_nothing() {
    let manifest = load(GOOD, &[("key", "x")], &[]).unwrap();
    let grants = &manifest.components["api"].grants;
    assert_eq!(grants.fault(), None);
    let manifest = load(GOOD, &[("key", "x"), ("host", "tcp://192.0.2.1:25")], &[]).unwrap();
    let grants = &manifest.components["api"].grants;
    assert!(grants.allow_connect("192.0.2.1:25".parse().unwrap()));
}

#[test]
fn a_value_that_breaks_a_grant_denies_everything() {
    let text = GOOD.replace("\"{{ host }}\"", "\"tcp://192.0.2.1:25\", \"{{ host }}\"");
    let manifest = load(&text, &[("key", "x"), ("host", "nonsense")], &[]).unwrap();
    let grants = &manifest.components["api"].grants;
    assert!(grants.fault().is_some());
    assert!(!grants.allow_connect("192.0.2.1:25".parse().unwrap()));
}

#[test]
fn what_spin_refuses_is_refused() {
    let cases = [
        ("{{ host }}", "{{ hots }}", "\"hots\""),
        ("{{ key }}", "{{ kez }}", "\"kez\""),
        ("{{ key }}", "{{ key", "does not close"),
        ("component = \"api\"", "component = \"apo\"", "\"apo\""),
        (
            "required = true",
            "required = true, default = \"\"",
            "has a default",
        ),
        (
            "{ default = \"\" }",
            "{ description = \"d\" }",
            "neither required",
        ),
        ("storage_key", "Storage", "\"Storage\""),
        ("host = {", "_host = {", "\"_host\""),
        (
            "spin_manifest_version = 2",
            "spin_manifest_version = 1",
            "only 2",
        ),
        ("key_value_stores", "key_value_store", "key_value_store"),
        ("environment = {", "files = {", "\"files\" is not supported"),
        ("https://{{ scheme }}", "tcp://192.0.2.1", "no default port"),
        (
            "[component.api]",
            "[[trigger.http]]\nroute = \"/v1/...\"\ncomponent = \"api\"\n[component.api]",
            "twice",
        ),
        ("[[trigger.http]]", "[[trigger.redis]]", "redis"),
    ];
    for (from, to, expected) in cases {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "the case {from:?} changes nothing");
        let error = refusal(&text);
        assert!(error.contains(expected), "{from:?} -> {to:?} said: {error}");
    }
}

#[test]
fn routes_match_as_in_spin() {
    let http: Vec<_> = [
        ("/", "root"),
        ("/v1/...", "all"),
        ("/v1/messages/...", "messages"),
        ("/v1/messages/queue", "queue"),
        ("/v1/users/:id/mail", "mail"),
    ]
    .map(|(route, component)| {
        toml::from_str(&format!("route = {route:?}\ncomponent = {component:?}")).unwrap()
    })
    .into();
    let routes = Routes::new(&http).unwrap();
    let table = [
        ("/", Some(("root", ""))),
        ("/v1", Some(("all", ""))),
        ("/v1/", Some(("all", "/"))),
        ("/v1/x/y", Some(("all", "/x/y"))),
        ("/v1/x/y/", Some(("all", "/x/y/"))),
        ("/v1/messages", Some(("messages", ""))),
        ("/v1/messages/abc", Some(("messages", "/abc"))),
        ("/v1/messages/queue", Some(("queue", ""))),
        ("/v1/users/42/mail", Some(("mail", ""))),
        ("/v2", None),
        ("/v1x", None),
    ];
    for (path, expected) in table {
        let found = routes.find(path);
        let found = found
            .as_ref()
            .map(|m| (m.route.component.as_str(), m.path_info.as_str()));
        assert_eq!(found, expected, "{path}");
    }
    assert_eq!(
        routes.find("/v1/users/42/mail").unwrap().captures,
        [("id".to_owned(), "42".to_owned())]
    );
}
