//! Passwords of agents: argon2id with the crate's recommended cost, as PHC strings.
//!
//! Verifying takes tens of milliseconds of one core by design: callers run it where it blocks nobody.

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

/// The shortest password taken (NIST SP 800-63B asks for at least 8; a desk is worth 10).
pub const SHORTEST: usize = 10;

/// Hashes a new password, or says why it is not taken.
pub fn hash(password: &str) -> Result<String, String> {
    if password.chars().count() < SHORTEST {
        return Err(format!("the password is shorter than {SHORTEST} characters"));
    }
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// Whether this is the password. Without a hash it takes as long and says no, so that names cannot be probed.
pub fn fits(password: &str, hash: Option<&str>) -> bool {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$2zfVcFzWCn+kvmhVQd0JGdHkwAOVsRjV6BYG8Gm9kaQ";
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY));
    let fits = parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
    fits && hash.is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits() {
        let hashed = hash("correct horse").unwrap();
        assert!(fits("correct horse", Some(&hashed)));
        assert!(!fits("correct horsf", Some(&hashed)));
        assert!(!fits("correct horse", None));
        assert!(!fits("", Some("")));
        assert!(hash("short").is_err());
    }
}
