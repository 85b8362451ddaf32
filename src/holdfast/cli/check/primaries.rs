//! Whether each primary would take mail now: asked as far as a message would need, and no further.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use holdfast_core::config::Config;
use holdfast_core::ports::{HttpClient, HttpFailureKind, HttpRequest};
use holdfast_core::routing::primary::{Credentials, PrimaryAddress};
use holdfast_core::routing::{Route, Target};
use holdfast_core::smtp::{Failure, FailureKind};
use url::Url;

use super::findings::Findings;
use crate::native::{Native, smtp};

/// Asks all of them side by side.
pub async fn check(config: &Config, native: &Native, unconfigured: bool, findings: &mut Findings) {
    let all = config.routes.iter().flat_map(|route| {
        let primaries = route.primaries.iter();
        primaries.map(move |primary| (route, primary))
    });
    let asked = all.map(async |(route, primary)| {
        let about = format!("{} of route {}", primary.text, route.name);
        (about, ask(config, native, route, primary).await)
    });
    for (about, answer) in join_all(asked).await {
        match answer {
            Ok(answer) => {
                findings.ok(&about, &answer.well);
                for (what, mend) in answer.notes {
                    findings.note(&about, &what, mend);
                }
            }
            // Nobody has a mail server there before the first try.
            Err((what, _)) if unconfigured => findings.note(
                &about,
                &format!("{what}; mail for it would be held"),
                "`holdfast up` brings a mail system of its own to try with",
            ),
            Err((what, mend)) => findings.problem(&about, &what, mend),
        }
    }
}

#[derive(Default)]
struct Answer {
    well: String,
    notes: Vec<(String, &'static str)>,
}

type Asked = Result<Answer, (String, &'static str)>;

async fn ask(config: &Config, native: &Native, route: &Route, primary: &PrimaryAddress) -> Asked {
    match &primary.target {
        Target::Smtp { at, implicit_tls } => ask_smtp(config, route, *at, *implicit_tls).await,
        Target::Http(url) => ask_http(native, route, url).await,
    }
}

async fn ask_smtp(config: &Config, route: &Route, at: SocketAddr, implicit_tls: bool) -> Asked {
    let found = smtp::probe(&config.hostname, route, at, implicit_tls)
        .await
        .map_err(|failure| {
            let mend = mend(&failure);
            (failure.detail, mend)
        })?;
    let tls = match found.tls {
        true => "with TLS",
        false => "without TLS",
    };
    let logged_in = match route.credentials {
        Some(_) => ", and the credentials are accepted",
        None => "",
    };
    let mut answer = Answer {
        well: format!("it is ready for mail, {tls}{logged_in}"),
        notes: Vec::new(),
    };
    if !found.offers.chunking {
        let what = "it does not offer CHUNKING: bare LF or CR in a message become CRLF on the way";
        answer
            .notes
            .push((what.to_owned(), "switch CHUNKING on if it can"));
    }
    let most = config.limits.message_bytes as u64;
    if found.offers.size.refuses(most) {
        let what = format!("it takes no message as large as limits.message_bytes ({most})");
        answer.notes.push((what, "make the two limits equal"));
    }
    Ok(answer)
}

fn mend(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::Connect => "start it, correct its address, or open the firewall",
        FailureKind::Tls => "correct tls, tls_name, tls_ca or tls_pins, or its certificate",
        FailureKind::Auth => "correct primary_credentials",
        FailureKind::Timeout => "it accepts connections and says nothing: see why",
        FailureKind::Closed | FailureKind::ServiceUnavailable => {
            "see in its log why it does not serve this machine"
        }
        FailureKind::Protocol => "is this an SMTP server? correct the address",
        FailureKind::NotGranted => "grant it",
    }
}

/// The probe of an HTTP primary: whoever answers without a 5xx is there.
async fn ask_http(native: &Native, route: &Route, url: &Url) -> Asked {
    let request = HttpRequest {
        method: "GET",
        url: url.to_string(),
        headers: authorization(route).into_iter().collect(),
        body: Vec::new(),
        connect: route.timeouts.connect,
        reply: route.timeouts.reply,
        most: ANSWER_BYTES,
    };
    let status = match native.send(request).await {
        Ok(response) => response.status,
        Err(failure) if failure.kind == HttpFailureKind::TooLong => 200,
        Err(failure) => {
            let mend = match failure.kind {
                HttpFailureKind::Tls => "correct its certificate, or the URL",
                _ => "start it, correct its URL, or open the firewall",
            };
            return Err((failure.detail, mend));
        }
    };
    let well = format!("it answers (HTTP {status})");
    match status {
        500.. => Err((well, "see in its log why it does not serve")),
        401 | 403 | 407 => {
            let what = "it may not accept our credentials".to_owned();
            let notes = vec![(
                what,
                "set [ROUTE] bearer, or username and password, in primary_credentials",
            )];
            Ok(Answer { well, notes })
        }
        404 => {
            let what = "there may be nothing at this path".to_owned();
            let notes = vec![(what, "correct the URL")];
            Ok(Answer { well, notes })
        }
        _ => Ok(Answer {
            well,
            ..Answer::default()
        }),
    }
}

fn authorization(route: &Route) -> Option<(&'static str, String)> {
    let value = match route.credentials.as_ref()? {
        Credentials::Bearer { bearer } => format!("Bearer {bearer}"),
        Credentials::Password { username, password } => {
            let pair = STANDARD.encode(format!("{username}:{password}"));
            format!("Basic {pair}")
        }
    };
    Some(("authorization", value))
}

const ANSWER_BYTES: usize = 262_144;
