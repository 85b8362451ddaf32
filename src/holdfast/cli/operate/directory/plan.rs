//! What an export would change in the directory of an installation.
//!
//! A person is the user with the same externalId, else the same userName, else the same address; a
//! group is the one with the same externalId, else the same name. Nobody is user of two lines.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::people::directory::group::EXTENSION;
use serde_json::{Value, json};

use super::compare;
use super::export::{Bad, Export, Group, Person};

/// The installation's users and groups, as SCIM shows them.
#[derive(Debug, Default)]
pub struct Known {
    /// Its users.
    pub users: Vec<Value>,
    /// Its groups with their members; not read where the file has none.
    pub groups: Vec<Value>,
}

/// What would change.
#[derive(Debug, Default)]
pub struct Plan {
    /// Changes of users, in the file's order, then those whom the file does not have.
    pub users: Vec<UserStep>,
    /// Users who are as the file says.
    pub unchanged: usize,
    /// Active users whom the file does not have and who stay as they are.
    pub missing: Vec<String>,
    /// Changes of groups.
    pub groups: Vec<GroupStep>,
    /// Groups that are as the file says.
    pub groups_unchanged: usize,
    /// Members of groups that the file does not have.
    pub strangers: usize,
    /// Lines that cannot be used.
    pub bad: Vec<Bad>,
    /// What else the reader should know.
    pub notes: Vec<String>,
    /// The ids of the file's people and groups, as far as they have one.
    pub ids: Ids,
}

/// The ids that the file's people and groups have here.
#[derive(Debug, Default)]
pub struct Ids {
    /// Of its people, in its order.
    pub people: Vec<Option<String>>,
    /// Of its groups.
    pub groups: Vec<Option<String>>,
}

/// A change of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserStep {
    /// Where the file says so; 0 for one whom it does not have.
    pub line: u64,
    /// The user's name.
    pub name: String,
    /// What.
    pub what: UserChange,
}

/// What changes of a user.
#[derive(Clone, Debug, PartialEq)]
pub enum UserChange {
    /// It is made: which of the file's people, and the body.
    Create(usize, Value),
    /// It gets other attributes: the id, their paths, the operations.
    Change(String, Vec<&'static str>, Value),
    /// It is made inactive: the id, and the operations.
    Deactivate(String, Value),
}

/// A change of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupStep {
    /// Where the file says so.
    pub line: u64,
    /// The group's name.
    pub name: String,
    /// Which of the file's groups.
    pub at: usize,
    /// The body where it is made; it has no members yet.
    pub create: Option<Value>,
    /// Operations on its attributes.
    pub attributes: Vec<Value>,
    /// Who is to be in it.
    pub members: Vec<Ref>,
    /// The ids of those who are in it.
    pub known: BTreeSet<String>,
    /// Whether the file has members that are none of its people and groups: then only members that
    /// it has are removed.
    pub has_strangers: bool,
}

/// A member that is in the file, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ref {
    /// One of its people.
    Person(usize),
    /// One of its groups.
    Group(usize),
}

impl Plan {
    /// Compares. `deactivate`: make those inactive whom the file does not have.
    pub fn new(export: Export, known: &Known, deactivate: bool) -> Self {
        let mut plan = Self {
            bad: export.bad,
            notes: export.notes,
            ..Self::default()
        };
        plan.people(&export.people, known, deactivate);
        plan.all_groups(&export.groups, &export.people, known);
        plan.bad.sort();
        plan
    }

    fn people(&mut self, people: &[Person], known: &Known, deactivate: bool) {
        let index = Index::new(&known.users);
        let mut taken: BTreeMap<usize, u64> = BTreeMap::new();
        for (at, person) in people.iter().enumerate() {
            let name = person.name().unwrap_or_default().to_owned();
            let step = |what| UserStep {
                line: person.line,
                name: name.clone(),
                what,
            };
            let Some(found) = index.find(person) else {
                let body = compare::created(person);
                self.users.push(step(UserChange::Create(at, body)));
                self.ids.people.push(None);
                continue;
            };
            if let Some(other) = taken.get(&found) {
                let reason = format!("{name} is the same user as line {other}");
                self.bad.push(Bad::new(person.line, reason));
                self.ids.people.push(None);
                continue;
            }
            taken.insert(found, person.line);
            let user = known.users.get(found).unwrap_or(&Value::Null);
            let id = text(user, "id");
            self.ids.people.push(Some(id.clone()));
            let changes = compare::changes(person, user);
            if changes.is_empty() {
                self.unchanged += 1;
                continue;
            }
            let paths = changes.iter().map(|(path, _)| *path).collect();
            let operations = changes
                .into_iter()
                .map(|(path, value)| replace(path, value));
            let body = patch(operations.collect());
            self.users.push(step(UserChange::Change(id, paths, body)));
        }
        // A file of groups alone says nothing of users.
        let absent = known.users.iter().enumerate();
        let absent = absent.filter(|(at, user)| {
            !people.is_empty() && !taken.contains_key(at) && user["active"] != false
        });
        for (_, user) in absent {
            let name = text(user, "userName");
            if !deactivate {
                self.missing.push(name);
                continue;
            }
            let body = patch(vec![replace("active", false.into())]);
            self.users.push(UserStep {
                line: 0,
                name,
                what: UserChange::Deactivate(text(user, "id"), body),
            });
        }
    }

    fn all_groups(&mut self, groups: &[Group], people: &[Person], known: &Known) {
        let mut handles: BTreeMap<&str, Ref> = BTreeMap::new();
        for (at, person) in people.iter().enumerate() {
            let own = person.handles.iter();
            handles.extend(own.map(|handle| (handle.as_str(), Ref::Person(at))));
        }
        for (at, group) in groups.iter().enumerate() {
            let own = group.handles.iter();
            handles.extend(own.map(|handle| (handle.as_str(), Ref::Group(at))));
        }
        let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
        let mut steps = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let found = find_group(group, &known.groups);
            let id = found.and_then(|found| found["id"].as_str());
            if let Some(other) = id.and_then(|id| taken.get(id)) {
                let reason = format!("{} is the same group as line {other}", group.name);
                self.bad.push(Bad::new(group.line, reason));
                self.ids.groups.push(None);
                continue;
            }
            taken.extend(id.map(|id| (id, group.line)));
            self.ids.groups.push(id.map(str::to_owned));
            let members: BTreeSet<Ref> = group
                .members
                .iter()
                .filter_map(|handle| handles.get(handle.as_str()).copied())
                .collect();
            let strangers = group.members.len().saturating_sub(members.len());
            self.strangers += strangers;
            let listed = found.and_then(|found| found["members"].as_array());
            let listed = listed.into_iter().flatten();
            steps.push(GroupStep {
                line: group.line,
                name: group.name.clone(),
                at,
                create: found.is_none().then(|| created(group)),
                attributes: found
                    .map(|found| attributes(group, found))
                    .unwrap_or_default(),
                members: members.into_iter().collect(),
                known: listed.map(|member| text(member, "value")).collect(),
                has_strangers: strangers > 0,
            });
        }
        for step in steps {
            let (add, remove) = step.differences(&self.ids);
            let coming = step
                .members
                .iter()
                .any(|member| self.ids.of(*member).is_none());
            let same = step.create.is_none() && step.attributes.is_empty();
            match same && add.is_empty() && remove.is_empty() && !coming {
                true => self.groups_unchanged += 1,
                false => self.groups.push(step),
            }
        }
    }

    /// How many changes there are.
    pub fn steps(&self) -> usize {
        self.users.len() + self.groups.len()
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let users = self.users.iter().map(|step| {
            let (change, attributes) = match &step.what {
                UserChange::Create(..) => ("create", Value::Null),
                UserChange::Change(_, paths, _) => ("change", json!(paths)),
                UserChange::Deactivate(..) => ("deactivate", Value::Null),
            };
            json!({ "user": step.name, "line": step.line, "change": change, "attributes": attributes })
        });
        let groups = self.groups.iter().map(|step| {
            let change = if step.create.is_some() {
                "create"
            } else {
                "change"
            };
            json!({ "group": step.name, "line": step.line, "change": change })
        });
        json!({
            "users": users.collect::<Vec<_>>(), "groups": groups.collect::<Vec<_>>(),
            "unchanged": self.unchanged, "unchanged_groups": self.groups_unchanged,
            "missing": self.missing, "unusable": self.bad, "notes": self.notes,
        })
    }
}

impl Ids {
    /// The id of a member, if it has one.
    pub fn of(&self, member: Ref) -> Option<&str> {
        let id = match member {
            Ref::Person(at) => self.people.get(at),
            Ref::Group(at) => self.groups.get(at),
        };
        id?.as_deref()
    }
}

impl GroupStep {
    /// The ids that are to be added, and those to be removed.
    pub fn differences(&self, ids: &Ids) -> (Vec<String>, Vec<String>) {
        let wanted: BTreeSet<&str> = self.members.iter().filter_map(|one| ids.of(*one)).collect();
        let in_file = |id: &String| {
            let all = ids.people.iter().chain(&ids.groups);
            all.flatten().any(|known| known == id)
        };
        let add = wanted.iter().filter(|id| !self.known.contains(**id));
        let gone = self.known.iter().filter(|id| !wanted.contains(id.as_str()));
        let remove = gone.filter(|id| !self.has_strangers || in_file(id));
        (
            add.map(|id| (*id).to_owned()).collect(),
            remove.cloned().collect(),
        )
    }
}

/// Where the installation's users are by their names.
struct Index {
    external: BTreeMap<String, usize>,
    names: BTreeMap<String, usize>,
    addresses: BTreeMap<String, usize>,
}

impl Index {
    fn new(users: &[Value]) -> Self {
        let mut index = Self {
            external: BTreeMap::new(),
            names: BTreeMap::new(),
            addresses: BTreeMap::new(),
        };
        for (at, user) in users.iter().enumerate() {
            if let Some(external) = user["externalId"].as_str() {
                index.external.insert(external.to_owned(), at);
            }
            index
                .names
                .insert(text(user, "userName").to_lowercase(), at);
            for email in user["emails"].as_array().into_iter().flatten() {
                if matches!(email["type"].as_str(), None | Some("work")) {
                    index
                        .addresses
                        .insert(text(email, "value").to_lowercase(), at);
                }
            }
        }
        index
    }

    fn find(&self, person: &Person) -> Option<usize> {
        let external = person.external_id.as_ref();
        let external = external.and_then(|external| self.external.get(external));
        let named = || self.names.get(&person.name()?.to_lowercase());
        let addressed = || self.addresses.get(&person.mail.as_ref()?.to_lowercase());
        external.or_else(named).or_else(addressed).copied()
    }
}

fn find_group<'g>(group: &Group, known: &'g [Value]) -> Option<&'g Value> {
    let same = |one: &&Value| {
        group.external_id.is_some() && one["externalId"].as_str() == group.external_id.as_deref()
    };
    let name = group.name.to_lowercase();
    let named = |one: &&Value| text(one, "displayName").to_lowercase() == name;
    known.iter().find(same).or_else(|| known.iter().find(named))
}

fn created(group: &Group) -> Value {
    let mut body = json!({ "schemas": [GROUP], "displayName": group.name });
    if let Some(external) = &group.external_id {
        body["externalId"] = external.as_str().into();
    }
    if !group.addresses.is_empty() {
        body["schemas"] = json!([GROUP, EXTENSION]);
        body[EXTENSION] = json!({ "addresses": group.addresses.join(" ") });
    }
    body
}

/// Operations on what of a group is not as the file says.
fn attributes(group: &Group, known: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    if known["displayName"] != group.name {
        operations.push(replace("displayName", group.name.as_str().into()));
    }
    if let Some(external) = &group.external_id
        && known["externalId"] != **external
    {
        operations.push(replace("externalId", external.as_str().into()));
    }
    let listed = known[EXTENSION]["addresses"].as_str().unwrap_or_default();
    let listed = listed.split([' ', ',', ';']).filter(|one| !one.is_empty());
    let before: BTreeSet<String> = listed.map(str::to_lowercase).collect();
    let after: BTreeSet<String> = group
        .addresses
        .iter()
        .map(|one| one.to_lowercase())
        .collect();
    if !after.is_empty() && before != after {
        let path = format!("{EXTENSION}:addresses");
        operations.push(json!({ "op": "replace", "path": path, "value": group.addresses }));
    }
    operations
}

/// A PATCH (RFC 7644, 3.5.2).
pub fn patch(operations: Vec<Value>) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}

fn replace(path: &str, value: Value) -> Value {
    json!({ "op": "replace", "path": path, "value": value })
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[cfg(test)]
mod tests {
    use super::*;

    fn person(line: u64, name: &str) -> Person {
        Person {
            line,
            user_name: Some(name.into()),
            mail: Some(format!("{name}@example.org")),
            handles: vec![format!("uid:{name}")],
            ..Person::default()
        }
    }

    fn user(id: &str, name: &str) -> Value {
        let mut user = compare::created(&person(1, name));
        user["id"] = id.into();
        user
    }

    fn export(people: &[Person]) -> Export {
        Export {
            people: people.to_vec(),
            ..Export::default()
        }
    }

    fn lines(plan: &Plan) -> Vec<(u64, &'static str)> {
        let word = |step: &UserStep| match step.what {
            UserChange::Create(..) => "create",
            UserChange::Change(..) => "change",
            UserChange::Deactivate(..) => "deactivate",
        };
        plan.users
            .iter()
            .map(|step| (step.line, word(step)))
            .collect()
    }

    #[test]
    fn new_changed_unchanged_and_missing_users_are_told_apart() {
        let known = Known {
            users: vec![
                user("1", "ann"),
                user("2", "bob"),
                user("3", "eve"),
                json!({"id": "4", "userName": "gone", "active": false}),
            ],
            groups: Vec::new(),
        };
        let mut bob = person(3, "bob");
        bob.display_name = Some("Bob".into());
        let people = [person(2, "ANN"), bob, person(4, "new")];
        let mut ann = people.clone();
        ann[0].user_name = Some("ann".into());
        ann[0].mail = Some("ANN@example.org".into());
        let plan = Plan::new(export(&ann), &known, false);
        assert_eq!(lines(&plan), [(3, "change"), (4, "create")]);
        assert_eq!(
            (plan.unchanged, plan.missing.as_slice()),
            (1, &["eve".to_owned()][..])
        );
        let plan = Plan::new(export(&ann), &known, true);
        assert_eq!(
            lines(&plan),
            [(3, "change"), (4, "create"), (0, "deactivate")]
        );
        assert!(plan.missing.is_empty());
        let UserChange::Deactivate(id, _) = &plan.users[2].what else {
            panic!("{:?}", plan.users[2]);
        };
        assert_eq!(id, "3", "who is inactive already is left alone");
        let plan = Plan::new(Export::default(), &known, true);
        assert_eq!(
            plan.steps(),
            0,
            "a file without people says nothing of users"
        );
    }

    #[test]
    fn a_user_is_found_by_external_id_before_name_before_address_and_once_only() {
        let mut by_external = user("1", "old-name");
        by_external["externalId"] = "x".into();
        let known = Known {
            users: vec![by_external, user("2", "ann"), user("3", "c")],
            groups: Vec::new(),
        };
        let mut ann = person(2, "ann");
        ann.external_id = Some("x".into());
        let mut by_mail = person(3, "other");
        by_mail.user_name = None;
        by_mail.mail = Some("C@example.org".into());
        let twice = Person {
            line: 4,
            external_id: Some("x".into()),
            ..person(4, "again")
        };
        let plan = Plan::new(export(&[ann, by_mail, twice]), &known, false);
        assert_eq!(
            plan.ids.people,
            [Some("1".to_owned()), Some("3".to_owned()), None]
        );
        assert_eq!(plan.bad[0].line, 4);
        assert!(plan.bad[0].reason.contains("line 2"), "{:?}", plan.bad);
    }

    #[test]
    fn groups_get_the_members_that_the_file_has_and_lose_no_stranger() {
        let group = |name: &str, members: &[&str]| Group {
            line: 9,
            name: name.into(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
            handles: vec![format!("dn:{name}")],
            ..Group::default()
        };
        let known = Known {
            users: vec![user("1", "ann"), user("2", "bob")],
            groups: vec![
                json!({"id": "g1", "displayName": "Same", "members": [{"value": "1"}]}),
                json!({"id": "g2", "displayName": "more", "members": [{"value": "2"}, {"value": "7"}]}),
                json!({"id": "g3", "displayName": "less", "members": [{"value": "2"}, {"value": "7"}]}),
            ],
        };
        let export = Export {
            people: vec![person(2, "ann"), person(3, "bob"), person(4, "new")],
            groups: vec![
                group("same", &["uid:ann"]),
                group("more", &["uid:ann", "uid:new", "dn:elsewhere", "dn:same"]),
                group("less", &["uid:ann"]),
                group("none", &[]),
            ],
            ..Export::default()
        };
        let mut plan = Plan::new(export, &known, false);
        let names: Vec<&str> = plan.groups.iter().map(|step| step.name.as_str()).collect();
        // The first is only written in another case.
        assert_eq!(names, ["same", "more", "less", "none"]);
        assert_eq!(plan.strangers, 1);
        let ids: Vec<String> = ["1", "g1"].map(str::to_owned).to_vec();
        assert_eq!(
            plan.groups[1].differences(&plan.ids),
            (ids, vec!["2".to_owned()]),
            "7 may be the stranger"
        );
        assert_eq!(
            plan.groups[2].differences(&plan.ids),
            (vec!["1".into()], vec!["2".into(), "7".into()])
        );
        assert!(plan.groups[3].create.is_some());
        plan.ids.people[2] = Some("8".into());
        assert!(
            plan.groups[1]
                .differences(&plan.ids)
                .0
                .contains(&"8".to_owned())
        );
    }
}
