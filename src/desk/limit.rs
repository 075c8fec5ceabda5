//! How often one client may ask: a bound a minute by address, for what strangers may call.
//!
//! Behind a proxy on this host the client is whom the proxy names; no other proxy is believed. IPv6 clients count by
//! their /64, which is what one customer line has.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

use axum::http::HeaderMap;
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;

/// Above this many clients in memory, those who have been quiet are forgotten.
const CLIENTS: usize = 20_000;

/// A bound for each client.
#[derive(Debug)]
pub struct Limit(DefaultKeyedRateLimiter<IpAddr>);

impl Limit {
    /// So many requests a minute, all at once if need be.
    pub fn per_minute(requests: u32) -> Limit {
        let requests = NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN);
        Limit(RateLimiter::keyed(Quota::per_minute(requests)))
    }

    /// Counts one request of this client, or says how long it has to wait.
    pub fn count(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Problem> {
        if self.0.len() > CLIENTS {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        self.0.check_key(&client(peer, headers)).map_err(|until| {
            let wait = until.wait_time_from(self.0.clock().now());
            Problem::TooMany(wait.as_secs() + 1)
        })
    }
}

fn client(peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let named = || {
        headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    };
    let address = peer.ip().to_canonical();
    let address = if address.is_loopback() { named().unwrap_or(address) } else { address };
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        if !forwarded.is_empty() {
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        assert_eq!(client(peer.parse().unwrap(), &headers).to_string(), expected);
    }

    #[test]
    fn only_a_proxy_on_this_host_names_the_client() {
        check("127.0.0.1:5", "", "127.0.0.1");
        check("127.0.0.1:5", "1.1.1.1, 203.0.113.9", "203.0.113.9");
        check("198.51.100.7:5", "203.0.113.9", "198.51.100.7");
        check("[2001:db8:1:2:3::4]:5", "", "2001:db8:1:2::");
        check("[::ffff:198.51.100.7]:5", "", "198.51.100.7");
    }

    #[test]
    fn the_bound_holds_for_each_client_alone() {
        let limit = Limit::per_minute(3);
        let (one, other): (SocketAddr, SocketAddr) =
            ("198.51.100.7:5".parse().unwrap(), "198.51.100.8:5".parse().unwrap());
        let count = |peer| limit.count(peer, &HeaderMap::new());
        assert!((0..3).all(|_| count(one).is_ok()));
        assert!(matches!(count(one), Err(Problem::TooMany(1..=60))));
        assert!(count(other).is_ok());
    }
}
