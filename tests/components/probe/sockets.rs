//! What the probe tries with sockets.

use std::net::SocketAddr;

use serde_json::{Value, json};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket, UdpSocket,
};

/// Connects, and reads what the server says first (the tests' servers greet and close).
pub async fn connect(to: &str) -> Result<Value, String> {
    let address: SocketAddr = to.parse().map_err(|_| format!("{to:?} is not IP:PORT"))?;
    let family = match address {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    };
    let socket = TcpSocket::create(family).map_err(super::text)?;
    socket
        .connect(as_wasi(address))
        .await
        .map_err(super::text)?;
    let (greeting, _) = socket.receive();
    Ok(json!(String::from_utf8_lossy(&greeting.collect().await)))
}

pub async fn resolve(name: &str) -> Result<Value, String> {
    let addresses = resolve_addresses(name.to_owned()).await;
    Ok(json!(addresses.map_err(super::text)?.len()))
}

pub fn listen() -> Result<Value, String> {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).map_err(super::text)?;
    socket.listen().map_err(super::text)?;
    Ok(Value::Null)
}

pub fn udp() -> Result<Value, String> {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4).map_err(super::text)?;
    socket
        .bind(as_wasi(SocketAddr::from(([127, 0, 0, 1], 0))))
        .map_err(super::text)?;
    Ok(Value::Null)
}

fn as_wasi(address: SocketAddr) -> IpSocketAddress {
    let port = address.port();
    match address {
        SocketAddr::V4(v4) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port,
            address: v4.ip().octets().into(),
        }),
        SocketAddr::V6(v6) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: v6.flowinfo(),
            address: v6.ip().segments().into(),
            scope_id: v6.scope_id(),
        }),
    }
}
