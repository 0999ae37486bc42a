//! The name that a request was sent to.

use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap};

/// Whether it is an address, or `localhost`: nobody else can make those lead here, as they can any name of theirs (DNS
/// rebinding), whose pages would then be of one origin with ours.
///
/// Only `Host` tells: browsers do not let pages set it, and no browser leaves it out. What a proxy says besides
/// (`X-Forwarded-Host`, `Forwarded`) a page may write as well.
pub fn is_of_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        return true;
    };
    host.to_str().is_ok_and(is_own)
}

fn is_own(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) | None => host,
    };
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse().is_ok_and(|address: IpAddr| address.is_ipv6()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse().is_ok_and(|address: IpAddr| address.is_ipv4())
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    #[test]
    fn names_of_this_machine_are_addresses_and_localhost() {
        for host in [
            "localhost",
            "LocalHost:8081",
            "127.0.0.1",
            "127.0.0.1:8081",
            "10.1.2.3",
            "[::1]",
            "[::1]:8081",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8081",
            "localhost.evil.example",
            "evil.localhost",
            "localhost.",
            "127.0.0.1.",
            "127.0.0.1.evil.example",
            "[localhost]",
            "[::1].evil.example",
            "evil.example:",
            "localhost:evil.example",
            "user@localhost",
            "localhost,evil.example",
        ] {
            assert!(!is_own(host), "{host}");
        }
    }

    #[test]
    fn what_a_page_may_write_does_not_count() {
        let mut headers = HeaderMap::new();
        assert!(is_of_this_machine(&headers), "no browser leaves it out");
        headers.insert(header::HOST, "evil.example".parse().unwrap());
        for (name, value) in [("x-forwarded-host", "localhost"), ("forwarded", "host=localhost")] {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        assert!(!is_of_this_machine(&headers));
    }
}
