//! Who a request is from and where its client reached us, when proxies stand between.
//!
//! **Invariant:** what a forwarded field says counts only if the peer is within the networks of `http.trustedProxies`, and of
//! a list only what those proxies have appended.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderName},
    web::Data,
};

use super::{listener::Surroundings, quota::Client};
use crate::settings::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// What clients reach unless a proxy says otherwise: the listeners speak no TLS.
const OWN_SCHEME: &str = "http";

/// The proxies that are believed.
#[derive(Clone, Debug)]
pub struct Proxies(Networks);

impl Proxies {
    /// Those of the settings.
    pub fn new(networks: Networks) -> Self {
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client: the peer's, or, behind believed proxies, the rightmost in `X-Forwarded-For` that is none of
    /// theirs. What cannot be read ends the search: who wrote it is not known.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = address(hop) else { break };
            client = address;
        }
        client
    }

    /// Scheme and host that the client used, such as `https://contato.example`; `otherwise` is the host if it named none.
    fn origin(&self, peer: Option<IpAddr>, headers: &HeaderMap, otherwise: &str) -> String {
        let believed = peer.is_some_and(|peer| self.trusts(peer));
        let forwarded = |name: HeaderName| last(headers, &name).filter(|_| believed);
        let scheme = forwarded(FORWARDED_PROTO).filter(|scheme| matches!(*scheme, "http" | "https"));
        let host = forwarded(FORWARDED_HOST)
            .filter(|host| is_host(host))
            .or_else(|| last(headers, &header::HOST).filter(|host| is_host(host)));
        let (scheme, host) = (scheme.unwrap_or(OWN_SCHEME), host.unwrap_or(otherwise));
        format!("{scheme}://{host}")
    }
}

/// Where the client reached us, for the absolute URLs that it is given.
pub fn origin(request: &HttpRequest) -> String {
    let Some(surroundings) = request.app_data::<Data<Surroundings>>() else {
        return String::new();
    };
    let peer = request.peer_addr().map(|peer| peer.ip());
    let address = surroundings.address.to_string();
    surroundings.proxies.origin(peer, request.headers(), &address)
}

/// Whose requests one is counted with: the client's address, as far as proxies are believed.
pub fn client(request: &HttpRequest) -> Option<Client> {
    let surroundings = request.app_data::<Data<Surroundings>>()?;
    let peer = request.peer_addr()?.ip();
    Some(surroundings.proxies.client(peer, request.headers()).into())
}

/// The last element of a list: what the nearest proxy has written.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let line = headers.get_all(name).last()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

/// An address, with or without a port, as some gateways write it.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let with_port = || text.parse::<std::net::SocketAddr>().map(|address| address.ip());
    let address = text.parse().or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

fn is_host(host: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        Proxies::new(Networks(networks.to_vec()))
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let fields: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let client = proxies().client(peer.parse().unwrap(), &headers(&fields));
        client.to_string()
    }

    #[test]
    fn a_forwarded_address_counts_as_far_as_believed_proxies_wrote_it() {
        for (peer, lines, expected) in [
            ("10.0.0.1", &["203.0.113.7"][..], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["203.0.113.7, 10.2.3.4"], "203.0.113.7"),
            (
                "10.0.0.1",
                &["198.51.100.1", "203.0.113.7,10.2.3.4"],
                "203.0.113.7",
            ),
            ("::ffff:10.0.0.1", &["203.0.113.7:50123"], "203.0.113.7"),
            ("fd00::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["10.9.9.9"], "10.9.9.9"),
            // Not believed.
            ("192.0.2.1", &["203.0.113.7"], "192.0.2.1"),
            ("::ffff:192.0.2.1", &[], "192.0.2.1"),
            // Not to be read.
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.7, _hidden, 10.2.3.4"], "10.2.3.4"),
            ("10.0.0.1", &["203.0.113.7,,"], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_forwarded_origin_counts_from_believed_proxies_only() {
        let forwarded = [
            ("host", "inner:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example, contato.example"),
        ];
        let odd = [
            ("host", "inner:8080"),
            ("x-forwarded-proto", "javascript"),
            ("x-forwarded-host", "evil.example/path"),
        ];
        let origin = |peer: &str, fields: &[(&'static str, &str)]| {
            let peer = peer.parse().ok();
            proxies().origin(peer, &headers(fields), "127.0.0.1:8080")
        };
        assert_eq!(origin("10.0.0.1", &forwarded), "https://contato.example");
        assert_eq!(origin("192.0.2.1", &forwarded), "http://inner:8080");
        assert_eq!(origin("10.0.0.1", &odd), "http://inner:8080");
        assert_eq!(origin("192.0.2.1", &[]), "http://127.0.0.1:8080");
    }
}
