//! Operations one by one, on Ada.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::people::directory::tests::attributes;
use crate::people::scim::canonical;
use crate::people::scim::schema::user::USER;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn ada() -> Attributes {
    let ada = json!({
        "userName": "ada", "active": true, "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "emails": [
            {"value": "ada@example.org", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
        ],
        ENTERPRISE: {"department": "Mathematics", "manager": {"value": "1", "$ref": "../Users/1"}},
    });
    canonical::resource(&USER, attributes(ada)).unwrap()
}

fn patched(operations: Value) -> Result<Value, ScimError> {
    let mut draft = Draft {
        attributes: ada(),
        members: None,
    };
    let body = attributes(json!({"schemas": ["x"], "Operations": operations}));
    patch(&USER, &mut draft, &body)?;
    Ok(Value::Object(draft.attributes))
}

fn one(op: &str, path: &str, value: Value) -> Value {
    patched(json!([{"op": op, "path": path, "value": value}])).unwrap()
}

#[test]
fn single_values_are_set_and_removed() {
    assert_eq!(one("replace", "title", json!("Dr"))["title"], "Dr");
    assert_eq!(one("Add", "NickName", json!("A"))["nickName"], "A");
    assert_eq!(one("Remove", "title", json!(null)).get("title"), None);
    assert_eq!(one("Replace", "title", json!(null)).get("title"), None);
    assert_eq!(one("replace", "active", json!("False"))["active"], false);
    assert_eq!(
        one("replace", "name.familyName", json!("L"))["name"],
        json!({"givenName": "Ada", "familyName": "L"})
    );
    let merged = one("replace", "name", json!({"FamilyName": "L"}));
    assert_eq!(
        merged["name"],
        json!({"givenName": "Ada", "familyName": "L"}),
        "the others stay"
    );
    assert_eq!(
        one("remove", "name.familyName", json!(null))["name"],
        json!({"givenName": "Ada"})
    );
    let core = "urn:ietf:params:scim:schemas:core:2.0:User:title";
    assert_eq!(one("replace", core, json!("Dr"))["title"], "Dr");
}

#[test]
fn lists_are_added_to_and_replaced() {
    let added = one(
        "add",
        "emails",
        json!([{"value": "a@b.example", "type": "other"}]),
    );
    assert_eq!(added["emails"].as_array().unwrap().len(), 3);
    let same = one(
        "add",
        "emails",
        json!({"value": "ada@home.example", "type": "home"}),
    );
    assert_eq!(
        same["emails"],
        ada()["emails"],
        "what is there is not added again"
    );
    let other = one("replace", "emails", json!([{"value": "a@b.example"}]));
    assert_eq!(other["emails"], json!([{"value": "a@b.example"}]));
    assert_eq!(one("replace", "emails", json!([])).get("emails"), None);
    assert_eq!(one("remove", "emails", json!(null)).get("emails"), None);
    let left = one(
        "remove",
        "emails",
        json!([{"value": "ada@home.example", "type": "home"}]),
    );
    assert_eq!(left["emails"].as_array().unwrap().len(), 1);
}

#[test]
fn values_are_chosen_by_a_filter() {
    let path = "emails[type eq \"home\"].value";
    let changed = one("replace", path, json!("new@home.example"));
    assert_eq!(
        changed["emails"][1],
        json!({"value": "new@home.example", "type": "home"})
    );
    assert_eq!(changed["emails"][0], ada()["emails"][0]);
    assert_eq!(
        one("remove", path, json!(null))["emails"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let removed = one("remove", "emails[type eq \"home\"]", json!(null));
    assert_eq!(removed["emails"].as_array().unwrap().len(), 1);
    let nothing = one("remove", "emails[type eq \"other\"]", json!(null));
    assert_eq!(
        nothing["emails"],
        ada()["emails"],
        "what is not there is no error"
    );
    let whole = one(
        "replace",
        "emails[type eq \"home\"]",
        json!({"value": "x@home.example"}),
    );
    assert_eq!(
        whole["emails"][1],
        json!({"value": "x@home.example", "type": "home"})
    );
}

#[test]
fn entra_s_replace_of_a_value_that_is_not_there_makes_it() {
    let made = one(
        "Replace",
        "phoneNumbers[type eq \"mobile\"].value",
        json!("+39 1"),
    );
    assert_eq!(
        made["phoneNumbers"],
        json!([{"type": "mobile", "value": "+39 1"}])
    );
    let made = one(
        "Add",
        "addresses[type eq \"work\" and primary eq \"true\"].locality",
        json!("Rome"),
    );
    assert_eq!(
        made["addresses"],
        json!([{"type": "work", "primary": true, "locality": "Rome"}])
    );
    let refused = patched(json!([{
        "op": "replace", "path": "emails[type ne \"work\" and type ne \"home\"].value", "value": "x",
    }]));
    assert_eq!(refused.unwrap_err().kind, Some("noTarget"));
}

#[test]
fn one_value_at_most_is_primary_and_the_last_said_is() {
    let primary = |emails: &Value| -> Vec<String> {
        let emails = emails["emails"].as_array().unwrap().iter();
        let primary = emails.filter(|email| email["primary"] == true);
        primary
            .map(|email| email["value"].as_str().unwrap().to_owned())
            .collect()
    };
    let changed = one(
        "add",
        "emails",
        json!([{"value": "x@example.org", "primary": true}]),
    );
    assert_eq!(primary(&changed), ["x@example.org"]);
    let changed = one("replace", "emails[type eq \"home\"].primary", json!("True"));
    assert_eq!(primary(&changed), ["ada@home.example"]);
}

#[test]
fn extensions_are_reached_by_their_urn() {
    let changed = one(
        "replace",
        &format!("{ENTERPRISE}:department"),
        json!("Physics"),
    );
    assert_eq!(changed[ENTERPRISE]["department"], "Physics");
    // As Entra sends a manager.
    let changed = one("Add", &format!("{ENTERPRISE}:manager"), json!("2"));
    assert_eq!(changed[ENTERPRISE]["manager"]["value"], "2");
    let changed = one("Replace", &format!("{ENTERPRISE}:manager"), json!("2"));
    assert_eq!(
        changed[ENTERPRISE]["manager"],
        json!({"value": "2"}),
        "the old URI went with the old value"
    );
    let changed = one("add", &ENTERPRISE.to_uppercase(), json!({"costCenter": 7}));
    assert_eq!(changed[ENTERPRISE]["costCenter"], "7");
    assert_eq!(changed[ENTERPRISE]["department"], "Mathematics");
    assert_eq!(one("remove", ENTERPRISE, json!(null)).get(ENTERPRISE), None);
    let gone = patched(json!([
        {"op": "remove", "path": format!("{ENTERPRISE}:department")},
        {"op": "remove", "path": format!("{ENTERPRISE}:manager")},
    ]));
    assert_eq!(
        gone.unwrap().get(ENTERPRISE),
        None,
        "an extension without attributes is none"
    );
}

#[test]
fn without_a_path_keys_are_paths() {
    let changed = patched(json!([{"op": "replace", "value": {
        "id": "not ours", "meta": {}, "schemas": [], "shoeSize": 44, "groups": [],
        "active": "False",
        "name.givenName": "Augusta",
        "emails[type eq \"work\"].value": "augusta@example.org",
        format!("{ENTERPRISE}:department"): "Engines",
        ENTERPRISE: {"division": "North"},
    }}]))
    .unwrap();
    assert_eq!(changed["active"], false);
    assert_eq!(changed["name"]["givenName"], "Augusta");
    assert_eq!(changed["emails"][0]["value"], "augusta@example.org");
    assert_eq!(changed[ENTERPRISE]["department"], "Engines");
    assert_eq!(changed[ENTERPRISE]["division"], "North");
    assert_eq!(changed.get("shoeSize"), None);
    assert_eq!(changed.get("id"), None);
}

#[test]
fn what_cannot_be_done_is_refused_by_its_kind() {
    for (operations, kind) in [
        (json!([{"op": "move", "path": "title"}]), "invalidSyntax"),
        (json!(["replace"]), "invalidSyntax"),
        (json!([{"op": "remove"}]), "noTarget"),
        (
            json!([{"op": "replace", "path": "shoeSize", "value": 44}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "name.shoe", "value": 44}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "title[value eq \"x\"]", "value": "x"}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "emails[shoe eq 1]", "value": "x"}]),
            "invalidFilter",
        ),
        (
            json!([{"op": "replace", "path": "id", "value": "x"}]),
            "mutability",
        ),
        (
            json!([{"op": "replace", "path": "meta.version", "value": "x"}]),
            "mutability",
        ),
        (
            json!([{"op": "replace", "path": "active", "value": "perhaps"}]),
            "invalidValue",
        ),
        (
            json!([{"op": "replace", "path": "title", "value": {"a": 1}}]),
            "invalidValue",
        ),
        (json!([{"op": "replace", "value": "x"}]), "invalidValue"),
        (json!("none"), "invalidSyntax"),
    ] {
        let refused = patched(operations.clone()).unwrap_err();
        assert_eq!(refused.kind, Some(kind), "{operations}");
    }
}

proptest! {
    #[test]
    fn no_operation_stops_it_or_leaves_what_is_not_canonical(
        op in "add|Replace|remove",
        path in "title|name|name\\.givenName|emails|emails\\.value|emails\\[type eq \"(work|x)\"\\](\\.value|\\.primary)?|\\PC{0,20}",
        value in prop_oneof![
            Just(json!(null)), Just(json!("x")), Just(json!(true)), Just(json!([])), Just(json!(["x", null])),
            Just(json!({"value": "y", "primary": true})), Just(json!([{"value": "z"}, {"type": "work"}, 7])),
        ],
    ) {
        if let Ok(changed) = patched(json!([{"op": op, "path": path, "value": value}])) {
            let Value::Object(changed) = changed else { panic!("an object") };
            let again = canonical::resource(&USER, changed.clone()).unwrap();
            for (name, value) in &changed {
                prop_assert_eq!(again.get(name), Some(value), "{}", name);
            }
        }
    }
}
