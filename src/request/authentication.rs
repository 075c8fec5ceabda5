//! What the trusted MTA, or the desk itself where there is none, says of a sender's authenticity (RFC 8601).
//!
//! Only the topmost header of the configured authserv-id counts: anybody can write such a header, only our MTA writes
//! above it. A mail with two senders is trusted by nobody, and a DMARC result of another domain than the sender's says nothing.

use super::header::Headers;
use super::{Authentication, address};

/// Reads the verdict; all `None` when no trusted header stands there. `verified`: what the desk itself has found.
pub fn read(headers: &Headers<'_>, authserv_id: Option<&str>, verified: Option<&Authentication>) -> Authentication {
    let mut verdict = Authentication::default();
    if headers.raw("From").count() != 1 {
        return verdict;
    }
    if let Some(verified) = verified {
        return verified.clone();
    }
    let Some(trusted) = authserv_id else { return verdict };
    let senders = headers.plain("From").map(|from| address::list(&from)).unwrap_or_default();
    let [sender] = senders.as_slice() else { return verdict };
    let sender = sender.address.to_lowercase();
    for value in headers.structured("Authentication-Results") {
        let mut results = value.split(';');
        // `authserv-id [version]`
        let id = results.next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
        if !id.eq_ignore_ascii_case(trusted) {
            continue;
        }
        for result in results {
            let Some((method, rest)) = result.trim().split_once('=') else { continue };
            let method = method.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
            let word = rest.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            if method == "dmarc" && !of_sender(rest, &sender) {
                continue;
            }
            let slot = match method.as_str() {
                "dmarc" => &mut verdict.dmarc,
                "spf" => &mut verdict.spf,
                "dkim" => &mut verdict.dkim,
                _ => continue,
            };
            // One good signature is enough (RFC 6376 §4.2); of all else one that is not good says enough.
            let counts = match method.as_str() {
                "dkim" => word == "pass",
                _ => word != "pass",
            };
            verdict.aligned |= word == "pass" && of_domain(&method, rest, &sender);
            if slot.is_none() || counts {
                *slot = Some(word);
            }
        }
        return verdict;
    }
    verdict
}

/// Whether a DKIM or SPF result (`pass header.d=b.example`, `pass smtp.mailfrom=a@b.example`) is of this sender's very domain.
/// Stricter than DMARC's relaxed alignment: no list of public suffixes is needed.
fn of_domain(method: &str, result: &str, sender: &str) -> bool {
    let key = match method {
        "dkim" => "header.d",
        "spf" => "smtp.mailfrom",
        _ => return false,
    };
    let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    let named = result.split_whitespace().skip(1).filter_map(|property| property.split_once('='));
    let mut named = named.filter(|(name, _)| name.eq_ignore_ascii_case(key)).peekable();
    !domain.is_empty()
        && named.peek().is_some()
        && named.all(|(_, value)| {
            value.rsplit('@').next().unwrap_or_default().trim_end_matches('.').eq_ignore_ascii_case(domain)
        })
}

/// Whether a DMARC result (`pass header.from=b.example`) is of this sender's domain, or of the organisation's above it; it
/// is when it names none (RFC 8601 §2.7.1, RFC 7489 §11).
fn of_sender(result: &str, sender: &str) -> bool {
    let named = result.split_whitespace().skip(1).filter_map(|property| property.split_once('='));
    let mut named = named.filter(|(key, _)| key.eq_ignore_ascii_case("header.from"));
    let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    named.all(|(_, value)| {
        let value = value.to_ascii_lowercase();
        let value = value.rsplit('@').next().unwrap_or_default().trim_end_matches('.');
        let below = domain.strip_suffix(value).is_some_and(|rest| rest.ends_with('.'));
        domain == value && !value.is_empty() || below && value.contains('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, dmarc: Option<&str>) {
        let verdict = read(&Headers::parse(raw.as_bytes()), Some("mx.desk.example"), None);
        assert_eq!(verdict.dmarc.as_deref(), dmarc, "{raw}");
    }

    #[test]
    fn only_the_trusted_header_counts() {
        check(
            "From: a@b.example\nAuthentication-Results: mx.desk.example; spf=fail; dmarc=pass (p=none)\n\n",
            Some("pass"),
        );
        check("From: a@b.example\nAuthentication-Results: evil; dmarc=pass\n\n", None);
        check("From: a@b.example\nAuthentication-Results: (mx.desk.example;) evil; dmarc=pass\n\n", None);
        check(
            "From: a@b.example\nAuthentication-Results: mx.desk.example 1; dmarc=fail\nAuthentication-Results: mx.desk.example; dmarc=pass\n\n",
            Some("fail"),
        );
        for (named, verdict) in [
            ("header.from=b.example", Some("pass")),
            ("(p=reject) header.from=\"B.example\" policy.dmarc=none", Some("pass")),
            ("header.from=evil.example", None),
            ("header.from=evil-b.example", None),
            ("header.from=example", None),
            ("reason=x header.from=evil.example", None),
            ("header.from=", None),
            ("header.from=evil.example; dmarc=fail header.from=b.example", Some("fail")),
        ] {
            check(
                &format!("From: A <a@b.example>\nAuthentication-Results: mx.desk.example; dmarc=pass {named}\n\n"),
                verdict,
            );
        }
        check(
            "From: a@mail.b.example\nAuthentication-Results: mx.desk.example; dmarc=pass header.from=b.example\n\n",
            Some("pass"),
        );
        // What stands in quotes or comments was written by anybody.
        for (result, verdict) in [
            ("spf=pass smtp.mailfrom=\"a;dmarc=pass;b\"@evil.example; dmarc=fail header.from=b.example", Some("fail")),
            ("spf=pass smtp.mailfrom=\"a;dmarc=pass;b\"@evil.example", None),
            ("spf=pass reason=\"; dmarc=pass header.from=b.example\"", None),
            ("spf=pass reason=\"x\\\"; dmarc=pass header.from=b.example\"", None),
            ("spf=pass (domain of a\\); dmarc=pass x) y; dmarc=fail header.from=b.example", Some("fail")),
            ("spf=pass (a (b); dmarc=pass) x; dmarc=fail", Some("fail")),
            ("spf=pass \"; dmarc=pass", None),
            ("dmarc=pass header.from=b.example; dmarc=fail header.from=b.example", Some("fail")),
            ("dmarc=pass (p=none dis=none) header.from=b.example", Some("pass")),
        ] {
            check(&format!("From: A <a@b.example>\nAuthentication-Results: mx.desk.example; {result}\n\n"), verdict);
        }
        check("From: a@b.example\nAuthentication-Results: \"mx.desk.example\"; dmarc=pass\n\n", Some("pass"));
        check("From: a@b.example\nFrom: c@d.example\nAuthentication-Results: mx.desk.example; dmarc=pass\n\n", None);
    }

    /// Whether the sender is proven by this result of the trusted server.
    fn check_proof(results: &str, expected: bool) {
        let raw = format!("From: A <a@b.example>\nAuthentication-Results: mx.desk.example; {results}\n\n");
        let verdict = read(&Headers::parse(raw.as_bytes()), Some("mx.desk.example"), None);
        assert_eq!(verdict.passes(), expected, "{results}: {verdict:?}");
    }

    #[test]
    fn without_a_dmarc_record_an_aligned_pass_is_enough() {
        for (results, expected) in [
            ("dkim=pass header.d=b.example; spf=pass smtp.mailfrom=a@b.example; dmarc=none", true),
            ("dkim=pass header.d=B.example.; dmarc=none", true),
            ("dkim=pass header.i=@x header.d=b.example", true),
            ("dkim=fail header.d=b.example; dkim=pass header.d=b.example; dmarc=none", true),
            ("spf=pass smtp.mailfrom=bounces@b.example; dmarc=none header.from=b.example", true),
            ("spf=pass smtp.mailfrom=b.example", true),
            ("dkim=pass header.d=esp.example; spf=pass smtp.mailfrom=x@esp.example; dmarc=none", false),
            ("dkim=pass header.d=example; dmarc=none", false),
            ("dkim=pass header.d=evil-b.example", false),
            ("dkim=pass; dmarc=none", false),
            ("dkim=pass header.d=b.example header.d=evil.example", false),
            ("dkim=fail header.d=b.example; dmarc=none", false),
            ("spf=softfail smtp.mailfrom=a@b.example; dmarc=none", false),
            ("spf=pass smtp.helo=b.example; dmarc=none", false),
            ("dkim=pass header.d=b.example; dmarc=fail", false),
            ("dkim=pass header.d=b.example; dmarc=temperror", false),
            ("spf=pass smtp.mailfrom=\"a;dkim=pass header.d=b.example;\"@evil.example; dmarc=none", false),
        ] {
            check_proof(results, expected);
        }
        let raw = "From: a@b.example\nAuthentication-Results: evil; dkim=pass header.d=b.example; dmarc=none\n\n";
        assert!(!read(&Headers::parse(raw.as_bytes()), Some("mx.desk.example"), None).passes());
    }
}
