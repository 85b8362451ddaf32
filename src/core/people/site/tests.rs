//! The site as a browser meets it: forms are read from the pages, cookies are kept.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;
use futures::executor::block_on;
use serde_json::json;

use super::visit::BASE;
use super::{Asked, Reply, Site, answer};
use crate::config::{Config, Dkim};
use crate::custody::held::{Copy, Digest, Held};
use crate::custody::store::{Condition, Store as _};
use crate::limits;
use crate::mail::dkim::{Algorithm, Key};
use crate::mail::{Envelope, MessageId};
use crate::operate::Operator;
use crate::people::UserId;
use crate::people::access::{self, AccessOrder, Ordered, Scope};
use crate::people::directory;
use crate::people::directory::tests::World;
use crate::people::login::activation::{self, Purpose};
use crate::people::login::cookie::Transport;
use crate::people::login::keys::Keys;
use crate::people::login::set_up;
use crate::ports::Clock as _;
use crate::routing::{HoldReason, RouteName};
use crate::time::Timestamp;

struct Town {
    world: World,
    config: Config,
    keys: Keys,
    dkim_key: Option<FixedKey>,
    ids: Cell<i64>,
}

impl Town {
    fn new() -> Self {
        let document = "outbound = 'out'\n\
             [[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1'\ntls='off'\naccess='always'\n\
             [[route]]\nname='out'\ndomains=[]\nprimary='smtp://192.0.2.3'\ntls='off'\n";
        Self {
            world: World::new(),
            config: Config::parse(document, "").unwrap(),
            keys: Keys::new("a key for tests that is long enough").unwrap(),
            dkim_key: None,
            ids: Cell::new(0),
        }
    }

    fn user(&self, address: &str) -> UserId {
        self.named(address, address)
    }

    fn named(&self, address: &str, name: &str) -> UserId {
        let attributes = json!({ "userName": address, "displayName": name, "active": true });
        let attributes = serde_json::from_value(attributes).unwrap();
        let made = block_on(directory::create_user(
            &self.world,
            &self.config,
            attributes,
        ));
        made.unwrap().0.id()
    }

    fn link(&self, user: UserId) -> String {
        let made = activation::make(
            &self.world,
            user,
            Purpose::Activate,
            "Olga",
            limits::ACTIVATION,
        );
        block_on(made).unwrap().0.as_str().to_owned()
    }

    fn hold(&self, to: &str, message: &str) -> String {
        let message = Bytes::copy_from_slice(message.as_bytes());
        self.ids.set(self.ids.get() + 1);
        let mut random = [0; 10];
        self.world.random(&mut random);
        let at = Timestamp::from_millis(self.world.now.get() + self.ids.get());
        let copy = Copy::first(MessageId::new(at, random));
        let held = Held {
            id: copy.id,
            route: RouteName::parse("hq").unwrap(),
            envelope: Envelope::new(None, vec![to.parse().unwrap()]),
            uncertain: Vec::new(),
            split: false,
            partner: "acme".into(),
            at,
            reason: HoldReason::Down,
            detail: String::new(),
            digest: Digest::of(&message),
            trace: None,
        };
        let key = Held::key(&held.route, &copy);
        block_on(
            self.world
                .store
                .put(&key, &held.object(&message), Condition::Always),
        )
        .unwrap();
        copy.to_string()
    }

    /// A browser in which this user is logged in, by way of a link.
    fn logged_in(&self, user: UserId) -> Browser<'_> {
        let browser = Browser::new(self);
        let token = self.link(user);
        browser.get(&format!("/activate?token={token}"));
        let chosen = [("new", PASSWORD), ("again", PASSWORD)];
        assert_eq!(browser.submit("/activate", &chosen).status, 200);
        let code = set_up::offered(&self.keys, &token).code(self.world.now());
        let reply = browser.submit("/activate", &[("code", &code)]);
        assert_eq!(reply.status, 200, "{}", text(&reply));
        assert_eq!(browser.get("/").status, 200);
        browser
    }

    fn queued(&self) -> Vec<String> {
        let keys = self.world.store.keys();
        keys.into_iter()
            .filter(|key| key.starts_with("queue/"))
            .collect()
    }
}

struct Browser<'t> {
    town: &'t Town,
    cookies: RefCell<BTreeMap<String, String>>,
    page: RefCell<String>,
}

impl<'t> Browser<'t> {
    fn new(town: &'t Town) -> Self {
        Self {
            town,
            cookies: RefCell::default(),
            page: RefCell::default(),
        }
    }

    fn asked(&self, method: &str, path: &str) -> Asked {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let cookies = self.cookies.borrow();
        let cookies = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        Asked {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            cookies: cookies.collect::<Vec<_>>().join("; "),
            client: Some("192.0.2.9:4711".into()),
            transport: Some(Transport::Tls),
            ..Asked::default()
        }
    }

    fn send(&self, asked: &Asked) -> Reply {
        let Town {
            world,
            config,
            keys,
            dkim_key,
            ..
        } = self.town;
        let site = Site {
            ports: world,
            config,
            keys,
            dkim_key: dkim_key.as_ref().map(|key| key as &dyn Key),
        };
        let reply = block_on(answer(site, asked));
        for (name, value) in &reply.headers {
            if *name == "set-cookie" {
                let pair = value.split(';').next().unwrap();
                let (cookie, kept) = pair.split_once('=').unwrap();
                let mut cookies = self.cookies.borrow_mut();
                match value.contains("Max-Age=0") {
                    true => cookies.remove(cookie),
                    false => cookies.insert(cookie.into(), kept.into()),
                };
            }
        }
        if reply.status != 303 {
            *self.page.borrow_mut() = text(&reply);
        }
        reply
    }

    fn get(&self, path: &str) -> Reply {
        self.send(&self.asked("GET", path))
    }

    /// Posts with the hidden fields of the page that is open.
    fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let hidden = hidden(&self.page.borrow());
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.post(path, &hidden.into_iter().chain(fields).collect::<Vec<_>>())
    }

    fn post(&self, path: &str, fields: &[(String, String)]) -> Reply {
        let mut asked = self.asked("POST", path);
        asked.content_type = "application/x-www-form-urlencoded".into();
        let pairs = fields.iter().map(|(name, value)| {
            let value =
                percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            format!("{name}={value}")
        });
        asked.body = pairs.collect::<Vec<_>>().join("&").into();
        self.send(&asked)
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

fn location(reply: &Reply) -> &str {
    let mut headers = reply.headers.iter();
    let found = headers.find(|(name, _)| *name == "location");
    found.map_or("", |(_, value)| value)
}

/// The hidden fields of a page, each name once.
fn hidden(page: &str) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for input in page.split("<input").skip(1) {
        let tag = input.split('>').next().unwrap_or_default();
        let value = |name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            Some(
                rest.split_once('"')?
                    .0
                    .replace("&amp;", "&")
                    .replace("&quot;", "\""),
            )
        };
        if value("type").as_deref() == Some("hidden") {
            let (name, value) = (value("name").unwrap(), value("value").unwrap_or_default());
            found.entry(name).or_insert(value);
        }
    }
    found.into_iter().collect()
}

const PASSWORD: &str = "seven green tractors";

fn mail(subject: &str) -> String {
    format!(
        "From: Ada <ada@acme.example>\r\nTo: ann@example.org\r\nSubject: {subject}\r\n\
         Message-ID: <{}@acme.example>\r\n\r\nGood morning\r\n",
        subject.len()
    )
}

#[test]
fn from_a_link_to_reading_and_answering() {
    let town = Town::new();
    let (ann, bob) = (town.user("ann@example.org"), town.user("bob@example.org"));
    let id = town.hold("ann@example.org", &mail("Quarterly figures"));
    let browser = town.logged_in(ann);
    let inbox = browser.get("/");
    assert!(
        text(&inbox).contains("Quarterly figures"),
        "{}",
        text(&inbox)
    );
    let page = browser.get(&format!("/m/{id}"));
    assert!(text(&page).contains("Good morning"), "{}", text(&page));
    let form = browser.get(&format!("/compose?reply={id}"));
    assert!(
        text(&form).contains("Re: Quarterly figures"),
        "{}",
        text(&form)
    );
    let fields = [
        ("to", "ada@acme.example, bob@example.org"),
        ("subject", "Re: Quarterly figures"),
        ("body", "Thank you\r\nAnn"),
        ("do", "send"),
    ];
    let sent = browser.submit("/compose", &fields);
    assert_eq!(sent.status, 303, "{}", text(&sent));
    assert!(location(&sent).starts_with("/mail/sent"));
    assert!(text(&browser.get("/sent")).contains("Re: Quarterly figures"));
    assert_eq!(
        town.queued().len(),
        3,
        "one came, and two ways lead to whom she answers"
    );
    let colleague = town.logged_in(bob);
    assert!(
        text(&colleague.get("/")).contains("Re: Quarterly figures"),
        "he has it at once"
    );
    assert!(!text(&colleague.get("/")).contains("Good morning"));
}

#[test]
fn nobody_reads_anothers_mail() {
    let town = Town::new();
    let (ann, bob) = (town.user("ann@example.org"), town.user("bob@example.org"));
    let id = town.hold("ann@example.org", &mail("secret of ann"));
    let own = town.logged_in(ann);
    assert_eq!(own.get(&format!("/m/{id}")).status, 200);
    let other = town.logged_in(bob);
    let paths = [
        format!("/m/{id}"),
        format!("/m/{id}/body"),
        format!("/m/{id}/a/0"),
        format!("/t/{}", "13%40acme.example"),
        format!("/compose?reply={id}"),
        format!("/compose?forward={id}"),
        format!("/compose?draft={id}"),
    ];
    for path in &paths {
        let reply = other.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(!text(&reply).contains("secret"), "{path}");
    }
    other.get("/");
    for path in [
        format!("/m/{id}"),
        format!("/m/{id}/answer"),
        format!("/m/{id}/images"),
    ] {
        assert_eq!(other.submit(&path, &[("do", "bin")]).status, 404, "{path}");
    }
    other.get("/");
    other.submit("/bulk", &[("folder", "inbox"), ("id", &id), ("do", "bin")]);
    assert!(
        text(&own.get("/")).contains("secret of ann"),
        "his marks are his own"
    );
    let found = other.get("/search?q=secret");
    assert!(!text(&found).contains("secret of ann"));
    // And nobody at all without a session.
    let nobody = Browser::new(&town);
    for path in paths
        .iter()
        .map(String::as_str)
        .chain(["/", "/sent", "/people?q=a", "/settings"])
    {
        let reply = nobody.get(path);
        assert_eq!(
            (reply.status, location(&reply)),
            (303, "/mail/login"),
            "{path}"
        );
    }
}

#[test]
fn a_form_without_its_token_or_from_elsewhere_does_nothing_and_loses_nothing() {
    let town = Town::new();
    let ann = town.user("ann@example.org");
    let browser = town.logged_in(ann);
    browser.get("/compose");
    let fields = [
        ("to", "bob@example.org"),
        ("subject", "s"),
        ("body", "typed for an hour"),
        ("do", "send"),
    ];
    let fields: Vec<_> = fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let reply = browser.post("/compose", &fields);
    assert_eq!(reply.status, 403);
    assert!(text(&reply).contains("typed for an hour"));
    // A token of another session.
    let other = town.logged_in(town.user("bob@example.org"));
    other.get("/compose");
    let token = hidden(&other.page.borrow())
        .into_iter()
        .find(|(name, _)| name == "csrf")
        .unwrap();
    let stolen: Vec<_> = fields.iter().cloned().chain([token]).collect();
    assert_eq!(browser.post("/compose", &stolen).status, 403);
    // The right token, but the browser says that another site asks.
    browser.get("/compose");
    let mut asked = browser.asked("POST", "/logout");
    asked.content_type = "application/x-www-form-urlencoded".into();
    let token = hidden(&browser.page.borrow())
        .into_iter()
        .find(|(name, _)| name == "csrf")
        .unwrap();
    asked.body = format!("csrf={}", token.1).into();
    asked.fetch_site = Some("cross-site".into());
    assert_eq!(browser.send(&asked).status, 403);
    assert_eq!(browser.get("/").status, 200, "still logged in");
    assert!(town.queued().is_empty());
}

#[test]
fn sessions_end_and_links_open_once() {
    let town = Town::new();
    let ann = town.user("ann@example.org");
    let token = town.link(ann);
    let browser = town.logged_in(ann);
    // A newer link made the first one void; and the newer one was used.
    assert_eq!(
        Browser::new(&town)
            .get(&format!("/activate?token={token}"))
            .status,
        410
    );
    let before = browser.cookies.borrow().clone();
    browser.get("/");
    let out = browser.submit("/logout", &[]);
    assert_eq!((out.status, location(&out)), (303, "/mail/bye"));
    *browser.cookies.borrow_mut() = before.clone();
    assert_eq!(browser.get("/").status, 303, "the old cookie opens nothing");
    // Forged and cut cookies.
    let session = before
        .iter()
        .find(|(name, _)| name.contains("holdfast") && !name.contains("form"));
    let (name, value) = session.unwrap();
    for forged in [
        &value[1..],
        &format!("{value}0"),
        &value.replace('a', "b"),
        "",
    ] {
        let forger = Browser::new(&town);
        forger
            .cookies
            .borrow_mut()
            .insert(name.clone(), forged.to_owned());
        assert_eq!(forger.get("/").status, 303, "{forged:?}");
    }
    // Logging in gives another session than the browser came with.
    let again = Browser::new(&town);
    again.get("/login");
    let fixed = "0123456789abcdef0123456789abcdef";
    again
        .cookies
        .borrow_mut()
        .insert(name.clone(), fixed.into());
    let half = again.submit(
        "/login",
        &[("name", "ann@example.org"), ("password", PASSWORD)],
    );
    assert_eq!(location(&half), "/mail/login/code", "{}", text(&half));
    assert_ne!(again.cookies.borrow()[name], fixed);
    assert_eq!(again.get("/").status, 303, "half a login is none");
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same_and_guessing_is_slowed() {
    let town = Town::new();
    town.logged_in(town.user("ann@example.org"));
    let mut pages = Vec::new();
    for name in ["ann@example.org", "nobody@example.org"] {
        let browser = Browser::new(&town);
        browser.get("/login");
        let reply = browser.submit(
            "/login",
            &[("name", name), ("password", "wrong wrong wrong")],
        );
        assert_eq!(reply.status, 401);
        let page = text(&reply).replace(name, "NAME");
        let csrf = hidden(&page)
            .into_iter()
            .find(|(name, _)| name == "csrf")
            .unwrap()
            .1;
        pages.push(page.replace(&csrf, "CSRF"));
    }
    assert_eq!(pages[0], pages[1]);
    let browser = Browser::new(&town);
    browser.get("/login");
    let statuses: Vec<u16> = (0..7)
        .map(|_| {
            browser
                .submit("/login", &[("name", "bob"), ("password", "guess guess")])
                .status
        })
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn who_has_no_access_now_is_not_in() {
    let town = Town::new();
    let ann = town.user("ann@example.org");
    let browser = town.logged_in(ann);
    let olga = Operator {
        name: "Olga".into(),
        named: true,
        from: String::new(),
    };
    let order = AccessOrder {
        scope: Scope::Route { name: "hq".into() },
        mode: Ordered::Off,
        reason: "over".into(),
        expires: None,
    };
    block_on(access::order(&town.world, &olga, order, 1)).unwrap();
    let reply = browser.get("/");
    assert_eq!(
        (reply.status, location(&reply)),
        (303, "/mail/login?why=closed")
    );
}

#[test]
fn nothing_that_is_typed_becomes_a_header() {
    let town = Town::new();
    let browser = town.logged_in(town.user("ann@example.org"));
    browser.get("/compose");
    let fields = [
        ("to", "bob@example.org"),
        ("subject", "Hello\r\nBcc: evil@example.net\r\n\r\nBody"),
        ("body", "x"),
        ("do", "send"),
    ];
    browser.submit("/compose", &fields);
    for key in town.queued() {
        let object = block_on(town.world.store.get(&key, usize::MAX))
            .unwrap()
            .unwrap();
        let (held, message) = Held::read(&key, &object.bytes).unwrap();
        assert_eq!(held.envelope.recipients.len(), 1);
        let message = String::from_utf8_lossy(&message).into_owned();
        let head = message.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    }
    let bad = browser.get("/compose");
    assert_eq!(bad.status, 200);
    let reply = browser.submit(
        "/compose",
        &[
            ("to", "a@b.c\r\nX: y"),
            ("subject", ""),
            ("body", "x"),
            ("do", "send"),
        ],
    );
    assert_eq!(reply.status, 422, "{}", text(&reply));
}

#[test]
fn the_name_of_a_colleague_is_completed_where_only_one_has_it() {
    let town = Town::new();
    let ann = town.user("ann@example.org");
    town.named("ben@example.org", "Ben Berg");
    town.named("bo@example.org", "Bo Larsen, Dr.");
    town.named("benno@example.org", "Benno Berg");
    let browser = town.logged_in(ann);
    let write = |to: &str| {
        browser.get("/compose");
        let fields = [("to", to), ("subject", "x"), ("body", "x"), ("do", "send")];
        browser.submit("/compose", &fields)
    };
    for (unclear, said) in [
        ("ben", "Ben Berg &lt;ben@example.org&gt;"),
        ("Bo, berg", "Benno Berg &lt;benno@example.org&gt;"),
        ("Zoe", "Zoe"),
    ] {
        let reply = write(unclear);
        assert_eq!(reply.status, 422, "{unclear}");
        assert!(text(&reply).contains(said), "{unclear}: {}", text(&reply));
    }
    assert_eq!(town.queued(), [""; 0]);
    assert_eq!(write("bo, Ben Berg; ann@example.org").status, 303);
    let queued = town.queued();
    let object = block_on(town.world.store.get(&queued[0], usize::MAX)).unwrap();
    let (held, message) = Held::read(&queued[0], &object.unwrap().bytes).unwrap();
    let to = held.envelope.recipients.iter().map(ToString::to_string);
    assert_eq!(
        to.collect::<Vec<_>>(),
        ["bo@example.org", "ben@example.org", "ann@example.org"]
    );
    let message = String::from_utf8_lossy(&message).into_owned();
    assert!(
        message.contains("\"Bo Larsen, Dr.\" <bo@example.org>"),
        "{message}"
    );
}

#[test]
fn what_is_written_is_signed_where_a_key_is_configured_and_never_kept_back() {
    let written = |key: Option<FixedKey>| {
        let mut town = Town::new();
        town.config.dkim = Some(Dkim {
            selector: "s1".into(),
            domains: None,
        });
        town.dkim_key = key;
        let ann = town.user("ann@example.org");
        let browser = town.logged_in(ann);
        browser.get("/compose");
        let fields = [
            ("to", "carl@elsewhere.example"),
            ("subject", "x"),
            ("body", "x"),
            ("do", "send"),
        ];
        assert_eq!(browser.submit("/compose", &fields).status, 303);
        let key = town.queued().remove(0);
        let object = block_on(town.world.store.get(&key, usize::MAX)).unwrap();
        let (_, message) = Held::read(&key, &object.unwrap().bytes).unwrap();
        String::from_utf8_lossy(&message).into_owned()
    };
    let message = written(Some(FixedKey(Some(vec![7; 64]))));
    let field = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org;";
    assert!(message.starts_with(field), "{message}");
    for none in [None, Some(FixedKey(None))] {
        let message = written(none);
        assert!(!message.contains("DKIM-Signature"), "{message}");
    }
}

/// A key that always says the same, or fails.
struct FixedKey(Option<Vec<u8>>);

impl Key for FixedKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519Sha256
    }

    fn sign(&self, _text: &[u8]) -> Option<Vec<u8>> {
        self.0.clone()
    }
}

#[test]
fn a_draft_keeps_everything_and_is_sent_once() {
    let town = Town::new();
    let browser = town.logged_in(town.user("ann@example.org"));
    browser.get("/compose");
    let fields = [
        ("to", "bob@example.org"),
        ("subject", "plan"),
        ("body", "first"),
        ("do", "save"),
    ];
    let saved = browser.submit("/compose", &fields);
    let draft = location(&saved).strip_prefix(BASE).unwrap().to_owned();
    assert!(text(&browser.get("/drafts")).contains("plan"));
    assert!(text(&browser.get(&draft)).contains("first"));
    let fields = [
        ("to", "bob@example.org"),
        ("subject", "plan"),
        ("body", "second"),
        ("do", "send"),
    ];
    let page = browser.page.borrow().clone();
    for _ in 0..2 {
        *browser.page.borrow_mut() = page.clone();
        assert_eq!(browser.submit("/compose", &fields).status, 303);
    }
    assert_eq!(
        town.queued().len(),
        1,
        "the form that was posted twice made one message"
    );
    assert!(!text(&browser.get("/drafts")).contains("plan"));
}

#[test]
fn what_is_thrown_away_lies_in_the_bin_until_it_is_deleted() {
    let town = Town::new();
    let browser = town.logged_in(town.user("ann@example.org"));
    let id = town.hold("ann@example.org", &mail("advertising"));
    browser.get("/");
    browser.get("/compose");
    let fields = [
        ("to", "bob@example.org"),
        ("subject", "letter"),
        ("do", "send"),
    ];
    assert_eq!(browser.submit("/compose", &fields).status, 303);
    let sent = text(&browser.get("/sent"));
    let own = sent.split_once("/mail/m/").unwrap().1;
    let own = own.split_once('"').unwrap().0;
    let own = percent_encoding::percent_decode_str(own).decode_utf8_lossy();
    let fields = [("do", "bin"), ("id", own.as_ref())];
    let reply = browser.submit("/bulk", &fields);
    assert_eq!(location(&reply), "/mail/sent?done=binned");
    assert!(!text(&browser.get("/sent")).contains("letter"));
    browser.get(&format!("/m/{id}"));
    let reply = browser.submit(&format!("/m/{id}"), &[("do", "bin")]);
    assert_eq!(location(&reply), "/mail/?done=binned");
    let bin = text(&browser.get("/bin"));
    assert!(
        bin.contains("advertising") && bin.contains("letter"),
        "{bin}"
    );

    let held = town.queued().len();
    browser.get(&format!("/m/{id}"));
    let reply = browser.submit(&format!("/m/{id}"), &[("do", "delete")]);
    assert_eq!(location(&reply), "/mail/bin?done=deleted");
    assert_eq!(browser.get(&format!("/m/{id}")).status, 404);
    let question = text(&browser.get("/bin/empty"));
    assert!(question.contains("1 message will be deleted"), "{question}");
    assert_eq!(
        location(&browser.submit("/bin/empty", &[])),
        "/mail/bin?done=deleted"
    );
    assert!(text(&browser.get("/bin")).contains("The bin is empty"));
    assert_eq!(
        location(&browser.get("/bin/empty")),
        "/mail/bin?done=nothing"
    );
    assert_eq!(
        town.queued().len(),
        held,
        "nothing of it touches what is held"
    );

    browser.get("/compose");
    browser.submit("/compose", &[("subject", "unfinished"), ("do", "save")]);
    let drafts = text(&browser.get("/drafts"));
    let draft = drafts
        .split_once("compose?draft=")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    let draft = percent_encoding::percent_decode_str(draft).decode_utf8_lossy();
    let reply = browser.submit("/bulk", &[("do", "discard"), ("id", draft.as_ref())]);
    assert_eq!(location(&reply), "/mail/drafts?done=discarded");
    assert!(!text(&browser.get("/drafts")).contains("unfinished"));
}

#[test]
fn what_was_said_to_an_invitation_stays_with_it() {
    let town = Town::new();
    let browser = town.logged_in(town.user("ann@example.org"));
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n\
         UID:1@acme.example\r\nDTSTAMP:20261120T080000Z\r\nDTSTART:20261130T090000Z\r\n\
         SUMMARY:Review\r\nORGANIZER:mailto:ada@acme.example\r\n\
         ATTENDEE:mailto:ann@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let message = format!(
        "From: Ada <ada@acme.example>\r\nTo: ann@example.org\r\nSubject: Review\r\n\
         Content-Type: text/calendar; method=REQUEST\r\n\r\n{calendar}"
    );
    let id = town.hold("ann@example.org", &message);
    browser.get("/");
    let page = text(&browser.get(&format!("/m/{id}")));
    assert!(page.contains("Will you come?"), "{page}");
    assert!(!page.contains("Your answer"), "{page}");
    let said = browser.submit(&format!("/m/{id}/answer"), &[("answer", "TENTATIVE")]);
    assert_eq!(said.status, 303, "{}", text(&said));
    let page = text(&browser.get(&format!("/m/{id}")));
    assert!(page.contains("Your answer: maybe"), "{page}");
    assert!(text(&browser.get("/")).contains("Answered"));
}

#[test]
fn every_page_says_what_it_may_do() {
    let town = Town::new();
    let ann = town.user("ann@example.org");
    let id = town.hold(
        "ann@example.org",
        "Subject: h\r\nContent-Type: text/html\r\n\r\n<b>hi</b><script>alert(1)</script>",
    );
    let browser = town.logged_in(ann);
    let paths = [
        "/",
        "/compose",
        "/people",
        "/settings",
        "/sent",
        "/drafts",
        "/bin",
        "/search?q=h",
        "/nowhere",
        "/login",
    ];
    let paths = paths
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/m/{id}"), format!("/m/{id}/body")]);
    for path in paths {
        let reply = browser.get(&path);
        let header = |wanted: &str| {
            let found = reply.headers.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(!text(&reply).contains("<script"), "{path}");
    }
}
