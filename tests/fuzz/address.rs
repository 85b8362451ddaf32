//! Addresses, from the words of a request to the primary's command line: what is taken stays what it
//! is in every place it is written to, and is one argument of one command.

use bytes::Bytes;
use holdfast_core::custody::held::Held;
use holdfast_core::mail::{self, Domain, EmailAddress};
use holdfast_core::smtp::{
    Content, Credentials, Envelope, HelloName, Session, Settings, TlsPolicy, Transaction, Want,
};

use crate::world;

/// The input is a text: each of its lines an address, a domain, a host's name.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let words: Vec<&str> = text.split('\n').collect();
    let addresses: Vec<EmailAddress> = words.iter().filter_map(|word| word.parse().ok()).collect();
    for word in &words {
        whatever_the_wire_takes_is_one_argument(word);
        if let Ok(domain) = word.parse::<Domain>() {
            let upper = word.to_ascii_uppercase().parse::<Domain>();
            assert_eq!(upper.as_ref(), Ok(&domain), "a domain has no case");
        }
        let _ = HelloName::new(word);
        let _ = Credentials::new(word, text);
    }
    for address in &addresses {
        it_stays_what_it_is(address);
    }
    a_held_message_keeps_them(&addresses);
}

fn it_stays_what_it_is(address: &EmailAddress) {
    let text = address.to_string();
    assert_eq!(text.parse().as_ref(), Ok(address));
    assert!(!text.chars().any(char::is_control));
    assert_eq!(
        text,
        format!("{}@{}", address.local(), &text[address.local().len() + 1..])
    );
    let json = serde_json::to_string(address).unwrap();
    assert_eq!(
        &serde_json::from_str::<EmailAddress>(&json).unwrap(),
        address
    );
    assert!(address.same_mailbox(address));
    assert!(
        Envelope::new(text.clone(), [text.clone()]).is_ok(),
        "a sender must not be able to make a primary look broken: {text}"
    );
}

fn a_held_message_keeps_them(addresses: &[EmailAddress]) {
    let message = Bytes::from_static(b"Subject: x\r\n\r\ny\r\n");
    let mut held = world::held(&message);
    held.envelope = mail::Envelope::new(addresses.first().cloned(), addresses.to_vec());
    held.uncertain = held.envelope.recipients.iter().skip(1).cloned().collect();
    let object = held.object(&message).concat().into();
    assert_eq!(Held::read("key", &object), Ok((held, message)));
}

fn whatever_the_wire_takes_is_one_argument(address: &str) {
    let Ok(envelope) = Envelope::new(address, [address]) else {
        return;
    };
    let mut session = Session::new(Settings {
        hello: HelloName::new("client.example").unwrap(),
        tls: TlsPolicy::Off,
        tls_active: false,
        credentials: None,
        plaintext_auth: false,
    });
    let content = Content::new([Bytes::from_static(b"x\r\n")]);
    session.submit(Transaction { envelope, content }).unwrap();
    session.received(b"220 a\r\n");
    let _ehlo = session.want();
    session.received(b"250-a\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n");
    let Want::Write { bytes, .. } = session.want() else {
        panic!("MAIL is due");
    };
    let flight = String::from_utf8(bytes.to_vec()).unwrap();
    let utf8 = if address.is_ascii() { "" } else { " SMTPUTF8" };
    let expected = format!("MAIL FROM:<{address}>{utf8}\r\nRCPT TO:<{address}>\r\nDATA\r\n");
    assert_eq!(flight, expected);
    assert_eq!(flight.matches(char::is_control).count(), 6, "three lines");
    assert_eq!(flight.matches(['<', '>']).count(), 4, "one argument each");
}
