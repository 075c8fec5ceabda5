//! Raw mail to Request: any bytes give a request or a refusal, never a panic, and no oversized result.
//!
//! How it is run stands in `fuzz/Cargo.toml`.

#![no_main]

use deskclerk::request::{Setting, fingerprint, mail};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    if let Ok(request) = mail::read(raw, &Setting::default()) {
        assert!(!request.subject.contains(['\r', '\n', '\0']));
        assert!(request.from.address.matches('@').count() <= 1);
        let _ = fingerprint(&request);
        for index in 0..request.attachments.len().min(4) {
            let _ = mail::attachment(raw, index);
        }
    }
});
