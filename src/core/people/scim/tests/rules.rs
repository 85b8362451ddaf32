//! The rules of RFC 7644, one by one.

use std::collections::BTreeSet;

use super::*;

#[test]
fn entity_tags_say_what_is_known_and_keep_writers_apart() {
    let shop = Shop::new();
    let id = shop.user("ada");
    let url = format!("/Users/{id}");
    let got = shop.get(&url);
    let tag = got.etag.clone().unwrap();
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(got.json["meta"]["version"], tag.as_str());
    let request = |method: &str, field: &str, tag: &str, body: Value| {
        let mut request = ScimRequest {
            method: method.into(),
            path: url.clone(),
            body: Bytes::from(body.to_string()),
            ..ScimRequest::default()
        };
        match field {
            "if-match" => request.if_match = Some(tag.into()),
            _ => request.if_none_match = Some(tag.into()),
        }
        shop.send(request)
    };
    let same = request("GET", "if-none-match", &tag, Value::Null);
    assert_eq!(
        (same.status, same.json, same.etag),
        (304, Value::Null, Some(tag.clone()))
    );
    let title = |title: &str| {
        let operations = json!([{"op": "replace", "path": "title", "value": title}]);
        json!({"Operations": operations})
    };
    let first = request("PATCH", "if-match", &tag, title("one"));
    assert_eq!(first.status, 200);
    assert_ne!(first.etag.as_ref(), Some(&tag));
    let second = request("PATCH", "if-match", &tag, title("two"));
    assert_eq!(
        second.status, 412,
        "who knows an older version does not write over a newer"
    );
    assert_eq!(
        request("PUT", "if-match", &tag, json!({"userName": "b"})).status,
        412
    );
    assert_eq!(request("DELETE", "if-match", &tag, Value::Null).status, 412);
    assert_eq!(
        request("GET", "if-none-match", &tag, Value::Null).status,
        200
    );
    let fresh = first.etag.unwrap();
    let again = request(
        "PATCH",
        "if-match",
        &format!("\"x\", {fresh}"),
        title("one"),
    );
    assert_eq!(
        (again.status, again.etag),
        (200, Some(fresh)),
        "what changes nothing is no new version"
    );
    assert_eq!(request("DELETE", "if-match", "*", Value::Null).status, 204);
}

#[test]
fn two_thousand_users_are_paged_each_once() {
    let shop = Shop::new();
    for n in 0..2_000 {
        shop.user(&format!("user{n}"));
    }
    let mut seen = BTreeSet::new();
    let mut start = 1;
    while seen.len() < 2_000 {
        let page = shop
            .get(&format!(
                "/Users?startIndex={start}&count=150&attributes=userName"
            ))
            .json;
        assert_eq!(page["totalResults"], 2_000);
        assert_eq!(page["startIndex"], start);
        let items = page["Resources"].as_array().unwrap();
        assert_eq!(page["itemsPerPage"], items.len());
        assert!(!items.is_empty());
        for item in items {
            assert!(item.get("meta").is_none(), "only what was asked for");
            assert!(
                seen.insert(item["userName"].as_str().unwrap().to_owned()),
                "each once"
            );
        }
        start += items.len();
    }
    assert_eq!(
        shop.get("/Users?startIndex=2001").json["Resources"],
        json!([])
    );
    let count = shop.get("/Users?count=0").json;
    assert_eq!(
        (&count["totalResults"], &count["itemsPerPage"]),
        (&json!(2_000), &json!(0))
    );
    let odd = shop.get("/Users?startIndex=-5&count=-1").json;
    assert_eq!(
        (&odd["startIndex"], &odd["itemsPerPage"]),
        (&json!(1), &json!(0))
    );
    let many = shop.get("/Users?count=100000").json;
    assert_eq!(
        many["itemsPerPage"],
        limits::SCIM_PAGE,
        "a page has its limit"
    );
    let found = shop
        .get("/Users?filter=userName+sw+%22user19%22&startIndex=101&count=5")
        .json;
    assert_eq!(
        (&found["totalResults"], &found["itemsPerPage"]),
        (&json!(111), &json!(5))
    );
    let before = shop.world.requests.get();
    assert_eq!(
        shop.find("Users", r#"userName eq "user77""#).json["totalResults"],
        1
    );
    assert!(
        shop.world.requests.get() - before < 5,
        "one user is found without reading all"
    );
}

#[test]
fn searches_are_posted_too_over_one_kind_or_all() {
    let shop = Shop::new();
    let ada = shop.user("ada");
    shop.post("/Groups", json!({"displayName": "ada"}));
    let body = json!({"filter": "id pr", "attributes": ["userName", "displayName"], "count": 5});
    let all = shop.post("/.search", body).json;
    assert_eq!(all["totalResults"], 2);
    let users = shop
        .post(
            "/Users/.search",
            json!({"filter": format!("id eq \"{ada}\"")}),
        )
        .json;
    assert_eq!(users["Resources"][0]["userName"], "ada");
    let some = shop.post("/.search", json!({"filter": "userName eq \"ADA\""}));
    assert_eq!(
        some.json["totalResults"], 1,
        "groups have no userName, and that is no error"
    );
    let none = shop.post("/.search", json!({"filter": "shoeSize eq 44"}));
    assert_eq!(
        (none.status, &none.json["scimType"]),
        (400, &json!("invalidFilter"))
    );
    assert_eq!(shop.get("/.search").status, 405);
    assert_eq!(shop.get("/?filter=id%20pr").json["totalResults"], 2);
}

#[test]
fn attributes_are_shown_as_asked() {
    let shop = Shop::new();
    let made = shop.post(
        "/Users?attributes=userName",
        json!({"USERNAME": "ada", "name": {"givenName": "Ada", "familyName": "L"},
               "emails": {"value": "a@b.example", "type": "work"}, "shoeSize": 44}),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let names = |json: &Value| {
        json.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&made.json), ["id", "schemas", "userName"]);
    let url = format!("/Users/{}", made.id());
    let got = shop
        .get(&format!("{url}?attributes=NAME.givenName,emails.value"))
        .json;
    assert_eq!(got["name"], json!({"givenName": "Ada"}));
    assert_eq!(got["emails"], json!([{"value": "a@b.example"}]));
    let got = shop
        .get(&format!(
            "{url}?excludedAttributes=name.givenName,emails,id,meta"
        ))
        .json;
    assert_eq!(got["name"], json!({"familyName": "L"}));
    assert_eq!(
        names(&got),
        ["active", "id", "name", "schemas", "userName"],
        "the id is always shown"
    );
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:userName";
    assert_eq!(
        names(&shop.get(&format!("{url}?attributes={urn}")).json),
        ["id", "schemas", "userName"]
    );
}

#[test]
fn what_is_wrong_is_told_as_scim_tells_it() {
    let shop = Shop::new();
    let id = shop.user("ada");
    let (user, nobody) = (
        format!("/Users/{id}"),
        "/Users/2819c223-7f76-453a-919d-413861904646",
    );
    let name = json!({"userName": "x"});
    let member =
        json!({"displayName": "g", "members": [{"value": "2819c223-7f76-453a-919d-413861904646"}]});
    for (method, url, body, status, kind) in [
        ("GET", nobody, Value::Null, 404, ""),
        ("GET", "/Users/ada", Value::Null, 404, ""),
        ("GET", "/Nothing", Value::Null, 404, ""),
        ("PUT", nobody, name.clone(), 404, ""),
        ("PATCH", nobody, json!({"Operations": []}), 404, ""),
        ("DELETE", "/Users", Value::Null, 405, ""),
        ("POST", user.as_str(), name.clone(), 405, ""),
        ("GET", "/Me", Value::Null, 501, ""),
        ("POST", "/Bulk", json!({}), 501, ""),
        ("POST", "/Users", json!([]), 400, "invalidSyntax"),
        ("POST", "/Users", json!({}), 400, "invalidValue"),
        (
            "POST",
            "/Users",
            json!({"userName": " "}),
            400,
            "invalidValue",
        ),
        (
            "POST",
            "/Users",
            json!({"userName": "y", "active": 7}),
            400,
            "invalidValue",
        ),
        (
            "POST",
            "/Groups",
            json!({"members": []}),
            400,
            "invalidValue",
        ),
        ("POST", "/Groups", member, 400, "invalidValue"),
        (
            "PUT",
            user.as_str(),
            json!({"title": "x"}),
            400,
            "invalidValue",
        ),
        (
            "PATCH",
            user.as_str(),
            json!({"Operations": [{"op": "remove", "path": "userName"}]}),
            400,
            "invalidValue",
        ),
        ("PATCH", user.as_str(), json!({}), 400, "invalidSyntax"),
        (
            "GET",
            "/Users?filter=userName",
            Value::Null,
            400,
            "invalidFilter",
        ),
        (
            "GET",
            "/Users?startIndex=x",
            Value::Null,
            400,
            "invalidValue",
        ),
        ("POST", "/Schemas", json!({}), 405, ""),
        ("GET", "/Schemas/urn:nothing", Value::Null, 404, ""),
        ("GET", "/Schemas?filter=id%20pr", Value::Null, 403, ""),
    ] {
        let got = shop.call(method, url, body);
        let told = got.json["scimType"].as_str().unwrap_or("");
        assert_eq!(
            (got.status, told),
            (status, kind),
            "{method} {url}: {got:?}"
        );
        assert_eq!(got.json["status"], status.to_string());
        assert_eq!(
            got.json["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(got.response.allow.is_some(), status == 405);
    }
    let huge = ScimRequest {
        method: "POST".into(),
        path: "/Users".into(),
        body: vec![b' '; limits::SCIM_BODY_BYTES + 1].into(),
        ..ScimRequest::default()
    };
    assert_eq!(shop.send(huge).status, 413);
    shop.check();
}

#[test]
fn a_storage_that_is_out_is_503_and_says_when_to_come_back() {
    let shop = Shop::new();
    shop.world.die_after(0, false);
    let got = shop.get("/Users");
    assert_eq!(
        (got.status, got.response.retry_after.is_some()),
        (503, true)
    );
    assert_eq!(shop.post("/Users", json!({"userName": "ada"})).status, 503);
}

#[test]
fn the_service_says_what_it_is() {
    let shop = Shop::new();
    let config = shop.get("/ServiceProviderConfig").json;
    assert_eq!(config["patch"]["supported"], true);
    assert_eq!(config["bulk"]["supported"], false);
    assert_eq!(config["etag"]["supported"], true);
    let schemas = shop.get("/Schemas").json;
    assert_eq!(schemas["totalResults"], 7);
    for schema in schemas["Resources"].as_array().unwrap() {
        let url = format!("/Schemas/{}", schema["id"].as_str().unwrap());
        assert_eq!(&shop.get(&url).json, schema);
        let names: BTreeSet<&str> = schema["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attribute| attribute["name"].as_str().unwrap())
            .collect();
        assert!(!names.contains("password") && !names.contains("groups"));
    }
    let types = shop.get("/ResourceTypes").json;
    for kind in types["Resources"].as_array().unwrap() {
        let found = shop
            .get(&format!(
                "/ResourceTypes/{}",
                kind["name"].as_str().unwrap()
            ))
            .json;
        assert_eq!(&found, kind);
        let schema = format!("/Schemas/{}", kind["schema"].as_str().unwrap());
        assert_eq!(shop.get(&schema).status, 200);
    }
}

#[test]
fn a_group_has_the_addresses_of_our_extension_and_other_groups_in_it() {
    let shop = Shop::new();
    let urn = "urn:ietf:params:scim:schemas:extension:holdfast:2.0:Group";
    let ada = shop.user("ada");
    let inner = shop
        .post(
            "/Groups",
            json!({"displayName": "inner", "members": [{"value": ada}]}),
        )
        .id();
    let outer = shop.post(
        "/Groups",
        json!({"displayName": "outer", "members": [{"value": inner}, {"value": inner, "type": "Group"}],
               urn: {"addresses": "all@example.org ALL@example.org elsewhere@b.example"}}),
    );
    assert_eq!(outer.status, 201, "{outer:?}");
    let uri = format!("{BASE}/Groups/{inner}");
    assert_eq!(
        outer.json["members"],
        json!([{"value": inner, "$ref": uri, "type": "Group"}])
    );
    assert!(
        outer.json["schemas"]
            .as_array()
            .unwrap()
            .contains(&json!(urn))
    );
    let taken = shop.post("/Users", json!({"userName": "all@example.org"}));
    assert_eq!(taken.status, 409);
    assert!(
        taken.json["detail"]
            .as_str()
            .unwrap()
            .contains("all@example.org")
    );
    let path = format!("{urn}:addresses");
    let operations =
        json!([{"op": "add", "path": path, "value": "all@example.org more@example.org"}]);
    let url = format!("/Groups/{}?attributes={path}", outer.id());
    let changed = shop.patch(&url, operations);
    assert_eq!(changed.status, 200);
    assert_eq!(
        changed.json[urn]["addresses"],
        "all@example.org more@example.org"
    );
    shop.check();
}

#[test]
fn a_big_group_is_filled_in_pieces_and_stays_readable() {
    let shop = Shop::new();
    let ids: Vec<String> = (0..700).map(|n| shop.user(&format!("u{n}"))).collect();
    let group = shop.post("/Groups", json!({"displayName": "all"})).id();
    let url = format!("/Groups/{group}");
    for part in ids.chunks(300) {
        let value: Vec<Value> = part.iter().map(|id| json!({"value": id})).collect();
        let before = shop.world.requests.get();
        let added = shop.patch(
            &url,
            json!([{"op": "add", "path": "members", "value": value}]),
        );
        assert_eq!(added.status, 204, "{added:?}");
        assert!(
            shop.world.requests.get() - before < 400,
            "the book is asked, not each member"
        );
    }
    assert_eq!(
        shop.get(&url).json["members"].as_array().unwrap().len(),
        700
    );
    shop.check();
}
