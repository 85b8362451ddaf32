//! The demonstration primary, spoken to over a real connection.

use std::net::Ipv4Addr;

use super::*;

async fn start(inbox: &Inbox) -> DemoPrimary {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    DemoPrimary::start(listen, inbox.clone()).await.unwrap()
}

/// Sends the pieces one after another, each with a write of its own, and returns all replies.
async fn talk(primary: &DemoPrimary, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(primary.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).await.unwrap();
    replies
}

fn received(from: &str, to: &[&str], bytes: &'static [u8]) -> Received {
    Received {
        from: from.to_owned(),
        to: to.iter().map(|to| to.to_string()).collect(),
        bytes: Bytes::from_static(bytes),
    }
}

#[tokio::test]
async fn a_pipelined_session_is_kept_byte_for_byte() {
    let inbox = Inbox::new(10);
    let primary = start(&inbox).await;
    let session = b"EHLO x\r\nMAIL FROM:<a@x.example> SIZE=9 BODY=8BITMIME\r\n\
        RCPT TO:<b@y.example>\r\nRCPT TO:<\"c>d\"@y.example> NOTIFY=NEVER\r\nDATA\r\n\
        Subject: x\r\n\r\n..dot\r\n...\r\nbare\n..x\nlast\xff\r\n.\r\n\
        mail from:<>\r\nrcpt to:<e@y.example>\r\ndata\r\n.\r\nQUIT\r\n";
    let replies = talk(&primary, &[session]).await;
    let codes: Vec<_> = replies.lines().filter_map(|line| line.get(..4)).collect();
    let expected = [
        "220 ", "250-", "250-", "250-", "250-", "250-", "250-", "250 ", // greeting, EHLO
        "250 ", "250 ", "250 ", "354 ", "250 ", // the first message
        "250 ", "250 ", "354 ", "250 ", "221 ",
    ];
    assert_eq!(codes, expected, "{replies}");
    let first = b"Subject: x\r\n\r\n.dot\r\n..\r\nbare\n.x\nlast\xff\r\n";
    assert_eq!(
        inbox.messages(),
        [
            received("a@x.example", &["b@y.example", "\"c>d\"@y.example"], first),
            received("", &["e@y.example"], b""),
        ]
    );
}

#[tokio::test]
async fn it_does_not_matter_where_the_network_cuts() {
    let session =
        b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n..a\r\nb\r\n.\r\nQUIT\r\n";
    let inbox = Inbox::new(100);
    let primary = start(&inbox).await;
    for cut in 1..session.len() {
        talk(&primary, &[&session[..cut], &session[cut..]]).await;
    }
    let all = inbox.messages();
    assert_eq!(all.len(), session.len() - 1);
    let expected = received("a@x", &["b@y"], b".a\r\nb\r\n");
    assert!(all.iter().all(|message| *message == expected));
}

#[tokio::test]
async fn chunks_carry_any_bytes() {
    let inbox = Inbox::new(10);
    let primary = start(&inbox).await;
    let session = b"EHLO x\r\nMAIL FROM:<a@x>\r\nBDAT 3\r\nno!RCPT TO:<b@y>\r\nBDAT 5\r\n.\r\n.\rBDAT 2 LAST\r\n\n\0QUIT\r\n";
    let replies = talk(&primary, &[session]).await;
    assert!(
        replies.contains("503 5.5.1"),
        "a chunk without a recipient is read and refused: {replies}"
    );
    assert_eq!(
        inbox.messages(),
        [received("a@x", &["b@y"], b".\r\n.\r\n\0")]
    );
}

#[tokio::test]
async fn mistakes_are_answered() {
    let inbox = Inbox::new(10);
    let primary = start(&inbox).await;
    for (session, code) in [
        ("DATA\r\n", "503 "),
        ("RCPT TO:<b@y>\r\n", "503 "),
        ("MAIL FROM:a@x\r\n", "501 "),
        ("MAIL FROM:<a>\r\nMAIL FROM:<a>\r\n", "503 "),
        ("STARTTLS\r\n", "500 "),
        ("BDAT x\r\n", "501 "),
    ] {
        let replies = talk(&primary, &[session.as_bytes()]).await;
        assert!(
            replies.contains(&format!("\r\n{code}")),
            "{session:?}: {replies}"
        );
    }
    assert_eq!(inbox.count(), 0);
}

#[tokio::test]
async fn it_knows_how_often_it_was_called_on_and_what_came_at_the_same_time() {
    let inbox = Inbox::new(0);
    let primary = start(&inbox).await;
    let visits = |connections, begun, overlapped| Visits {
        connections,
        begun,
        overlapped,
    };
    talk(&primary, &[b"EHLO x\r\nQUIT\r\n"]).await;
    assert_eq!(inbox.visits(), visits(1, 0, 0), "a probe begins no message");
    let one = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n.\r\n";
    talk(&primary, &[one, one]).await;
    assert_eq!(inbox.visits(), visits(2, 2, 0), "one after the other");

    let mut slow = TcpStream::connect(primary.address()).await.unwrap();
    slow.write_all(b"MAIL FROM:<a@x>\r\n").await.unwrap();
    let mut replies = [0; 1024];
    let mut read = 0;
    while !replies[..read].ends_with(b"250 2.1.0 ok\r\n") {
        read += slow.read(&mut replies[read..]).await.unwrap();
    }
    talk(&primary, &[one]).await;
    assert_eq!(inbox.visits(), visits(4, 4, 1), "during the slow one");
}

#[tokio::test]
async fn it_stops_abruptly_and_starts_again_on_its_port() {
    let inbox = Inbox::new(1);
    let primary = start(&inbox).await;
    let address = primary.address();
    let mut open = TcpStream::connect(address).await.unwrap();
    let mut buffer = [0; 1024];
    assert!(open.read(&mut buffer).await.unwrap() > 0, "the greeting");
    primary.stop().await;
    assert_eq!(
        open.read(&mut buffer).await.unwrap_or(0),
        0,
        "the connection is cut"
    );
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");

    let primary = DemoPrimary::start(address, inbox.clone()).await.unwrap();
    for sender in ["a@x", "b@x"] {
        let session = format!("MAIL FROM:<{sender}>\r\nRCPT TO:<c@y>\r\nDATA\r\n.\r\n");
        talk(&primary, &[session.as_bytes()]).await;
    }
    assert_eq!(inbox.count(), 2);
    assert_eq!(
        inbox.messages(),
        [received("b@x", &["c@y"], b"")],
        "the list is bounded"
    );
}
