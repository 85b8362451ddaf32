//! Invitations: what a calendar in a message asks (RFC 5545, RFC 5546), and the answer to it.
//!
//! Only what a reader decides by is read: what, when, where, who. The times are shown as the
//! organiser wrote them, with their zone's name. The answer repeats what names the meeting and
//! says one thing: whether this attendee comes.

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Party, shown};
use crate::limits;
use crate::mail::EmailAddress;
use crate::time::Timestamp;

mod lines;

#[cfg(test)]
mod tests;

use lines::Line;

/// A meeting that a message is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Invitation {
    /// What the message does with it.
    pub method: Method,
    /// The meeting's name among programs.
    pub uid: String,
    /// The revision of the meeting.
    pub sequence: u32,
    /// What it is about.
    pub summary: String,
    /// More about it, in lines.
    pub description: String,
    /// When it begins.
    pub start: Option<When>,
    /// When it ends; of a whole day the day after the last.
    pub end: Option<When>,
    /// Where it is.
    pub location: String,
    /// Who invites.
    pub organizer: Option<Party>,
    /// Who is invited, with their answers.
    pub attendees: Vec<Attendee>,
    /// It happens again and again.
    pub recurring: bool,
    recurrence_id: Option<String>,
    zones: String,
}

/// What a calendar message does (RFC 5546, 1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// It invites, or changes an invitation: an answer is wanted.
    Request,
    /// It calls the meeting off.
    Cancel,
    /// It is an attendee's answer.
    Reply,
    /// It only tells.
    #[default]
    Publish,
}

/// Somebody invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Who.
    pub party: Party,
    /// The answer so far, where there is one.
    pub answer: Option<Answer>,
}

/// What an attendee says (RFC 5545, 3.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Answer {
    /// Comes.
    Accepted,
    /// Comes perhaps.
    Tentative,
    /// Does not come.
    Declined,
}

impl Answer {
    /// As `PARTSTAT` and as a form's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Tentative => "TENTATIVE",
            Self::Declined => "DECLINED",
        }
    }

    /// From `PARTSTAT` or a form's value.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Accepted, Self::Tentative, Self::Declined]
            .into_iter()
            .find(|answer| answer.as_str().eq_ignore_ascii_case(text))
    }
}

/// A day or a moment as a calendar names it (RFC 5545, 3.3.4 and 3.3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// The day.
    pub date: civil::Date,
    /// The time of the day; none = the whole day.
    pub time: Option<civil::Time>,
    /// The zone's name as it is written: an IANA name, or one of the organiser's program; `UTC`;
    /// none = wherever one is.
    pub zone: Option<String>,
}

impl When {
    /// The moment itself, where the zone is a known one.
    pub fn moment(&self) -> Option<Timestamp> {
        let zone = match self.zone.as_deref()? {
            "UTC" => TimeZone::UTC,
            name => TimeZone::get(name).ok()?,
        };
        let zoned = self.date.to_datetime(self.time?).to_zoned(zone).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }
}

/// Reads the first event of a calendar; none where there is none that has a name.
pub fn read(calendar: &str) -> Option<Invitation> {
    let mut invitation = Invitation::default();
    let mut open: Vec<String> = Vec::new();
    let mut seen = false;
    let mut length = None;
    for line in lines::unfold(calendar) {
        let Some(line) = Line::parse(&line) else {
            continue;
        };
        let value = line.value.trim();
        match line.name.as_str() {
            "BEGIN" => {
                if open.len() < DEPTH {
                    open.push(value.to_ascii_uppercase());
                }
                let is_event = open.len() == 2 && open.last().is_some_and(|name| name == "VEVENT");
                if is_event && std::mem::replace(&mut seen, true) {
                    break;
                }
            }
            "END" => {
                open.pop();
            }
            "METHOD" if open.len() == 1 => invitation.method = method(value),
            _ if open.len() == 2 && open.last().is_some_and(|name| name == "VEVENT") => {
                property(&mut invitation, &mut length, &line);
            }
            _ => {}
        }
    }
    if let (Some(start), None, Some(span)) = (&invitation.start, &invitation.end, length) {
        invitation.end = after(start, span);
    }
    if invitation
        .recurrence_id
        .as_deref()
        .is_some_and(|id| id.contains("TZID"))
    {
        invitation.zones = lines::zones(calendar);
    }
    (seen && !invitation.uid.is_empty()).then_some(invitation)
}

/// The calendar that answers an invitation (RFC 5546, 3.2.3), with the line ends and folds of
/// RFC 5545, 3.1. `address` is the one that was invited.
pub fn reply_to_invitation(
    invitation: &Invitation,
    address: &EmailAddress,
    answer: Answer,
    now: Timestamp,
) -> String {
    let mut out = String::new();
    let mut add = |line: &str| lines::fold(&mut out, line);
    add("BEGIN:VCALENDAR");
    add("PRODID:-//Holdfast//Webmail//EN");
    add("VERSION:2.0");
    add("METHOD:REPLY");
    for line in invitation.zones.lines() {
        add(line);
    }
    add("BEGIN:VEVENT");
    add(&format!("UID:{}", invitation.uid));
    add(&format!("SEQUENCE:{}", invitation.sequence));
    add(&format!("DTSTAMP:{}", stamp(now)));
    if let Some(id) = &invitation.recurrence_id {
        add(id);
    }
    if let Some(organizer) = &invitation.organizer {
        add(&format!(
            "ORGANIZER{}:mailto:{}",
            common_name(&organizer.name),
            organizer.address
        ));
    }
    let attendee = invitation.attendees.iter().find(|attendee| {
        attendee
            .party
            .address
            .eq_ignore_ascii_case(address.as_str())
    });
    let name = attendee.map_or(String::new(), |attendee| common_name(&attendee.party.name));
    add(&format!(
        "ATTENDEE;PARTSTAT={}{name}:mailto:{address}",
        answer.as_str()
    ));
    add(&format!("SUMMARY:{}", lines::escape(&invitation.summary)));
    add("END:VEVENT");
    add("END:VCALENDAR");
    out
}

fn property(invitation: &mut Invitation, length: &mut Option<jiff::Span>, line: &Line) {
    let text = |chars| shown::line(&lines::unescape(&line.value), chars);
    match line.name.as_str() {
        "UID" => invitation.uid = shown::line(&line.value, limits::SHOWN_LINE_CHARS),
        "SEQUENCE" => invitation.sequence = line.value.trim().parse().unwrap_or(0),
        "SUMMARY" => invitation.summary = text(limits::SHOWN_LINE_CHARS),
        "LOCATION" => invitation.location = text(limits::SHOWN_LINE_CHARS),
        "DESCRIPTION" => {
            let all = shown::lines(&lines::unescape(&line.value));
            invitation.description = all.trim().chars().take(DESCRIPTION_CHARS).collect();
        }
        "DTSTART" => invitation.start = when(line),
        "DTEND" => invitation.end = when(line),
        "DURATION" => *length = line.value.trim().parse().ok(),
        "RRULE" | "RDATE" => invitation.recurring = true,
        "RECURRENCE-ID" => invitation.recurrence_id = when(line).map(|_| line.written()),
        "ORGANIZER" => invitation.organizer = party(line),
        "ATTENDEE" if invitation.attendees.len() < limits::SHOWN_PARTIES => {
            if let Some(party) = party(line) {
                let answer = line.parameter("PARTSTAT").and_then(Answer::parse);
                invitation.attendees.push(Attendee { party, answer });
            }
        }
        _ => {}
    }
}

fn method(value: &str) -> Method {
    match value.to_ascii_uppercase().as_str() {
        "REQUEST" => Method::Request,
        "CANCEL" => Method::Cancel,
        "REPLY" => Method::Reply,
        _ => Method::Publish,
    }
}

fn party(line: &Line) -> Option<Party> {
    let value = line.value.trim();
    let address = match value.split_once(':') {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto") => address,
        Some(_) => line.parameter("EMAIL")?,
        None => value,
    };
    // Only what is an address is repeated in an answer.
    let address: EmailAddress = address.trim().parse().ok()?;
    Some(Party {
        name: shown::line(
            line.parameter("CN").unwrap_or_default(),
            limits::SHOWN_LINE_CHARS,
        ),
        address: address.as_str().to_owned(),
    })
}

fn when(line: &Line) -> Option<When> {
    let value = line.value.trim();
    let number = |range: std::ops::Range<usize>| -> Option<i16> {
        let digits = value.get(range)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let small = |range| number(range).and_then(|n| i8::try_from(n).ok());
    let date = civil::Date::new(number(0..4)?, small(4..6)?, small(6..8)?).ok()?;
    let time = match value.len() {
        8 => None,
        _ if value.get(8..9) == Some("T") => {
            let second = small(13..15).unwrap_or(0).min(59);
            Some(civil::Time::new(small(9..11)?, small(11..13)?, second, 0).ok()?)
        }
        _ => return None,
    };
    let zone = if value.ends_with('Z') {
        Some("UTC".to_owned())
    } else {
        line.parameter("TZID")
            .map(|zone| shown::line(zone, limits::SHOWN_LINE_CHARS))
            .filter(|zone| !zone.is_empty())
    };
    Some(When { date, time, zone })
}

fn after(start: &When, span: jiff::Span) -> Option<When> {
    let time = start.time.unwrap_or_default();
    let end = start.date.to_datetime(time).checked_add(span).ok()?;
    Some(When {
        date: end.date(),
        time: start.time.map(|_| end.time()),
        zone: start.zone.clone(),
    })
}

/// `20261123T090000Z` (RFC 5545, 3.3.5).
fn stamp(now: Timestamp) -> String {
    let mut text: String = now
        .to_string()
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        .collect();
    if let Some(dot) = text.find('.') {
        text.truncate(dot);
    }
    text + "Z"
}

/// `;CN="Ada"`; a quote cannot stand in it (RFC 5545, 3.2).
fn common_name(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| *c != '"' && !c.is_control())
        .collect();
    if name.is_empty() {
        name
    } else {
        format!(";CN=\"{name}\"")
    }
}

const DEPTH: usize = 8;
const DESCRIPTION_CHARS: usize = 4_000;
