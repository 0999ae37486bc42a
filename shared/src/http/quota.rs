//! How many requests a client may send: GCRA, by `governor`, told in the fields `RateLimit-Policy` and `RateLimit` (draft
//! `draft-ietf-httpapi-ratelimit-headers`).
//!
//! It is counted in each process by itself; nothing is shared between replicas.
//!
//! **Invariant:** what is kept of clients is bounded: whose quota is whole again is forgotten.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use sha2::{Digest, Sha256};

/// In what time a quota is used, in seconds.
const WINDOW_SECONDS: u32 = 60;
/// How often clients are forgotten, in time and in requests, whichever comes first.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
const SWEEP_REQUESTS: u32 = 65_536;

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address: what one customer of a provider has at the least.
    V6Network(u64),
    /// Whoever has this principal, as a hash of it.
    Principal([u8; 16]),
}

impl Client {
    /// Whoever has a principal.
    pub fn principal(principal: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(principal.as_bytes()).into();
        let mut start = [0; 16];
        start.copy_from_slice(&hash[..16]);
        Self::Principal(start)
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6Network((address.to_bits() >> 64) as u64),
        }
    }
}

/// What a client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a minute.
    per_minute: u32,
    /// Requests left now.
    left: u32,
    /// Seconds until the quota is whole again; of a refused request, until the next is taken.
    seconds: u64,
    refused: bool,
}

impl Quota {
    /// After how many seconds to come again, if the request is beyond the quota.
    pub fn refused(&self) -> Option<u64> {
        self.refused.then_some(self.seconds)
    }

    /// Writes the fields.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Self {
            per_minute,
            left,
            seconds,
            ..
        } = self;
        let policy = format!("\"default\";q={per_minute};w={WINDOW_SECONDS}");
        let state = format!("\"default\";r={left};t={seconds}");
        for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

type Limiter = RateLimiter<Client, DashMapStateStore<Client>, DefaultClock, StateInformationMiddleware>;

/// The quotas of all clients.
#[derive(Debug)]
pub struct Quotas {
    limiter: Limiter,
    per_minute: NonZeroU32,
    started: Instant,
    /// Of `started`, in milliseconds.
    next_sweep_ms: AtomicU64,
    since_sweep: AtomicU32,
}

impl Quotas {
    /// So many requests a minute for each client.
    pub fn new(per_minute: NonZeroU32) -> Self {
        let quota = governor::Quota::per_minute(per_minute);
        Self {
            limiter: RateLimiter::dashmap(quota).with_middleware(),
            per_minute,
            started: Instant::now(),
            next_sweep_ms: AtomicU64::new(0),
            since_sweep: AtomicU32::new(0),
        }
    }

    /// Counts a request.
    pub fn count(&self, client: Client) -> Quota {
        self.sweep_now_and_then();
        let per_minute = self.per_minute.get();
        match self.limiter.check_key(&client) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let used = u64::from(per_minute.saturating_sub(left));
                Quota {
                    per_minute,
                    left,
                    seconds: (used * u64::from(WINDOW_SECONDS)).div_ceil(u64::from(per_minute)),
                    refused: false,
                }
            }
            Err(until) => {
                let wait = until.wait_time_from(self.limiter.clock().now());
                let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Quota {
                    per_minute,
                    left: 0,
                    seconds: whole.max(1),
                    refused: true,
                }
            }
        }
    }

    fn sweep_now_and_then(&self) {
        let now_ms = self.started.elapsed().as_millis() as u64;
        let next_ms = self.next_sweep_ms.load(Ordering::Relaxed);
        let many = self.since_sweep.fetch_add(1, Ordering::Relaxed) >= SWEEP_REQUESTS;
        if now_ms < next_ms && !many {
            return;
        }
        let after_ms = now_ms + SWEEP_INTERVAL.as_millis() as u64;
        let taken =
            self.next_sweep_ms
                .compare_exchange(next_ms, after_ms, Ordering::Relaxed, Ordering::Relaxed);
        // One thread does it for all.
        if taken.is_ok() {
            self.since_sweep.store(0, Ordering::Relaxed);
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(per_minute: u32) -> Quotas {
        Quotas::new(NonZeroU32::new(per_minute).unwrap())
    }

    fn client(address: &str) -> Client {
        address.parse::<IpAddr>().unwrap().into()
    }

    fn told(quota: Quota) -> [String; 2] {
        let mut headers = HeaderMap::new();
        quota.tell(&mut headers);
        ["ratelimit-policy", "ratelimit"].map(|name| headers.get(name).unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn a_quota_is_used_up_and_told() {
        let quotas = quotas(2);
        let ana = client("192.0.2.1");
        assert_eq!(
            told(quotas.count(ana)),
            ["\"default\";q=2;w=60", "\"default\";r=1;t=30"]
        );
        assert_eq!(told(quotas.count(ana))[1], "\"default\";r=0;t=60");
        let refused = quotas.count(ana);
        assert_eq!(refused.refused(), Some(30));
        assert_eq!(told(refused)[1], "\"default\";r=0;t=30");
        // Whoever is refused does not wait longer for it.
        assert_eq!(quotas.count(ana).refused(), Some(30));
        assert_eq!(quotas.count(client("192.0.2.2")).refused(), None);
    }

    #[test]
    fn a_large_quota_is_told_in_whole_seconds() {
        let quotas = quotas(60_000);
        assert_eq!(
            told(quotas.count(client("192.0.2.1"))),
            ["\"default\";q=60000;w=60", "\"default\";r=59999;t=1"]
        );
    }

    #[test]
    fn an_ipv6_client_is_a_network_and_a_mapped_one_is_ipv4() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }

    #[test]
    fn clients_whose_quota_is_whole_are_forgotten() {
        let quotas = quotas(1_000_000);
        for number in 0..3 * SWEEP_REQUESTS {
            quotas.count(Client::V4(Ipv4Addr::from_bits(number)));
        }
        let kept = quotas.limiter.len();
        assert!(kept <= 2 * SWEEP_REQUESTS as usize, "{kept}");
    }
}
