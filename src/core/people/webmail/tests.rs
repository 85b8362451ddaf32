//! Every page, in every language, read tag by tag: what must hold of all of them.

use std::collections::HashSet;

use super::around::{People, Person, Problem, Settings};
use super::compose::{FieldError, FieldErrors, Form};
use super::entrance::{LoginProblem, PasswordProblem, Step};
use super::list::{Page, Row};
use super::message::{Turn, View};
use super::write::{Kept, Kind, Trouble};
use super::*;
use crate::people::reading::html::tokens::{Token, Tokens};
use crate::people::reading::{self, Answer, Party, Reading, Summary};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A message whose every text would like to be markup.
fn hostile() -> Reading {
    let message = "From: \"</title><script>alert(1)</script> boss@example.org\" <eve@evil.example>, b@x.example\n\
        To: \"<img src=x onerror=1>\" <bob@example.org>, c@x.example\nCc: d@x.example\nReply-To: \"'\\\"><b>\" <r@else.example>\n\
        Subject: <b onclick='x'>\"Win\" &amp; \u{202e}more</b>\nDate: Mon, 23 Nov 2026 09:00:00 +0000\nMessage-ID: <2@x.example>\n\
        Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n\
        --b\n\n<script>alert(1)</script> https://a.example/?\"onclick=x\n> a\n> b\n> c\n> d\n--b\nContent-Type: text/html\n\n\
        <p>x<img src=https://evil.example/p></p>\n--b\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\n\
        UID:1\nSUMMARY:<script>\nDTSTART;TZID=Europe/Rome:20261124T100000\nDTEND;TZID=Europe/Rome:20261124T113000\nLOCATION:\"><x>\nRRULE:FREQ=DAILY\n\
        ORGANIZER;CN=\"<i>\":mailto:o@x.example\nATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.org\nEND:VEVENT\nEND:VCALENDAR\n--b--\n\
        --a\nContent-Type: text/html\nContent-Disposition: attachment; filename=\"<b>'.html\"\n\nx\n--a--\n";
    reading::read(message.as_bytes(), false)
}

/// Every page, named, with and without somebody logged in.
#[allow(clippy::too_many_lines)]
pub(super) fn pages(language: Language) -> Vec<(String, String)> {
    let now = at("2026-11-23T15:04:00Z");
    let viewer = Viewer {
        name: "Ada <b>".into(),
        address: "ada@example.org".into(),
    };
    let down = Banner::Down {
        since: at("2026-11-23T08:12:00Z"),
    };
    let frame = |here, user| Frame {
        language,
        banner: &down,
        user,
        csrf: "token\"<",
        base_path: "/mail",
        here,
        unread: Some(3),
        now,
        offset: UtcOffset::from_minutes(60),
        notice: None,
    };
    let (inside, outside) = (
        frame(Here::Inbox, Some(&viewer)),
        frame(Here::Elsewhere, None),
    );
    let mut pages: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, page: String| pages.push((name.to_owned(), page));

    add("login", entrance::login(&outside, "", None));
    for (name, problem) in [
        ("wrong", LoginProblem::Wrong),
        ("slow", LoginProblem::Slow { minutes: 1 }),
        ("closed", LoginProblem::Closed),
        ("over", LoginProblem::SessionOver),
    ] {
        add(
            &format!("login-{name}"),
            entrance::login(&outside, "a\"<b", Some(problem)),
        );
    }
    add(
        "code",
        entrance::second_factor(&outside, Some(LoginProblem::WrongCode)),
    );
    let step = Step::Password {
        address: "ada@example.org",
        least: 12,
        problem: Some(PasswordProblem::NotSame),
    };
    add(
        "activate-password",
        entrance::activate(&outside, "t\"<", &step),
    );
    let step = Step::Scan {
        uri: "otpauth://totp/Holdfast:ada?secret=ABCDEFGH",
        secret: "ABCD EFGH",
        wrong: true,
    };
    add("activate-code", entrance::activate(&outside, "t", &step));
    let codes: Vec<String> = (0..10).map(|n| format!("abcd-efg{n}")).collect();
    add(
        "activate-done",
        entrance::activate(&outside, "t", &Step::Recovery { codes: &codes }),
    );
    add("bad-link", entrance::bad_link(&outside));
    add("logged-out", entrance::logged_out(&outside));

    let message = hostile();
    let own = Summary {
        from: Some(Party { name: "Grace Hopper".into(), address: "grace@example.org".into() }),
        to: vec![Party { name: "<b>".into(), address: "b@x.example".into() }, Party { name: String::new(), address: "c@x.example".into() }],
        subject: "Minutes of the meeting".into(),
        preview: "Dear all, please find attached what we decided this morning, and what is left to do before Friday.".into(),
        attachments: 1,
        ..Summary::default()
    };
    let empty = Summary::default();
    for here in [Here::Inbox, Here::Sent, Here::Drafts, Here::Bin] {
        let row = |id, summary, unread, time| Row {
            id,
            summary,
            at: at(time),
            unread,
            answered: !unread,
            folder: here,
        };
        let rows = [
            row("0193/<1", &message.summary, true, "2026-11-23T14:00:00Z"),
            row("0192", &own, false, "2026-03-01T09:00:00Z"),
            row("0191", &empty, false, "2024-03-01T09:00:00Z"),
        ];
        let list = Page {
            rows: &rows,
            newer: Some("a/b"),
            older: Some("c d"),
        };
        add(
            here.as_str(),
            list::folder(&frame(here, Some(&viewer)), &list),
        );
        add(
            &format!("{}-empty", here.as_str()),
            list::folder(&frame(here, Some(&viewer)), &Page::default()),
        );
        if here == Here::Bin {
            let question = list::ask_to_empty(&frame(here, Some(&viewer)), 2);
            add("bin-question", question);
        }
        if here == Here::Inbox {
            add(
                "search",
                list::search(&frame(Here::Search, Some(&viewer)), "\"<q>", &rows, true),
            );
        }
    }
    add(
        "search-none",
        list::search(&frame(Here::Search, Some(&viewer)), "<q>", &[], false),
    );

    let view = View {
        id: "0193",
        folder: Here::Inbox,
        reading: &message,
        plain: false,
        images: false,
        thread: Some(("t/1", 3)),
        attachments_open: true,
        answered: Some(Answer::Tentative),
    };
    add("message", message::message(&inside, &view));
    add(
        "message-images",
        message::message(
            &inside,
            &View {
                images: true,
                folder: Here::Bin,
                ..view
            },
        ),
    );
    add(
        "message-plain",
        message::message(
            &inside,
            &View {
                plain: true,
                attachments_open: false,
                answered: None,
                ..view
            },
        ),
    );
    let nothing = Reading::default();
    add(
        "message-empty",
        message::message(
            &inside,
            &View {
                reading: &nothing,
                thread: None,
                ..view
            },
        ),
    );
    let turns = [
        Turn {
            id: "1",
            summary: &own,
            at: now,
            text: Some("Hello <b>\n> a\n> b\n> c\n> d"),
            unread: false,
        },
        Turn {
            id: "2",
            summary: &message.summary,
            at: now,
            text: None,
            unread: true,
        },
    ];
    add("conversation", message::conversation(&inside, &turns));

    let form = Form {
        to: "\"<b>\" <x@y.example>".into(),
        subject: "<b>".into(),
        body: "\n</textarea><script>".into(),
        ..Form::default()
    };
    let errors = FieldErrors {
        to: Some(FieldError::BadAddress("<x>".into())),
        cc: Some(FieldError::TooMany),
        subject: Some(FieldError::TooLong),
        body: Some(FieldError::TooLong),
        files: Some(FieldError::TooLarge),
    };
    let kept = [Kept {
        key: "0\"".into(),
        name: "<b>.pdf".into(),
        size: 12_345,
    }];
    let view = write::View {
        kind: Kind::Draft,
        form: &form,
        errors: &errors,
        draft: Some("d\"1"),
        reply: Some("2"),
        forward: None,
        kept: &kept,
        trouble: Some(Trouble::Expired),
        from: "ada@example.org",
    };
    let writing = frame(Here::Compose, Some(&viewer));
    add("compose-errors", write::compose(&writing, &view));
    let (fresh, right) = (Form::default(), FieldErrors::default());
    add(
        "compose",
        write::compose(
            &writing,
            &write::View {
                kind: Kind::New,
                form: &fresh,
                errors: &right,
                draft: None,
                reply: None,
                kept: &[],
                trouble: None,
                ..view
            },
        ),
    );

    let people = [
        Person {
            party: Party {
                name: "<b>Ada".into(),
                address: "ada@example.org".into(),
            },
            is_group: false,
        },
        Person {
            party: Party {
                name: String::new(),
                address: "all@example.org".into(),
            },
            is_group: true,
        },
    ];
    let book = People {
        query: "\"a",
        people: &people,
        more: true,
        draft: None,
    };
    let here = frame(Here::People, Some(&viewer));
    add("people", around::people(&here, &book));
    add(
        "people-draft",
        around::people(
            &here,
            &People {
                draft: Some("d/1"),
                ..book
            },
        ),
    );
    add(
        "people-none",
        around::people(
            &here,
            &People {
                people: &[],
                ..book
            },
        ),
    );
    let addresses = ["ada@example.org".to_owned(), "<a>@example.org".to_owned()];
    let settings = Settings {
        addresses: &addresses,
        least: 12,
        problem: Some(PasswordProblem::TooShort),
        wrong_password: true,
    };
    add(
        "settings",
        around::settings(&frame(Here::Settings, Some(&viewer)), &settings),
    );
    for problem in [
        Problem::BadRequest,
        Problem::Forbidden,
        Problem::NotFound,
        Problem::TooLarge,
        Problem::Unavailable,
    ] {
        add(
            &format!("error-{}", problem.status()),
            around::problem(&inside, problem),
        );
    }
    add(
        "error-outside",
        around::problem(&outside, Problem::NotFound),
    );
    add(
        "expired",
        around::expired(
            &inside,
            "/compose",
            &[
                ("To", "x"),
                ("Text", "\n</textarea><script>alert(1)</script>"),
            ],
        ),
    );

    for (name, banner) in [
        ("well", Banner::Well),
        (
            "down-long",
            Banner::Down {
                since: at("2026-11-20T08:12:00Z"),
            },
        ),
        (
            "window",
            Banner::Window {
                until: Some(at("2026-11-23T20:00:00Z")),
            },
        ),
        (
            "window-long",
            Banner::Window {
                until: Some(at("2026-11-25T20:00:00Z")),
            },
        ),
        ("window-open", Banner::Window { until: None }),
        ("returning", Banner::Returning { left: Some(1_234) }),
        ("returning-unknown", Banner::Returning { left: None }),
        ("unknown", Banner::Unknown),
    ] {
        for notice in Notice::ALL {
            let frame = Frame {
                banner: &banner,
                notice: Some(notice),
                ..inside.clone()
            };
            pages.push((
                format!("banner-{name}"),
                list::folder(&frame, &Page::default()),
            ));
        }
    }
    pages
}

fn attribute<'h>(attributes: &[(String, &'h str)], name: &str) -> Option<&'h str> {
    attributes
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| *value)
}

#[test]
fn every_page_in_every_language_is_one_that_everybody_can_use() {
    for language in Language::ALL {
        for (name, page) in pages(language) {
            let name = format!("{name} in {}", language.tag());
            assert!(page.starts_with("<!DOCTYPE html><html lang=\""), "{name}");
            assert!(
                page.contains(&format!("<html lang=\"{}\"", language.tag())),
                "{name}"
            );
            let (mut ids, mut labels, mut fields, mut referred) =
                (HashSet::new(), HashSet::new(), Vec::new(), Vec::new());
            let (mut level, mut headings, mut in_label) = (0, 0, false);
            let (mut mains, mut post, mut tokens_in_form) = (0, false, 0);
            for token in Tokens::new(&page) {
                match token {
                    Token::Open(tag, attributes) => {
                        let get = |name: &str| attribute(&attributes, name);
                        if let Some(id) = get("id") {
                            assert!(
                                ids.insert(id.to_owned()),
                                "{name}: the id {id} stands twice"
                            );
                        }
                        for list in ["aria-describedby", "aria-labelledby"] {
                            referred.extend(
                                get(list)
                                    .unwrap_or_default()
                                    .split_whitespace()
                                    .map(str::to_owned),
                            );
                        }
                        match tag.as_str() {
                            "h1" | "h2" | "h3" => {
                                let this = tag.trim_start_matches('h').parse::<u32>().unwrap();
                                assert!(this <= level + 1, "{name}: <{tag}> leaves a level out");
                                level = this;
                                headings += u32::from(this == 1);
                            }
                            "main" => mains += 1,
                            "label" => {
                                in_label = true;
                                labels.extend(get("for").map(str::to_owned));
                            }
                            "input" | "select" | "textarea"
                                if get("type") != Some("hidden") && !in_label =>
                            {
                                fields.push(get("id").unwrap_or_default().to_owned());
                            }
                            "input" if get("name") == Some("csrf") => tokens_in_form += 1,
                            "form" => {
                                post = get("method") == Some("post");
                                tokens_in_form = 0;
                                let action = get("action").unwrap_or_default();
                                assert!(action.starts_with("/mail/"), "{name}: {action}");
                            }
                            "img" | "script" | "style" | "table" | "object" | "embed" => {
                                panic!("{name}: <{tag}>")
                            }
                            "iframe" => {
                                assert!(get("title").is_some_and(|t| !t.is_empty()), "{name}");
                                assert_eq!(
                                    get("sandbox"),
                                    Some("allow-popups allow-popups-to-escape-sandbox"),
                                    "{name}"
                                );
                            }
                            _ => {}
                        }
                        for (attribute, value) in &attributes {
                            assert!(
                                !attribute.starts_with("on") && attribute != "style",
                                "{name}: {attribute}"
                            );
                            let leads = ["href", "src", "action", "formaction"]
                                .contains(&attribute.as_str());
                            // Links within a message's own text lead away, and say so.
                            let away =
                                tag == "a" && get("rel") == Some("noopener noreferrer nofollow");
                            let ours = value.starts_with("/mail/") || value.starts_with('#');
                            assert!(!leads || ours || away, "{name}: {attribute}={value}");
                        }
                    }
                    Token::Close(tag) => match tag.as_str() {
                        "label" => in_label = false,
                        "form" => {
                            assert_eq!(tokens_in_form, usize::from(post), "{name}: a form's token")
                        }
                        _ => {}
                    },
                    Token::Text(_) => {}
                }
            }
            assert_eq!((headings, mains), (1, 1), "{name}: one h1, one main");
            for field in fields {
                assert!(
                    labels.contains(&field),
                    "{name}: the field {field:?} has no label"
                );
            }
            for id in referred {
                assert!(ids.contains(&id), "{name}: nothing has the id {id}");
            }
            let lower = page.to_lowercase();
            for never in [
                "<script",
                "alert(1)</",
                "<img",
                "<i>",
                "<x>",
                "{n}",
                "{time}",
                "\u{202e}",
            ] {
                assert!(!lower.contains(never), "{name}: {never}");
            }
        }
    }
}

#[test]
fn a_sender_is_never_a_name_alone() {
    for (name, page) in pages(Language::English) {
        if [
            "inbox",
            "search",
            "message",
            "message-plain",
            "conversation",
        ]
        .contains(&name.as_str())
        {
            assert!(page.contains("&lt;eve@evil.example&gt;"), "{name}");
        }
    }
}

#[test]
fn the_banner_says_what_is_going_on_on_every_page() {
    let of = |wanted: &str| {
        let all = pages(Language::English);
        all.into_iter().find(|(name, _)| name == wanted).unwrap().1
    };
    for page in ["login", "inbox", "compose", "error-404", "logged-out"] {
        assert!(
            of(page).contains("The mail system has been down since 09:12 (UTC+1)."),
            "{page}"
        );
        assert!(of(page).contains("New mail is held here safely"), "{page}");
    }
    assert!(of("banner-unknown").contains("We cannot tell right now"));
    assert!(!of("banner-unknown").contains("All is well"));
    assert!(of("banner-returning").contains("1,234 messages left."));
    assert!(of("banner-down-long").contains("since 20 November, 09:12 (UTC+1)."));
    assert!(of("inbox").contains("every message is delivered there all the same"));
}

#[test]
fn all_forms_of_a_phrase_have_the_same_gaps() {
    let gaps = |text: &str| -> Vec<String> {
        let mut gaps: Vec<String> = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(gap, _)| gap.to_owned())
            .collect();
        gaps.sort();
        gaps
    };
    let rows = |language: Language| {
        let t = language.texts();
        [
            t.all.rows(),
            t.entrance.rows(),
            t.reading.rows(),
            t.writing.rows(),
            t.around.rows(),
        ]
        .concat()
    };
    let english = rows(Language::English);
    for language in Language::ALL {
        for ((name, text), (_, other)) in english.iter().zip(rows(language)) {
            assert!(!other.trim().is_empty() && other.trim() == other, "{name}");
            assert_eq!(gaps(text), gaps(other), "{name} in {}", language.tag());
        }
    }
}

/// WCAG 2.2, 1.4.3 and 1.4.11, for the pairs of colours that the stylesheet uses.
#[test]
fn what_is_written_can_be_read_in_the_light_and_in_the_dark() {
    let (light, dark) = style::STYLE
        .split_once("@media (prefers-color-scheme: dark)")
        .unwrap();
    let dark = dark.split_once("*, *::before").unwrap().0;
    let color = |sheet: &str, name: &str| {
        let (_, rest) = sheet.split_once(&format!("--{name}: #")).unwrap();
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    for sheet in [light, dark] {
        let contrast = |a: &str, b: &str| {
            let (a, b) = (color(sheet, a), color(sheet, b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for (ink, grounds) in [
            (
                "ink",
                &[
                    "ground",
                    "card",
                    "tint",
                    "bad-tint",
                    "warn-tint",
                    "good-tint",
                ][..],
            ),
            (
                "soft",
                &["ground", "card", "tint", "bad-tint", "warn-tint"][..],
            ),
            ("accent", &["ground", "card", "tint"][..]),
            ("on-accent", &["accent"][..]),
            ("bad", &["bad-tint", "card", "ground"][..]),
            ("warn", &["warn-tint"][..]),
            ("good", &["good-tint"][..]),
        ] {
            for ground in grounds {
                assert!(
                    contrast(ink, ground) >= 4.5,
                    "{ink} on {ground}: {}",
                    contrast(ink, ground)
                );
            }
        }
        for ground in ["card", "ground"] {
            assert!(contrast("edge", ground) >= 3.0, "edge on {ground}");
        }
    }
}

#[test]
fn the_stylesheet_asks_nobody_and_is_named_by_what_it_says() {
    for never in ["url(", "@import", "http"] {
        assert!(!style::STYLE.contains(never), "{never}");
    }
    assert!(
        style::STYLE_PATH.starts_with("/style-")
            && style::STYLE_PATH.len() == "/style-.css".len() + 16
    );
    assert!(
        style::PAGE_POLICY.starts_with("default-src 'none'; ")
            && !style::PAGE_POLICY.contains("unsafe")
    );
}
