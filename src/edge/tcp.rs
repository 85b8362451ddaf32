//! A connected socket with time limits on each step (WASI 0.3: asynchronous, shares an instance).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use holdfast_core::smtp::FailureKind;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};
use wasip3::wit_stream;

use crate::world::within;

/// A connection. Dropping it closes it.
pub struct Tcp {
    reader: StreamReader<u8>,
    writer: StreamWriter<u8>,
    _sent: FutureReader<Result<(), ErrorCode>>,
    _received: FutureReader<Result<(), ErrorCode>>,
    // Last, so that the streams are dropped before their socket.
    _socket: TcpSocket,
}

/// Why there is no connection, or no connection any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpError {
    /// What kind, in the words of a failure.
    pub kind: FailureKind,
    /// In words.
    pub detail: String,
}

impl TcpError {
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

impl Tcp {
    /// Connects within `time`.
    pub async fn connect(to: SocketAddr, time: Duration) -> Result<Self, TcpError> {
        let family = if to.is_ipv4() {
            IpAddressFamily::Ipv4
        } else {
            IpAddressFamily::Ipv6
        };
        let socket = TcpSocket::create(family).map_err(|code| refused(&code))?;
        match within(time, socket.connect(address(to))).await {
            None => {
                let detail = format!("no connection within {} ms", time.as_millis());
                return Err(TcpError::new(FailureKind::Connect, detail));
            }
            Some(Err(code)) => return Err(refused(&code)),
            Some(Ok(())) => {}
        }
        let (writer, outgoing) = wit_stream::new();
        let sent = socket.send(outgoing);
        let (reader, received) = socket.receive();
        Ok(Self {
            reader,
            writer,
            _sent: sent,
            _received: received,
            _socket: socket,
        })
    }

    /// Reads what there is, at least one byte; nothing means that the other side closed.
    pub async fn read(&mut self, time: Duration) -> Result<Vec<u8>, TcpError> {
        let reading = self.reader.read(Vec::with_capacity(READ_BYTES));
        match within(time, reading).await {
            None => Err(TcpError::new(
                FailureKind::Timeout,
                format!("silent for {} ms", time.as_millis()),
            )),
            Some((StreamResult::Complete(_), bytes)) => Ok(bytes),
            Some((StreamResult::Dropped | StreamResult::Cancelled, bytes)) => Ok(bytes),
        }
    }

    /// Writes all of `bytes`.
    pub async fn write(&mut self, bytes: Vec<u8>, time: Duration) -> Result<(), TcpError> {
        match within(time, self.writer.write_all(bytes)).await {
            None => {
                let detail = format!("took nothing more for {} ms", time.as_millis());
                Err(TcpError::new(FailureKind::Timeout, detail))
            }
            Some(unwritten) if unwritten.is_empty() => Ok(()),
            Some(_) => Err(TcpError::new(
                FailureKind::Closed,
                "closed the connection while we were writing",
            )),
        }
    }
}

fn refused(code: &ErrorCode) -> TcpError {
    let (kind, detail) = match code {
        ErrorCode::AccessDenied => (
            FailureKind::NotGranted,
            "the host does not let us connect there; grant it in primary_hosts",
        ),
        ErrorCode::ConnectionRefused => (FailureKind::Connect, "connection refused"),
        ErrorCode::RemoteUnreachable => (FailureKind::Connect, "unreachable"),
        ErrorCode::Timeout => (FailureKind::Connect, "no connection in time"),
        ErrorCode::ConnectionReset | ErrorCode::ConnectionAborted | ErrorCode::ConnectionBroken => {
            (FailureKind::Connect, "connection reset")
        }
        other => return TcpError::new(FailureKind::Connect, format!("no connection: {other}")),
    };
    TcpError::new(kind, detail)
}

fn address(to: SocketAddr) -> IpSocketAddress {
    match to.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: to.port(),
                address: (a, b, c, d),
            })
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            let address = (a, b, c, d, e, f, g, h);
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: to.port(),
                flow_info: 0,
                address,
                scope_id: 0,
            })
        }
    }
}

/// Replies are short.
const READ_BYTES: usize = 4_096;
