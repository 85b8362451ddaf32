//! Who may be in: the rules, and the orders that change them.

use futures::executor::block_on;
use futures::future::join;

use super::*;
use crate::custody::store::Store as _;
use crate::limits;
use crate::operate::{audit, operator};
use crate::people::login::tests::world::{Dies, World};
use crate::ports::Clock as _;
use crate::problem::{Kind, Problem};

struct Office {
    world: World,
    user: UserId,
    groups: [GroupId; 3],
    route: RouteName,
}

impl Office {
    fn new() -> Self {
        let world = World::new();
        let user = UserId::new(&world);
        let groups = [(); 3].map(|()| GroupId::new(&world));
        let route = RouteName::parse("hq").unwrap();
        Self {
            world,
            user,
            groups,
            route,
        }
    }

    fn says(&self, scope: Scope, mode: Ordered) -> Result<AccessAnswer, Problem> {
        let order = ordered(scope, mode);
        block_on(super::order(
            &self.world,
            &operator(Some("Olga"), None),
            order,
            7,
        ))
    }

    fn decides(&self, default: Access, outage: Option<bool>) -> AccessDecision {
        let switch = block_on(read(&self.world)).unwrap();
        let subject = Subject {
            user: self.user,
            groups: &self.groups,
            route: &self.route,
            default,
        };
        decide(&switch, &subject, outage, self.world.now())
    }

    fn group(&self, at: usize) -> Scope {
        Scope::Group {
            id: self.groups[at],
            name: format!("Group {at}"),
        }
    }

    fn person(&self) -> Scope {
        Scope::User {
            id: self.user,
            name: "Anna Rossi".into(),
        }
    }
}

fn ordered(scope: Scope, mode: Ordered) -> AccessOrder {
    AccessOrder {
        scope,
        mode,
        reason: "drill".into(),
        expires: None,
    }
}

fn hq() -> Scope {
    Scope::Route { name: "hq".into() }
}

#[test]
fn a_mode_and_the_health_decide_and_what_is_not_known_locks_nobody_out() {
    let office = Office::new();
    let cases = [
        (Access::Always, Some(false), true, Why::Always),
        (Access::Always, None, true, Why::Always),
        (Access::Outage, Some(true), true, Why::Outage),
        (Access::Outage, Some(false), false, Why::NoOutage),
        (Access::Outage, None, true, Why::OutageUnknown),
        (Access::Off, Some(true), false, Why::Off),
        (Access::Off, None, false, Why::Off),
    ];
    for (mode, outage, allowed, why) in cases {
        let decision = office.decides(mode, outage);
        let by = Decider::Default;
        assert_eq!(
            decision,
            AccessDecision { allowed, why, by },
            "{mode:?} {outage:?}"
        );
    }
    assert_eq!(Access::default(), Access::Outage);
}

#[test]
fn a_user_stands_above_groups_above_the_route_above_the_configuration() {
    let office = Office::new();
    let decider = || office.decides(Access::Off, Some(true)).by;
    assert_eq!(decider(), Decider::Default);
    office.says(hq(), Ordered::Outage).unwrap();
    assert_eq!(decider(), Decider::Route);
    office.says(office.group(1), Ordered::Off).unwrap();
    assert_eq!(
        decider(),
        Decider::Group {
            id: office.groups[1]
        }
    );
    office.says(office.person(), Ordered::Always).unwrap();
    assert_eq!(decider(), Decider::User);
    assert!(
        office.decides(Access::Off, Some(false)).allowed,
        "the one member by name"
    );
    for scope in [office.person(), office.group(1), hq()] {
        let answer = office.says(scope, Ordered::Default).unwrap();
        assert_eq!((answer.entry, answer.affected), (None, 7));
    }
    assert_eq!(decider(), Decider::Default, "all of it was taken back");
}

#[test]
fn among_groups_off_wins_then_always_then_outage() {
    let office = Office::new();
    office.says(office.group(0), Ordered::Outage).unwrap();
    assert!(!office.decides(Access::Always, Some(false)).allowed);
    office.says(office.group(1), Ordered::Always).unwrap();
    assert!(
        office.decides(Access::Off, Some(false)).allowed,
        "grants add up"
    );
    office.says(office.group(2), Ordered::Off).unwrap();
    let decision = office.decides(Access::Always, Some(true));
    assert_eq!(
        decision.by,
        Decider::Group {
            id: office.groups[2]
        }
    );
    assert!(
        !decision.allowed,
        "who is to be kept out is kept out whatever other lists they are on"
    );
}

#[test]
fn an_entry_that_is_over_counts_as_absent_and_goes_with_the_next_write() {
    let office = Office::new();
    let mut order = ordered(office.person(), Ordered::Off);
    order.expires = Some(office.world.now().after(std::time::Duration::from_secs(60)));
    let by = operator(Some("Olga"), None);
    block_on(super::order(&office.world, &by, order, 1)).unwrap();
    assert!(!office.decides(Access::Always, None).allowed);
    office.world.pass(std::time::Duration::from_secs(60));
    assert!(office.decides(Access::Always, None).allowed);
    office.says(office.group(0), Ordered::Always).unwrap();
    let switch = block_on(read(&office.world)).unwrap();
    assert!(switch.users.is_empty());
    let named: Vec<_> = switch.groups_named(office.world.now()).collect();
    assert_eq!(named, [office.groups[0]]);
}

#[test]
fn who_gave_an_order_is_written_down_before_it_stands() {
    let office = Office::new();
    office.world.dies.set(Some((1, Dies::Before)));
    let problem = office.says(office.group(0), Ordered::Off).unwrap_err();
    assert_eq!(problem.kind, Kind::Unavailable);
    assert_eq!(block_on(read(&office.world)).unwrap(), Switch::default());
    let keys = office.world.store.keys();
    assert!(keys.len() == 1 && keys[0].starts_with("audit/"), "{keys:?}");
    office.world.dies.set(None);
    let answer = office.says(office.group(0), Ordered::Off).unwrap();
    let entry = answer.entry.unwrap();
    assert_eq!(
        (entry.by.as_str(), entry.name.as_str()),
        ("Olga", "Group 0")
    );
    let log = block_on(audit::read(&office.world, None, None)).unwrap();
    assert_eq!(
        log.entries[1].subject,
        format!("group/{}", office.groups[0])
    );
    assert_eq!(log.entries[1].facts["affected"], 7);
}

#[test]
fn two_orders_at_once_both_stand() {
    let office = Office::new();
    office.world.slow.set(true);
    let by = operator(Some("Olga"), None);
    let one = super::order(
        &office.world,
        &by,
        ordered(office.group(0), Ordered::Off),
        1,
    );
    let other = super::order(
        &office.world,
        &by,
        ordered(office.person(), Ordered::Always),
        1,
    );
    let (one, other) = block_on(join(one, other));
    assert!(one.is_ok() && other.is_ok());
    let switch = block_on(read(&office.world)).unwrap();
    assert_eq!((switch.groups.len(), switch.users.len()), (1, 1));
}

#[test]
fn an_order_that_cannot_stand_is_refused_with_the_field_and_not_audited() {
    let office = Office::new();
    let by = operator(Some("Olga"), None);
    let refuse =
        |order: AccessOrder| block_on(super::order(&office.world, &by, order, 0)).unwrap_err();
    let no_reason = AccessOrder {
        reason: " ".into(),
        ..ordered(hq(), Ordered::Off)
    };
    assert!(refuse(no_reason).detail.contains("`reason`"));
    let over = AccessOrder {
        expires: Some(office.world.now()),
        ..ordered(hq(), Ordered::Off)
    };
    assert!(refuse(over).detail.contains("`expires`"));
    let no_route = Scope::Route {
        name: "../x".into(),
    };
    assert!(
        refuse(ordered(no_route, Ordered::Off))
            .detail
            .contains("`scope.name`")
    );
    assert_eq!(office.world.store.writes(), 0);
}

#[test]
fn an_order_is_read_from_json_and_nothing_else_is() {
    let office = Office::new();
    let json = format!(
        r#"{{"scope":{{"kind":"group","id":"{}"}},"mode":"off","reason":"leavers"}}"#,
        office.groups[0]
    );
    let order: AccessOrder = serde_json::from_str(&json).unwrap();
    assert_eq!(order.mode, Ordered::Off);
    for wrong in [
        json.replace("off", "auto"),
        json.replace("group", "planet"),
        json.replace("\"reason\"", "\"raison\""),
        json.replace("\"id\"", "\"ID\""),
    ] {
        assert!(
            serde_json::from_str::<AccessOrder>(&wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_switch_that_cannot_be_read_decides_nothing_and_is_not_written_over() {
    let office = Office::new();
    for damage in ["{", r#"{"version":2}"#, r#"{"version":1,"users":{"x":{}}}"#] {
        office.world.spoil("people/access.json", damage);
        assert!(block_on(read(&office.world)).is_err(), "{damage}");
        let problem = office.says(hq(), Ordered::Always).unwrap_err();
        assert!(
            problem.detail.contains("people/access.json"),
            "{}",
            problem.detail
        );
        let object = block_on(office.world.store.get("people/access.json", 1_000)).unwrap();
        assert_eq!(object.unwrap().bytes, damage);
    }
}

#[test]
fn the_switch_has_a_size() {
    let office = Office::new();
    let entry = Entry {
        mode: Access::Off,
        name: String::new(),
        reason: "r".into(),
        by: "Olga".into(),
        at: office.world.now(),
        expires: None,
    };
    let mut switch = Switch::default();
    for _ in 0..limits::ACCESS_ENTRIES {
        switch
            .users
            .insert(UserId::new(&office.world), entry.clone());
    }
    let written = record::write(
        office.world.store(),
        "people/access.json",
        &switch,
        Condition::Always,
    );
    block_on(written).unwrap();
    assert_eq!(
        office.says(office.person(), Ordered::Off).unwrap_err().kind,
        Kind::TooLarge
    );
    let (some, _) = switch.users.first_key_value().unwrap();
    let known = Scope::User {
        id: *some,
        name: String::new(),
    };
    assert!(
        office.says(known, Ordered::Default).is_ok(),
        "taking back is always possible"
    );
}
