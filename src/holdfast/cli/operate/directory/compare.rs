//! One person of the file beside one user of the installation: which attributes would change.
//!
//! What the file does not say stays. Of the addresses those for work are the own ones, of which the
//! file may speak in full; contacts elsewhere and phones are only ever added or put in the place of
//! others of their kind, because they are kept for the day they are needed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::export::Person;

/// One attribute that would change: its path (RFC 7644, 3.5.2) and its new value.
pub type Change = (&'static str, Value);

/// A new user.
pub fn created(person: &Person) -> Value {
    let mut user = Map::new();
    let mut name = Map::new();
    for (path, value) in changes(person, &Value::Null) {
        match path.strip_prefix("name.") {
            Some(part) => drop(name.insert(part.to_owned(), value)),
            None => drop(user.insert(path.to_owned(), value)),
        }
    }
    if !name.is_empty() {
        user.insert("name".to_owned(), Value::Object(name));
    }
    user.insert("schemas".to_owned(), json!([USER]));
    user.entry("userName")
        .or_insert_with(|| json!(person.name()));
    user.entry("active").or_insert(Value::Bool(true));
    Value::Object(user)
}

/// What would change of a user as SCIM shows it.
pub fn changes(person: &Person, user: &Value) -> Vec<Change> {
    let texts = [
        ("userName", &person.user_name, &user["userName"]),
        ("externalId", &person.external_id, &user["externalId"]),
        ("displayName", &person.display_name, &user["displayName"]),
        (
            "name.givenName",
            &person.given_name,
            &user["name"]["givenName"],
        ),
        (
            "name.familyName",
            &person.family_name,
            &user["name"]["familyName"],
        ),
        (
            "preferredLanguage",
            &person.language,
            &user["preferredLanguage"],
        ),
    ];
    let mut changes: Vec<Change> = Vec::new();
    for (path, wanted, known) in texts {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *known != ***wanted) {
            changes.push((path, wanted.as_str().into()));
        }
    }
    if let Some(active) = person.active {
        // Where nothing is said a user is active.
        if active != (user["active"] != false) || user.is_null() {
            changes.push(("active", active.into()));
        }
    }
    if let Some(emails) = emails(person, &user["emails"]) {
        changes.push(("emails", emails));
    }
    if let Some(phones) = phones(person, &user["phoneNumbers"]) {
        changes.push(("phoneNumbers", phones));
    }
    changes
}

/// The addresses as they would be, if any would change.
fn emails(person: &Person, known: &Value) -> Option<Value> {
    let known: Vec<&Value> = known.as_array().into_iter().flatten().collect();
    let is_own = |email: &&&Value| matches!(email["type"].as_str(), None | Some("work"));
    let mut own: Vec<&str> = Vec::new();
    let by_rank = |primary: bool| {
        let ranked = known.iter().filter(is_own);
        ranked.filter(move |email| (email["primary"] == true) == primary)
    };
    let known_own = by_rank(true).chain(by_rank(false));
    let known_own: Vec<&str> = known_own
        .filter_map(|email| email["value"].as_str())
        .collect();
    own.extend(person.mail.as_deref());
    match &person.aliases {
        // The file has no primary address: the one that is known stays it.
        Some(aliases) => {
            let first = known_own.first().filter(|_| person.mail.is_none());
            own.extend(first);
            own.extend(aliases.iter().map(String::as_str));
        }
        None => own.extend(&known_own),
    }
    let elsewhere: Vec<Value> = match person.alternates.is_empty() {
        true => known
            .iter()
            .filter(|email| !is_own(email))
            .map(|email| (*email).clone())
            .collect(),
        false => {
            let alternates = person.alternates.iter();
            alternates
                .map(|value| json!({ "value": value, "type": "home" }))
                .collect()
        }
    };
    let mut seen = BTreeSet::new();
    let own = own
        .into_iter()
        .filter(|address| seen.insert(address.to_lowercase()));
    let own = own.enumerate().map(|(at, value)| match at {
        0 => json!({ "value": value, "type": "work", "primary": true }),
        _ => json!({ "value": value, "type": "work" }),
    });
    let wanted: Vec<Value> = own.chain(elsewhere).collect();
    let shape = |email: &Value| {
        let value = email["value"].as_str().unwrap_or_default().to_lowercase();
        (value, email["primary"] == true, is_own(&&email))
    };
    let before: BTreeSet<_> = known.iter().map(|email| shape(email)).collect();
    let after: BTreeSet<_> = wanted.iter().map(shape).collect();
    // One own address is the primary one, whether or not anybody said so.
    let bare = |emails: &BTreeSet<(String, bool, bool)>| -> BTreeSet<(String, bool)> {
        emails
            .iter()
            .map(|(value, _, own)| (value.clone(), *own))
            .collect()
    };
    let nobody_said = !before.iter().any(|(_, primary, _)| *primary);
    let same_first = match (known_own.first(), wanted.first()) {
        (Some(known), Some(wanted)) => wanted["value"]
            .as_str()
            .is_some_and(|wanted| wanted.eq_ignore_ascii_case(known)),
        _ => true,
    };
    let same = before == after || nobody_said && same_first && bare(&before) == bare(&after);
    (!same).then_some(Value::Array(wanted))
}

/// The phones as they would be, if a number is new.
fn phones(person: &Person, known: &Value) -> Option<Value> {
    let digits = |number: &str| {
        number
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
    };
    let known: Vec<&Value> = known.as_array().into_iter().flatten().collect();
    let numbers = known.iter().filter_map(|phone| phone["value"].as_str());
    let numbers: BTreeSet<String> = numbers.map(digits).collect();
    let is_new = |number: &str| !numbers.contains(&digits(number));
    if !person.phones.iter().any(|(_, number)| is_new(number)) {
        return None;
    }
    let kinds: BTreeSet<&str> = person.phones.iter().map(|(kind, _)| *kind).collect();
    let kept = known.into_iter().filter(|phone| {
        let kind = phone["type"].as_str().unwrap_or_default();
        !kinds.contains(kind)
    });
    let named = person.phones.iter();
    let named = named.map(|(kind, number)| json!({ "value": number, "type": kind }));
    Some(named.chain(kept.cloned()).collect())
}

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Person {
        Person {
            line: 2,
            user_name: Some("ada".into()),
            display_name: Some("Ada".into()),
            given_name: Some("Ada".into()),
            mail: Some("ada@example.org".into()),
            alternates: vec!["ada@home.example".into()],
            phones: vec![("mobile", "+39 333 1".into())],
            active: Some(true),
            ..Person::default()
        }
    }

    fn paths(person: &Person, user: &Value) -> Vec<&'static str> {
        changes(person, user)
            .into_iter()
            .map(|(path, _)| path)
            .collect()
    }

    #[test]
    fn what_was_created_from_a_line_is_unchanged_by_the_same_line() {
        for person in [
            ada(),
            Person {
                aliases: Some(vec!["a@example.org".into(), "b@example.org".into()]),
                active: Some(false),
                ..ada()
            },
            Person {
                mail: Some("only@example.org".into()),
                ..Person::default()
            },
        ] {
            let user = created(&person);
            assert_eq!(paths(&person, &user), [""; 0], "{user}");
        }
        let user = created(&ada());
        assert_eq!(user["name"]["givenName"], "Ada");
        assert_eq!(user["emails"][0]["primary"], true);
        assert_eq!(user["emails"][1]["type"], "home");
    }

    #[test]
    fn only_what_the_file_says_changes() {
        let user = json!({
            "id": "1", "userName": "Ada", "displayName": "Ada L", "externalId": "x",
            "emails": [
                {"value": "old@example.org", "type": "work", "primary": true},
                {"value": "private@home.example", "type": "home"},
            ],
            "phoneNumbers": [{"value": "0039 1", "type": "work"}, {"value": "+39333 1", "type": "mobile"}],
        });
        assert_eq!(
            paths(&ada(), &user),
            ["userName", "displayName", "name.givenName", "emails"]
        );
        let nothing = Person {
            mail: Some("OLD@example.org".into()),
            ..Person::default()
        };
        assert_eq!(paths(&nothing, &user), [""; 0]);
        let moved = Person {
            mail: Some("new@example.org".into()),
            ..Person::default()
        };
        let (_, emails) = changes(&moved, &user).remove(0);
        let values: Vec<&str> = emails
            .as_array()
            .unwrap()
            .iter()
            .map(|email| email["value"].as_str().unwrap())
            .collect();
        assert_eq!(
            values,
            ["new@example.org", "old@example.org", "private@home.example"],
            "mail to the old address still comes, and the contact elsewhere stays"
        );
        let said = Person {
            aliases: Some(Vec::new()),
            ..moved
        };
        let (_, emails) = changes(&said, &user).remove(0);
        assert_eq!(
            emails.as_array().unwrap().len(),
            2,
            "the file says that there are no others"
        );
    }

    #[test]
    fn an_address_that_nobody_marked_as_primary_is_so_already() {
        let user = json!({ "userName": "a", "emails": [{"value": "a@example.org"}] });
        let person = Person {
            mail: Some("a@example.org".into()),
            ..Person::default()
        };
        assert_eq!(paths(&person, &user), [""; 0]);
    }

    #[test]
    fn a_phone_takes_the_place_of_one_of_its_kind() {
        let user = json!({ "phoneNumbers": [
            {"value": "1", "type": "work"}, {"value": "2", "type": "mobile"}] });
        let person = Person {
            phones: vec![("mobile", "3".into())],
            ..Person::default()
        };
        let (path, phones) = changes(&person, &user).remove(0);
        assert_eq!(path, "phoneNumbers");
        assert_eq!(
            phones,
            json!([{"value": "3", "type": "mobile"}, {"value": "1", "type": "work"}])
        );
        let known = Person {
            phones: vec![("work", "2".into())],
            ..Person::default()
        };
        assert_eq!(paths(&known, &user), [""; 0], "the number is known");
    }

    #[test]
    fn who_is_inactive_is_made_active_only_where_the_file_says_so() {
        let user = json!({ "active": false });
        assert_eq!(paths(&Person::default(), &user), [""; 0]);
        let active = Person {
            active: Some(true),
            ..Person::default()
        };
        assert_eq!(paths(&active, &user), ["active"]);
    }
}
