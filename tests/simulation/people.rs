//! People with mailboxes: the directory that a world begins with, and users who look at what came,
//! and write.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use holdfast_core::config::Config;
use holdfast_core::custody::store::StoreError;
use holdfast_core::limits;
use holdfast_core::mail::{EmailAddress, MessageId};
use holdfast_core::people::UserId;
use holdfast_core::people::directory::{self, Attributes, ChangeError, Member, Owner};
use holdfast_core::people::mailbox::sending::{self, Outgoing};
use holdfast_core::people::mailbox::{entry, filing, folder};
use holdfast_core::ports::{Clock as _, new_id};
use serde_json::json;

use super::chance::Chance;
use super::checks::Submitted;
use super::executor::{Executor, Stepped};
use super::machine::Instance;
use super::sabotage::Sabotage;
use super::weather::Weather;
use super::world::Sim;

/// Who has a mailbox, as the storage has it before anything happens.
#[derive(Default)]
pub struct Directory {
    /// The objects.
    pub objects: Vec<(String, Bytes)>,
    /// The users, in the order of their addresses.
    users: Vec<UserId>,
}

impl Directory {
    /// The users and lists of every world, made as a provisioning client makes them.
    pub fn of(config: &Rc<Config>) -> Result<Rc<Self>, String> {
        let nobody = Rc::new(Self::default());
        let calm = (Chance::new(0), Weather::default());
        let sim = Sim::new(
            calm.0,
            calm.1,
            (config.clone(), nobody),
            Sabotage::None,
            false,
        );
        let made = Rc::new(Cell::new(Ok(Vec::new())));
        let (instance, out) = (sim.instance(), made.clone());
        sim.spawn(None, async move {
            out.set(make(&instance).await);
        });
        let mut executor = Executor::default();
        loop {
            for spawned in sim.spawned() {
                executor.spawn(spawned);
            }
            if matches!(executor.step(&sim.time, &sim.chance, 0), Stepped::Over) {
                break;
            }
        }
        let users = made
            .replace(Ok(Vec::new()))
            .map_err(|error| error.to_string())?;
        let keys = sim.objects.keys("people/").into_iter();
        let objects = keys.filter_map(|key| Some((key.clone(), sim.objects.get(&key)?)));
        Ok(Rc::new(Self {
            users,
            objects: objects.collect(),
        }))
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The users behind an address, its own or a list's, lists in lists too.
    pub fn behind(&self, address: &str) -> Vec<UserId> {
        let names = match address {
            LIST => &USERS[..2],
            NESTED => &USERS,
            own => match USERS.iter().position(|user| *user == own) {
                Some(at) => &USERS[at..=at],
                None => &[],
            },
        };
        let known = USERS.iter().zip(&self.users);
        let known = known.filter(|(name, _)| names.contains(name));
        known.map(|(_, id)| *id).collect()
    }

    fn user(&self, number: usize) -> Option<(UserId, EmailAddress)> {
        Some((*self.users.get(number)?, USERS.get(number)?.parse().ok()?))
    }
}

async fn make(instance: &Instance) -> Result<Vec<UserId>, ChangeError> {
    let config = &instance.sim.config;
    let named = |member: &str, name: &str| -> Attributes {
        let attributes = [(member.to_owned(), json!(name))];
        attributes.into_iter().collect()
    };
    let mut users = Vec::new();
    for address in USERS {
        let attributes = named("userName", address);
        let made = directory::create_user(instance, config, attributes).await?;
        users.push(made.0.id());
    }
    let mut members: Vec<_> = users[..2]
        .iter()
        .map(|id| Member(Owner::User(*id)))
        .collect();
    let list = named("displayName", LIST);
    let list = directory::create_group(instance, config, list, members.clone()).await?;
    members = vec![
        Member(Owner::Group(list.0.id())),
        Member(Owner::User(users[2])),
    ];
    let nested = named("displayName", NESTED);
    directory::create_group(instance, config, nested, members).await?;
    directory::repair(instance, config).await?;
    Ok(users)
}

/// A user looks at the inbox, reads, and writes, until the world heals; what was begun is finished.
pub async fn user(sim: Rc<Sim>, number: usize) {
    let Some((user, own)) = sim.people.user(number) else {
        return;
    };
    for letter in 0..1 + sim.chance.below(4) {
        sim.time.sleep(sim.chance.millis(5_000, 120_000)).await;
        if sim.healed() {
            return;
        }
        match sim.chance.once_in(3) {
            true => write(&sim, user, &own, letter).await,
            false => look(&sim, user).await,
        }
    }
}

/// The inbox, as the page that shows it does it, and each message in it.
async fn look(sim: &Rc<Sim>, user: UserId) {
    sim.count(|counts| counts.looks += 1);
    let instance = sim.instance();
    let seen = instance.ask(async move |instance| {
        let (config, now) = (&instance.sim.config, instance.now());
        // What could not be filed now is filed later.
        drop(filing::file(instance, config, now.after(limits::FILING_LOOK)).await);
        read(instance, user).await
    });
    for (id, message) in seen.await.and_then(Result::ok).into_iter().flatten() {
        sim.checks.was_read(sim, user, id, &message);
    }
}

async fn read(instance: &Instance, user: UserId) -> Result<Vec<(MessageId, Bytes)>, StoreError> {
    let page = folder::page(instance, user, None, limits::FOLDER_PAGE, |_| true).await?;
    let mut seen = Vec::new();
    for listed in page.listed {
        if let Some(message) = entry::message(instance, &instance.sim.config, &listed.entry).await?
        {
            seen.push((listed.entry.copy.id, message));
        }
    }
    Ok(seen)
}

/// A letter to a few people, here and elsewhere. The form is posted until somebody says that it is sent.
async fn write(sim: &Rc<Sim>, user: UserId, own: &EmailAddress, letter: u64) {
    let chance = &sim.chance;
    let to: Vec<&str> = (0..=chance.below(2)).map(|_| chance.pick(&TO)).collect();
    let (text, end) = (chance.next(), chance.pick(&["\r\n", "\n"]));
    let message = Bytes::from(format!("Subject: from {own} {letter}{end}{end}{text}{end}"));
    let submitted = |to: Vec<String>| Submitted {
        sender: Some(own.to_string()),
        to,
        key: None,
    };
    let recipients = to.iter().map(ToString::to_string).collect();
    sim.checks.submitted(&message, submitted(recipients));
    let copy = Bytes::from(format!("Holdfast-Sent-Copy: yes{end}").into_bytes());
    let copy = Bytes::from([copy, message.clone()].concat());
    sim.checks
        .submitted(&copy, submitted(vec![own.to_string()]));
    let outgoing = Outgoing {
        id: new_id(&sim.instance()),
        user,
        from: own.clone(),
        to: to.iter().filter_map(|to| to.parse().ok()).collect(),
        message,
    };
    loop {
        let own = outgoing.clone();
        sim.count(|counts| counts.posts += 1);
        let instance = sim.instance();
        let sent = instance
            .ask(async move |instance| sending::send(instance, &instance.sim.config, &own).await);
        if let Some(Ok(())) = sent.await {
            sim.checks.was_sent(&outgoing);
            if !chance.once_in(4) {
                break;
            }
        }
        // Also one who was told so may post the form once more.
        sim.time.sleep(chance.millis(1_000, 60_000)).await;
    }
}

const USERS: [&str; 3] = ["ann0@example.org", "bob0@example.org", "ann0@example.net"];
const LIST: &str = "bob1@example.org";
const NESTED: &str = "bob1@example.net";
/// Colleagues, lists, one whom the primary does not know, and somebody elsewhere.
const TO: [&str; 6] = [
    "bob0@example.org",
    "ann0@example.net",
    LIST,
    "nobody1@example.org",
    "carl@elsewhere.example",
    "dora@elsewhere.example",
];
