//! The API's description (OpenAPI 3.1), from the types that the API is made of.
//!
//! Only built where it is written down: the components carry the finished document.

use utoipa::OpenApi;

use crate::{custody, drill, mail, operate, people, problem, routing, submit, tick};

/// A problem (RFC 9457) as it is told.
#[derive(utoipa::ToSchema)]
#[allow(dead_code)]
struct ProblemDetails {
    /// `urn:holdfast:problem:` and the kind.
    r#type: String,
    /// One line, the same for every problem of the kind.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened here and how to mend it.
    detail: String,
    /// The id under which the log knows the request.
    id: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "Keeps mail moving when the mail server does not: a submission is delivered to the \
                       primary, or held in the organisation's own storage until the primary is back.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(post_message, get_message, post_inbound, livez, readyz, tick, health, put_override, queue, queue_action, audit, get_release, post_release, get_windows,
          post_window, put_window, delete_window, end_window, extend_window, metrics, get_drills, post_drill,
          people, person, post_activation, post_revoke, get_access, put_access, dropbox, dropbox_message),
    components(schemas(
        ProblemDetails, problem::Kind, submit::answer::Answer, submit::answer::Settled, submit::answer::Outcome,
        submit::answer::ReplyWords, submit::request::RawMessage, submit::request::RawEnvelope,
        mail::compose::Fields, mail::compose::Attachment, mail::compose::OneOrMany, custody::life::Life,
        custody::life::HeldCopy, custody::release::Ended,
        custody::release::Dropped, custody::retention::Swept, mail::DsnRequest, mail::Notify, mail::Ret, operate::audit::Audit, operate::audit::AuditPage, operate::queue::QueuePage,
        operate::queue::Queued, operate::queue::QueuedState, operate::queue::Because, operate::queue::Done,
        operate::release::ReleaseOrder, operate::release::ReleaseAnswer, operate::release::Releases,
        operate::release::RouteRelease, custody::progress::Progress, custody::progress::Count,
        custody::drain::Drained, operate::drills::DrillOrder, operate::drills::DrillPage, drill::Drill,
        drill::Step, drill::StepOutcome, tick::Ticked, tick::RouteTicked, tick::Probed, tick::Canaried, people::upkeep::Upkept, people::mailbox::filing::Filed, operate::HealthReport,
        operate::RouteHealth, operate::PrimaryHealth, operate::DecisionWord, operate::Order,
        routing::RouteName, routing::Health, routing::HealthState, routing::HoldReason, routing::decide::Hold,
        operate::windows::EndOrder, operate::windows::ExtendOrder, operate::windows::definition::WindowOrder,
        operate::windows::view::WindowList, operate::windows::view::WindowView, operate::windows::view::Occurrence,
        operate::windows::view::Conflict, operate::windows::view::RouteWaiting, routing::window::Waiting,
        routing::window::WindowRelease, routing::health::Evidence, routing::state::Mode, routing::state::Override,
        operate::people::list::PeoplePage, operate::people::list::PersonLine, operate::people::show::Person,
        operate::people::show::OpenLink, operate::people::activation::ActivationOrder,
        operate::people::activation::ActivationLink, operate::people::revoke::RevokeOrder,
        operate::people::revoke::Revoked, operate::people::access::AccessReport,
        operate::people::access::RouteAccess, operate::people::access::GroupAccess,
        operate::people::access::UserAccess, operate::people::dropbox::DropboxPage,
        operate::people::dropbox::Dropped, people::login::activation::Purpose, people::access::Access,
        people::access::AccessOrder, people::access::AccessAnswer, people::access::AccessDecision,
        people::access::Decider, people::access::Why, people::access::Entry, people::access::Scope,
        people::access::Ordered
    )),
    modifiers(&Security)
)]
struct Api;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let components = api.components.get_or_insert_default();
        for (name, scheme, says) in [
            ("partnerBearer", HttpAuthScheme::Bearer, "A partner's key"),
            (
                "partnerBasic",
                HttpAuthScheme::Basic,
                "A partner's name and key",
            ),
            (
                "operatorToken",
                HttpAuthScheme::Bearer,
                "The operator_token",
            ),
            ("tickToken", HttpAuthScheme::Bearer, "The tick_token"),
        ] {
            let http = HttpBuilder::new()
                .scheme(scheme)
                .description(Some(says))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(http));
        }
    }
}

/// The document, as JSON.
pub fn document() -> String {
    Api::openapi().to_json().unwrap_or_default()
}

/// Submit one message.
#[utoipa::path(
    post, path = "/v1/messages", tag = "submission",
    params(
        ("from" = Option<String>, Query, description = "Envelope sender of a message/rfc822 body, percent-encoded; empty is the null sender"),
        ("to" = Option<Vec<String>>, Query, description = "Envelope recipients of a message/rfc822 body, one `to` each"),
        ("notify" = Option<mail::Notify>, Query, description = "Whether the sender is told when it cannot be delivered; `failure` if absent"),
        ("ret" = Option<mail::Ret>, Query, description = "How much of the message comes back then; `hdrs` if absent"),
        ("envid" = Option<String>, Query, description = "The sender's own name for it, which the report repeats: up to 100 printable characters"),
        ("Idempotency-Key" = Option<String>, Header, description = "Up to 256 printable ASCII characters, quoted or not"),
        ("Content-Digest" = Option<String>, Header, description = "sha-256=:BASE64: of the body (RFC 9530)"),
    ),
    request_body(content(
        (String = "message/rfc822"), (mail::compose::Fields = "application/json"), (String = "multipart/form-data")
    )),
    responses(
        (status = 200, description = "Delivered, or the rest rejected with it", body = submit::answer::Answer),
        (status = 202, description = "Held, for at least one recipient", body = submit::answer::Answer),
        (status = 400, description = "Cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid key", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "Not granted", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "The same key is being worked on", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Body type not taken", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "No route, a loop, a reused key, or refused by the primary for good", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "The configuration cannot be used", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Nothing was accepted; try again", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("partnerBearer" = []), ("partnerBasic" = []))
)]
#[allow(dead_code)]
fn post_message() {}

/// The life of one's own message.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "submission",
    params(("id" = String, Path, description = "The id that the submission was answered")),
    responses(
        (status = 200, description = "What is known", body = custody::life::Life),
        (status = 401, description = "No valid key", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "Nothing of yours", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The storage cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("partnerBearer" = []), ("partnerBasic" = []))
)]
#[allow(dead_code)]
fn get_message() {}

/// What a mail gateway posts, in its own format.
#[utoipa::path(
    post, path = "/v1/inbound/{gateway}/{partner}", tag = "inbound",
    params(
        ("gateway" = String, Path, description = "mailgun, sendgrid, postmark, cloudmailin, postal or action-mailbox"),
        ("partner" = String, Path, description = "The partner whose mail it is"),
    ),
    request_body(content(
        (String = "multipart/form-data"), (String = "application/x-www-form-urlencoded"), (String = "application/json"),
        (String = "message/rfc822")
    )),
    responses(
        (status = 200, description = "Delivered or held; the gateway need not keep it", body = submit::answer::Answer),
        (status = 401, description = "Not the partner's key, or not the gateway's signature", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "Never to be taken, as Postmark wants to be told; or not from here", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such gateway", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 406, description = "Never to be taken, as Mailgun wants to be told", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Never to be taken", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Not taken now, or not to be read; the gateway keeps it", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("partnerBasic" = []), ())
)]
#[allow(dead_code)]
fn post_inbound() {}

/// The component runs.
#[utoipa::path(get, path = "/livez", tag = "submission", responses((status = 200, description = "Alive")))]
#[allow(dead_code)]
fn livez() {}

/// Mail can be accepted durably. A primary that is down does not make it unready.
#[utoipa::path(
    get, path = "/readyz", tag = "submission",
    responses(
        (status = 200, description = "Ready"),
        (status = 503, description = "The storage does not answer", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
#[allow(dead_code)]
fn readyz() {}

/// Let time pass: probes that are due.
#[utoipa::path(
    post, path = "/v1/tick", tag = "keeper",
    responses(
        (status = 200, description = "What was done", body = tick::Ticked),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("tickToken" = []))
)]
#[allow(dead_code)]
fn tick() {}

/// The health of every route, with its evidence.
#[utoipa::path(
    get, path = "/v1/health", tag = "keeper",
    responses(
        (status = 200, description = "What is known; what cannot be read is `unknown`", body = operate::HealthReport),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn health() {}

/// Order a route to hold or to deliver, or take the order back.
#[utoipa::path(
    put, path = "/v1/routes/{route}/override", tag = "keeper",
    params(
        ("route" = String, Path, description = "The route's name"),
        ("Holdfast-Operator" = Option<String>, Header, description = "Who gives the order, for the audit log"),
    ),
    request_body = operate::Order,
    responses(
        (status = 200, description = "The order stands", body = operate::RouteHealth),
        (status = 400, description = "The order cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The order does not stand", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn put_override() {}

/// The held messages, route by route, oldest first.
#[utoipa::path(
    get, path = "/v1/queue", tag = "keeper",
    params(
        ("route" = Option<String>, Query, description = "Only this route"),
        ("state" = Option<operate::queue::QueuedState>, Query, description = "Only what stands so"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<usize>, Query, description = "Messages looked at for one page, 1 to 100"),
    ),
    responses(
        (status = 200, description = "A page", body = operate::queue::QueuePage),
        (status = 400, description = "The query cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn queue() {}

/// Try a held message at the next tick whatever its wait, return it to its sender, or drop it.
#[utoipa::path(
    post, path = "/v1/queue/{id}/{action}", tag = "keeper",
    params(
        ("id" = String, Path, description = "The message's name in the queue"),
        ("action" = String, Path, description = "`retry`, `return` or `drop`"),
        ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it; required to return or drop a message"),
    ),
    request_body = operate::queue::Because,
    responses(
        (status = 200, description = "It was done", body = operate::queue::Done),
        (status = 400, description = "The reason or the operator's name is missing", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No route holds it", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is being released at this moment, or damaged", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn queue_action() {}

/// What people did, a day at a time, oldest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "keeper",
    params(
        ("day" = Option<String>, Query, description = "The day, in UTC; today's if absent"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("format" = Option<String>, Query, description = "`json`, or `csv` (RFC 4180)"),
    ),
    responses(
        (status = 200, description = "A page", body = operate::audit::AuditPage),
        (status = 400, description = "The query cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn audit() {}

/// How releases go.
#[utoipa::path(
    get, path = "/v1/release", tag = "keeper",
    responses(
        (status = 200, description = "What is held, released and left, and when it will be done", body = operate::release::Releases),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The queue cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn get_release() {}

/// Release a route's queue now, for as long as a tick may take, or say what that would do.
#[utoipa::path(
    post, path = "/v1/release", tag = "keeper",
    params(("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::release::ReleaseOrder,
    responses(
        (status = 200, description = "What was done, or would be", body = operate::release::ReleaseAnswer),
        (status = 400, description = "The order cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn post_release() {}

/// The maintenance windows, and what waits for a person since one.
#[utoipa::path(
    get, path = "/v1/windows", tag = "keeper",
    responses(
        (status = 200, description = "All windows", body = operate::windows::view::WindowList),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The windows cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn get_windows() {}

/// Plan a window, or say what it would mean.
#[utoipa::path(
    post, path = "/v1/windows", tag = "keeper",
    params(("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::windows::definition::WindowOrder,
    responses(
        (status = 200, description = "What it would mean (`dry_run`)", body = operate::windows::view::WindowView),
        (status = 201, description = "It is planned", body = operate::windows::view::WindowView),
        (status = 400, description = "The order cannot be read, or could never happen", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It stands against another window: which, and when they meet", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done, or only in part: the detail says which", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn post_window() {}

/// Put another definition in a window's place.
#[utoipa::path(
    put, path = "/v1/windows/{id}", tag = "keeper",
    params(("id" = String, Path, description = "The window's name"), ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::windows::definition::WindowOrder,
    responses(
        (status = 200, description = "It is planned so", body = operate::windows::view::WindowView),
        (status = 400, description = "The order cannot be read, or could never happen", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such window or route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It stands against another window: which, and when they meet", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done, or only in part: the detail says which", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn put_window() {}

/// Remove a window; one that is open ends now.
#[utoipa::path(
    delete, path = "/v1/windows/{id}", tag = "keeper",
    params(("id" = String, Path, description = "The window's name"), ("reason" = Option<String>, Query, description = "Why, instead of a body"), ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::windows::EndOrder,
    responses(
        (status = 200, description = "It is gone", body = operate::windows::view::WindowView),
        (status = 400, description = "The order cannot be read, or could never happen", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such window or route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done, or only in part: the detail says which", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn delete_window() {}

/// End the occurrence that is open.
#[utoipa::path(
    post, path = "/v1/windows/{id}/end", tag = "keeper",
    params(("id" = String, Path, description = "The window's name"), ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::windows::EndOrder,
    responses(
        (status = 200, description = "It is over", body = operate::windows::view::WindowView),
        (status = 400, description = "The order cannot be read, or could never happen", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such window or route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is not open", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done, or only in part: the detail says which", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn end_window() {}

/// Let the occurrence that is open end later.
#[utoipa::path(
    post, path = "/v1/windows/{id}/extend", tag = "keeper",
    params(("id" = String, Path, description = "The window's name"), ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::windows::ExtendOrder,
    responses(
        (status = 200, description = "It ends later", body = operate::windows::view::WindowView),
        (status = 400, description = "The order cannot be read, or could never happen", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such window or route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is not open, or would stand against another", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done, or only in part: the detail says which", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn extend_window() {}

/// The figures of all routes, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "keeper",
    responses(
        (status = 200, description = "Text format 0.0.4; what cannot be read is absent, and holdfast_storage_readable is 0", body = String, content_type = "text/plain"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []), ("tickToken" = []))
)]
#[allow(dead_code)]
fn metrics() {}

/// The results of drills, oldest first.
#[utoipa::path(
    get, path = "/v1/drills", tag = "keeper",
    params(
        ("route" = Option<String>, Query, description = "Only this route"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = operate::drills::DrillPage),
        (status = 400, description = "The query cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The results cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn get_drills() {}

/// Rehearse a route's failover now. A step that fails is a result, not an error.
#[utoipa::path(
    post, path = "/v1/drills", tag = "keeper",
    params(("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log")),
    request_body = operate::drills::DrillOrder,
    responses(
        (status = 200, description = "What each step came to", body = drill::Drill),
        (status = 400, description = "The order cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not begun", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn post_drill() {}

/// Who is there, and who can get in now.
#[utoipa::path(
    get, path = "/v1/people", tag = "directory",
    params(
        ("q" = Option<String>, Query, description = "Words that begin words of the name, the userName or an address"),
        ("route" = Option<String>, Query, description = "Only users whose first address is on this route"),
        ("can" = Option<String>, Query, description = "`in`: only who can get in now"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<usize>, Query, description = "Users on one page, 1 to 100"),
    ),
    responses(
        (status = 200, description = "A page, and the counts of all", body = operate::people::list::PeoplePage),
        (status = 400, description = "The query cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The people cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn people() {}

/// One user, with what is known to reach them elsewhere.
#[utoipa::path(
    get, path = "/v1/people/{user}", tag = "directory",
    params(
        ("user" = String, Path, description = "The user's id, userName or address"),
    ),
    responses(
        (status = 200, description = "The user", body = operate::people::show::Person),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such user", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The people cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn person() {}

/// Make an activation link, and make the user's older ones void.
#[utoipa::path(
    post, path = "/v1/people/{user}/activation", tag = "directory",
    params(
        ("user" = String, Path, description = "The user's id, userName or address"),
        ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log"),
    ),
    request_body = operate::people::activation::ActivationOrder,
    responses(
        (status = 201, description = "The link, shown this once", body = operate::people::activation::ActivationLink),
        (status = 400, description = "The order cannot be read, or the user has no mailbox here or no address elsewhere", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such user", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "There is no way out to send it by", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "Where users reach the webmail is not known", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn post_activation() {}

/// End all sessions of a user.
#[utoipa::path(
    post, path = "/v1/people/{user}/revoke", tag = "directory",
    params(
        ("user" = String, Path, description = "The user's id, userName or address"),
        ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log"),
    ),
    request_body = operate::people::revoke::RevokeOrder,
    responses(
        (status = 200, description = "They are over", body = operate::people::revoke::Revoked),
        (status = 400, description = "The order cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such user", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not done", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn post_revoke() {}

/// The access switch: who may be in, and when.
#[utoipa::path(
    get, path = "/v1/access", tag = "directory",
    responses(
        (status = 200, description = "What is said about routes, groups and users", body = operate::people::access::AccessReport),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The switch cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn get_access() {}

/// Say who may be in, and when.
#[utoipa::path(
    put, path = "/v1/access", tag = "directory",
    params(
        ("Holdfast-Operator" = Option<String>, Header, description = "Who orders it, for the audit log"),
    ),
    request_body = people::access::AccessOrder,
    responses(
        (status = 200, description = "It stands, and how many users it is about", body = people::access::AccessAnswer),
        (status = 400, description = "The order cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route, group or user", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Others change the switch all the time", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The switch is full", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The order does not stand", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn put_access() {}

/// Held mail for recipients that nobody has, newest first.
#[utoipa::path(
    get, path = "/v1/dropbox", tag = "directory",
    params(
        ("route" = Option<String>, Query, description = "Only this route"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = operate::people::dropbox::DropboxPage),
        (status = 400, description = "The query cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The dropbox cannot be read", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn dropbox() {}

/// One message of the dropbox, as it was submitted. Reading it is written down.
#[utoipa::path(
    get, path = "/v1/dropbox/{route}/{name}", tag = "directory",
    params(
        ("route" = String, Path, description = "The route"),
        ("name" = String, Path, description = "The message's name in the dropbox"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log"),
        ("Holdfast-Operator" = Option<String>, Header, description = "Who reads it, for the audit log"),
    ),
    responses(
        (status = 200, description = "The message", body = String, content_type = "message/rfc822"),
        (status = 401, description = "No valid token", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such route or message", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "It was not given out", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("operatorToken" = []))
)]
#[allow(dead_code)]
fn dropbox_message() {}
