//! Invitations as Outlook, Google and Thunderbird send them, and broken ones.

use proptest::prelude::*;

use super::*;

const REQUEST: &str = "BEGIN:VCALENDAR\r\nPRODID:x\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n\
BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nRRULE:FREQ=YEARLY\r\n\
TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
BEGIN:VEVENT\r\nUID:040000-1\r\nSEQUENCE:2\r\nSUMMARY:Budget\\, third\r\n  reading\r\n\
DTSTART;TZID=\"W. Europe Standard Time\":20261124T100000\r\nDTEND;TZID=W. Europe Standard Time:20261124T113000\r\n\
LOCATION:Room 4\\; upstairs\r\nORGANIZER;CN=\"Ada: of Acme\":mailto:ada@acme.example\r\n\
ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:MAILTO:bob@example.org\r\n\
ATTENDEE;CN=Eve;PARTSTAT=DECLINED:mailto:eve@example.org\r\nATTENDEE:mailto:not an address\r\n\
DESCRIPTION:One\\nTwo\r\nBEGIN:VALARM\r\nSUMMARY:not this\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn bob() -> EmailAddress {
    "bob@example.org".parse().unwrap()
}

#[test]
fn an_invitation_says_what_when_where_and_who() {
    let invitation = read(REQUEST).unwrap();
    assert_eq!(invitation.method, Method::Request);
    assert_eq!(invitation.summary, "Budget, third reading");
    assert_eq!(invitation.location, "Room 4; upstairs");
    assert_eq!(invitation.description, "One\nTwo");
    let start = invitation.start.unwrap();
    assert_eq!(start.date, civil::date(2026, 11, 24));
    assert_eq!(start.time, Some(civil::time(10, 0, 0, 0)));
    assert_eq!(start.zone.as_deref(), Some("W. Europe Standard Time"));
    assert_eq!(
        start.moment(),
        None,
        "a zone that only the organiser's program knows"
    );
    let organizer = invitation.organizer.unwrap();
    assert_eq!(
        (organizer.name.as_str(), organizer.address.as_str()),
        ("Ada: of Acme", "ada@acme.example")
    );
    let people: Vec<_> = invitation
        .attendees
        .iter()
        .map(|a| (a.party.address.as_str(), a.answer))
        .collect();
    assert_eq!(
        people,
        [
            ("bob@example.org", None),
            ("eve@example.org", Some(Answer::Declined))
        ]
    );
    assert!(!invitation.recurring, "the rule was the time zone's");
}

#[test]
fn an_answer_names_the_meeting_and_only_the_one_who_answers() {
    let invitation = read(REQUEST).unwrap();
    let now = Timestamp::parse("2026-11-23T09:00:00Z").unwrap();
    let answer = reply_to_invitation(&invitation, &bob(), Answer::Tentative, now);
    assert_eq!(
        answer,
        "BEGIN:VCALENDAR\r\nPRODID:-//Holdfast//Webmail//EN\r\nVERSION:2.0\r\nMETHOD:REPLY\r\n\
         BEGIN:VEVENT\r\nUID:040000-1\r\nSEQUENCE:2\r\nDTSTAMP:20261123T090000Z\r\n\
         ORGANIZER;CN=\"Ada: of Acme\":mailto:ada@acme.example\r\n\
         ATTENDEE;PARTSTAT=TENTATIVE;CN=\"Bob\":mailto:bob@example.org\r\n\
         SUMMARY:Budget\\, third reading\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let again = read(&answer).unwrap();
    assert_eq!((again.method, again.uid), (Method::Reply, invitation.uid));
}

#[test]
fn an_answer_to_one_of_a_series_repeats_which_one_and_its_time_zone() {
    let one = REQUEST.replace(
        "SEQUENCE:2\r\n",
        "SEQUENCE:2\r\nRECURRENCE-ID;TZID=W. Europe Standard Time:20261124T100000\r\n",
    );
    let answer = reply_to_invitation(
        &read(&one).unwrap(),
        &bob(),
        Answer::Accepted,
        Timestamp::default(),
    );
    assert!(
        answer.contains("\r\nRECURRENCE-ID;TZID=\"W. Europe Standard Time\":20261124T100000\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\n"),
        "{answer}"
    );
}

#[test]
fn days_lengths_and_known_zones_are_understood() {
    let event = |lines: &str| {
        read(&format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\nEND:VCALENDAR"
        ))
        .unwrap()
    };
    let day = event("DTSTART;VALUE=DATE:20261124\nRRULE:FREQ=DAILY");
    assert_eq!(day.start.unwrap().time, None);
    assert!(day.recurring);
    let long = event("DTSTART;TZID=Europe/Rome:20261124T233000\nDURATION:PT1H");
    assert_eq!(long.end.unwrap().date, civil::date(2026, 11, 25));
    assert_eq!(
        long.start.unwrap().moment(),
        Timestamp::parse("2026-11-24T22:30:00Z")
    );
    assert_eq!(
        event("DTSTART:20261124T100000Z").start.unwrap().moment(),
        Timestamp::parse("2026-11-24T10:00:00Z")
    );
    assert_eq!(event("DTSTART:20261399T100000Z").start, None);
    assert_eq!(read("BEGIN:VCALENDAR\nEND:VCALENDAR"), None);
}

#[test]
fn nothing_in_an_invitation_can_add_a_line_to_the_answer() {
    let evil = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\x0bATTACH:x\nSUMMARY:a\\nATTACH:b\\, c\nORGANIZER;CN=\"a\":mailto:x@y\nEND:VEVENT\nEND:VCALENDAR";
    let answer = reply_to_invitation(
        &read(evil).unwrap(),
        &bob(),
        Answer::Accepted,
        Timestamp::default(),
    );
    assert!(
        answer.split("\r\n").all(|line| !line.starts_with("ATTACH")),
        "{answer}"
    );
    assert_eq!(answer.matches('\n').count(), answer.matches("\r\n").count());
}

proptest! {
    #[test]
    fn no_calendar_stops_the_reader(
        text in "(BEGIN:(VCALENDAR|VEVENT|VTIMEZONE)|END:(VCALENDAR|VEVENT)|UID:1|DTSTART[;:=A-Z0-9T\"]{0,30}|DURATION:[-PT0-9HMSDW]{0,12}|ORGANIZER\\PC{0,20}|\\PC{0,20}|RECURRENCE-ID;TZID=\\PC{0,9}:[0-9T]{15}|\n){0,40}",
    ) {
        if let Some(invitation) = read(&text) {
            let answer = reply_to_invitation(&invitation, &bob(), Answer::Declined, Timestamp::default());
            for line in answer.split("\r\n") {
                prop_assert!(line.len() <= 75, "{}", line);
            }
        }
    }
}
