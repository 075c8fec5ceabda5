//! Verifying senders by DNS where no MTA in front of the desk does: DKIM (RFC 6376) and DMARC (RFC 9989).
//!
//! Done once, when a mail comes in: keys are rotated, and a later look might find another answer. Never fails and never
//! holds a mail up for long: what cannot be told is no proof. SPF is left out: it is a check of the client's address while
//! the border MTA speaks with it (RFC 7208 §2.5), and `Received` lines are written by anybody.

use std::net::SocketAddr;
use std::time::Duration;

use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::proto::rr::{RData, Record};
use mail_auth::hickory_resolver::system_conf::read_system_conf;
use mail_auth::{AuthenticatedMessage, DkimResult, DmarcResult, MessageAuthenticator, SpfOutput};

use crate::config::fault::Fault;
use crate::config::settings;
use crate::request::Authentication;

/// How long all questions about one mail may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long one DNS server may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Signatures that are looked at: each costs a DNS question and an RSA operation.
const SIGNATURES: usize = 8;

/// Verifies senders.
pub struct Verifier(MessageAuthenticator);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// The verifier that these settings want; `None`: they want none.
    pub fn of(desk: &settings::Desk) -> Result<Option<Verifier>, Vec<Fault>> {
        if desk.verify_senders { Verifier::asking(desk).map(Some) } else { Ok(None) }
    }

    /// A verifier whatever the settings want, for those that look at a set-up.
    pub fn asking(desk: &settings::Desk) -> Result<Verifier, Vec<Fault>> {
        let unusable = |why: String| {
            let remedy = "name a DNS server in desk.resolver, as 127.0.0.1:53".into();
            vec![Fault { file: "desk.verify_senders".into(), line: 0, message: why, remedy }]
        };
        let (servers, mut options) = match desk.resolver.parse::<SocketAddr>() {
            Ok(server) => (only(server), ResolverOpts::default()),
            Err(_) => read_system_conf().map_err(|error| unusable(format!("/etc/resolv.conf is no help: {error}")))?,
        };
        options.timeout = ANSWER;
        options.attempts = 1;
        MessageAuthenticator::new(servers, options)
            .map(Verifier)
            .map_err(|error| unusable(format!("DNS cannot be asked: {error}")))
    }

    /// The texts that stand in DNS at a name; none: there is no such name, or none there. The error: DNS gives no answer.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let found = match self.0.resolver().txt_lookup(format!("{}.", name.trim_end_matches('.'))).await {
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(vec![]),
            found => found.map_err(|error| error.to_string())?,
        };
        let text = |record: &Record| match &record.data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(found.answers().iter().filter_map(text).collect())
    }

    /// The mail servers of a domain.
    pub async fn mail_servers(&self, domain: &str) -> Result<Vec<String>, String> {
        let found = match self.0.resolver().mx_lookup(format!("{}.", domain.trim_end_matches('.'))).await {
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(vec![]),
            found => found.map_err(|error| error.to_string())?,
        };
        let server = |record: &Record| match &record.data {
            RData::MX(server) => Some(server.exchange.to_string().trim_end_matches('.').to_owned()),
            _ => None,
        };
        Ok(found.answers().iter().filter_map(server).collect())
    }

    /// What DKIM and DMARC say of this mail's sender, in the words of RFC 8601 §2.7.
    pub async fn verify(&self, raw: &[u8]) -> Authentication {
        let said = |dmarc: &str, dkim: &str| Authentication {
            dmarc: Some(dmarc.into()),
            spf: Some("none".into()),
            dkim: Some(dkim.into()),
            aligned: false,
        };
        let Some(mut mail) = AuthenticatedMessage::parse(raw) else { return said("none", "none") };
        mail.dkim_headers.truncate(SIGNATURES);
        let look = async {
            let signatures = self.0.verify_dkim(&mail).await;
            let spf = SpfOutput::new(String::new());
            let dmarc = self.0.verify_dmarc(DmarcParameters::new(&mail, &signatures, "", &spf)).await;
            let found: Vec<&str> = signatures.iter().map(|signature| dkim_word(signature.result())).collect();
            let dkim = BEST_FIRST.into_iter().find(|word| found.contains(word)).unwrap_or("none");
            said(dmarc_word(dmarc.dkim_result()), dkim)
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| said("temperror", "temperror"))
    }
}

/// DNS by this server alone.
fn only(server: SocketAddr) -> ResolverConfig {
    let mut ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    ways.iter_mut().for_each(|way| way.port = server.port());
    ResolverConfig::from_parts(None, vec![], vec![NameServerConfig::new(server.ip(), true, ways.into())])
}

/// Results of a signature, the best first: one good signature is enough (RFC 6376 §4.2).
const BEST_FIRST: [&str; 6] = ["pass", "temperror", "permerror", "fail", "neutral", "none"];

fn dkim_word(result: &DkimResult) -> &'static str {
    match result {
        DkimResult::Pass => "pass",
        DkimResult::TempError(_) => "temperror",
        DkimResult::PermError(_) => "permerror",
        DkimResult::Fail(_) => "fail",
        DkimResult::Neutral(_) => "neutral",
        DkimResult::None => "none",
    }
}

fn dmarc_word(result: &DmarcResult) -> &'static str {
    match result {
        DmarcResult::Pass => "pass",
        // Without SPF a mail that is right by SPF alone must not be called forged.
        DmarcResult::Fail(_) | DmarcResult::None => "none",
        DmarcResult::TempError(_) => "temperror",
        DmarcResult::PermError(_) => "permerror",
    }
}
