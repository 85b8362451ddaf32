//! In and out: log in, the second factor, the first visit by a link, log out.

use super::asked::Form;
use super::reply::{Failure, Reply};
use super::visit::{BASE, Entrance, Visit, language_cookie};
use crate::limits;
use crate::mail::EmailAddress;
use crate::operate::Operator;
use crate::operate::audit;
use crate::people::UserId;
use crate::people::account::{self, Person};
use crate::people::login::act::Act;
use crate::people::login::cookie::Cookie;
use crate::people::login::password::Unfit;
use crate::people::login::recovery::RecoveryCode;
use crate::people::login::session::{self, Half, Session};
use crate::people::login::set_up::{self, SetUpError};
use crate::people::login::throttle::Client;
use crate::people::login::totp::TotpSecret;
use crate::people::login::{self, LoginError, Next, activation, change, credential};
use crate::people::webmail::around::Problem;
use crate::people::webmail::entrance::{self, LoginProblem, PasswordProblem, Step};
use crate::people::webmail::{Frame, Language};
use crate::ports::{Event as LogEvent, Ports};

/// Answers what anybody may ask; none where the path is for users alone.
pub async fn answer<P: Ports>(entrance: &Entrance<'_, P>) -> Option<Result<Reply, Failure>> {
    let path = entrance.asked.path.as_str();
    let reply = match (entrance.asked.method.as_str(), path) {
        ("GET" | "HEAD", "/login") => login_page(entrance).await,
        ("POST", "/login") => log_in(entrance).await,
        ("GET" | "HEAD", "/login/code") => code_page(entrance, 200, None).await,
        ("POST", "/login/code") => code(entrance).await,
        ("GET" | "HEAD", "/activate") => open_link(entrance).await,
        ("POST", "/activate") => activate(entrance).await,
        ("POST", "/language") => language(entrance),
        ("GET" | "HEAD", "/bye") => Ok(entrance.page(200, entrance::logged_out)),
        (_, "/login" | "/login/code" | "/activate" | "/language" | "/bye") => Err(Failure::Method),
        _ => return None,
    };
    Some(reply)
}

async fn login_page<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Reply, Failure> {
    let why = match entrance.asked.query().get("why") {
        "over" => Some(LoginProblem::SessionOver),
        "closed" => Some(LoginProblem::Closed),
        // Who is in already wants the inbox.
        _ if Visit::new(entrance).await.is_ok() => return Ok(Reply::to(format!("{BASE}/"))),
        _ => None,
    };
    Ok(entrance.page(200, |frame| entrance::login(frame, "", why)))
}

async fn log_in<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Reply, Failure> {
    let Some(form) = entrance.ticketed_form() else {
        let name = entrance.asked.form().get("name").to_owned();
        let why = Some(LoginProblem::SessionOver);
        return Ok(entrance.page(403, |frame| entrance::login(frame, &name, why)));
    };
    let site = entrance.site;
    let name = form.get("name").trim();
    let person = account::by_name(site.ports, site.config, name).await?;
    let account = person.as_ref().map(Person::account);
    let client = Client::new(entrance.asked.client.as_deref());
    let (ports, keys) = (site.ports, site.keys);
    let judged = login::log_in(
        ports,
        keys,
        account.as_ref(),
        name,
        form.get("password"),
        &client,
    );
    match judged.await {
        Ok(Next::In(session)) => Ok(enter(entrance, &session)),
        Ok(Next::SecondFactor(half) | Next::Enrol(half)) => {
            let reply = Reply::to(format!("{BASE}/login/code"));
            Ok(reply.set(Cookie::Session, &half.cookie(keys), entrance.transport))
        }
        Err(error) => {
            let (status, problem) = told(&error, LoginProblem::Wrong)?;
            let page = |frame: &Frame<'_>| entrance::login(frame, name, Some(problem));
            Ok(slow(entrance.page(status, page), &error))
        }
    }
}

/// Logged in: the half session's cookie and the form's ticket have done their work.
fn enter<P: Ports>(entrance: &Entrance<'_, P>, session: &Session) -> Reply {
    let value = session.cookie(entrance.site.keys);
    Reply::to(format!("{BASE}/")).set(Cookie::Session, &value, entrance.transport)
}

/// The status and the words for a login that was refused; a storage that is out is another page.
fn told(error: &LoginError, refused: LoginProblem) -> Result<(u16, LoginProblem), Failure> {
    match error {
        LoginError::Refused => Ok((401, refused)),
        LoginError::Slow { wait } => {
            let minutes = wait.as_secs().div_ceil(60).max(1);
            Ok((429, LoginProblem::Slow { minutes }))
        }
        LoginError::Unavailable => Err(Failure::Problem(Problem::Unavailable)),
    }
}

fn slow(reply: Reply, error: &LoginError) -> Reply {
    match error {
        LoginError::Slow { wait } => {
            let seconds = wait.as_millis().div_ceil(1_000);
            reply.with("retry-after", seconds.to_string())
        }
        _ => reply,
    }
}

/// The session between password and second factor.
fn half<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Half, Failure> {
    let site = entrance.site;
    let value = Cookie::Session.find(&entrance.asked.cookies, entrance.transport);
    let half = value.and_then(|value| Half::read(site.keys, value, site.ports.now()).ok());
    half.ok_or(Failure::Login(Some(LoginProblem::SessionOver)))
}

async fn code_page<P: Ports>(
    entrance: &Entrance<'_, P>,
    status: u16,
    problem: Option<LoginProblem>,
) -> Result<Reply, Failure> {
    let (site, half) = (entrance.site, half(entrance)?);
    let csrf = half.csrf(site.keys);
    let known = credential::read(site.ports, half.user()).await?;
    if known.is_some_and(|known| known.has_second_factor()) {
        let page = |frame: &Frame<'_>| entrance::second_factor(frame, problem);
        return Ok(entrance.page_with(status, &csrf, page));
    }
    let person = account::by_id(site.ports, site.config, half.user()).await?;
    let address = person.and_then(|person| person.addresses.into_iter().next());
    let secret = login::offered(site.keys, &half);
    let wrong = problem.is_some();
    Ok(scan(
        entrance,
        status,
        &csrf,
        "",
        &secret,
        address.as_ref(),
        wrong,
    ))
}

async fn code<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Reply, Failure> {
    let (site, half, form) = (entrance.site, half(entrance)?, entrance.asked.form());
    if !entrance.is_own() || !half.csrf_is(site.keys, form.get("csrf")) {
        return Err(Failure::Login(Some(LoginProblem::SessionOver)));
    }
    let person = account::by_id(site.ports, site.config, half.user()).await?;
    let account = person.as_ref().map(Person::account);
    let client = Client::new(entrance.asked.client.as_deref());
    let (ports, keys) = (site.ports, site.keys);
    let judged = login::second_factor(
        ports,
        keys,
        &half,
        account.as_ref(),
        form.get("code"),
        &client,
    );
    match judged.await {
        Ok((session, act)) => {
            if let (Some(act), Some(person)) = (&act, &person) {
                audited(entrance, act, person).await;
            }
            Ok(enter(entrance, &session))
        }
        Err(error) => {
            let (status, problem) = told(&error, LoginProblem::WrongCode)?;
            code_page(entrance, status, Some(problem))
                .await
                .map(|page| slow(page, &error))
        }
    }
}

/// A link's user, where the link is good and the user is one of the directory's.
async fn invited<P: Ports>(
    entrance: &Entrance<'_, P>,
    token: &str,
) -> Result<Result<Person, Reply>, Failure> {
    let site = entrance.site;
    let bad = || Ok(Err(entrance.page(410, entrance::bad_link)));
    let user: UserId = match activation::open(site.ports, token).await {
        Ok(open) => open.link.user,
        Err(activation::LinkError::Unavailable) => {
            return Err(Failure::Problem(Problem::Unavailable));
        }
        Err(_) => return bad(),
    };
    let person = account::by_id(site.ports, site.config, user).await?;
    match person.filter(|person| person.user.is_active()) {
        Some(person) => Ok(Ok(person)),
        None => bad(),
    }
}

async fn open_link<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Reply, Failure> {
    let query = entrance.asked.query();
    let token = query.get("token");
    match invited(entrance, token).await? {
        Ok(person) => Ok(choose(entrance, 200, token, &person, None)),
        Err(page) => Ok(page),
    }
}

async fn activate<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Reply, Failure> {
    let asked = entrance.asked.form();
    if asked.get("step") == "done" {
        return Ok(Reply::to(format!("{BASE}/")));
    }
    if asked.get("token").is_empty() {
        return enrol(entrance, &asked).await;
    }
    let Some(form) = entrance.ticketed_form() else {
        // The link itself is as good as before.
        let token = asked.get("token");
        return match invited(entrance, token).await? {
            Ok(person) => Ok(choose(entrance, 403, token, &person, None)),
            Err(page) => Ok(page),
        };
    };
    let token = form.get("token");
    let person = match invited(entrance, token).await? {
        Ok(person) => person,
        Err(page) => return Ok(page),
    };
    match form.get("step") {
        "password" => chosen(entrance, &form, &person).await,
        _ => confirmed(entrance, &form, &person).await,
    }
}

async fn chosen<P: Ports>(
    entrance: &Entrance<'_, P>,
    form: &Form,
    person: &Person,
) -> Result<Reply, Failure> {
    let (site, token) = (entrance.site, form.get("token"));
    if form.get("new") != form.get("again") {
        let problem = Some(PasswordProblem::NotSame);
        return Ok(choose(entrance, 422, token, person, problem));
    }
    let names = person.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted = set_up::Form {
        token,
        password: Some(form.get("new")),
        code: None,
        own: &names,
    };
    match set_up::choose(site.ports, &person.account(), &wanted).await {
        Ok(()) => {
            let secret = set_up::offered(site.keys, token);
            Ok(scan_with_ticket(
                entrance, 200, token, &secret, person, false,
            ))
        }
        Err(error) => not_set_up(entrance, token, person, &error),
    }
}

async fn confirmed<P: Ports>(
    entrance: &Entrance<'_, P>,
    form: &Form,
    person: &Person,
) -> Result<Reply, Failure> {
    let (site, token) = (entrance.site, form.get("token"));
    let wanted = set_up::Form {
        token,
        password: None,
        code: Some(form.get("code")),
        own: &[],
    };
    let account = person.account();
    match set_up::set_up(site.ports, site.keys, &account, &wanted).await {
        Ok(ready) => {
            audited(entrance, &ready.act, person).await;
            Ok(recovery(entrance, &ready.codes, ready.session.as_ref()))
        }
        Err(error) => not_set_up(entrance, token, person, &error),
    }
}

/// Who logged in with a password alone gets a second factor first.
async fn enrol<P: Ports>(entrance: &Entrance<'_, P>, form: &Form) -> Result<Reply, Failure> {
    let (site, half) = (entrance.site, half(entrance)?);
    if !entrance.is_own() || !half.csrf_is(site.keys, form.get("csrf")) {
        return Err(Failure::Login(Some(LoginProblem::SessionOver)));
    }
    let person = account::by_id(site.ports, site.config, half.user()).await?;
    let Some(person) = person else {
        return Err(Failure::Login(None));
    };
    let (ports, keys, account) = (site.ports, site.keys, person.account());
    let client = Client::new(entrance.asked.client.as_deref());
    let judged = change::enrol(ports, keys, &half, &account, form.get("code"), &client);
    match judged.await {
        Ok((session, codes, act)) => {
            audited(entrance, &act, &person).await;
            Ok(recovery(entrance, &codes, Some(&session)))
        }
        Err(error) => {
            let (status, problem) = told(&error, LoginProblem::WrongCode)?;
            code_page(entrance, status, Some(problem))
                .await
                .map(|page| slow(page, &error))
        }
    }
}

fn not_set_up<P: Ports>(
    entrance: &Entrance<'_, P>,
    token: &str,
    person: &Person,
    error: &SetUpError,
) -> Result<Reply, Failure> {
    let problem = match error {
        SetUpError::Link(_) | SetUpError::Refused => {
            return Ok(entrance.page(410, entrance::bad_link));
        }
        SetUpError::Unavailable => return Err(Failure::Problem(Problem::Unavailable)),
        SetUpError::Code => {
            let secret = set_up::offered(entrance.site.keys, token);
            return Ok(scan_with_ticket(
                entrance, 422, token, &secret, person, true,
            ));
        }
        SetUpError::NotChosen => None,
        SetUpError::Password(unfit) => Some(unfit_word(unfit)),
    };
    Ok(choose(entrance, 422, token, person, problem))
}

/// What is wrong with a password, as pages say it.
pub fn unfit_word(unfit: &Unfit) -> PasswordProblem {
    match unfit {
        Unfit::Short => PasswordProblem::TooShort,
        Unfit::Long => PasswordProblem::TooLong,
        Unfit::Common | Unfit::OwnName => PasswordProblem::TooCommon,
    }
}

fn choose<P: Ports>(
    entrance: &Entrance<'_, P>,
    status: u16,
    token: &str,
    person: &Person,
    problem: Option<PasswordProblem>,
) -> Reply {
    let address = person
        .addresses
        .first()
        .map(EmailAddress::as_str)
        .unwrap_or_default();
    let step = Step::Password {
        address,
        least: limits::PASSWORD_CHARS_LEAST as u64,
        problem,
    };
    entrance.page(status, |frame| entrance::activate(frame, token, &step))
}

fn scan_with_ticket<P: Ports>(
    entrance: &Entrance<'_, P>,
    status: u16,
    token: &str,
    secret: &TotpSecret,
    person: &Person,
    wrong: bool,
) -> Reply {
    let csrf = entrance.ticket.token(entrance.site.keys);
    scan(
        entrance,
        status,
        &csrf,
        token,
        secret,
        person.addresses.first(),
        wrong,
    )
    .set(Cookie::Form, entrance.ticket.cookie(), entrance.transport)
}

fn scan<P: Ports>(
    entrance: &Entrance<'_, P>,
    status: u16,
    csrf: &str,
    token: &str,
    secret: &TotpSecret,
    address: Option<&EmailAddress>,
    wrong: bool,
) -> Reply {
    let issuer = &entrance.site.config.webmail.name;
    let account = address.map(EmailAddress::as_str).unwrap_or_default();
    let (uri, shown) = (secret.uri(issuer, account), secret.base32());
    let step = Step::Scan {
        uri: uri.as_deref().unwrap_or_default(),
        secret: &shown,
        wrong,
    };
    entrance.page_with(status, csrf, |frame| {
        entrance::activate(frame, token, &step)
    })
}

/// The recovery codes, shown once; whoever may be in is in after that.
fn recovery<P: Ports>(
    entrance: &Entrance<'_, P>,
    codes: &[RecoveryCode],
    session: Option<&Session>,
) -> Reply {
    let codes: Vec<String> = codes.iter().map(|code| code.as_str().to_owned()).collect();
    let step = Step::Recovery { codes: &codes };
    let reply = entrance.page(200, |frame| entrance::activate(frame, "", &step));
    match session {
        Some(session) => {
            let value = session.cookie(entrance.site.keys);
            reply.set(Cookie::Session, &value, entrance.transport)
        }
        None => reply,
    }
}

/// Logs out: the session is over everywhere at once, not only in this browser.
pub async fn log_out<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    session::log_out(visit.site().ports, &visit.session).await?;
    let reply = Reply::to(format!("{BASE}/bye"));
    Ok(reply.clear(Cookie::Session, visit.transport()))
}

fn language<P: Ports>(entrance: &Entrance<'_, P>) -> Result<Reply, Failure> {
    let form = entrance.asked.form();
    let Some(language) = Language::parse(form.get("language")) else {
        return Err(Failure::Problem(Problem::BadRequest));
    };
    // Back to one of the pages that stand here, and to no other host.
    let back = match form.get("back") {
        "/login/code" => "/login/code",
        _ => "/login",
    };
    let reply = Reply::to(format!("{BASE}{back}"));
    Ok(reply.with("set-cookie", language_cookie(language)))
}

/// Notes in the audit log what a user did to the own login. It happened; a log that cannot be written
/// does not undo it, and says so elsewhere.
pub async fn audited<P: Ports>(entrance: &Entrance<'_, P>, act: &Act, person: &Person) {
    let ports = entrance.site.ports;
    let by = Operator {
        name: person.user.user_name().to_owned(),
        named: true,
        from: entrance.asked.client.clone().unwrap_or_default(),
    };
    let entry = act.audit(&by, "in the webmail");
    if let Err(error) = audit::write(ports, &entry).await {
        let event = LogEvent::new("audit.failed").with("error", error.to_string());
        ports.write(event);
    }
}
