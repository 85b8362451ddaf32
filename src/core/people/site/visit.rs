//! Who asks, in which language, and how their mail is.

use std::cell::OnceCell;

use super::Site;
use super::asked::{Asked, Form};
use super::reply::{Failure, Reply};
use crate::custody::progress;
use crate::people::UserId;
use crate::people::account::{self, Person, Situation};
use crate::people::login::cookie::{Cookie, Transport};
use crate::people::login::session::{self, FormTicket, NotIn, Session};
use crate::people::mailbox::folder;
use crate::people::webmail::around::{self as pages, Problem};
use crate::people::webmail::entrance::LoginProblem;
use crate::people::webmail::{Banner, Frame, Here, Language, Notice, UtcOffset, Viewer};
use crate::ports::Ports;
use crate::routing::{HoldReason, Route};

/// Where the webmail lies.
pub const BASE: &str = "/mail";

/// Anybody who asks, logged in or not.
pub struct Entrance<'e, P: Ports> {
    /// The world.
    pub site: Site<'e, P>,
    /// The request.
    pub asked: &'e Asked,
    /// In which language the answer is.
    pub language: Language,
    /// How the request came.
    pub transport: Transport,
    /// What ties a form to this browser before anybody is logged in.
    pub ticket: FormTicket,
    /// How mail is on all routes together.
    pub banner: Banner,
}

impl<'e, P: Ports> Entrance<'e, P> {
    /// Reads what the request says of who asks.
    pub async fn new(site: Site<'e, P>, asked: &'e Asked) -> Self {
        let transport = asked.transport.unwrap_or(Transport::Tls);
        let chosen = cookie(&asked.cookies, LANGUAGE).and_then(Language::parse);
        let ticket = Cookie::Form.find(&asked.cookies, transport);
        let ticket = ticket.and_then(FormTicket::read);
        Self {
            site,
            asked,
            language: Language::choose(asked.accept_language.as_deref(), chosen),
            transport,
            ticket: ticket.unwrap_or_else(|| FormTicket::new(site.ports)),
            banner: overall(site).await,
        }
    }

    /// Draws a page for somebody who is not logged in. Its forms carry the ticket's token.
    pub fn page(&self, status: u16, draw: impl FnOnce(&Frame<'_>) -> String) -> Reply {
        self.page_with(status, &self.ticket.token(self.site.keys), draw)
            .set(Cookie::Form, self.ticket.cookie(), self.transport)
    }

    /// The same with another token in its forms.
    pub fn page_with(
        &self,
        status: u16,
        csrf: &str,
        draw: impl FnOnce(&Frame<'_>) -> String,
    ) -> Reply {
        let now = self.site.ports.now();
        let frame = Frame {
            language: self.language,
            banner: &self.banner,
            user: None,
            csrf,
            base_path: BASE,
            here: Here::Elsewhere,
            unread: None,
            now,
            offset: self.offset(None),
            notice: None,
        };
        Reply::page(status, draw(&frame))
    }

    /// The clock by which times are shown: the user's zone, or the organisation's.
    pub fn offset(&self, zone: Option<&str>) -> UtcOffset {
        let zone = zone.or(self.site.config.webmail.time_zone.as_deref());
        zone.map_or_else(UtcOffset::default, |zone| {
            UtcOffset::of_zone(zone, self.site.ports.now())
        })
    }

    /// The form, where it is one of the page that this browser has.
    pub fn ticketed_form(&self) -> Option<Form> {
        let form = self.asked.form();
        let good = self.is_own() && self.ticket.token_is(self.site.keys, form.get("csrf"));
        good.then_some(form)
    }

    /// Whether the browser says that the request comes from elsewhere; one that says nothing is
    /// judged by its token alone.
    pub fn is_own(&self) -> bool {
        let said = self.asked.fetch_site.as_deref();
        said.is_none_or(|site| matches!(site, "same-origin" | "none"))
    }

    /// The page that says why there is none.
    pub fn failed(&self, failure: Failure) -> Reply {
        let problem =
            |problem: Problem| self.page(problem.status(), |frame| pages::problem(frame, problem));
        match failure {
            Failure::Login(why) => {
                let why = match why {
                    Some(LoginProblem::SessionOver) => "?why=over",
                    Some(LoginProblem::Closed) => "?why=closed",
                    _ => "",
                };
                Reply::to(format!("{BASE}/login{why}")).clear(Cookie::Session, self.transport)
            }
            Failure::Problem(which) => problem(which),
            Failure::NotFound => problem(Problem::NotFound),
            Failure::Method => Reply {
                status: 405,
                ..problem(Problem::BadRequest).with("allow", "GET, POST".into())
            },
            Failure::Expired(back, kept) => self.page(403, |frame| {
                let kept: Vec<(&str, &str)> = kept
                    .iter()
                    .map(|(label, text)| (label.as_str(), text.as_str()))
                    .collect();
                pages::expired(frame, &back, &kept)
            }),
            Failure::Storage(_) => problem(Problem::Unavailable).with("retry-after", "10".into()),
        }
    }
}

/// A user who is logged in and may be.
pub struct Visit<'v, P: Ports> {
    entrance: &'v Entrance<'v, P>,
    /// The session.
    pub session: Session,
    /// The user, as of now.
    pub person: Person,
    /// What every page says of the user.
    viewer: Viewer,
    csrf: String,
    banner: Banner,
    form: OnceCell<Form>,
}

impl<'v, P: Ports> Visit<'v, P> {
    /// Finds out who it is. Everything is asked anew: the session, the user, the access.
    pub async fn new(entrance: &'v Entrance<'v, P>) -> Result<Self, Failure> {
        let site = entrance.site;
        let Some(cookie) = Cookie::Session.find(&entrance.asked.cookies, entrance.transport) else {
            return Err(out(entrance, None));
        };
        let session = match session::check(site.ports, site.keys, cookie).await {
            Ok(session) => session,
            Err(NotIn::Unavailable) => return Err(Failure::Problem(Problem::Unavailable)),
            Err(_) => return Err(out(entrance, Some(LoginProblem::SessionOver))),
        };
        let person = account::by_id(site.ports, site.config, session.user()).await?;
        let person = person.filter(|person| person.user.is_active());
        let Some(person) = person else {
            return Err(out(entrance, None));
        };
        if !person.decision.allowed {
            return Err(out(entrance, Some(LoginProblem::Closed)));
        }
        let viewer = Viewer {
            name: person.user.shown_name(),
            address: person
                .addresses
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
        };
        let route = person.addresses.first();
        let route = route.and_then(|first| site.config.route_for(&first.domain()));
        Ok(Self {
            csrf: session.csrf(site.keys),
            banner: banner(site, route, &person.situation).await,
            session,
            viewer,
            person,
            entrance,
            form: OnceCell::new(),
        })
    }

    /// What the request says by itself.
    pub fn entrance(&self) -> &'v Entrance<'v, P> {
        self.entrance
    }

    /// The world.
    pub fn site(&self) -> Site<'v, P> {
        self.entrance.site
    }

    /// The storage.
    pub fn store(&self) -> &'v P::Store {
        self.entrance.site.ports.store()
    }

    /// The request.
    pub fn asked(&self) -> &'v Asked {
        self.entrance.asked
    }

    /// How the request came.
    pub fn transport(&self) -> Transport {
        self.entrance.transport
    }

    /// The user's id: every key that is read for a page has it in it.
    pub fn user(&self) -> UserId {
        self.person.user.id()
    }

    /// The language of the answer.
    pub fn language(&self) -> Language {
        self.entrance.language
    }

    /// The clock by which times are shown.
    pub fn offset(&self) -> UtcOffset {
        self.entrance.offset(self.person.user.time_zone())
    }

    /// The form that was posted.
    pub fn form(&self) -> &Form {
        self.form.get_or_init(|| self.asked().form())
    }

    /// Lets only a form of this session pass, and only from our own pages.
    pub fn check_form(&self) -> Result<(), Failure> {
        let form = self.form();
        let good = self.session.csrf_is(self.site().keys, form.get("csrf"));
        if good && self.entrance.is_own() {
            return Ok(());
        }
        Err(expired(self.entrance, form))
    }

    /// Draws a page.
    pub async fn page(
        &self,
        status: u16,
        here: Here,
        draw: impl FnOnce(&Frame<'_>) -> String,
    ) -> Reply {
        let unread = folder::unread(self.store(), self.user()).await.ok();
        let frame = Frame {
            language: self.language(),
            banner: &self.banner,
            user: Some(&self.viewer),
            csrf: &self.csrf,
            base_path: BASE,
            here,
            unread: unread.and_then(|unread| u64::try_from(unread).ok()),
            now: self.site().ports.now(),
            offset: self.offset(),
            notice: Notice::parse(self.asked().query().get("done")),
        };
        Reply::page(status, draw(&frame))
    }

    /// The page that says why there is none, within the webmail where that is possible.
    pub async fn failed(&self, failure: Failure) -> Reply {
        let problem = match failure {
            Failure::NotFound => Problem::NotFound,
            Failure::Problem(problem) => problem,
            other => return self.entrance.failed(other),
        };
        let draw = |frame: &Frame<'_>| pages::problem(frame, problem);
        self.page(problem.status(), Here::Elsewhere, draw).await
    }

    /// The answer with the session's new cookie, where it is time for one.
    pub fn renew(&self, reply: Reply) -> Reply {
        if reply.headers.iter().any(|(name, _)| *name == "set-cookie") {
            return reply;
        }
        match self.session.renewed(self.site().ports.now()) {
            Some(session) => {
                let value = session.cookie(self.site().keys);
                reply.set(Cookie::Session, &value, self.transport())
            }
            None => reply,
        }
    }
}

/// Who is not logged in any more loses nothing of what was typed.
fn out<P: Ports>(entrance: &Entrance<'_, P>, why: Option<LoginProblem>) -> Failure {
    match entrance.asked.method.as_str() {
        "POST" => expired(entrance, &entrance.asked.form()),
        _ => Failure::Login(why),
    }
}

/// The form, kept to be copied, without secrets.
fn expired<P: Ports>(entrance: &Entrance<'_, P>, form: &Form) -> Failure {
    let texts = entrance.language.texts().writing;
    let fields = [
        ("to", texts.to),
        ("cc", texts.cc),
        ("subject", texts.subject),
        ("body", texts.body),
    ];
    let kept = fields.map(|(name, label)| (label.to_owned(), form.get(name).to_owned()));
    let back = match entrance.asked.path.as_str() {
        "/compose" => "/compose",
        _ => "/",
    };
    Failure::Expired(back.into(), kept.into())
}

/// The value of another cookie than the signed ones.
fn cookie<'c>(cookies: &'c str, name: &str) -> Option<&'c str> {
    let pairs = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    values.next()
}

/// A cookie that keeps the language.
pub fn language_cookie(language: Language) -> String {
    let tag = language.tag();
    format!("{LANGUAGE}={tag}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly")
}

/// How mail is for everybody: the worst of the routes.
async fn overall<P: Ports>(site: Site<'_, P>) -> Banner {
    let mut worst = Banner::Well;
    let served = site
        .config
        .routes
        .iter()
        .filter(|route| !route.domains.is_empty());
    for route in served {
        let situation = account::situation(site.ports, route).await;
        let banner = banner(site, Some(route), &situation).await;
        if rank(&banner) > rank(&worst) {
            worst = banner;
        }
    }
    worst
}

fn rank(banner: &Banner) -> u8 {
    match banner {
        Banner::Well => 0,
        Banner::Returning { .. } => 1,
        Banner::Window { .. } => 2,
        Banner::Unknown => 3,
        Banner::Down { .. } => 4,
    }
}

async fn banner<P: Ports>(
    site: Site<'_, P>,
    route: Option<&Route>,
    situation: &Situation,
) -> Banner {
    match situation {
        Situation::Well => Banner::Well,
        Situation::Unknown => Banner::Unknown,
        Situation::Held { hold, .. } if hold.reason == HoldReason::Window => {
            Banner::Window { until: hold.until }
        }
        Situation::Held { since, .. } => Banner::Down {
            since: since.unwrap_or_else(|| site.ports.now()),
        },
        Situation::Recovering => {
            let left = match route {
                Some(route) => progress::read(site.ports.store(), &route.name).await.ok(),
                None => None,
            };
            let left = left.flatten().filter(|progress| !progress.done);
            let exact = left.filter(|progress| !progress.left.or_more);
            Banner::Returning {
                left: exact.map(|progress| progress.left.messages),
            }
        }
    }
}

const LANGUAGE: &str = "holdfast-language";
