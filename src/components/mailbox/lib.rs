//! What people see in a browser: `/mail/...`. A thin shell: how the request came, its cookies, its body;
//! the rest is [`site`](holdfast_core::people::site).
//!
//! Cookies are secrets, so nothing is answered in the clear, except on the machine itself.

use std::rc::Rc;

use holdfast_core::mail::dkim::Key;
use holdfast_core::people::login::cookie::Transport;
use holdfast_core::people::login::keys::Keys;
use holdfast_core::people::site::visit::BASE;
use holdfast_core::people::site::{self, Asked, Reply, Site};
use holdfast_core::ports::{Event, Log as _};
use holdfast_core::problem::{Kind, Problem};
use holdfast_edge::app::App;
use holdfast_edge::dkim::SigningKey;
use holdfast_edge::http_in::{Incoming, refuse, respond, respond_bytes};
use holdfast_edge::{asked_tick, settings};
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_bindgen;

struct Mailbox;

wasip3::http::service::export!(Mailbox);

impl wasip3::exports::http::handler::Guest for Mailbox {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match answer(Incoming::new(request)).await {
            Ok(reply) => {
                let Reply {
                    status,
                    content_type,
                    headers,
                    body,
                } = reply;
                respond_bytes(status, &content_type, &headers, body)
            }
            Err(problem) => respond(&refuse(&problem)),
        }
    }
}

async fn answer(incoming: Incoming) -> Result<Reply, Problem> {
    let Some(transport) = transport(&incoming) else {
        incoming.linger();
        let detail = "the webmail is answered by HTTPS only: use https:// in front of its address";
        return Err(Problem::new(Kind::Forbidden, detail));
    };
    let app = App::get().await?;
    let keys = settings::get("session_key")
        .await
        .map_err(|reason| Problem::new(Kind::Misconfigured, reason))?;
    let keys = Keys::new(&keys).map_err(|short| {
        let detail = format!("the variable session_key cannot be used: {short}");
        Problem::new(Kind::Misconfigured, detail)
    })?;
    let mut asked = asked(&incoming, transport);
    if asked.method == "POST" {
        let most = site::body_limit(&app.config, &asked.path);
        let body = incoming.body(most).await;
        asked.body = body.map_err(|error| error.problem(most))?;
    }
    let keys = Rc::new(keys);
    let dkim_key = match app.config.dkim.is_some() && asked.method == "POST" {
        true => dkim_key(&app).await,
        false => None,
    };
    let site = Site {
        ports: &*app,
        config: &app.config,
        keys: &keys,
        dkim_key: dkim_key.as_ref().map(|key| key as &dyn Key),
    };
    let mut reply = site::answer(site, &asked).await;
    if matches!(transport, Transport::Tls) {
        let two_years = "max-age=63072000; includeSubDomains".to_owned();
        reply = reply.with("strict-transport-security", two_years);
    }
    if asked.path == "/" && asked.method == "GET" && reply.status == 200 {
        let (app, keys, asked) = (app.clone(), keys.clone(), asked.clone());
        wit_bindgen::spawn(async move {
            let site = Site {
                ports: &*app,
                config: &app.config,
                keys: &keys,
                dkim_key: None,
            };
            site::tidy_up(site, &asked).await;
        });
    }
    // What was just written need not wait for the next tick.
    let wrote = asked.path == "/compose" || asked.path.ends_with("/answer");
    if wrote && asked.method == "POST" && reply.status == 303 {
        wit_bindgen::spawn(async move { asked_tick::ask(&app).await });
    }
    Ok(reply)
}

/// A key that cannot be used keeps no mail back.
async fn dkim_key(app: &App) -> Option<SigningKey> {
    let pem = settings::get("dkim_key").await;
    let read = pem.and_then(|pem| SigningKey::read(&pem).map_err(|bad| bad.to_string()));
    let failed = |reason: String| app.write(Event::new("dkim.not-signed").with("error", reason));
    read.map_err(failed).ok()
}

fn asked(incoming: &Incoming, transport: Transport) -> Asked {
    let text = |name: &str| incoming.last_header(name).map(str::to_owned);
    let below = incoming.path.strip_prefix(BASE).unwrap_or(&incoming.path);
    Asked {
        method: incoming.method.clone(),
        path: match below {
            "" => "/".to_owned(),
            path => path.to_owned(),
        },
        query: incoming.query.clone(),
        // HTTP/2 may bring it in pieces (RFC 9113, 8.2.3).
        cookies: incoming.texts("cookie").join("; "),
        accept_language: text("accept-language"),
        fetch_site: text("sec-fetch-site"),
        content_type: text("content-type").unwrap_or_default(),
        body: bytes::Bytes::new(),
        client: incoming.client_address().map(str::to_owned),
        transport: Some(transport),
    }
}

/// By TLS, where the host or the proxy in front of it says so; in the clear only on the machine itself.
fn transport(incoming: &Incoming) -> Option<Transport> {
    let full = incoming.last_header("spin-full-url");
    let full = full.and_then(|full| url::Url::parse(full).ok());
    let forwarded = incoming.last_header("x-forwarded-proto");
    let scheme = forwarded.or(full.as_ref().map(url::Url::scheme));
    if scheme == Some("https") {
        return Some(Transport::Tls);
    }
    let client = incoming.client_address()?;
    let client = client.parse::<std::net::SocketAddr>().ok()?;
    let host = incoming.last_header("host");
    let host = host.map(|host| format!("http://{host}/"));
    let host = host.and_then(|host| url::Url::parse(&host).ok()).or(full)?;
    let local = match host.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    (local && client.ip().is_loopback()).then_some(Transport::Loopback)
}
