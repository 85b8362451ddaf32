//! The address book and the settings.

use super::door::{audited, unfit_word};
use super::reply::{Failure, Reply};
use super::visit::{BASE, Visit, language_cookie};
use crate::limits;
use crate::people::directory::{self, Owner};
use crate::people::login::LoginError;
use crate::people::login::change::{self, ChangeError};
use crate::people::login::cookie::Cookie;
use crate::people::reading::Party;
use crate::people::webmail::around::{self, People, Person, Problem, Settings};
use crate::people::webmail::entrance::{LoginProblem, PasswordProblem};
use crate::people::webmail::{Here, Language, Notice};
use crate::ports::Ports;

/// Whom one can write to.
pub async fn people<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let query = visit.asked().query();
    let text = query.get("q").trim();
    let most = limits::BOOK_FOUND;
    let mut cards = directory::search(visit.store(), text, most + 1).await?;
    let more = cards.len() > most;
    cards.truncate(most);
    let people: Vec<Person> = cards
        .into_iter()
        .map(|card| Person {
            party: Party {
                name: card.name,
                address: card.address.to_string(),
            },
            is_group: matches!(card.owner, Owner::Group(_)),
        })
        .collect();
    let view = People {
        query: text,
        people: &people,
        more,
        draft: Some(query.get("draft")).filter(|draft| !draft.is_empty()),
    };
    Ok(visit
        .page(200, Here::People, |frame| around::people(frame, &view))
        .await)
}

/// The settings.
pub async fn settings<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    Ok(shown(visit, 200, None, false).await)
}

async fn shown<P: Ports>(
    visit: &Visit<'_, P>,
    status: u16,
    problem: Option<PasswordProblem>,
    wrong_password: bool,
) -> Reply {
    let addresses: Vec<String> = visit
        .person
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    let view = Settings {
        addresses: &addresses,
        least: limits::PASSWORD_CHARS_LEAST as u64,
        problem,
        wrong_password,
    };
    visit
        .page(status, Here::Settings, |frame| {
            around::settings(frame, &view)
        })
        .await
}

/// Changes one of them.
pub async fn change<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let form = visit.form();
    let done = |notice: Notice| Reply::to(format!("{BASE}/settings?done={}", notice.as_str()));
    match form.get("do") {
        "language" => match Language::parse(form.get("language")) {
            Some(language) => {
                Ok(done(Notice::Language).with("set-cookie", language_cookie(language)))
            }
            None => Err(Failure::Problem(Problem::BadRequest)),
        },
        "everywhere" => {
            let act = change::revoke_all(visit.site().ports, visit.user()).await?;
            audited(visit.entrance(), &act, &visit.person).await;
            let reply = Reply::to(format!("{BASE}/bye"));
            Ok(reply.clear(Cookie::Session, visit.transport()))
        }
        "password" => password(visit).await,
        _ => Err(Failure::Problem(Problem::BadRequest)),
    }
}

async fn password<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let (site, form) = (visit.site(), visit.form());
    if form.get("new") != form.get("again") {
        return Ok(shown(visit, 422, Some(PasswordProblem::NotSame), false).await);
    }
    let names = visit.person.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (old, new) = (form.get("current"), form.get("new"));
    let (ports, keys) = (site.ports, site.keys);
    match change::change_password(ports, keys, &visit.session, old, new, &names).await {
        Ok((session, act)) => {
            audited(visit.entrance(), &act, &visit.person).await;
            let done = Notice::Password.as_str();
            let reply = Reply::to(format!("{BASE}/settings?done={done}"));
            Ok(reply.set(Cookie::Session, &session.cookie(keys), visit.transport()))
        }
        Err(ChangeError::Unfit(unfit)) => {
            Ok(shown(visit, 422, Some(unfit_word(&unfit)), false).await)
        }
        Err(ChangeError::Login(LoginError::Refused)) => Ok(shown(visit, 422, None, true).await),
        Err(ChangeError::Login(LoginError::Slow { .. })) => {
            // As at the door: who guesses waits.
            Err(Failure::Login(Some(LoginProblem::SessionOver)))
        }
        Err(ChangeError::Login(LoginError::Unavailable)) => {
            Err(Failure::Problem(Problem::Unavailable))
        }
    }
}
