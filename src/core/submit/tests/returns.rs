//! What cannot be delivered goes back, once, or is put aside.

use super::*;
use crate::custody::attempts;
use crate::custody::ended::Ended;
use crate::operate::queue::{Action, Because, QueuedState, act, list};
use crate::operate::{Operator, operator};

const RETURNING: &str = "[[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1:25'\ntls='off'\n\
                         queue_lifetime='1h'\n\
                         [[route]]\nname='acme'\ndomains=['acme.example']\nprimary='smtp://192.0.2.4:25'\ntls='off'\n\
                         [[partner]]\nname='acme'\n\
                         key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n";

const HOUR: i64 = 3_600_000;

impl Shop {
    fn returning() -> Self {
        Self::of(RETURNING)
    }

    fn of(config: &str) -> Self {
        Self {
            config: Config::parse(config, "").unwrap(),
            ..Self::new()
        }
    }

    /// A message that the primary does not take now; its id.
    fn hold(&self, query: &str) -> MessageId {
        self.world.mood("192.0.2.1", Mood::Refuses);
        let (status, body) = self.ask(query);
        assert_eq!(status, 202, "{body}");
        body["id"].as_str().unwrap().parse().unwrap()
    }

    fn ask(&self, query: &str) -> (u16, Value) {
        let head = Head {
            query: query.into(),
            authorization: Some(b"Bearer foo".to_vec()),
            content_type: Some("message/rfc822".into()),
            ..Head::default()
        };
        self.world.now.set(self.world.now.get() + 2_000);
        let request = begin(&self.config, &head).unwrap();
        let body = Bytes::from_static(MAIL);
        let response = block_on(submit(
            &self.world,
            &self.config,
            &self.cache,
            &request,
            body,
        ));
        (response.response.status, response.response.body)
    }

    fn ended(&self, id: MessageId) -> Option<Ended> {
        block_on(Ended::read(&self.world.store, &Copy::first(id), None)).unwrap()
    }

    /// What is counted as returned on the route.
    fn returned(&self) -> u64 {
        let route = &self.config.routes[0].name;
        let figures = block_on(figures::read(&self.world.store, route)).unwrap();
        figures.returned
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys = self.world.store.keys();
        keys.retain(|key| key.starts_with(prefix));
        keys
    }

    /// What the sender's own mail system got.
    fn reports(&self) -> Vec<String> {
        let delivered = self.world.delivered.borrow();
        let home = delivered
            .iter()
            .filter(|(address, _, _)| address.contains("192.0.2.4"));
        home.map(|(_, to, bytes)| {
            assert_eq!(to, &["ann@acme.example"]);
            String::from_utf8(bytes.clone()).unwrap()
        })
        .collect()
    }

    fn object(&self, key: &str) -> Vec<u8> {
        let object = block_on(self.world.store.get(key, 1_000_000)).unwrap();
        object.unwrap().bytes.to_vec()
    }

    fn act(&self, id: MessageId, action: Action, who: &Operator) -> Result<(), Problem> {
        let because = Because {
            reason: "wrong address".into(),
        };
        let id = id.to_string();
        block_on(act(&self.world, &self.config, &id, action, who, &because)).map(drop)
    }

    fn state(&self) -> QueuedState {
        let page = block_on(list(&self.world, &self.config, &Default::default())).unwrap();
        page.messages[0].state
    }
}

const ANN: &str = "from=ann@acme.example&to=bob@example.org";

#[test]
fn what_is_too_old_gets_one_last_attempt_and_goes_back() {
    let shop = Shop::returning();
    let id = shop.hold(ANN);
    shop.tick(HOUR / 2);
    assert_eq!(shop.ended(id), None, "half its time is not its time");
    let ticked = shop.tick(HOUR);
    let ended = shop.ended(id).unwrap();
    assert_eq!(ended.recipients[0].outcome, Outcome::Returned);
    assert_eq!((ended.dsn.len(), ended.dead_letter), (1, None));
    assert_eq!(ticked.routes[0].released.as_ref().unwrap().returned, 1);
    assert_eq!(shop.returned(), 1, "a drain counts it");
    let reports = shop.reports();
    assert_eq!(reports.len(), 1, "told once");
    for words in [
        "Status: 4.4.7",
        "connection refused",
        "within 1 hour",
        "bob@example.org",
    ] {
        assert!(reports[0].contains(words), "{words}: {}", reports[0]);
    }
    assert_eq!(shop.keys("queue/").len() + shop.keys("attempts/").len(), 0);
    let lucky = Shop::returning();
    let id = lucky.hold(ANN);
    lucky.world.mood("192.0.2.1", Mood::Well);
    lucky.tick(2 * HOUR);
    assert_eq!(
        lucky.ended(id).unwrap().outcome(),
        Outcome::Delivered,
        "the last attempt counts"
    );
    assert_eq!(lucky.reports().len(), 0);
}

#[test]
fn a_primary_that_is_down_keeps_nobody_waiting_for_ever() {
    let shop = Shop::returning();
    for _ in 0..6 {
        shop.hold(ANN);
    }
    let ticked = shop.tick(2 * HOUR);
    assert_eq!(ticked.routes[0].released.as_ref().unwrap().returned, 6);
    assert_eq!(shop.returned(), 6, "without a drain they are counted too");
    shop.hold(ANN);
    shop.tick(60_000);
    assert_eq!(
        (shop.reports().len(), shop.keys("queue/hq/").len()),
        (6, 1),
        "the young one stays"
    );
}

#[test]
fn nothing_goes_back_behind_an_operator_s_order_to_hold() {
    let shop = Shop::returning();
    let give = |mode: &str| {
        let order = serde_json::json!({"mode": mode, "reason": "moving"});
        let order = serde_json::from_value(order).unwrap();
        let who = operator(Some("ann"), None);
        block_on(crate::operate::order(
            &shop.world,
            &shop.config,
            &shop.cache,
            "hq",
            &who,
            order,
        ))
        .unwrap();
    };
    let id = shop.hold(ANN);
    give("hold");
    shop.tick(5 * HOUR);
    assert_eq!((shop.ended(id), shop.reports().len()), (None, 0));
    shop.world.mood("192.0.2.1", Mood::Well);
    give("auto");
    shop.tick(1_000);
    assert_eq!(shop.ended(id).unwrap().outcome(), Outcome::Delivered);
}

#[test]
fn a_lifetime_of_none_keeps_for_ever() {
    let shop = Shop::of(&RETURNING.replace("'1h'", "'none'"));
    let id = shop.hold(ANN);
    shop.tick(10_000 * HOUR);
    assert_eq!((shop.ended(id), shop.reports().len()), (None, 0));
}

#[test]
fn who_is_refused_after_202_is_told_and_who_was_refused_at_once_is_not() {
    let shop = Shop::returning();
    let id =
        shop.hold("from=ann@acme.example&to=bob@example.org&to=eve@example.org&envid=order%207");
    shop.world.mood("192.0.2.1", Mood::RejectsFirst);
    shop.tick(1_000);
    let ended = shop.ended(id).unwrap();
    let outcomes: Vec<_> = ended.recipients.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Outcome::Rejected, Outcome::Delivered]);
    let reports = shop.reports();
    assert_eq!(reports.len(), 1);
    for words in [
        "Status: 5.1.1",
        "550 5.1.1 nobody",
        "Original-Envelope-Id: order 7",
    ] {
        assert!(reports[0].contains(words), "{words}: {}", reports[0]);
    }
    assert!(!reports[0].contains("eve@example.org"), "{}", reports[0]);

    shop.world.mood("192.0.2.1", Mood::Rejects);
    assert_eq!(shop.ask(ANN).0, 422);
    shop.tick(HOUR);
    assert_eq!(shop.reports().len(), 1, "its answer told it");
}

#[test]
fn a_refusal_is_told_while_others_still_wait() {
    let shop = Shop::returning();
    let id = shop.hold("from=ann@acme.example&to=bob@example.org&to=eve@example.org");
    shop.world.mood("192.0.2.1", Mood::RejectsFirstDefersRest);
    shop.tick(1_000);
    assert_eq!((shop.ended(id), shop.reports().len()), (None, 1));
    shop.tick(60_000);
    assert_eq!(shop.reports().len(), 1, "and not again");
    shop.tick(2 * HOUR);
    let ended = shop.ended(id).unwrap();
    assert_eq!((shop.reports().len(), ended.dsn.len()), (2, 2));
    let last = shop.reports().pop().unwrap();
    assert!(
        last.contains("eve@example.org") && !last.contains("bob@example.org"),
        "{last}"
    );
}

#[test]
fn who_cannot_or_must_not_be_told_leaves_a_dead_letter() {
    for (query, config) in [
        ("from=&to=bob@example.org", RETURNING.to_owned()),
        (
            "from=ann@acme.example&to=bob@example.org&notify=never",
            RETURNING.to_owned(),
        ),
        (ANN, RETURNING.replace("acme.example", "other.example")),
    ] {
        let shop = Shop::of(&config);
        let id = shop.hold(query);
        let key = format!("hq/{id}.eml");
        let held = shop.object(&format!("queue/{key}"));
        shop.tick(2 * HOUR);
        let ended = shop.ended(id).unwrap();
        assert_eq!(ended.dead_letter, Some(format!("dead/{key}")), "{query}");
        assert_eq!(shop.object(&format!("dead/{key}")), held, "as it was");
        assert_eq!(
            (shop.keys("queue/").len(), ended.dsn.len()),
            (0, 0),
            "{query}"
        );
    }
}

#[test]
fn a_sender_without_a_route_is_told_by_the_route_that_carries_reports() {
    let config = RETURNING.replace("['acme.example']", "[]");
    let shop = Shop::of(&format!("returns='acme'\n{config}"));
    shop.hold(ANN);
    shop.tick(2 * HOUR);
    assert_eq!(shop.reports().len(), 1);
}

#[test]
fn a_report_that_cannot_be_delivered_makes_no_other() {
    let shop = Shop::returning();
    shop.world.mood("192.0.2.4", Mood::Rejects);
    let id = shop.hold(ANN);
    shop.tick(2 * HOUR);
    let dsn = shop.ended(id).unwrap().dsn[0];
    let ended = shop.ended(dsn).unwrap();
    assert_eq!(ended.dead_letter, Some(format!("dead/acme/{dsn}.eml")));
    assert_eq!(
        (shop.keys("queue/").len(), ended.partner.as_str()),
        (0, "holdfast")
    );
}

#[test]
fn who_dies_between_two_steps_makes_no_second_report() {
    for step in ["queue/acme/", "outcomes/", "queue/hq/", "attempts/acme/"] {
        let shop = Shop::returning();
        let id = shop.hold(ANN);
        shop.world.mood("192.0.2.1", Mood::Rejects);
        shop.world.broken.set(step);
        shop.tick(1_000);
        assert!(shop.reports().len() <= 1);
        shop.world.broken.set("");
        for _ in 0..3 {
            shop.tick(HOUR / 10);
        }
        assert_eq!(shop.reports().len(), 1, "{step}");
        let ended = shop.ended(id).unwrap();
        assert_eq!(ended.recipients[0].outcome, Outcome::Rejected, "{step}");
        assert!(
            !ended.uncertain,
            "{step}: what was written down is not lost"
        );
        assert_eq!(
            shop.keys("queue/").len() + shop.keys("attempts/").len(),
            0,
            "{step}"
        );
    }
}

#[test]
fn an_attempt_whose_message_could_not_be_read_was_none() {
    let shop = Shop::returning();
    let id = shop.hold(ANN);
    shop.world.mood("192.0.2.1", Mood::Well);
    shop.world.broken.set("queue/hq/");
    shop.tick(1_000);
    let route = &shop.config.routes[0].name;
    let known = block_on(attempts::read(&shop.world.store, route, &Copy::first(id)));
    let known = known.unwrap().unwrap();
    assert_eq!((known.attempts, known.lost, known.claimed_by), (0, 0, None));
    shop.world.broken.set("");
    shop.tick(60_000);
    let ended = shop.ended(id).unwrap();
    assert_eq!((ended.attempts, ended.uncertain), (1, false));
}

#[test]
fn a_person_returns_a_message_with_a_reason() {
    let shop = Shop::returning();
    let id = shop.hold(ANN);
    let nameless = shop.act(id, Action::Return, &operator(None, None));
    assert_eq!(nameless.unwrap_err().kind, Kind::BadRequest);
    shop.act(id, Action::Return, &operator(Some("Olga"), None))
        .unwrap();
    let ended = shop.ended(id).unwrap();
    assert_eq!(ended.recipients[0].outcome, Outcome::Returned);
    assert_eq!(ended.returned.unwrap().by, "Olga");
    assert_eq!(shop.returned(), 1);
    assert_eq!(shop.keys("audit/").len(), 1);
    shop.tick(1_000);
    let report = shop.reports().pop().unwrap();
    for words in ["Status: 5.0.0", "wrong address"] {
        assert!(report.contains(words), "{words}: {report}");
    }
    assert!(
        !report.contains("Olga"),
        "the sender need not know who: {report}"
    );
}

/// Its outcome said that the message was returned, and not by whom.
#[test]
fn a_drop_after_a_return_that_broke_off_names_both() {
    let shop = Shop::returning();
    let id = shop.hold(ANN);
    let (olga, otto) = (operator(Some("Olga"), None), operator(Some("Otto"), None));
    shop.world.broken.set("queue/acme/");
    let returned = shop.act(id, Action::Return, &olga);
    assert_eq!(returned.unwrap_err().kind, Kind::Unavailable);
    shop.world.broken.set("");
    shop.world.now.set(shop.world.now.get() + HOUR / 10);
    shop.act(id, Action::Drop, &otto).unwrap();
    let ended = shop.ended(id).unwrap();
    assert_eq!(ended.recipients[0].outcome, Outcome::Returned);
    let words = [ended.returned, ended.dropped].map(|word| word.unwrap().by);
    assert_eq!(words, ["Olga", "Otto"]);
    shop.tick(1_000);
    assert_eq!(shop.reports().len(), 1, "its sender is told");
}

#[test]
fn what_may_have_arrived_waits_for_a_person_where_that_is_the_policy() {
    let config = RETURNING.replace("queue_lifetime", "uncertain='hold'\nqueue_lifetime");
    let doubtful = |config: &str| {
        let shop = Shop::of(config);
        shop.world.mood("192.0.2.1", Mood::LosesTheReply);
        let (status, body) = shop.ask(ANN);
        assert_eq!((status, &body["reason"]), (202, &"uncertain".into()));
        shop.world.mood("192.0.2.1", Mood::Well);
        shop.tick(60_000);
        let id: MessageId = body["id"].as_str().unwrap().parse().unwrap();
        (shop, id)
    };
    let (shop, id) = doubtful(RETURNING);
    assert!(shop.ended(id).is_some(), "the other policy sends it again");

    let (shop, id) = doubtful(&config);
    assert_eq!(
        (shop.ended(id), shop.state()),
        (None, QueuedState::Uncertain)
    );
    let (_, other) = shop.ask(ANN);
    assert_eq!(other["outcome"], "delivered", "it blocks nobody");
    shop.act(id, Action::Retry, &operator(Some("Olga"), None))
        .unwrap();
    shop.tick(1_000);
    assert_eq!(shop.ended(id).unwrap().outcome(), Outcome::Delivered);

    let (shop, id) = doubtful(&config);
    shop.act(id, Action::Retry, &operator(Some("Olga"), None))
        .unwrap();
    shop.world.mood("192.0.2.1", Mood::LosesTheReply);
    shop.tick(1_000);
    shop.world.mood("192.0.2.1", Mood::Well);
    shop.tick(120_000);
    assert_eq!(
        (shop.ended(id), shop.state()),
        (None, QueuedState::Uncertain),
        "new doubt, new question"
    );

    let (shop, id) = doubtful(&config);
    shop.tick(2 * HOUR);
    assert_eq!(shop.ended(id).unwrap().outcome(), Outcome::Returned);
    assert!(
        shop.world
            .delivered
            .borrow()
            .iter()
            .all(|(address, _, _)| !address.contains("192.0.2.1"))
    );
    let report = shop.reports().pop().unwrap();
    assert!(report.contains("may have arrived"), "{report}");
}
