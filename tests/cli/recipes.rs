//! What hands mail to Holdfast where no gateway does: the printed script and worker are run as they stand,
//! against a running installation.

use super::*;
use holdfast_tests::support::installation::ACME;
use holdfast_tests::support::{Installation, Peer};

async fn printed(kind: &str, host: &str) -> String {
    let ran = run(&["manifest", kind, "--host", host]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out.replace("PARTNER'", &format!("{ACME}'"))
}

/// Runs a program with a message on its standard input.
async fn given(mut command: Command, message: Vec<u8>) -> Output {
    let ran = tokio::task::spawn_blocking(move || {
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = streams.stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // One that ended already does not read.
        input.write_all(&message).ok();
        drop(input);
        child.wait_with_output().unwrap()
    });
    ran.await.unwrap()
}

async fn submit(folder: &Path, host: &str, key: &str, sender: &str, message: &[u8]) -> Output {
    let file = folder.join("partner_key");
    std::fs::write(&file, format!("Authorization: Bearer {key}\n")).unwrap();
    let script = printed("postfix", host).await;
    let script = script.replace("/etc/holdfast/partner_key", file.to_str().unwrap());
    let mut shell = Command::new("/bin/sh");
    shell.args([
        "-c",
        &script,
        "holdfast-submit",
        sender,
        "bob+news@example.org",
    ]);
    given(shell, message.to_vec()).await
}

async fn installation(peer: &Peer) -> Installation {
    Setup::to(&[peer.url()]).start().await
}

#[tokio::test]
async fn postfix_is_told_what_became_of_a_message_in_codes_that_it_knows() {
    let peer = Peer::start().await;
    peer.refuse_content("poison", "554 5.6.0 never");
    let mut holdfast = installation(&peer).await;
    let (folder, host) = (tempfile::tempdir().unwrap(), holdfast.url().to_owned());
    let folder = folder.path();
    let ended = |ran: &Output| {
        let said = [&ran.stdout[..], &ran.stderr[..]].concat();
        (
            ran.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    for sender in ["ann@acme.example", ""] {
        let message = mail(&format!("from {sender}"));
        let ran = submit(folder, &host, ACME_KEY, sender, &message).await;
        assert_eq!(ended(&ran), (Some(0), String::new()));
        let taken = peer.taken().pop().unwrap();
        assert!(taken.bytes.ends_with(&message));
        assert_eq!(
            (taken.from.as_str(), &taken.to[..]),
            (sender, &["bob+news@example.org".to_owned()][..])
        );
    }
    let refused = submit(folder, &host, ACME_KEY, "ann@acme.example", &mail("poison")).await;
    let (code, said) = ended(&refused);
    assert_eq!(code, Some(69), "{said}");
    assert!(said.contains("554"), "the sender is told why: {said}");
    let wrong = submit(folder, &host, "wrong", "ann@acme.example", &mail("kept")).await;
    assert_eq!(
        ended(&wrong).0,
        Some(75),
        "a mistake of ours bounces nobody's mail"
    );
    holdfast.kill_host().await;
    let nobody = submit(folder, &host, ACME_KEY, "ann@acme.example", &mail("kept")).await;
    assert_eq!(ended(&nobody).0, Some(75));
    assert_eq!(peer.taken().len(), 2);
}

#[tokio::test]
#[ignore = "needs Node"]
async fn the_email_worker_hands_over_refuses_and_leaves_for_later() {
    let peer = Peer::start().await;
    peer.refuse_content("poison", "554 5.6.0 never");
    let mut holdfast = installation(&peer).await;
    let folder = tempfile::tempdir().unwrap();
    let worker = printed("email-worker", holdfast.url()).await;
    std::fs::write(folder.path().join("worker.mjs"), worker).unwrap();
    std::fs::write(folder.path().join("cloudflare.mjs"), CLOUDFLARE).unwrap();
    let work = async |message: Vec<u8>, key: &str| {
        let mut node = Command::new("node");
        node.arg(folder.path().join("cloudflare.mjs"))
            .args([ACME, key]);
        let ran = given(node, message).await;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(
            ran.status.success(),
            "{said} {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        said.trim().to_owned()
    };
    let message = mail("by a worker");
    assert_eq!(work(message.clone(), ACME_KEY).await, "taken");
    assert!(peer.taken()[0].bytes.ends_with(&message));
    assert_eq!(peer.taken()[0].to, ["bob+news@example.org"]);
    let refused = work(mail("poison"), ACME_KEY).await;
    assert!(
        refused.starts_with("rejected:") && refused.contains("554"),
        "{refused}"
    );
    assert_eq!(
        work(message.clone(), "wrong").await,
        "thrown: Holdfast answered 401"
    );
    holdfast.kill_host().await;
    assert!(work(message, ACME_KEY).await.starts_with("thrown:"));
    assert_eq!(peer.taken().len(), 1);
}

/// Calls the worker as its runtime does, and says what came of it.
const CLOUDFLARE: &str = "
import worker from './worker.mjs';
const [PARTNER, KEY] = process.argv.slice(2);
let said = 'taken';
const message = {
  from: 'ann@acme.example',
  to: 'bob+news@example.org',
  raw: new Response(await new Response(process.stdin).arrayBuffer()).body,
  setReject(reason) { said = `rejected: ${reason}`; },
};
await worker.email(message, { PARTNER, KEY }).catch((error) => { said = `thrown: ${error.message}`; });
console.log(said);
";
