//! The program as its users run it: what it prints and with which exit code it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use holdfast::demo_primary::{DemoPrimary, Inbox};
use holdfast::embedded_s3::{EmbeddedS3, S3Options};
use holdfast_tests::support::Setup;
use holdfast_tests::support::installation::{ACME_KEY, OPERATOR_TOKEN, ZETA_KEY, mail};
use holdfast_tests::support::program;
use holdfast_tests::workspace;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {}", self.out))
    }

    fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }
}

async fn run(arguments: &[&str]) -> Ran {
    run_with(arguments, &[], b"").await
}

async fn run_with(arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Ran {
    let arguments: Vec<String> = arguments.iter().map(|text| text.to_string()).collect();
    let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let environment: Vec<_> = environment.iter().map(own).collect();
    let input = input.to_vec();
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(program())
            .args(arguments)
            .current_dir(workspace())
            .env_remove("HOLDFAST_KEY")
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input has ended, and that is seen by its code.
        child.stdin.take().unwrap().write_all(&input).ok();
        child.wait_with_output().unwrap()
    });
    let Output {
        status,
        stdout,
        stderr,
    } = ran.await.unwrap();
    Ran {
        code: status.code().expect("it ended by itself"),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const MESSAGE: &str = "Subject: x\n\n.\nno end of line";

#[path = "cli/manifests.rs"]
mod manifests;
#[path = "cli/recipes.rs"]
mod recipes;

mod toolchain {
    use super::*;

    /// A machine whose PATH has these programs and no others.
    fn machine(programs: &[(&str, &str)]) -> TempDir {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in programs {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    /// `holdfast up` on that machine, which has no target yet.
    async fn up_on(rustup: &str) -> (Ran, TempDir) {
        let machine = machine(&[
            ("rustc", "echo /there/is/no/such/folder"),
            ("rustup", rustup),
        ]);
        let path = machine.path().to_str().unwrap();
        let ran = run_with(&["up"], &[("PATH", path)], b"").await;
        (ran, machine)
    }

    #[tokio::test]
    async fn a_missing_target_is_added_and_a_missing_compiler_is_named() {
        let (ran, machine) = up_on("echo \"$@\" > \"${0%/*}/asked\"").await;
        let asked = std::fs::read_to_string(machine.path().join("asked")).unwrap();
        assert_eq!(asked, "target add wasm32-wasip2\n");
        assert_ne!(ran.code, 0);
        assert!(
            ran.err.contains("sudo apt-get install -y clang"),
            "{}",
            ran.err
        );
    }

    #[tokio::test]
    async fn a_target_that_cannot_be_added_is_named_with_its_line() {
        let (ran, _machine) = up_on("exit 1").await;
        assert_ne!(ran.code, 0);
        assert!(
            ran.err.contains("rustup target add wasm32-wasip2"),
            "{}",
            ran.err
        );
    }
}

mod send {
    use super::*;

    const ENVELOPE: [&str; 4] = ["--from", "", "--to", "anna@example.org"];

    #[tokio::test]
    async fn files_and_the_standard_input_are_sent_as_they_are() {
        let inbox = Inbox::new(9);
        let primary = DemoPrimary::start(anywhere(), inbox.clone()).await.unwrap();
        let url = format!("smtp://{}", primary.address());
        let holdfast = Setup::to(&[url]).start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "message.eml", MESSAGE);
        let mut line = vec!["send", &path, "-", "--url", holdfast.url()];
        line.extend(ENVELOPE);
        let key = [("HOLDFAST_KEY", ZETA_KEY)];
        let ran = run_with(&line, &key, b"Subject: y\r\n\r\ny\r\n").await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        let lines = ran.lines();
        assert_eq!(
            lines.len(),
            4,
            "a line for each file and recipient: {lines:?}"
        );
        assert!(lines[0].starts_with(&format!("{path}: delivered as ")));
        assert!(lines[1].starts_with("  anna@example.org: delivered (250 "));
        assert!(lines[2].starts_with("standard input: delivered as "));
        let arrived = inbox.messages();
        assert!(
            arrived[0].bytes.ends_with(MESSAGE.as_bytes()),
            "not changed"
        );
        assert!(arrived[1].bytes.ends_with(b"\r\n\r\ny\r\n"));
    }

    #[tokio::test]
    async fn what_is_held_is_accepted_and_the_same_run_sends_nothing_twice() {
        let closed = DemoPrimary::start(anywhere(), Inbox::new(0)).await.unwrap();
        let url = format!("smtp://{}", closed.address());
        closed.stop().await;
        let holdfast = Setup::to(&[url]).start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "message.eml", MESSAGE);
        let mut line = vec!["send", &path, "--url", holdfast.url(), "--key", ZETA_KEY];
        line.extend(ENVELOPE);
        line.extend(["--idempotency", "--json"]);
        let (first, second) = (run(&line).await, run(&line).await);
        assert_eq!((first.code, second.code), (0, 0), "{}", first.out);
        let (first, second) = (first.json(), second.json());
        assert_eq!(first["status"], 202);
        assert_eq!(first["answer"]["outcome"], "held");
        assert_eq!(first["answer"], second["answer"], "the recorded answer");
    }

    #[tokio::test]
    async fn refusals_fail_and_mistakes_send_nothing() {
        let inbox = Inbox::new(9);
        let primary = DemoPrimary::start(anywhere(), inbox.clone()).await.unwrap();
        let url = format!("smtp://{}", primary.address());
        let holdfast = Setup::to(&[url]).start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "message.eml", MESSAGE);
        let base = ["send", &path, "--url", holdfast.url(), "--from", ""];
        let with = |more: &[&'static str]| [&base[..], more].concat();

        let refused = run(&with(&["--to", "a@elsewhere.example", "--key", ACME_KEY])).await;
        assert_eq!(refused.code, 1);
        assert!(refused.out.contains("no route leads to elsewhere.example"));

        let stranger = run(&with(&["--to", "a@example.org"])).await;
        assert_eq!(
            stranger.code, 1,
            "demo-key is no key here: {}",
            stranger.out
        );
        assert!(
            stranger.out.contains("refused with 401"),
            "{}",
            stranger.out
        );

        let missing = run(&with(&["/nowhere.eml", "--to", "a@example.org"])).await;
        assert_eq!((missing.code, missing.out.as_str()), (2, ""));
        assert!(missing.err.contains("/nowhere.eml") && missing.err.contains("nothing was sent"));

        let nobody = run(&with(&[])).await;
        assert_eq!(nobody.code, 2, "--to is needed");
        let elsewhere = ["--to", "a@example.org", "--url", "https://192.0.2.1"];
        let keyless = run(&[&["send", &path, "--from", ""][..], &elsewhere].concat()).await;
        assert_eq!(
            keyless.code, 2,
            "the known key leaves this machine for nobody"
        );
        assert!(keyless.err.contains("--key"));
        assert_eq!(inbox.count(), 0);
    }
}

mod operate {
    use super::*;

    #[tokio::test]
    async fn an_outage_is_seen_and_ended_from_the_command_line() {
        let primary = DemoPrimary::start(anywhere(), Inbox::new(9)).await.unwrap();
        let address = primary.address();
        primary.stop().await;
        let holdfast = Setup::to(&[format!("smtp://{address}")]).start().await;
        let mut ids = Vec::new();
        for subject in ["one", "two", "three"] {
            let answer = holdfast.post(mail(subject)).await;
            ids.push(answer.id().to_owned());
        }
        let at = [
            "--url",
            holdfast.url(),
            "--token",
            OPERATOR_TOKEN,
            "--operator",
            "Olga",
        ];
        let on = async |words: &[&str]| run(&[words, &at[..]].concat()).await;

        let queue = on(&["queue"]).await;
        assert_eq!((queue.code, queue.lines().len()), (0, 6), "{}", queue.out);
        let first = format!("{} hq held ann@acme.example -> bob@example.org", ids[0]);
        assert_eq!(queue.lines()[0], first);
        assert!(queue.lines()[1].contains("connection refused"));

        let dropped = on(&["queue", "drop", &ids[1], "--reason", "not wanted"]).await;
        assert_eq!(dropped.out, format!("{}: dropped (hq)\n", ids[1]));
        let never = on(&["queue", "retry", &ids[1], "--reason", "wanted"]).await;
        assert_eq!((never.code, never.out.as_str()), (1, ""));
        assert!(never.err.contains("no route holds"), "{}", never.err);

        let held = on(&["override", "hq", "hold", "--reason", "moving house"]).await;
        assert_eq!(held.code, 0, "{}", held.err);
        let status = on(&["status"]).await;
        assert_eq!(status.code, 1, "a route that holds is not well");
        let said = "hq: hold (override: Olga ordered it: moving house)";
        assert_eq!(status.lines()[0], said, "{}", status.out);
        assert!(status.out.contains("queue: 2"), "{}", status.out);
        let refused = on(&["release", "hq"]).await;
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(
            refused.out.contains("nothing is released"),
            "{}",
            refused.out
        );
        on(&["override", "hq", "auto", "--reason", "moved"]).await;

        let inbox = Inbox::new(9);
        let _primary = DemoPrimary::start(address, inbox.clone()).await.unwrap();
        let forecast = on(&["release", "hq", "--dry-run"]).await;
        assert!(
            forecast.out.starts_with("hq: 2 held, the oldest since "),
            "{}",
            forecast.out
        );
        assert_eq!(inbox.count(), 0, "a dry run moves nothing");
        let released = on(&["release", "hq", "--reason", "back again"]).await;
        let said = "hq: 2 delivered, 0 rejected, 0 returned, 0 left for later\n";
        assert_eq!(
            (released.code, released.out.as_str()),
            (0, said),
            "{}",
            released.err
        );
        assert_eq!(inbox.count(), 2);
        let status = on(&["status", "--json"]).await;
        assert_eq!(status.code, 0, "{}", status.out);
        let releases = &status.json()["releases"]["routes"][0];
        assert_eq!(releases["queued"]["messages"], 0);
        assert_eq!(on(&["queue"]).await.out, "nothing is held\n");

        let audit = on(&["audit"]).await;
        let actions: Vec<&str> = audit
            .lines()
            .iter()
            .map(|line| line.split(' ').nth(3).unwrap())
            .collect();
        assert_eq!(
            actions,
            ["drop", "override", "override", "release"],
            "{}",
            audit.out
        );
        let csv = on(&["audit", "--csv"]).await;
        assert_eq!(csv.lines().len(), 5, "{}", csv.out);
    }

    #[tokio::test]
    async fn a_window_is_tried_planned_changed_and_deleted_from_the_command_line() {
        let primary = DemoPrimary::start(anywhere(), Inbox::new(0)).await.unwrap();
        let url = format!("smtp://{}", primary.address());
        let holdfast = Setup::to(&[url]).start().await;
        let at = ["--url", holdfast.url(), "--token", OPERATOR_TOKEN];
        let on = async |words: &[&str]| run(&[words, &at[..]].concat()).await;

        assert_eq!(on(&["window"]).await.out, "no windows are planned\n");
        let nights = [
            "window",
            "add",
            "--route",
            "hq",
            "--reason",
            "updates",
            "--time-zone",
            "Europe/Rome",
            "--start",
            "2100-01-03T02:00",
            "--end",
            "2100-01-03T04:00",
            "--rrule",
            "FREQ=WEEKLY;BYDAY=SU;COUNT=2",
        ];
        let far = on(&nights).await;
        assert_eq!((far.code, far.out.as_str()), (1, ""));
        assert!(far.err.contains("30 years"), "{}", far.err);
        let nights = nights.map(|word| match word {
            "2100-01-03T02:00" => "2040-01-01T02:00",
            "2100-01-03T04:00" => "2040-01-01T04:00",
            word => word,
        });
        let tried = on(&[&nights[..], &["--dry-run"]].concat()).await;
        assert_eq!(tried.code, 0, "{}", tried.err);
        assert_eq!(
            tried.lines(),
            [
                "hq automatic release: updates (FREQ=WEEKLY;BYDAY=SU;COUNT=2)",
                "  2040-01-01T02:00:00+01:00[Europe/Rome] to 2040-01-01T04:00:00+01:00[Europe/Rome]",
                "  2040-01-08T02:00:00+01:00[Europe/Rome] to 2040-01-08T04:00:00+01:00[Europe/Rome]",
            ]
        );
        assert_eq!(on(&["window"]).await.out, "no windows are planned\n");

        let now = [
            "window",
            "add",
            "--route",
            "hq",
            "--reason",
            "new disks",
            "--start",
            "2020-01-01T00:00:00Z",
            "--duration",
            "1h",
            "--release",
            "manual",
        ];
        let over = on(&now).await;
        assert!(over.err.contains("over already"), "{}", over.err);
        let planned = on(&[&nights[..], &["--json"]].concat()).await;
        let id = planned.json()["id"].as_str().unwrap().to_owned();
        let listed = on(&["window", "list"]).await;
        assert!(listed.lines()[0].starts_with(&id), "{}", listed.out);
        let closed = on(&["window", "end", &id, "--reason", "done"]).await;
        assert!(closed.err.contains("not open"), "{}", closed.err);
        let until = ["--until", "2040-01-02T00:00:00Z", "--reason", "longer"];
        let closed = on(&[&["window", "extend", &id][..], &until[..]].concat()).await;
        assert!(closed.err.contains("not open"), "{}", closed.err);
        let deleted = on(&["window", "delete", &id, "--reason", "not needed"]).await;
        assert_eq!(deleted.out, format!("{id}: deleted\n"), "{}", deleted.err);
        let audit = on(&["audit"]).await;
        assert!(audit.lines()[1].contains("window.delete"), "{}", audit.out);
    }

    #[tokio::test]
    async fn a_wrong_token_is_said_and_never_shown() {
        let primary = DemoPrimary::start(anywhere(), Inbox::new(0)).await.unwrap();
        let url = format!("smtp://{}", primary.address());
        let holdfast = Setup::to(&[url]).start().await;
        let ran = run(&["status", "--url", holdfast.url(), "--token", "wr0ng"]).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("401"), "{}", ran.err);
        assert!(!ran.err.contains("wr0ng"), "{}", ran.err);
    }
}

mod check {
    use super::*;

    const TOKENS: [&str; 4] = [
        "--variable",
        "operator_token=0123456789abcdef0",
        "--variable",
        "tick_token=fedcba98765432100",
    ];

    fn config(primary: &str) -> String {
        let zeros = "0".repeat(64);
        format!(
            "[[route]]\nname = \"hq\"\ndomains = [\"example.org\"]\nprimary = \"{primary}\"\n\
             tls = \"off\"\n[[partner]]\nname = \"acme\"\nkey_sha256 = \"{zeros}\"\n"
        )
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<String> {
        let each =
            |(name, value): &(&str, &str)| ["--variable".to_owned(), format!("{name}={value}")];
        pairs.iter().flat_map(each).collect()
    }

    async fn check(more: &[String]) -> Ran {
        let mut line = vec!["check", "--json"];
        line.extend(more.iter().map(String::as_str));
        line.extend(TOKENS);
        run(&line).await
    }

    /// What was found about something whose name contains `about`.
    fn found(ran: &Ran, about: &str) -> Vec<(String, String)> {
        let json = ran.json();
        let all = json["findings"].as_array().unwrap();
        let word = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        all.iter()
            .filter(|one| word(one, "about").contains(about))
            .map(|one| {
                (
                    word(one, "level"),
                    format!("{} {}", word(one, "what"), word(one, "mend")),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn without_settings_nothing_is_wrong_and_it_says_what_that_means() {
        let ran = run(&["check"]).await;
        assert_eq!(ran.code, 0, "{}", ran.out);
        assert!(ran.out.contains("local-only demonstration"));
        assert!(ran.out.contains("key-value store"));
        assert!(ran.lines().last().unwrap().starts_with("Nothing is wrong"));
    }

    #[tokio::test]
    async fn a_whole_configuration_is_found_well() {
        let folder = tempfile::tempdir().unwrap();
        let s3 = S3Options::new(folder.path().join("s3"), "access", "hidden-secret");
        let s3 = EmbeddedS3::start(s3).await.unwrap();
        let primary = DemoPrimary::start(anywhere(), Inbox::new(0)).await.unwrap();
        let document = config(&format!("smtp://{}", primary.address()));
        let document = format!("@{}", file(&folder, "holdfast.toml", &document));
        let ran = check(&variables(&[
            ("config", &document),
            ("primary_hosts", &format!("tcp://{}", primary.address())),
            ("storage_url", &s3.url()),
            ("storage_access_key", "access"),
            ("storage_secret_key", "hidden-secret"),
        ]))
        .await;
        assert_eq!(ran.code, 0, "{}", ran.out);
        let storage: Vec<_> = found(&ran, "storage").into_iter().map(|f| f.0).collect();
        assert_eq!(
            storage,
            ["ok", "ok", "ok"],
            "grant, bucket, conditions: {}",
            ran.out
        );
        assert!(
            found(&ran, "smtp://")
                .iter()
                .any(|(level, what)| level == "ok" && what.contains("ready for mail"))
        );
        assert!(!ran.out.contains("hidden-secret"), "secrets are not shown");
        let left: Vec<_> = walk(&folder.path().join("s3"))
            .into_iter()
            .filter(|name| name.contains("check-") && !name.contains(".internal"))
            .collect();
        assert!(left.is_empty(), "the trial object is removed: {left:?}");
    }

    #[tokio::test]
    async fn each_mistake_is_named_with_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let s3 = S3Options::new(folder.path().join("s3"), "access", "right");
        let s3 = EmbeddedS3::start(s3).await.unwrap();
        let closed = DemoPrimary::start(anywhere(), Inbox::new(0)).await.unwrap();
        let address = closed.address();
        closed.stop().await;
        let ran = check(&variables(&[
            ("config", &config(&format!("smtp://{address}"))),
            ("storage_url", &s3.url()),
            ("storage_access_key", "access"),
            ("storage_secret_key", "wrong"),
        ]))
        .await;
        assert_eq!(ran.code, 1);
        let problems: Vec<_> = found(&ran, "")
            .into_iter()
            .filter(|(level, _)| level == "problem")
            .map(|(_, what)| what)
            .collect();
        let expected = [
            "storage_secret_key".to_owned(),
            format!("primary_hosts=tcp://{address}"),
            "refused".to_owned(),
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.contains(&expected), "{problem} names {expected}");
        }
    }

    #[tokio::test]
    async fn settings_the_components_would_refuse_are_refused() {
        let misspelt = config("smtp://127.0.0.1:1").replace("tls =", "tsl =");
        for (name, value, key) in [
            ("config", misspelt.as_str(), "tsl"),
            ("storage_style", "sideways", "storage_style"),
            (
                "primary_credentials",
                "[hq]\npasword = \"hunter2\"",
                "primary_credentials",
            ),
            ("no_such_variable", "x", "no_such_variable"),
        ] {
            let ran = check(&variables(&[(name, value)])).await;
            assert_eq!(ran.code, 1, "{name}: {}", ran.out);
            let named = |(level, what): &(String, String)| level == "problem" && what.contains(key);
            assert!(found(&ran, "").iter().any(named), "{name}: {}", ran.out);
            assert!(!ran.out.contains("hunter2"), "secrets are not shown");
        }
    }

    fn walk(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .flat_map(|entry| match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path()),
                false => vec![entry.path().display().to_string()],
            })
            .collect()
    }
}

mod demo {
    use super::*;

    #[tokio::test]
    async fn every_step_of_an_outage_is_observed() {
        let ran = run(&["demo", "--json"]).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
        let result = ran.json();
        assert_eq!(result["passed"], true);
        assert!(result["seconds"].as_f64().unwrap() < 60.0);
        let observed = result["observations"].as_array().unwrap();
        let names: Vec<_> = observed
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        let expected = [
            "delivered",
            "primary_killed",
            "held",
            "held",
            "held",
            "held",
            "down",
            "stored",
            "window",
            "primary_back",
            "held_in_window",
            "held_in_window",
            "left_alone",
            "window_ended",
            "canary",
            "released",
            "delivered",
            "all_there",
        ];
        assert_eq!(names, expected);
        assert!(observed.iter().all(|one| one["seen"] == true));
        let all = |name: &str| -> Vec<&Value> {
            let named = observed.iter().filter(|one| one["name"] == name);
            named.map(|one| &one["facts"]).collect()
        };
        let facts = |name: &str| all(name)[0];
        let held = [all("held"), all("held_in_window")].concat();
        let of = |name: &str| -> Vec<&Value> { held.iter().map(|one| &one[name]).collect() };
        assert!(of("outcome").iter().all(|outcome| *outcome == "held"));
        let reasons = ["failed", "down", "down", "down", "window", "window"];
        assert_eq!(of("reason"), reasons);
        assert_eq!(of("until")[4], &facts("window")["until"]);
        let objects = facts("stored")["objects"].as_array().unwrap();
        assert_eq!(objects.len(), 4);
        assert!(objects.iter().all(|one| one["bytes_equal"] == true));
        assert_eq!(facts("left_alone")["messages_begun"], 0);
        assert_eq!(facts("left_alone")["queued"], 6);
        assert_eq!(&facts("canary")["canary"]["id"], of("id")[0]);
        assert_eq!(facts("released")["numbers"], json!([2, 3, 4, 5, 6, 7]));
        assert_eq!(facts("released")["bytes_equal"], true);
        assert_eq!(facts("released")["left_in_queue"], 0);
        assert_eq!(facts("all_there")["arrived"], 8);
    }

    #[tokio::test]
    async fn people_see_the_same() {
        let ran = run(&["demo"]).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
        for words in [
            "200 delivered",
            "202 held",
            ": connection refused",
            "Holdfast-Reason: failed",
            "window, until ",
            "The canary, the oldest held message: No. 2",
            "state: up",
            "They arrived oldest first: No. 2, No. 3, No. 4, No. 5, No. 6, No. 7",
            "Every step was observed",
        ] {
            assert!(ran.out.contains(words), "{words}: {}", ran.out);
        }
    }
}
