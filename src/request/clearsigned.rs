//! Mails signed inline with OpenPGP (RFC 9580 §7): the armour around the words goes where signatures go.
//!
//! Verifies nothing: who signed is the mail program's to tell.

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// The text with what was signed as it was written, its armour below a signature delimiter. `None`: nothing in it is
/// signed so.
pub fn opened(text: &str) -> Option<String> {
    memchr::memmem::find(text.as_bytes(), BEGIN.as_bytes())?;
    let mut lines = text.lines();
    let (mut words, mut armour) = (String::with_capacity(text.len()), String::new());
    let put = |out: &mut String, line: &str| out.extend([line, "\n"]);
    lines.by_ref().take_while(|line| line.trim_end() != BEGIN).for_each(|line| put(&mut words, line));
    armour.extend([BEGIN, "\n"]);
    // Its headers end with a blank line.
    lines.by_ref().take_while(|line| !line.trim().is_empty()).for_each(|line| put(&mut armour, line));
    let signed = lines.by_ref().take_while(|line| line.trim_end() != SIGNATURE);
    // A dash is escaped by a dash and a space (§7.2).
    signed.for_each(|line| put(&mut words, line.strip_prefix("- ").unwrap_or(line)));
    let rest: Vec<&str> = lines.collect();
    let end = rest.iter().position(|line| line.trim_end() == END)?;
    armour.extend([SIGNATURE, "\n"]);
    rest[..=end].iter().for_each(|line| put(&mut armour, line));
    rest[end + 1..].iter().for_each(|line| put(&mut words, line));
    Some(format!("{}\n\n-- \n{armour}", words.trim_end()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_and_nothing_is_lost() {
        let mail =
            format!("{BEGIN}\nHash: SHA256\n\nHi,\n- -- dashes\n- \n\n{SIGNATURE}\n\niQIz\n=ab\n{END}\nlist footer\n");
        let opened = opened(&mail).unwrap();
        let (words, armour) = opened.split_once("\n\n-- \n").unwrap();
        assert_eq!(words, "Hi,\n-- dashes\n\n\nlist footer");
        assert_eq!(armour, format!("{BEGIN}\nHash: SHA256\n{SIGNATURE}\n\niQIz\n=ab\n{END}\n"));
    }

    #[test]
    fn what_has_no_end_stays() {
        for text in
            ["Hi", &format!("see {BEGIN}"), &format!("{BEGIN}\n\nHi"), &format!("{BEGIN}\n\nHi\n{SIGNATURE}\n\nx")]
        {
            assert_eq!(opened(text), None);
        }
    }
}
