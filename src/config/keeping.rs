//! What can be wrong with where and what the desk keeps: `store.blobs` and its keys, `[attachments]`. Looks at no file and no
//! host.

use super::check::loopback;
use super::settings::{Config, Store};

/// Table, key, what is wrong, and the remedy.
pub(super) type Wrong = (&'static str, &'static str, String, &'static str);

/// All of it.
pub(super) fn faults(config: &Config) -> Vec<Wrong> {
    let mut faults = vec![];
    for listed in config.attachments.refused.iter().filter(|listed| !is_kind(listed)) {
        let message = format!("`{listed}` is neither a media type nor an ending");
        faults.push(("attachments", "refused", message, "write image/svg+xml, video/* or .exe"));
    }
    faults.extend(blobs(&config.store).into_iter().map(|(key, message, remedy)| ("store", key, message, remedy)));
    faults
}

/// `type/subtype`, `type/*` or `.ending`.
fn is_kind(listed: &str) -> bool {
    match listed.strip_prefix('.') {
        Some(ending) => !ending.is_empty() && !ending.contains(['/', '*']),
        None => listed.split_once('/').is_some_and(|(main, sub)| {
            !main.is_empty() && !main.contains('*') && !sub.is_empty() && !sub.contains('/')
        }),
    }
}

fn blobs(store: &Store) -> Vec<(&'static str, String, &'static str)> {
    let Some(rest) = store.blobs.strip_prefix("s3://") else {
        return match store.blobs.as_str() {
            other if other.contains("://") => {
                vec![("blobs", format!("`{other}` is no place that is known"), "write a folder, or s3://bucket/prefix")]
            }
            _ => vec![],
        };
    };
    let mut faults = vec![];
    if cfg!(not(feature = "s3")) {
        let message = "this deskclerk was built without S3".into();
        faults.push(("blobs", message, "build it with --features s3, or name a folder"));
    }
    if rest.split('/').next().unwrap_or_default().is_empty() {
        faults.push(("blobs", "names no bucket".into(), "write s3://bucket/prefix"));
    }
    if store.s3_key_id.is_empty() != store.s3_secret_file.as_os_str().is_empty() {
        faults.push(("s3_key_id", "s3_key_id and s3_secret_file go together".into(), "set both, or neither"));
    }
    let endpoint = &store.s3_endpoint;
    match endpoint.parse::<hyper::Uri>() {
        _ if endpoint.is_empty() => {}
        Ok(url) if url.scheme_str() == Some("https") && url.host().is_some() => {}
        Ok(url) if url.scheme_str() == Some("http") && url.host().is_some_and(loopback) => {}
        Ok(url) if url.scheme_str() == Some("http") => {
            let message = format!("plaintext to {} could be read and altered", url.host().unwrap_or("?"));
            faults.push(("s3_endpoint", message, "write https://"));
        }
        _ => faults.push(("s3_endpoint", "is no http address".into(), "write https://s3.example.com")),
    }
    faults
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::config;

    fn check(text: &str, expected: &str) {
        let faults = config::parse(text, "t.toml", std::path::Path::new("/etc")).err().unwrap_or_default();
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(
            if expected.is_empty() { said.is_empty() } else { said.join("\n").contains(expected) },
            "{text}: {said:?}"
        );
    }

    #[test]
    fn places_and_policies_are_checked() {
        check("[store]\nblobs = \"originals\"", "");
        check("[store]\nblobs = \"\"", "");
        check("[store]\nblobs = \"gs://bucket\"", "`gs://bucket` is no place");
        let bucket = "[store]\nblobs = \"s3://\"\ns3_key_id = \"x\"\ns3_endpoint = \"http://s3.example.com\"";
        for part in ["names no bucket", "go together", "plaintext to s3.example.com"] {
            check(bucket, part);
        }
        if cfg!(not(feature = "s3")) {
            check("[store]\nblobs = \"s3://bucket/desk\"", "built without S3");
        } else {
            check("[store]\nblobs = \"s3://bucket/desk\"\ns3_endpoint = \"http://127.0.0.1:9000\"", "");
        }
        check("[attachments]\nrefused = [\".exe\", \"video/*\", \"image/svg+xml\"]", "");
        for wrong in [".", "exe", "*/*", "video/", "a/b/c"] {
            check(&format!("[attachments]\nrefused = [\"{wrong}\"]"), "t.toml:2: attachments.refused");
        }
    }
}
