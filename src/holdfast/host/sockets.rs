//! `wasi:sockets` as Spin allows it: connect to granted addresses over TCP, nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

use super::log::LogSink;
use crate::grants::Grants;

/// Lets the instance connect where the grants allow, and refuses listening, UDP and name lookups.
pub fn connect_only(
    wasi: &mut WasiCtxBuilder,
    component: &Arc<str>,
    grants: &Arc<Grants>,
    log: &LogSink,
) {
    let (component, grants, log) = (component.clone(), grants.clone(), log.clone());
    wasi.allow_tcp(true)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .socket_addr_check(move |address, usage| {
            let allowed = allowed(&grants, address, usage);
            if !allowed && matches!(usage, SocketAddrUse::TcpConnect) {
                let line = format!(
                    "a connection to {address} was refused; to allow it, add \
                     \"tcp://{address}\" to allowed_outbound_hosts"
                );
                log(&component, line.as_bytes());
            }
            Box::pin(async move { allowed })
        });
}

fn allowed(grants: &Grants, address: SocketAddr, usage: SocketAddrUse) -> bool {
    match usage {
        SocketAddrUse::TcpConnect => grants.allow_connect(address),
        // Wasmtime asks this before a connect, for the local end the system will choose. Asked for
        // by the guest itself it is of no use: listening is refused.
        SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
        _ => false,
    }
}
