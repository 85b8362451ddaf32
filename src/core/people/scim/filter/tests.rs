//! The grammar, and what filters are true of.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::parse::filter;
use super::*;
use crate::people::scim::schema::group::GROUP;
use crate::people::scim::schema::user::USER;

fn ada() -> Map<String, Value> {
    let ada = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "userName": "Ada@Example.org",
        "externalId": "X-1",
        "name": {"familyName": "O'Malley", "givenName": "Ada"},
        "title": "",
        "active": true,
        "emails": [
            {"value": "ada@example.org", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
        ],
        "meta": {"lastModified": "2026-05-13T04:42:34.000Z", "resourceType": "User"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Mathematics", "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"},
        },
    });
    ada.as_object().unwrap().clone()
}

fn is(text: &str) -> bool {
    let filter = filter(&USER, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.matches(Subject {
        attributes: &ada(),
        members: &[],
    })
}

#[test]
fn what_the_rfc_shows_is_read_and_means_what_it_says() {
    for yes in [
        r#"userName eq "ada@example.ORG""#,
        r#"USERNAME Eq "ada@example.org""#,
        r#"name.familyName co "O'Malley""#,
        r#"userName sw "ADA""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "A""#,
        r#"userName ew ".org""#,
        "name pr",
        "emails pr",
        "emails.type pr",
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified ge "2026-05-13T06:42:34+02:00""#,
        r#"meta.lastModified lt "2027-05-13T04:42:34Z""#,
        r#"meta.lastModified le "2026-05-13T04:42:34Z""#,
        r#"name.givenName pr and userName ne "bob""#,
        r#"title pr or externalId eq "X-1""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#,
        r#"active eq true and (emails co "example.org" or emails.value co "nobody")"#,
        r#"not (userName eq "bob")"#,
        r#"not(title pr) and not (active eq False)"#,
        r#"emails[type eq "work" and value co "@example.org"]"#,
        r#"emails[type eq "home"] and emails[not (primary eq true)]"#,
        r#"emails[type eq "work"].value eq "ada@example.org""#,
        r#"emails.value eq "ADA@home.example""#,
        r#"active eq "True""#,
        r#"title ne "x""#,
        "nickName eq null and userName ne null",
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "mathematics""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "26118915-6090-4610-87e4-49d8ca9f808d""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr"#,
        r#"name.familyName eq "O\u0027Malley""#,
    ] {
        assert!(is(yes), "{yes}");
    }
    for no in [
        r#"externalId eq "x-1""#,
        "title pr",
        "nickName pr",
        "active ne true",
        r#"emails[type eq "home" and value co "@example.org"]"#,
        r#"emails[type eq "home"].value eq "ada@example.org""#,
        r#"userName eq "bob" or title pr"#,
        r#"emails.value ne "ada@example.org""#,
        r#"nickName gt "a""#,
    ] {
        assert!(!is(no), "{no}");
    }
}

#[test]
fn and_binds_stronger_than_or() {
    assert!(is(r#"userName pr or userName pr and title pr"#));
    assert!(!is(r#"(userName pr or userName pr) and title pr"#));
    assert!(is(r#"title pr and title pr or userName pr"#));
}

#[test]
fn what_cannot_be_meant_is_an_invalid_filter() {
    for bad in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq bob",
        r#"userName is "bob""#,
        r#"userName eq "bob"#,
        r#"userName eq "bob" and"#,
        r#"(userName eq "bob""#,
        r#"userName eq "bob")"#,
        r#"shoeSize eq "44""#,
        r#"password eq "x""#,
        r#"name.shoe eq "44""#,
        r#"userName.value eq "44""#,
        "active gt true",
        r#"active eq "perhaps""#,
        r#"meta.lastModified gt "yesterday""#,
        r#"emails[type eq "work""#,
        r#"emails[shoe eq "work"]"#,
        r#"emails[emails[type eq "work"]]"#,
        r#"userName[type eq "work"] pr x"#,
        r#"name eq "x""#,
        "userName gt null",
        "not",
        "[]",
    ] {
        let error = filter(&USER, bad).unwrap_err();
        assert_eq!(
            (error.status, error.kind),
            (400, Some("invalidFilter")),
            "{bad:?}"
        );
    }
}

#[test]
fn a_filter_is_bounded_in_every_direction() {
    let deep = format!("{}userName pr{}", "(".repeat(300), ")".repeat(300));
    assert!(filter(&USER, &deep).is_err());
    assert!(filter(&USER, &format!("{}userName pr", "not ".repeat(300))).is_err());
    let long = format!("userName eq \"{}\"", "x".repeat(10_000));
    assert!(filter(&USER, &long).is_err());
    let wide = vec!["a pr"; 600].join(" or ");
    assert!(filter(&USER, &wide).is_err());
}

#[test]
fn members_are_asked_by_their_ids() {
    let id = "2819c223-7f76-453a-919d-413861904646";
    let members = [Member(Owner::User(id.parse().unwrap()))];
    let attributes = Map::new();
    let subject = Subject {
        attributes: &attributes,
        members: &members,
    };
    let is = |text: &str| filter(&GROUP, text).unwrap().matches(subject);
    assert!(is(&format!("members eq \"{id}\"")));
    assert!(is(&format!(
        "members[value eq \"{id}\" and type eq \"user\"]"
    )));
    assert!(is("members pr"));
    assert!(!is("members.type eq \"Group\""));
}

proptest! {
    #[test]
    fn no_text_stops_the_reader(text in "\\PC{0,60}") {
        if let Ok(filter) = filter(&USER, &text) {
            let ada = ada();
            filter.matches(Subject { attributes: &ada, members: &[] });
        }
    }

    #[test]
    fn nor_do_words_of_the_grammar_in_any_order(words in prop::collection::vec(
        prop_oneof![
            Just("userName"), Just("emails"), Just("["), Just("]"), Just("("), Just(")"), Just("eq"),
            Just("\"x\""), Just("and"), Just("or"), Just("not"), Just("pr"), Just("true"), Just(".value"),
            Just("meta.created"), Just("\""), Just("\\"),
        ], 0..12)) {
        if let Ok(filter) = filter(&USER, &words.join(" ")) {
            let ada = ada();
            filter.matches(Subject { attributes: &ada, members: &[] });
        }
    }
}
