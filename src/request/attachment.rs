//! Attachments: safe names, sizes, what winmail.dat holds, what a calendar invitation says.
//!
//! Nothing is unpacked or executed; names are normalised first and checked then.

use unicode_normalization::UnicodeNormalization;

use super::address::is_format;
use super::header;

/// How long a name may be, in bytes.
const LONGEST_NAME: usize = 180;

/// A file name that is safe to show and to offer: no path, no control or format characters, no leading dots.
pub fn safe_name(name: &str, index: usize, media_type: &str) -> String {
    let decoded = header::decode_words(name);
    let clean: String = header::one_line(decoded.as_deref().unwrap_or(name))
        .nfkc()
        .filter(|c| !c.is_control() && !is_format(*c))
        .collect();
    let base = clean.rsplit(['/', '\\']).next().unwrap_or_default();
    let base: String = base.chars().map(|c| if "<>:\"|?*".contains(c) { '_' } else { c }).collect();
    let base = base.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if base.is_empty() {
        let ending = match media_type {
            "message/rfc822" => "eml",
            "text/plain" => "txt",
            "text/html" => "html",
            "text/calendar" => "ics",
            "image/jpeg" => "jpg",
            other => other
                .split('/')
                .nth(1)
                .filter(|sub| sub.len() <= 5 && sub.bytes().all(|b| b.is_ascii_alphanumeric()))
                .unwrap_or("bin"),
        };
        return format!("attachment-{}.{ending}", index + 1);
    }
    if base.len() <= LONGEST_NAME {
        return base.to_owned();
    }
    // Keep the ending: it says what the file is.
    let (stem, ending) = base.rsplit_once('.').filter(|(_, ending)| ending.len() <= 12).unwrap_or((base, ""));
    let room = LONGEST_NAME - ending.len() - 1;
    let cut = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    if ending.is_empty() { stem[..cut].to_owned() } else { format!("{}.{ending}", &stem[..cut]) }
}

/// The files inside a TNEF container (winmail.dat, MS-OXTNEF §2.1): name and content of each.
pub fn tnef(data: &[u8]) -> Vec<(String, &[u8])> {
    const SIGNATURE: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
    const ATTACH_REND_DATA: u32 = 0x0006_9002;
    const ATTACH_TITLE: u32 = 0x0001_8010;
    const ATTACH_DATA: u32 = 0x0006_800f;
    let mut files: Vec<(String, &[u8])> = Vec::new();
    let Some(mut rest) = data.strip_prefix(&SIGNATURE).and_then(|rest| rest.get(2..)) else { return files };
    // Level (1), id (4), length (4), data, checksum (2).
    while let Some((head, after)) = rest.split_at_checked(9) {
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (id, length) = (number(1), number(5) as usize);
        let Some((content, after)) = after.split_at_checked(length) else { break };
        match id {
            ATTACH_REND_DATA if files.len() < 200 => files.push((String::new(), &[])),
            ATTACH_TITLE => {
                let title = content.split(|b| *b == 0).next().unwrap_or_default();
                if let Some(file) = files.last_mut() {
                    file.0 = super::charset::decode(title, None).0.into_owned();
                }
            }
            ATTACH_DATA => {
                if let Some(file) = files.last_mut() {
                    file.1 = content;
                }
            }
            _ => {}
        }
        rest = after.get(2..).unwrap_or_default();
    }
    files.retain(|(name, content)| !name.is_empty() || !content.is_empty());
    files
}

/// What a calendar part says, on one line: `REQUEST: Kick-off, 20250410T090000Z, Room 4, jane@acme.example`.
pub fn calendar(text: &str) -> Option<String> {
    let unfolded = text.replace("\r\n ", "").replace("\n ", "").replace("\r\n\t", "").replace("\n\t", "");
    let value = |wanted: &str| {
        unfolded.lines().take(2_000).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let name = name.split(';').next().unwrap_or_default();
            name.eq_ignore_ascii_case(wanted)
                .then(|| header::one_line(&value.replace("\\n", " ").replace("\\,", ",").replace("\\;", ";")))
        })
    };
    let summary = value("SUMMARY")?;
    let start = unfolded.find("BEGIN:VEVENT").map(|at| &unfolded[at..]).and_then(|event| {
        event
            .lines()
            .find(|line| line.starts_with("DTSTART"))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| header::one_line(value))
    });
    let organizer =
        value("ORGANIZER").map(|who| who.trim_start_matches("mailto:").trim_start_matches("MAILTO:").to_owned());
    let rest: Vec<String> =
        [start, value("LOCATION"), organizer].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let method = value("METHOD").unwrap_or_else(|| "EVENT".into());
    let mut out = format!("{method}: {summary}");
    for part in rest {
        out.push_str(", ");
        out.push_str(&part);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(safe_name(name, 0, "application/pdf"), expected);
    }

    #[test]
    fn names_are_normalised_then_checked() {
        check("report.pdf", "report.pdf");
        check("\u{200b}.htaccess", "htaccess");
        check("../../x", "x");
        check("..\\..\\boot.ini", "boot.ini");
        check("a／b.pdf", "b.pdf");
        check("fdp.\u{202e}exe", "fdp.exe");
        check("a\0b\r\nc.pdf", "ab c.pdf");
        check("=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?=", "Grüße.pdf");
        check("", "attachment-1.pdf");
        check("...", "attachment-1.pdf");
        assert!(safe_name(&format!("{}.xlsx", "ü".repeat(300)), 0, "").ends_with(".xlsx"));
    }

    #[test]
    fn winmail_lists_its_files() {
        let attribute = |id: u32, data: &[u8]| {
            let mut out = vec![2];
            out.extend(id.to_le_bytes());
            out.extend((data.len() as u32).to_le_bytes());
            out.extend(data);
            out.extend([0, 0]);
            out
        };
        let data = [
            &[0x78, 0x9f, 0x3e, 0x22, 1, 0][..],
            &attribute(0x0006_9002, &[0; 14]),
            &attribute(0x0001_8010, b"list.csv\0"),
            &attribute(0x0006_800f, b"a;b"),
        ]
        .concat();
        assert_eq!(tnef(&data), [("list.csv".to_owned(), &b"a;b"[..])]);
        assert_eq!(tnef(&data[..20]), []);
        assert_eq!(tnef(b"nonsense"), []);
    }

    #[test]
    fn invitations_are_one_line() {
        let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=en:Kick-off\\, spring\r\nDTSTART;TZID=X:20250410T090000\r\nLOCATION:Room\r\n  4\r\nORGANIZER;CN=Jane:mailto:jane@acme.example\r\nEND:VEVENT\r\nEND:VCALENDAR";
        assert_eq!(
            calendar(text).as_deref(),
            Some("REQUEST: Kick-off, spring, 20250410T090000, Room 4, jane@acme.example")
        );
        assert_eq!(calendar("nothing"), None);
    }
}
