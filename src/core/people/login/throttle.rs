//! Slowing down whoever guesses: `people/throttle/HASH.json`, one for each name that somebody tried to
//! log in with, each user's second factor and password, and each client's address.
//!
//! The first failures cost nothing; from the fifth on (of an address: the fiftieth, for a whole office
//! can stand behind one) the next attempt has to wait, one second, then two, four, up to a quarter of
//! an hour (an address: a minute). An attempt that comes too early is not judged and not counted, so
//! nobody is locked out for good, and each longest wait that passes forgives a failure.
//!
//! - A name that nobody has is slowed exactly as one that somebody has: the record is kept under the
//!   keyed hash of the name as it was typed, and the storage does not show who was tried.
//!   Who has several names can so be tried under each of them: that is the price of not telling which
//!   names belong together.
//! - An attempt on a name is counted as a failure *before* it is judged, and a success takes the record
//!   away: a thousand guesses sent at once are not all judged before the first is counted. An instance
//!   that dies between leaves one failure too many. Addresses are counted after a failure only, since
//!   otherwise an office that logs in at one moment would queue for one object.
//! - Clocks leap. A wait is never longer than the longest, from now; a last failure that lies further
//!   in the future than that is no reason to wait.
//! - A record that cannot be read is as none, and the next failure writes over it: damage must not lock
//!   anybody out. Where the store has no conditional writes, failures at the same moment may be counted
//!   as one; the wait grows a little later then.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Put, Store as _, StoreError};
use crate::limits;
use crate::people::UserId;
use crate::ports::Ports;
use crate::time::Timestamp;

/// Whose failures are counted together.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    /// The name that somebody logs in with, as it was typed.
    Name(&'a str),
    /// The second factor of a user whose password was right.
    SecondFactor(UserId),
    /// The password of a user who is logged in, asked for once more.
    Password(UserId),
    /// Where requests come from.
    Address(&'a Client),
}

/// Where a request comes from: an address, of IPv6 the network that a household or an office has
/// (/64), or unknown; an unknown one is not slowed, or else all would be slowed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client(Option<String>);

/// Why an attempt is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slowed {
    /// So long is to be waited.
    Wait(Duration),
    /// The storage cannot say.
    Unavailable(StoreError),
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Failures {
    count: u32,
    last: Timestamp,
    /// When it says nothing any more.
    expires: Timestamp,
}

/// How patient we are.
struct Pace {
    /// The failure after which the next attempt waits.
    free: u32,
    longest: Duration,
}

impl Client {
    /// From an address as the host saw it, with or without a port.
    pub fn new(address: Option<&str>) -> Self {
        let parsed = address.and_then(|text| {
            let with_port = text.parse::<SocketAddr>().map(|address| address.ip());
            with_port.or_else(|_| text.parse::<IpAddr>()).ok()
        });
        Self(parsed.map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & NETWORK_64).to_string(),
        }))
    }
}

/// Whether an attempt may be judged now. It is not counted.
pub async fn check<P: Ports>(ports: &P, keys: &Keys, of: Of<'_>) -> Result<(), Slowed> {
    let Some(key) = key(keys, of) else {
        return Ok(());
    };
    let (known, _) = read(ports, &key).await.map_err(Slowed::Unavailable)?;
    free(ports, &pace(of), known.as_ref()).map(drop)
}

/// Whether an attempt may be judged now; if so it is counted as a failure until
/// [`succeeded`] takes that back.
pub async fn begin<P: Ports>(ports: &P, keys: &Keys, of: Of<'_>) -> Result<(), Slowed> {
    count(ports, keys, of).await
}

/// An attempt that was only [`check`]ed has failed. What cannot be written down is let go: the name's
/// own record stands.
pub async fn failed<P: Ports>(ports: &P, keys: &Keys, of: Of<'_>) {
    let _ = count(ports, keys, of).await;
}

/// An attempt that was begun has succeeded: nothing is held against it any more. Where that cannot be
/// written down, the failures are forgiven by time.
pub async fn succeeded<P: Ports>(ports: &P, keys: &Keys, of: Of<'_>) {
    if let Some(key) = key(keys, of) {
        let _ = ports.store().delete(&key).await;
    }
}

async fn count<P: Ports>(ports: &P, keys: &Keys, of: Of<'_>) -> Result<(), Slowed> {
    let (Some(key), pace) = (key(keys, of), pace(of)) else {
        return Ok(());
    };
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = read(ports, &key).await.map_err(Slowed::Unavailable)?;
        let before = free(ports, &pace, known.as_ref())?;
        let now = ports.now();
        let failures = Failures {
            count: before.saturating_add(1).min(pace.most()),
            last: now,
            expires: now.after(limits::THROTTLE_KEPT),
        };
        let put = record::write(ports.store(), &key, &failures, condition).await;
        if let Put::Written(_) = put.map_err(Slowed::Unavailable)? {
            return Ok(());
        }
    }
    // So many at once are not one person.
    Err(Slowed::Wait(limits::THROTTLE_FIRST))
}

async fn read<P: Ports>(ports: &P, key: &str) -> Result<(Option<Failures>, Condition), StoreError> {
    let (known, condition) = record::read_to_change(ports.store(), key).await?;
    let known = match known {
        Known::Some(failures) => Some(failures),
        Known::None | Known::Unreadable => None,
    };
    Ok((known, condition))
}

/// The failures that still count, where the next attempt need not wait.
fn free(ports: &impl Ports, pace: &Pace, known: Option<&Failures>) -> Result<u32, Slowed> {
    let Some(failures) = known else {
        return Ok(0);
    };
    let now = ports.now();
    let wait = pace.wait(failures.count);
    let until = failures.last.after(wait);
    let left = until.since(now).min(wait);
    let leapt = failures.last > now.after(pace.longest);
    if !leapt && !left.is_zero() {
        return Err(Slowed::Wait(left));
    }
    Ok(failures
        .count
        .saturating_sub(pace.forgiven(now.since(failures.last))))
}

impl Pace {
    /// The wait after so many failures.
    fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        limits::THROTTLE_FIRST
            .saturating_mul(factor)
            .min(self.longest)
    }

    /// Failures beyond which no wait grows: more are not counted, so that they are soon forgiven.
    fn most(&self) -> u32 {
        let longer = |failures: &u32| self.wait(*failures) >= self.longest;
        (self.free..self.free + 32)
            .find(longer)
            .unwrap_or(self.free)
    }

    fn forgiven(&self, rest: Duration) -> u32 {
        let times = rest.as_millis() / self.longest.as_millis().max(1);
        u32::try_from(times).unwrap_or(u32::MAX)
    }
}

fn pace(of: Of<'_>) -> Pace {
    match of {
        Of::Name(_) | Of::SecondFactor(_) | Of::Password(_) => Pace {
            free: limits::ACCOUNT_FAILURES,
            longest: limits::ACCOUNT_WAIT,
        },
        Of::Address(_) => Pace {
            free: limits::ADDRESS_FAILURES,
            longest: limits::ADDRESS_WAIT,
        },
    }
}

/// None where nothing is counted.
fn key(keys: &Keys, of: Of<'_>) -> Option<String> {
    let text = match of {
        Of::Name(name) => format!("name\n{}", name.trim().to_lowercase()),
        Of::SecondFactor(user) => format!("second factor\n{user}"),
        Of::Password(user) => format!("password\n{user}"),
        Of::Address(Client(address)) => format!("address\n{}", address.as_deref()?),
    };
    let hash: String = keys
        .throttle
        .of(&text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(format!("{THROTTLE}{hash}.json"))
}

pub(super) const THROTTLE: &str = "people/throttle/";
/// The bits of an IPv6 address that name the network.
const NETWORK_64: u128 = !0 << 64;

#[cfg(test)]
mod tests;
