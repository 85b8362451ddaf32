//! Takes in what mail gateways post: `POST /v1/inbound/{gateway}/{partner}`. A thin shell over
//! [`inbound`](holdfast_core::inbound); beside the hot path, so that what partners of the submission API
//! wait for does not grow with each gateway.

use holdfast_core::inbound::secrets::GatewaySecrets;
use holdfast_core::inbound::{self, Door, Posted, Signatures};
use holdfast_core::ports::{Clock as _, Event, Log as _};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_edge::after;
use holdfast_edge::app::App;
use holdfast_edge::http_in::{Incoming, not_allowed, refuse, respond};
use holdfast_edge::{settings, signature};
use wasip3::http::types::{ErrorCode, Request, Response};

struct Inbound;

wasip3::http::service::export!(Inbound);

impl wasip3::exports::http::handler::Guest for Inbound {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let incoming = Incoming::new(request);
        let words = incoming.path.strip_prefix("/v1/inbound/");
        let words = words.unwrap_or_default().to_owned();
        let answer = match answer(incoming, &words).await {
            Ok(answer) => answer,
            Err(problem) => refuse(&problem),
        };
        respond(&inbound::answer(&words, answer))
    }
}

async fn answer(incoming: Incoming, words: &str) -> Result<Answer, Problem> {
    if incoming.method != "POST" {
        return Err(not_allowed("POST"));
    }
    let app = App::get().await?;
    let head = incoming.head();
    let admitted = app.admits(incoming.client_address());
    let door = match admitted.and_then(|()| inbound::begin(&app.config, words, &head)) {
        Ok(door) => door,
        Err(problem) => {
            incoming.linger();
            return Err(problem);
        }
    };
    match read(&app, &door, incoming).await {
        Ok(posted) => {
            let submitted = door.submit(&*app, &app.config, &app.cache, posted).await;
            after::work(&app, submitted.copies);
            Ok(submitted.response)
        }
        Err(problem) => {
            let event = Event::new("inbound.refused")
                .with("gateway", door.gateway.as_str())
                .with("partner", door.partner.name.as_str())
                .with("detail", problem.detail.as_str());
            app.write(event);
            Err(problem)
        }
    }
}

async fn read(app: &App, door: &Door<'_>, incoming: Incoming) -> Result<Posted, Problem> {
    let text = |name: &str| incoming.last_header(name).map(str::to_owned);
    let signatures = Signatures {
        postal_sha1: text("x-postal-signature"),
        postal_sha256: text("x-postal-signature-256"),
    };
    let keys = settings::get("gateway_keys")
        .await
        .map_err(|reason| Problem::new(Kind::Unavailable, reason))?;
    let keys = GatewaySecrets::parse(&keys)
        .map_err(|error| Problem::new(Kind::Misconfigured, error.to_string()))?;
    let most = door.body_limit;
    let body = incoming.body(most).await;
    let body = body.map_err(|error| error.problem(most))?;
    door.read(&keys, &signatures, &body, app.now(), &signature::verify)
}
