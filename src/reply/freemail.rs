//! Domains whose addresses belong to people who have nothing to do with each other.

/// How much larger the budget of such a domain is than that of a company's own.
const WEIGHT: u32 = 20;
/// Providers that have these names under many top-level domains: `gmx.de`, `yahoo.co.uk`.
const NAMES: &[&str] = &[
    "gmail",
    "googlemail",
    "gmx",
    "yahoo",
    "ymail",
    "outlook",
    "hotmail",
    "live",
    "msn",
    "aol",
    "icloud",
    "proton",
    "protonmail",
    "zoho",
    "yandex",
];
/// Whole domains of providers.
const DOMAINS: &[&str] = &[
    "web.de",
    "t-online.de",
    "freenet.de",
    "posteo.de",
    "mailbox.org",
    "1und1.de",
    "me.com",
    "mac.com",
    "pm.me",
    "mail.com",
    "fastmail.com",
    "btinternet.com",
    "sky.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "laposte.net",
    "sfr.fr",
    "bbox.fr",
    "telefonica.net",
    "terra.es",
    "sapo.pt",
    "clix.pt",
    "uol.com.br",
    "bol.com.br",
    "terra.com.br",
    "ig.com.br",
    "globo.com",
    "libero.it",
    "virgilio.it",
    "tiscali.it",
    "bluewin.ch",
    "hispeed.ch",
    "a1.net",
    "aon.at",
    "chello.at",
    "ziggo.nl",
    "kpnmail.nl",
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "seznam.cz",
    "mail.ru",
    "qq.com",
    "163.com",
];

/// By how much the budget of a domain (lower case) is multiplied.
pub fn weight(domain: &str) -> u32 {
    let (name, rest) = domain.split_once('.').unwrap_or((domain, ""));
    // `gmail.com`, `yahoo.co.uk`; not `live.customer.example`.
    let short = rest.split('.').all(|label| (2..=3).contains(&label.len()));
    if DOMAINS.contains(&domain) || (NAMES.contains(&name) && short) { WEIGHT } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_not_one_sender() {
        for domain in ["gmail.com", "gmx.de", "yahoo.co.uk", "web.de", "proton.me"] {
            assert_eq!(weight(domain), WEIGHT, "{domain}");
        }
        for domain in ["customer.example", "live.customer.example", "gmail.customer.example", "gmail", ""] {
            assert_eq!(weight(domain), 1, "{domain}");
        }
    }
}
