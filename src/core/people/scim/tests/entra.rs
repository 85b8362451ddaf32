//! Microsoft Entra ID's provisioning service, as its public documentation of SCIM shows its
//! requests.

use super::*;

fn create(shop: &Shop) -> Got {
    shop.post(
        "/Users",
        json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            ],
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "Test_User_ab6490ee",
            "active": true,
            "emails": [{"primary": true, "type": "work", "value": "test_user@example.org"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
            "roles": [],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"},
        }),
    )
}

#[test]
fn the_connection_test_asks_for_somebody_who_is_not_there() {
    let shop = Shop::new();
    let got = shop.find(
        "Users",
        r#"userName eq "58ec3a1d-1a9c-4a9b-8d3e-0c9a7f3f6f6e""#,
    );
    assert_eq!((got.status, &got.json["totalResults"]), (200, &json!(0)));
    assert_eq!(got.json["Resources"], json!([]));
    assert_eq!(
        got.json["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"])
    );
}

#[test]
fn a_user_is_made_found_changed_disabled_and_deleted() {
    let shop = Shop::new();
    let made = create(&shop);
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["meta"]["resourceType"], "User");
    let url = format!("/Users/{}", made.id());
    assert_eq!(made.response.location, Some(format!("{BASE}{url}")));
    for filter in [
        r#"userName eq "test_user_AB6490EE""#,
        r#"externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef""#,
        r#"emails[type eq "work"].value eq "Test_User@example.org""#,
        &format!(r#"id eq "{}""#, made.id()),
    ] {
        let before = shop.world.requests.get();
        let found = shop.find("Users", filter);
        assert_eq!(
            found.json["Resources"][0]["id"], made.json["id"],
            "{filter}"
        );
        assert_eq!(found.json["totalResults"], 1);
        assert!(
            shop.world.requests.get() - before <= 4,
            "{filter} is answered from an index"
        );
    }
    let changed = shop.patch(
        &url,
        json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updated@example.org"},
            {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+39 06 1"},
            {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
             "value": made.id()},
        ]),
    );
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json["emails"][0]["value"], "updated@example.org");
    assert_eq!(changed.json["name"]["familyName"], "updatedFamilyName");
    assert_eq!(
        changed.json["phoneNumbers"],
        json!([{"type": "mobile", "value": "+39 06 1"}])
    );
    let enterprise = &changed.json["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert_eq!(enterprise["manager"]["value"], made.json["id"]);
    let renamed = shop.patch(
        &url,
        json!([{"op": "Replace", "path": "userName", "value": "5b50642d"}]),
    );
    assert_eq!(renamed.json["userName"], "5b50642d");
    assert_eq!(
        shop.find("Users", r#"userName eq "Test_User_ab6490ee""#)
            .json["totalResults"],
        0
    );
    let off = shop.patch(
        &url,
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
    );
    assert_eq!(off.json["active"], false, "a soft delete keeps the user");
    assert_eq!(shop.get(&url).json["active"], false);
    shop.check();
    assert_eq!(shop.call("DELETE", &url, Value::Null).status, 204);
    assert_eq!(shop.get(&url).status, 404);
    assert_eq!(shop.call("DELETE", &url, Value::Null).status, 404);
    shop.check();
}

#[test]
fn a_second_user_of_the_name_is_a_conflict() {
    let shop = Shop::new();
    create(&shop);
    let again = create(&shop);
    assert_eq!(
        (again.status, &again.json["scimType"]),
        (409, &json!("uniqueness"))
    );
    assert_eq!(again.json["status"], "409");
    shop.check();
}

#[test]
fn a_group_gets_members_and_loses_them() {
    let shop = Shop::new();
    let (ada, bob) = (shop.user("ada"), shop.user("bob"));
    let made = shop.post(
        "/Groups",
        json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:Group",
                "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
            ],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "displayName",
            "meta": {"resourceType": "Group"},
        }),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let url = format!("/Groups/{}", made.id());
    let found =
        shop.get("/Groups?excludedAttributes=members&filter=displayName+eq+%22DISPLAYname%22");
    assert_eq!(found.json["Resources"][0]["id"], made.json["id"]);
    for _ in 0..2 {
        let added = shop.patch(
            &url,
            json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": ada}]},
                   {"op": "Add", "path": "members", "value": [{"value": bob}]}]),
        );
        assert_eq!(
            (added.status, added.json),
            (204, Value::Null),
            "twice is no error"
        );
    }
    let group = shop.get(&url);
    let members = json!([
        {"value": ada, "$ref": format!("{BASE}/Users/{ada}"), "type": "User"},
        {"value": bob, "$ref": format!("{BASE}/Users/{bob}"), "type": "User"},
    ]);
    assert_eq!(group.json["members"], members);
    let bare = shop.get(&format!("{url}?excludedAttributes=members"));
    assert_eq!(bare.json.get("members"), None);
    let asked = format!(r#"id eq "{}" and members eq "{ada}""#, made.id());
    assert_eq!(shop.find("Groups", &asked).json["totalResults"], 1);
    let removed = shop.patch(
        &url,
        json!([{"op": "Remove", "path": "members", "value": [{"value": ada}]}]),
    );
    assert_eq!(removed.status, 204);
    assert_eq!(shop.find("Groups", &asked).json["totalResults"], 0);
    let path = format!("members[value eq \"{bob}\"]");
    assert_eq!(
        shop.patch(&url, json!([{"op": "Remove", "path": path}]))
            .status,
        204
    );
    assert_eq!(
        shop.patch(&url, json!([{"op": "Remove", "path": path}]))
            .status,
        204,
        "nor that"
    );
    assert_eq!(shop.get(&url).json.get("members"), None);
    let renamed = shop.patch(
        &url,
        json!([{"op": "Replace", "path": "displayName", "value": "1879db59"}]),
    );
    assert_eq!(renamed.status, 204);
    assert_eq!(
        shop.find("Groups", r#"displayName eq "1879db59""#).json["totalResults"],
        1
    );
    assert_eq!(shop.call("DELETE", &url, Value::Null).status, 204);
    shop.check();
}
