//! A user: the attributes of RFC 7643 (4.1, 4.3) as a client sent them, and what we read from them.
//!
//! The attributes stay what they were, as JSON: what we do not need today is kept for the day it is
//! needed. Which of the emails are our own is not in the record but in the configuration: an
//! address is own where its domain has a route, and all others are contacts outside.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::index::Claims;
use super::{Owner, Summary, keys};
use crate::config::Config;
use crate::mail::EmailAddress;
use crate::people::UserId;
use crate::time::Timestamp;

/// SCIM attributes by their canonical names; extensions stand under their URNs.
pub type Attributes = Map<String, Value>;

/// A user's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub(super) id: UserId,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// Counted up to make another's conditional write fail (see [`super::index`]).
    #[serde(default)]
    pub(super) fence: u64,
    pub(super) attributes: Attributes,
}

impl User {
    /// The user's id.
    pub const fn id(&self) -> UserId {
        self.id
    }

    /// When it came to be.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// When it was last changed.
    pub const fn modified(&self) -> Timestamp {
        self.modified
    }

    /// The time zone (RFC 7643, 4.1.1), an IANA name where the client gave one.
    pub fn time_zone(&self) -> Option<&str> {
        text(&self.attributes, "timezone")
    }

    /// All attributes that are kept.
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The unique name that people log in with.
    pub fn user_name(&self) -> &str {
        text(&self.attributes, "userName").unwrap_or_default()
    }

    /// The name the provisioning client knows the user by.
    pub fn external_id(&self) -> Option<&str> {
        text(&self.attributes, "externalId")
    }

    /// The name to show: displayName, else the formatted name, else given and family name, else
    /// userName.
    pub fn shown_name(&self) -> String {
        let name = self.attributes.get("name").and_then(Value::as_object);
        let part = |part: &str| name.and_then(|name| text(name, part));
        let parts = || {
            let both = [part("givenName"), part("familyName")];
            let both: Vec<&str> = both.into_iter().flatten().collect();
            (!both.is_empty()).then(|| both.join(" "))
        };
        text(&self.attributes, "displayName")
            .or_else(|| part("formatted"))
            .map(str::to_owned)
            .or_else(parts)
            .unwrap_or_else(|| self.user_name().to_owned())
    }

    /// Whether the user may get in and gets mail; so it is unless somebody said otherwise.
    pub fn is_active(&self) -> bool {
        self.attributes.get("active") != Some(&Value::Bool(false))
    }

    /// The user's own addresses: emails, and the userName where it is an address, in domains that
    /// have a route. The primary one first, then those for work.
    pub fn own_addresses(&self, config: &Config) -> Vec<EmailAddress> {
        let name = self.user_name().parse::<EmailAddress>().ok();
        let all = self.emails().into_iter().chain(name);
        distinct(all.filter(|address| config.route_for(&address.domain()).is_some()))
    }

    /// Emails elsewhere: contacts for the day that the user's own do not work.
    pub fn alternates(&self, config: &Config) -> Vec<EmailAddress> {
        let all = self.emails().into_iter();
        distinct(all.filter(|address| config.route_for(&address.domain()).is_none()))
    }

    /// Telephone numbers, as they were written.
    pub fn phones(&self) -> Vec<String> {
        let numbers = elements(&self.attributes, "phoneNumbers");
        numbers
            .filter_map(|number| text(number, "value"))
            .map(str::to_owned)
            .collect()
    }

    /// The language to speak to the user in, such as `it` or `de-CH`.
    pub fn language(&self) -> Option<&str> {
        text(&self.attributes, "preferredLanguage").or_else(|| text(&self.attributes, "locale"))
    }

    fn emails(&self) -> Vec<EmailAddress> {
        let mut emails: Vec<_> = elements(&self.attributes, "emails").collect();
        emails.sort_by_key(|email| {
            let primary = email.get("primary") == Some(&Value::Bool(true));
            let work = text(email, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("work"));
            (!primary, !work)
        });
        let addresses = emails.into_iter().filter_map(|email| text(email, "value"));
        addresses
            .filter_map(|text| text.trim().parse().ok())
            .collect()
    }

    pub(super) fn claims(&self, config: &Config) -> Claims {
        let mut claims = Claims::default();
        claims.name(self.user_name());
        for address in self.own_addresses(config) {
            claims.address(&address);
        }
        if let Some(external) = self.external_id() {
            claims.mark(format!("{}{}", keys::external(external), self.id));
        }
        claims
    }

    pub(super) fn summary(&self, config: &Config) -> Summary {
        Summary {
            owner: Owner::User(self.id),
            user_name: self.user_name().to_owned(),
            name: self.shown_name(),
            addresses: self.own_addresses(config),
            active: self.is_active(),
            external_id: self.external_id().map(str::to_owned),
            modified: self.modified,
        }
    }
}

/// A text that is not empty.
pub(super) fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let text = attributes.get(name)?.as_str()?;
    Some(text).filter(|text| !text.trim().is_empty())
}

/// The elements of a multi-valued attribute.
fn elements<'a>(attributes: &'a Attributes, name: &str) -> impl Iterator<Item = &'a Attributes> {
    let list = attributes.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

/// Each address once, whatever its case, in their order.
pub(super) fn distinct(addresses: impl Iterator<Item = EmailAddress>) -> Vec<EmailAddress> {
    let mut seen = std::collections::BTreeSet::new();
    addresses
        .filter(|address| seen.insert(address.as_str().to_lowercase()))
        .collect()
}
