//! The settings as typed data, one struct a table of `default.toml`. Every key has its default there and nowhere else:
//! a file is laid over the default before it is typed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::endpoints::{Connector, Webhook};
use super::mailbox::Imap;

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The desk itself.
    pub desk: Desk,
    /// The database.
    pub store: Store,
    /// The rules folder.
    pub rules: Rules,
    /// The campaign directory.
    pub campaigns: Campaigns,
    /// The HTTP listener.
    pub http: Http,
    /// Whom the desk may reach.
    pub egress: Egress,
    /// The LMTP listener.
    pub lmtp: Lmtp,
    /// Mailboxes to read.
    #[serde(default)]
    pub imap: Vec<Imap>,
    /// The way out for mail.
    pub smtp: Smtp,
    /// Automatic replies.
    pub replies: Replies,
    /// When the desk is open.
    pub hours: Hours,
    /// "Submit a request".
    pub form: Form,
    /// The page of all support options.
    pub support: Support,
    /// Webhook sources.
    #[serde(default)]
    pub hook: Vec<Hook>,
    /// Team → mail address.
    #[serde(default)]
    pub teams: BTreeMap<String, String>,
    /// Webhooks to partner systems.
    #[serde(default)]
    pub webhook: Vec<Webhook>,
    /// Other help desks that get the tickets.
    #[serde(default)]
    pub connector: Vec<Connector>,
    /// Bounds before parsing.
    pub bounds: Bounds,
    /// Which attachments agents do not get.
    pub attachments: Attachments,
    /// How long what came in is kept.
    pub retention: Retention,
    /// Logging.
    pub log: Log,
}

impl Config {
    /// Whether mail is answered only with a DMARC pass: without a trusted server none could have one.
    pub fn requires_dmarc(&self) -> bool {
        self.replies.require_dmarc && self.desk.proves_senders()
    }
}

/// `[desk]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// The name customers read.
    pub name: String,
    /// The support address.
    pub address: String,
    /// Further addresses of this desk.
    pub own_addresses: Vec<String>,
    /// Where state lives; absolute after loading.
    pub data_dir: PathBuf,
    /// Fallback language of replies (ISO 639-1).
    pub language: String,
    /// The daemon's address as browsers see it, without a trailing slash.
    pub public_url: String,
    /// The trusted authserv-id; empty: none.
    pub authserv_id: String,
    /// Whether the desk verifies DKIM and DMARC itself.
    pub verify_senders: bool,
    /// The DNS server that it asks; empty: the system's.
    pub resolver: String,
}

impl Desk {
    /// Whether senders can be proven: by a trusted MTA, or by the desk itself.
    pub fn proves_senders(&self) -> bool {
        self.verify_senders || !self.authserv_id.is_empty()
    }

    /// Whether customers can reach the daemon: `public_url` does not name this machine's own loopback.
    pub fn is_public(&self) -> bool {
        let rest = self.public_url.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        let host = if host.starts_with('[') { host.split(']').next() } else { host.split(':').next() };
        let host = host.unwrap_or_default().trim_start_matches('[');
        let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
        !host.is_empty() && host != "localhost" && !loopback
    }
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `sqlite:NAME` or `postgres://…`.
    pub url: String,
    /// A file that holds the URL instead.
    pub url_file: PathBuf,
    /// Connections to PostgreSQL.
    pub connections: u32,
    /// Where large originals and attachments lie: `database`, a folder (a relative one in `data_dir`), or `s3://bucket/prefix`.
    pub blobs: String,
    /// What has so many bytes or more lies there.
    pub blobs_from_bytes: usize,
    /// The S3 server; empty: Amazon's.
    pub s3_endpoint: String,
    /// The bucket's region.
    pub s3_region: String,
    /// The access key; empty: what the machine's role gives.
    pub s3_key_id: String,
    /// The file with its secret.
    pub s3_secret_file: PathBuf,
}

/// `[rules]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The rules folder; empty: the shipped rules.
    pub dir: PathBuf,
}

/// `[campaigns]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaigns {
    /// The directory's CSV or JSON lines file; empty: none.
    pub file: PathBuf,
    /// Where the same is fetched by HTTP; empty: nowhere.
    pub url: String,
    /// File that holds a header line for `url`.
    pub url_header_file: PathBuf,
    /// A query that gives the directory; empty: none.
    pub sql: String,
    /// File that holds the URL of the database that `sql` is put to.
    pub sql_url_file: PathBuf,
    /// Seconds between two looks at file, URL or query.
    pub refresh_secs: u64,
    /// Take a directory that lost more than half of its campaigns.
    pub allow_shrink: bool,
}

impl Campaigns {
    /// The key that names where the directory comes from; `None`: it is what was put into the store.
    pub fn source(&self) -> Option<&'static str> {
        self.sources().next()
    }

    /// All such keys that are set. More than one is a fault.
    pub fn sources(&self) -> impl Iterator<Item = &'static str> {
        let set =
            [("file", !self.file.as_os_str().is_empty()), ("url", !self.url.is_empty()), ("sql", !self.sql.is_empty())];
        set.into_iter().filter(|(_, set)| *set).map(|(key, _)| key)
    }
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Socket address.
    pub listen: String,
    /// Bytes of one body.
    pub body_limit_bytes: usize,
    /// Seconds a client has to send its request.
    pub read_timeout_secs: u64,
}

/// `[egress]`: what others name and the desk reaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Networks that are not public and may be reached all the same.
    pub allow: Vec<String>,
    /// Days of failing after which an endpoint is disabled; 0: never.
    pub disable_after_days: u32,
    /// Bytes of one attachment that is fetched.
    pub attachment_bytes: usize,
    /// Media types of attachments that are fetched, `image/*` for all of a kind.
    pub attachment_types: Vec<String>,
}

/// `[lmtp]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lmtp {
    /// Socket address or path of a Unix socket; empty: closed.
    pub listen: String,
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Upgrade before anything else.
    Starttls,
    /// Plaintext; only to loopback.
    None,
}

/// `[smtp]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host; empty: nothing is sent.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Security.
    pub tls: Tls,
    /// PEM file of a private CA.
    pub ca_file: PathBuf,
    /// Login; empty: none.
    pub user: String,
    /// File that holds the password.
    pub password_file: PathBuf,
    /// Connections kept open.
    pub connections: u32,
    /// Envelope sender; empty: `<>`.
    pub envelope_from: String,
    /// DKIM selector; empty: mails are not signed.
    pub dkim_selector: String,
    /// File of the DKIM private key.
    pub dkim_key_file: PathBuf,
    /// Mails are written here instead of sent; empty: sent.
    pub folder: PathBuf,
}

/// What happens to a composed reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Sent.
    Send,
    /// Held for an agent to send.
    Draft,
    /// Only recorded.
    Shadow,
}

/// `[replies]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replies {
    /// What happens to a composed reply.
    pub mode: Mode,
    /// Withhold replies to mail without a DMARC pass; see [`Config::requires_dmarc`].
    pub require_dmarc: bool,
    /// Confirm complete requests.
    pub acknowledge: bool,
    /// Automatic replies to one address in 24 hours.
    pub per_address_per_day: u32,
    /// Automatic replies to one domain in an hour.
    pub per_domain_per_hour: u32,
    /// Automatic replies of the desk in an hour.
    pub per_desk_per_hour: u32,
    /// Questions on one ticket.
    pub questions_per_ticket: u32,
    /// Minutes for which the breaker holds automatic replies back.
    pub breaker_minutes: u32,
    /// Days until an open question is reminded of; 0: never.
    pub reminder_days: u32,
    /// Days until a ticket whose question stays open is handed to the agents; 0: never.
    pub hand_over_days: u32,
    /// Days for which one-tap answers are good; 0: there are none.
    pub one_tap_days: u32,
    /// File of the token key; empty: kept in `data_dir`.
    pub token_key_file: PathBuf,
}

/// `[hours]`: of each day `09:00-17:00`, several divided by commas, empty: closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// IANA time zone.
    pub zone: String,
    /// Monday's hours.
    pub monday: String,
    /// Tuesday's hours.
    pub tuesday: String,
    /// Wednesday's hours.
    pub wednesday: String,
    /// Thursday's hours.
    pub thursday: String,
    /// Friday's hours.
    pub friday: String,
    /// Saturday's hours.
    pub saturday: String,
    /// Sunday's hours.
    pub sunday: String,
    /// Closed days: `2026-12-24`, or `12-25` for every year.
    pub holidays: Vec<String>,
}

impl Hours {
    /// The days from Monday, with their keys.
    pub fn days(&self) -> [(&'static str, &String); 7] {
        [
            ("monday", &self.monday),
            ("tuesday", &self.tuesday),
            ("wednesday", &self.wednesday),
            ("thursday", &self.thursday),
            ("friday", &self.friday),
            ("saturday", &self.saturday),
            ("sunday", &self.sunday),
        ]
    }
}

/// The ways to verify a webhook's posts.
pub const VERIFY: [&str; 17] = [
    "standard-webhooks",
    "github",
    "stripe",
    "slack",
    "mailgun",
    "sendgrid",
    "postmark",
    "twilio",
    "typeform",
    "shopify",
    "zendesk",
    "intercom",
    "hubspot",
    "sns",
    "bearer",
    "basic",
    "mtls-header",
];

/// `[form]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Whether `/submit`, `/support` and `POST /v1/requests` are there.
    pub open: bool,
    /// Requests that one client may hand in a minute.
    pub per_minute: u32,
    /// Seconds between opening the form and sending it, at least.
    pub least_secs: u64,
    /// Leading zero bits of the proof of work; 0: none is asked for.
    pub proof_of_work_bits: u32,
    /// Files of one request.
    pub attachments: usize,
    /// Origins of the pages that may show the form in a frame.
    pub frame_ancestors: Vec<String>,
    /// Id of a custom field in Zendesk's shape → the name of ours.
    pub custom_fields: BTreeMap<String, String>,
}

/// `[support]`: what beside the form the page `/support` offers; empty: not offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// Phone number.
    pub phone: String,
    /// Address of the knowledge base.
    pub knowledge_base: String,
    /// Address of the chat.
    pub chat: String,
}

fn five_minutes() -> u64 {
    300
}

/// `[[hook]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Names the source.
    pub name: String,
    /// The vendor's preset, a file of `rules/hooks`; empty: `generic`.
    #[serde(default)]
    pub preset: String,
    /// How posts are verified; empty: as the preset says.
    #[serde(default)]
    pub verify: String,
    /// Files of secrets, all valid at once.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
    /// The header of the signature; empty: the scheme's own.
    #[serde(default)]
    pub header: String,
    /// The header of the delivery's id; empty: the scheme's own.
    #[serde(default)]
    pub id_header: String,
    /// How far the time stamp may be off, seconds.
    #[serde(default = "five_minutes")]
    pub tolerance_secs: u64,
    /// Addresses of the proxies that set the header of `verify = "mtls-header"`.
    #[serde(default)]
    pub proxies: Vec<String>,
    /// Posts in a minute; 0: any number.
    #[serde(default = "posts_per_minute")]
    pub per_minute: u32,
    /// For how many days keys are remembered.
    #[serde(default = "week")]
    pub keep_keys_days: u32,
    /// Field → where it stands in the body; goes before the preset's.
    #[serde(default)]
    pub map: toml::Table,
}

impl Default for Hook {
    fn default() -> Hook {
        Hook {
            name: String::new(),
            preset: String::new(),
            verify: String::new(),
            secret_files: vec![],
            header: String::new(),
            id_header: String::new(),
            tolerance_secs: five_minutes(),
            proxies: vec![],
            per_minute: posts_per_minute(),
            keep_keys_days: week(),
            map: toml::Table::new(),
        }
    }
}

fn posts_per_minute() -> u32 {
    6_000
}
fn week() -> u32 {
    7
}

/// `[bounds]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Bytes of a mail.
    pub size_bytes: usize,
    /// MIME parts.
    pub parts: usize,
    /// Nesting.
    pub depth: usize,
    /// Header lines.
    pub headers: usize,
    /// Bytes of a header block.
    pub header_bytes: usize,
    /// Bytes of a body line.
    pub line_bytes: usize,
}

/// `[attachments]`: the policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachments {
    /// Bytes that one may have; 0: any number.
    pub largest_bytes: usize,
    /// Media types, `video/*` for all of a kind, and endings of names, `.exe`.
    pub refused: Vec<String>,
}

/// `[retention]`: days, 0: for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The original bytes of what came in, and so the attachments.
    pub raw_days: u32,
    /// Tickets that are solved or closed.
    pub closed_days: u32,
    /// What nobody has decided on in quarantine.
    pub quarantine_days: u32,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// Fields of systemd's journal.
    Journald,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Shape.
    pub format: LogFormat,
    /// Filter.
    pub level: String,
}
