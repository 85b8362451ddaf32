//! `holdfast manifest`: what it prints is run as it stands, against a running installation.

use super::*;
use holdfast_tests::support::Installation;
use holdfast_tests::support::installation::TICK_TOKEN;

/// What `holdfast manifest KIND` prints for this address.
async fn printed(kind: &str, host: &str) -> String {
    let ran = run(&["manifest", kind, "--host", host]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains(&format!("{host}/v1/tick")), "{}", ran.out);
    assert!(!ran.out.contains("{{host}}"), "{}", ran.out);
    ran.out
}

/// The shell commands of each kind that make one round of ticks, without the waits between them.
async fn commands(host: &str) -> [(&'static str, String); 3] {
    let cron = printed("cron", host).await;
    let cron = cron.lines().last().unwrap();
    let cron = cron.strip_prefix("* * * * * ").expect("a crontab line");
    assert!(!cron.contains('%'), "cron takes a % for a line end: {cron}");

    let units = printed("systemd", host).await;
    let start = units
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let start = start.expect("what the service runs");
    assert!(!start.contains('%'), "systemd takes a % for its own");
    let start = start.strip_prefix("/bin/sh -c '").unwrap();
    let start = start.strip_suffix('\'').unwrap().replace("$$", "$");

    let yaml = printed("kubernetes", host).await;
    let (_, job) = yaml.split_once("args:\n                - |\n").unwrap();
    let lines = job
        .lines()
        .take_while(|line| line.starts_with(&" ".repeat(18)));
    let job: Vec<&str> = lines.map(|line| &line[18..]).collect();
    let job = job.join("\n");
    [
        ("cron", cron.replace("sleep 10", "sleep 0")),
        ("systemd", start),
        ("kubernetes", job.replace("sleep 10", "sleep 0")),
    ]
}

/// Runs a command where its token is in the file that it wants.
async fn run_shell(kind: &str, command: &str, token: &str, path: Option<&Path>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = match kind {
        "cron" => folder.path().join(".holdfast/tick_token"),
        _ => folder.path().join("tick_token"),
    };
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, token).unwrap();
    let command = command.replace("/run/holdfast/tick_token", file.to_str().unwrap());
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &command])
        .env("HOME", folder.path())
        .env("CREDENTIALS_DIRECTORY", folder.path());
    if let Some(path) = path {
        let before = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{before}", path.display()));
    }
    tokio::task::spawn_blocking(move || shell.output().unwrap())
        .await
        .unwrap()
}

async fn installation() -> Installation {
    let setup = Setup::to(&["smtp://127.0.0.1:9".to_owned()]);
    setup.never_ticked().start().await
}

#[tokio::test]
async fn each_printed_command_lets_time_pass() {
    for (at, kind) in ["cron", "systemd", "kubernetes"].into_iter().enumerate() {
        let holdfast = installation().await;
        let commands = commands(holdfast.url()).await;
        assert_eq!(commands[at].0, kind);
        let command = &commands[at].1;
        let wrong = run_shell(kind, command, "wrong\n", None).await;
        let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert!(said.contains("401"), "{kind}: {said}");
        assert!(!holdfast.storage.objects().contains_key("ticks.json"));
        // cron's last command is the wait, so what it reports is not the tick's.
        assert!(kind == "cron" || !wrong.status.success(), "{kind}");
        for token in [format!("{TICK_TOKEN}\n"), TICK_TOKEN.to_owned()] {
            let ran = run_shell(kind, command, &token, None).await;
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(ran.status.success(), "{kind}: {said}");
            assert_eq!((ran.stdout.len(), said.as_str()), (0, ""), "{kind}");
        }
        let ticked = holdfast.storage.objects().contains_key("ticks.json");
        assert!(ticked, "{kind}: time passed");
    }
}

#[tokio::test]
async fn the_token_never_stands_on_a_command_line() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (curl, log) = (folder.path().join("curl"), folder.path().join("log"));
    let script = format!(
        "#!/bin/sh\necho \"arguments: $*\" >> {log}\necho \"input: $(cat)\" >> {log}\n",
        log = log.display()
    );
    std::fs::write(&curl, script).unwrap();
    std::fs::set_permissions(&curl, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (kind, command) in commands("https://holdfast.example.org").await {
        std::fs::write(&log, "").unwrap();
        run_shell(kind, &command, "a-secret", Some(folder.path())).await;
        let log = std::fs::read_to_string(&log).unwrap();
        let [first, second] = [0, 1].map(|at| log.lines().nth(at).unwrap_or_default());
        assert!(
            first.ends_with("https://holdfast.example.org/v1/tick"),
            "{log}"
        );
        assert!(!first.contains("a-secret"), "{kind}: {first}");
        assert_eq!(second, "input: Authorization: Bearer a-secret", "{kind}");
        let rounds = log.lines().count() / 2;
        assert_eq!(rounds, if kind == "systemd" { 1 } else { 6 }, "{kind}");
    }
}

#[tokio::test]
async fn the_kubernetes_manifest_has_what_it_must_have() {
    let yaml = printed("kubernetes", "http://holdfast").await;
    assert_eq!(run(&["manifest", "kubernetes"]).await.out, yaml);
    let documents: Vec<&str> = yaml.split("\n---\n").collect();
    let kinds = ["kind: Secret", "kind: SpinApp", "kind: CronJob"];
    assert_eq!(documents.len(), kinds.len());
    for (document, kind) in documents.iter().zip(kinds) {
        let has = |line: &str| document.lines().any(|own| own == line);
        assert!(has(kind) && has("metadata:"), "{document}");
        for line in document.lines() {
            let indent = line.len() - line.trim_start_matches(' ').len();
            assert!(!line.contains('\t') && indent % 2 == 0, "{line:?}");
        }
    }
    for line in [
        "concurrencyPolicy: Forbid",
        "backoffLimit: 0",
        "readOnlyRootFilesystem: true",
        "runAsNonRoot: true",
        "allowPrivilegeEscalation: false",
        "limits: { memory: 64Mi }",
    ] {
        assert!(documents[2].contains(line), "{line}");
    }
    // Each variable of the SpinApp is one that the application has, and each secret comes from the Secret.
    let manifest = std::fs::read_to_string(workspace().join("spin.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let variables = manifest["variables"].as_table().unwrap();
    for (name, variable) in variables {
        let secret = variable.get("secret").is_some();
        let from = format!("secretKeyRef: {{ name: holdfast, key: {name} }}");
        assert!(!secret || documents[1].contains(&from), "{name}");
    }
    let named = documents[1].lines().filter_map(|line| {
        let (_, rest) = line.split_once("name: ")?;
        Some(rest.split([',', ' ', '}']).next().unwrap_or_default())
    });
    for name in named.filter(|name| *name != "holdfast") {
        assert!(variables.contains_key(name), "{name} is no variable");
    }
}

#[tokio::test]
async fn an_address_that_could_be_more_than_an_address_is_refused() {
    for bad in [
        "https://holdfast.example.org/v1/tick",
        "ftp://holdfast.example.org",
        "https://a';reboot;'",
        "https://holdfast.example.org/?x",
    ] {
        let ran = run(&["manifest", "cron", "--host", bad]).await;
        assert_ne!(ran.code, 0, "{bad}: {}", ran.out);
    }
    let plug_in = run(&["manifest", "spin-cron"]).await.out;
    toml::from_str::<toml::Table>(&plug_in).expect("it is a manifest");
}
