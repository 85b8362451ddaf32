//! Names of colleagues that stand where addresses belong: a name that only one has becomes that one's
//! address. So nobody needs a script, or a whole address, to write to a colleague.

use std::collections::BTreeMap;

use super::reply::Failure;
use super::visit::Visit;
use crate::limits;
use crate::people::directory::{self, Card};
use crate::people::webmail::compose::{self, FieldError, FieldErrors, Recipient};
use crate::ports::Ports;

/// What came of it.
#[derive(Default)]
pub struct Completed {
    /// The recipients, and those of copies, where a name was completed.
    pub lists: Option<(String, String)>,
    /// Names that could be several people.
    pub errors: FieldErrors,
}

/// Completes both lists. A name that nobody has stays, and is told as no address.
pub async fn complete<P: Ports>(
    visit: &Visit<'_, P>,
    to: &str,
    cc: &str,
) -> Result<Completed, Failure> {
    let names = [to, cc].map(compose::names).concat();
    if names.is_empty() {
        return Ok(Completed::default());
    }
    let most = limits::TOLD_NAMES + 1;
    let cards = directory::search_all(visit.store(), &names, most).await?;
    let (mut found, mut several) = (BTreeMap::new(), BTreeMap::new());
    for (name, cards) in names.into_iter().zip(&cards) {
        match only(name, cards) {
            Some(card) => {
                let recipient = Recipient {
                    name: card.name.clone(),
                    address: card.address.clone(),
                };
                found.insert(name, recipient);
            }
            None if cards.is_empty() => {}
            None => drop(several.insert(name, cards)),
        }
    }
    let completed = |list| compose::completed(list, &found);
    let lists = (!found.is_empty()).then(|| (completed(to), completed(cc)));
    let error = |list| {
        let mut names = compose::names(list).into_iter();
        names.find_map(|name| {
            let cards = several.get(name)?.iter().take(limits::TOLD_NAMES);
            let names = cards.map(|card| format!("{} <{}>", card.name, card.address));
            Some(FieldError::Several {
                what: name.to_owned(),
                names: names.collect(),
            })
        })
    };
    Ok(Completed {
        lists,
        errors: FieldErrors {
            to: error(to),
            cc: error(cc),
            ..FieldErrors::default()
        },
    })
}

/// The one whose name it is, or the only one whom it can be.
fn only<'c>(name: &str, cards: &'c [Card]) -> Option<&'c Card> {
    let is_so_called = |card: &&Card| card.name.to_lowercase() == name.to_lowercase();
    let mut so_called = cards.iter().filter(is_so_called);
    match (so_called.next(), so_called.next(), cards) {
        (Some(only), None, _) | (None, _, [only]) => Some(only),
        _ => None,
    }
}
