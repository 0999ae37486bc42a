//! TLS to the broker and to SQL: the files of authorities, and plain words for what is wrong.
//!
//! The TLS itself is spoken by lapin and by sqlx, both through rustls; who is trusted besides the system's authorities, and
//! how a failure reads, is the same for both and stands here.

use std::{error::Error, fs, io, path::Path};

use rustls::{
    CertificateError, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The certificates of authorities in a file (PEM), as they stand there.
///
/// # Errors
/// If it cannot be read, holds none, or one that is none; says which, without the name of the file.
pub fn authorities(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("is no good PEM: {error}"))?;
        trusted
            .add(certificate)
            .map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
    }
    if trusted.is_empty() {
        return Err("holds no certificate (PEM, -----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(text)
}

/// How TLS is used, if a URL of PostgreSQL says so.
pub fn sslmode(url: &str) -> Option<String> {
    parameter(url, &["sslmode", "ssl-mode"])
}

/// The file of authorities that a URL of PostgreSQL names itself.
pub(crate) fn sslrootcert(url: &str) -> Option<String> {
    parameter(url, &["sslrootcert", "ssl-root-cert", "ssl-ca"])
}

/// The last of that name counts, and names and values may be written with %, as for sqlx: what is checked here has to be what
/// it does. The same parser, since a fragment is no parameter.
fn parameter(url: &str, names: &[&str]) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let pairs = url.query_pairs();
    let values = pairs.filter_map(|(name, value)| names.contains(&&*name).then(|| value.into_owned()));
    values.last()
}

/// What was wrong with TLS, in plain words, if that is what an error is about. `ca_file` is the setting that names
/// authorities for this server.
pub fn in_plain_words(error: &(dyn Error + 'static), ca_file: &str) -> Option<String> {
    let mut place = Some(error);
    while let Some(error) = place {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(words(error, ca_file));
        }
        place = match error.downcast_ref::<io::Error>() {
            // Its source is what the error inside comes from, not that error.
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn words(error: &rustls::Error, ca_file: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(fault) => certificate_words(fault, ca_file),
        rustls::Error::InvalidMessage(_) => {
            "what answers there does not speak TLS: the port or the scheme of the URL is wrong".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        other => format!("TLS failed: {other}"),
    }
}

fn certificate_words(fault: &CertificateError, ca_file: &str) -> String {
    match fault {
        CertificateError::UnknownIssuer => format!(
            "the server's certificate is not from an authority that is trusted: neither one of the system's nor one in {ca_file}"
        ),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is not for {}, the host in the URL, but for {}",
            expected.to_str(),
            names(presented),
        ),
        CertificateError::NotValidForName => {
            "the server's certificate is not for the host in the URL".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; or the clock here is wrong".to_owned()
        }
        CertificateError::Revoked => "the server's certificate was revoked".to_owned(),
        other => format!("the server's certificate cannot be accepted: {other}"),
    }
}

/// rustls writes names as its own types do: `DnsName("localhost")`, `IpAddress(127.0.0.1)`.
fn names(presented: &[String]) -> String {
    let plain = presented.iter().map(|name| {
        let inner = name
            .split_once('(')
            .and_then(|(_, rest)| rest.strip_suffix(')'))
            .unwrap_or(name);
        inner.trim_matches('"')
    });
    match plain.collect::<Vec<_>>().as_slice() {
        [] => "no name at all (subjectAltName)".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;

    use super::*;

    fn said(error: rustls::Error) -> String {
        let inside = io::Error::new(io::ErrorKind::InvalidData, error);
        in_plain_words(&inside, "broker.caFile").expect("it is about TLS")
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_plain_words() {
        for (fault, expected) in [
            (CertificateError::UnknownIssuer, "nor one in broker.caFile"),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::NotValidForName, "not for the host in the URL"),
            (CertificateError::BadEncoding, "cannot be accepted"),
        ] {
            let said = said(rustls::Error::InvalidCertificate(fault));
            assert!(said.contains(expected), "{said}");
        }
        let fault = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("rabbit.example").unwrap(),
            presented: vec![
                "DnsName(\"localhost\")".to_owned(),
                "IpAddress(127.0.0.1)".to_owned(),
            ],
        };
        assert_eq!(
            said(rustls::Error::InvalidCertificate(fault)),
            "the server's certificate is not for rabbit.example, the host in the URL, but for localhost, 127.0.0.1"
        );
    }

    #[test]
    fn parameters_are_those_that_the_driver_sees() {
        for (query, expected) in [
            ("", None),
            ("?sslmode=verify-full", Some("verify-full")),
            ("?sslmode=verify-full&ssl-mode=disable", Some("disable")),
            ("?sslmode=verify-full&%73slmode=dis%61ble", Some("disable")),
            ("?a=b#&sslmode=verify-full", None),
        ] {
            let found = sslmode(&format!("postgres://u:p@h/d{query}"));
            assert_eq!(found.as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn other_errors_are_not_about_tls() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped = lapin::Error::from(lapin::ErrorKind::IOError(Arc::new(refused)));
        assert_eq!(in_plain_words(&wrapped, "broker.caFile"), None);
    }
}
