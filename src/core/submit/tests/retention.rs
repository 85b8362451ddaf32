//! What is over and old is deleted, and nothing else.

use super::*;
use crate::custody::retention::{Swept, sweep};
use crate::limits;

const DAY: i64 = 86_400_000;

impl Shop {
    fn keeping(lines: &str) -> Self {
        let shop = Self::keeping_anew(lines);
        // It ran an hour ago, and its clock is the right one.
        let before = Timestamp::from_millis(shop.world.now.get() - 3_600_000);
        let due = serde_json::json!({ "at": before, "believed": shop.world.now() });
        let body = [Bytes::from(due.to_string())];
        let key = "retention.json";
        block_on(shop.world.store.put(key, &body, Condition::Always)).unwrap();
        shop
    }

    fn keeping_anew(lines: &str) -> Self {
        Self {
            config: Config::parse(&format!("{CONFIG}[retention]\n{lines}\n"), "").unwrap(),
            ..Self::new()
        }
    }

    fn pass(&self, days: i64) {
        self.world.now.set(self.world.now.get() + days * DAY);
    }

    fn put(&self, key: &str) {
        let body = [Bytes::from_static(b"{}")];
        block_on(self.world.store.put(key, &body, Condition::Always)).unwrap();
    }

    fn sweep(&self) -> Option<Swept> {
        let deadline = self.world.now().after(limits::TICK);
        block_on(sweep(&self.world, &self.config, deadline)).unwrap()
    }

    fn left(&self) -> Vec<String> {
        let mut keys = self.world.store.keys();
        keys.retain(|key| key != "retention.json");
        keys
    }
}

/// A message of so many days ago.
fn ago(shop: &Shop, days: i64, random: u8) -> MessageId {
    let at = Timestamp::from_millis(shop.world.now.get() - days * DAY);
    MessageId::new(at, [random; 10])
}

fn outcome(id: MessageId) -> String {
    format!("outcomes/{}/{id}.json", id.at().day())
}

#[test]
fn what_is_old_goes_and_what_is_young_or_queued_stays() {
    let shop = Shop::keeping("outcomes='30d'\naudit='60d'");
    let (old, young, queued) = (ago(&shop, 32, 1), ago(&shop, 29, 1), ago(&shop, 32, 2));
    let entry = |days: i64| {
        let id = ago(&shop, days, 3);
        format!("audit/{}/{id}.json", id.at().day())
    };
    let split = outcome(old).replace(".json", ".hq.json");
    let kept = [
        outcome(young),
        outcome(queued),
        format!("queue/hq/{queued}.eml"),
        format!("queue/hq/{}.eml", ago(&shop, 99, 4)),
        entry(59),
        format!("dead/hq/{}.eml", ago(&shop, 99, 5)),
    ];
    for key in kept.iter().chain(&[outcome(old), split, entry(62)]) {
        shop.put(key);
    }
    let swept = shop.sweep().unwrap();
    assert_eq!((swept.outcomes, swept.audit, swept.dead_letters), (2, 1, 0));
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(shop.left(), kept);
    assert_eq!(shop.sweep(), None, "once an hour");
    shop.world.now.set(shop.world.now.get() + 3_600_000);
    assert!(shop.sweep().is_some());
}

#[test]
fn a_dead_letter_goes_with_its_outcome_s_leave_and_before_it() {
    let shop = Shop::keeping("outcomes='30d'\ndead_letters='30d'");
    let (told, untold, young) = (ago(&shop, 32, 1), ago(&shop, 32, 2), ago(&shop, 20, 1));
    let dead = |id: MessageId| format!("dead/hq/{id}.eml");
    for key in [
        dead(told),
        outcome(told),
        dead(untold),
        dead(young),
        outcome(young),
    ] {
        shop.put(&key);
    }
    let swept = shop.sweep().unwrap();
    assert_eq!((swept.dead_letters, swept.outcomes), (1, 1));
    let mut kept = [dead(untold), dead(young), outcome(young)];
    kept.sort();
    assert_eq!(shop.left(), kept);

    let shop = Shop::keeping("outcomes='30d'\ndead_letters='30d'");
    shop.put(&dead(told));
    shop.put(&outcome(told));
    shop.world.broken.set("dead/");
    let deadline = shop.world.now().after(limits::TICK);
    assert!(block_on(sweep(&shop.world, &shop.config, deadline)).is_err());
    assert!(
        shop.left().contains(&outcome(told)),
        "not before its dead letter"
    );
}

#[test]
fn one_tick_deletes_so_much_and_the_next_goes_on() {
    let shop = Shop::keeping("outcomes='30d'");
    let many = limits::RETENTION_DELETES + 3;
    for n in 0..many {
        let at = Timestamp::from_millis(shop.world.now.get() - 40 * DAY + n as i64);
        shop.put(&outcome(MessageId::new(at, [7; 10])));
    }
    let swept = shop.sweep().unwrap();
    assert_eq!(
        (swept.outcomes as usize, swept.more),
        (limits::RETENTION_DELETES, true)
    );
    let swept = shop.sweep().unwrap();
    assert_eq!((swept.outcomes, swept.more), (3, false));
}

/// The simulator's clocks jump by months: one tick of such an instance emptied the outcomes.
#[test]
fn a_clock_that_is_months_ahead_empties_nothing() {
    for known in [true, false] {
        let shop = match known {
            true => Shop::keeping("outcomes='90d'"),
            false => Shop::keeping_anew("outcomes='90d'"),
        };
        let young = outcome(ago(&shop, 3, 1));
        shop.put(&young);
        shop.pass(240);
        shop.sweep();
        shop.pass(1);
        shop.sweep();
        assert_eq!(
            shop.left(),
            std::slice::from_ref(&young),
            "known before: {known}"
        );
        shop.pass(-241);
        shop.sweep();
        assert_eq!(shop.left(), [young]);
    }
}

#[test]
fn an_installation_that_just_began_deletes_what_is_old_in_the_end() {
    let shop = Shop::keeping_anew("outcomes='90d'");
    shop.put(&outcome(ago(&shop, 1, 1)));
    for _ in 0..200 {
        shop.pass(1);
        shop.sweep();
    }
    assert_eq!(shop.left(), [""; 0]);
}

#[test]
fn none_keeps_for_ever() {
    let shop = Shop::keeping("outcomes='none'\naudit='none'");
    let old = ago(&shop, 5_000, 1);
    shop.put(&outcome(old));
    shop.put(&format!("audit/{}/{old}.json", old.at().day()));
    assert_eq!(shop.sweep(), Some(Swept::default()));
    assert_eq!(shop.left().len(), 2);
}
