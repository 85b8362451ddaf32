//! Okta's provisioning, as its public documentation of SCIM 2.0 shows its requests.

use super::*;

fn create(shop: &Shop) -> Got {
    shop.post(
        "/Users",
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "test.user@example.org",
            "name": {"givenName": "Test", "familyName": "User"},
            "emails": [{"primary": true, "value": "test.user@example.org", "type": "work"}],
            "displayName": "Test User",
            "locale": "en-US",
            "externalId": "00ujl29u0le5T6Aj10h7",
            "groups": [],
            "password": "1mz050nq",
            "active": true,
        }),
    )
}

#[test]
fn a_user_is_looked_for_made_read_and_replaced() {
    let shop = Shop::new();
    let filter = r#"userName eq "test.user@example.org""#;
    assert_eq!(shop.find("Users", filter).json["totalResults"], 0);
    let made = create(&shop);
    assert_eq!(made.status, 201, "{made:?}");
    assert!(made.json.get("password").is_none());
    for key in shop.world.store.keys() {
        use crate::custody::store::Store as _;
        let object = block_on(shop.world.store.get(&key, 100_000))
            .unwrap()
            .unwrap();
        let kept = String::from_utf8_lossy(&object.bytes).into_owned();
        assert!(
            !kept.contains("1mz050nq"),
            "a password is kept nowhere, not in {key}"
        );
    }
    let url = format!("/Users/{}", made.id());
    let mut user = shop.get(&url).json;
    user["name"]["middleName"] = json!("Excited");
    user["active"] = json!(true);
    let replaced = shop.call("PUT", &url, user);
    assert_eq!(replaced.status, 200, "{replaced:?}");
    assert_eq!(replaced.json["name"]["middleName"], "Excited");
    assert_eq!(replaced.json["id"], made.json["id"]);
    assert_eq!(
        replaced.json["meta"]["created"],
        made.json["meta"]["created"]
    );
    let off = shop.patch(&url, json!([{"op": "replace", "value": {"active": false}}]));
    assert_eq!((off.status, &off.json["active"]), (200, &json!(false)));
    let listed = shop.get("/Users?startIndex=1&count=2");
    assert_eq!(listed.json["itemsPerPage"], 1);
    assert_eq!(listed.json["startIndex"], 1);
    shop.check();
}

#[test]
fn a_group_is_renamed_without_a_path_and_its_members_are_set() {
    let shop = Shop::new();
    let (ada, bob) = (shop.user("ada"), shop.user("bob"));
    let made = shop.post(
        "/Groups",
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Test SCIMv2", "members": [{"value": ada, "display": "ada"}],
        }),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let url = format!("/Groups/{}", made.id());
    let value = json!({"id": made.id(), "displayName": "Renamed"});
    assert_eq!(
        shop.patch(&url, json!([{"op": "replace", "value": value}]))
            .status,
        204
    );
    assert_eq!(shop.get(&url).json["displayName"], "Renamed");
    let both = json!([
        {"op": "remove", "path": format!("members[value eq \"{ada}\"]")},
        {"op": "add", "path": "members", "value": [{"value": bob, "display": "bob"}]},
    ]);
    assert_eq!(shop.patch(&url, both).status, 204);
    let members = shop.get(&format!("{url}?attributes=members.value")).json;
    assert_eq!(members["members"], json!([{"value": bob}]));
    let set =
        json!([{"op": "replace", "path": "members", "value": [{"value": ada}, {"value": bob}]}]);
    assert_eq!(shop.patch(&url, set).status, 204);
    assert_eq!(shop.get(&url).json["members"].as_array().unwrap().len(), 2);
    let put = json!({"displayName": "Renamed", "members": [{"value": bob}]});
    let put = shop.call("PUT", &url, put);
    assert_eq!(
        (put.status, put.json["members"].as_array().unwrap().len()),
        (200, 1)
    );
    shop.check();
}
