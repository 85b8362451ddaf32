//! The address that a client reached us by.

use holdfast_edge::http_in::Incoming;

/// Scheme, host and port as the client has them: where the host says the whole URL, of that; else
/// of the `Host` field. A proxy in front says in `x-forwarded-proto` whether it speaks TLS. Clients
/// who lie here get their own lie back, and nobody else does.
pub fn origin(incoming: &Incoming) -> Option<String> {
    let full = incoming.last_header("spin-full-url");
    let full = full.and_then(|full| url::Url::parse(full).ok());
    let of_url = full.as_ref().and_then(|full| {
        let host = full.host_str()?;
        Some(match full.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    });
    let of_field = || incoming.last_header("host").map(str::to_owned);
    let host = of_field().filter(|host| is_host(host)).or(of_url)?;
    let scheme = incoming.last_header("x-forwarded-proto");
    let scheme = scheme.filter(|scheme| matches!(*scheme, "http" | "https"));
    let scheme = scheme
        .or(full.as_ref().map(url::Url::scheme))
        .unwrap_or("https");
    Some(format!("{scheme}://{host}"))
}

fn is_host(host: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !host.is_empty() && host.len() <= 300 && host.chars().all(good)
}
