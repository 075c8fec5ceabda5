//! Attachments: safe names, sizes, what winmail.dat holds, what a calendar invitation says.
//!
//! Nothing is unpacked or executed; names are normalised first and checked then.

use mail_parser::decoders::hex::decode_hex;
use unicode_normalization::UnicodeNormalization;

use super::address::is_format;
use super::{Attachment, encoded, header};

/// How long a name may be, in bytes.
const LONGEST_NAME: usize = 180;

/// Which attachments agents and other systems do not get. The original keeps every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Bytes that one may have; 0: any number.
    pub largest_bytes: usize,
    /// Media types (`image/svg+xml`, `video/*`) and endings of names (`.exe`), lower case. What a type is, the sender says.
    pub refused: Vec<String>,
}

impl Policy {
    /// Why this one is dropped; `None`: it is not.
    pub fn refuses(&self, file: &Attachment) -> Option<String> {
        let name = file.name.to_lowercase();
        let is = |listed: &&String| match (listed.strip_prefix('.'), listed.strip_suffix('*')) {
            (Some(_), _) => name.ends_with(listed.as_str()),
            (None, Some(begins)) => file.media_type.starts_with(begins),
            (None, None) => file.media_type == **listed,
        };
        if let Some(listed) = self.refused.iter().find(is) {
            return Some(format!("{listed} is refused"));
        }
        let over = self.largest_bytes > 0 && file.size > self.largest_bytes;
        over.then(|| format!("it is larger than {} bytes", self.largest_bytes))
    }
}

/// A file name that is safe to show and to offer: no path, no control or format characters, no leading dots.
pub fn safe_name(name: &str, index: usize, media_type: &str) -> String {
    let decoded = encoded::decode(name);
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

/// The file name in the header of a part that holds it in pieces (RFC 2231 §3) or as raw bytes beyond ASCII, decoded.
pub fn raw_name(part: &[u8]) -> Option<String> {
    let headers = header::Headers::parse(part);
    [("Content-Disposition", &b"filename="[..]), ("Content-Type", b"name=")].iter().find_map(|(field, parameter)| {
        let value = headers.raw(field).next()?;
        if let Some(name) = continued(value, &parameter[..parameter.len() - 1]) {
            return Some(name);
        }
        let at = memchr::memmem::find(&value.to_ascii_lowercase(), parameter)? + parameter.len();
        let name = match value[at..].strip_prefix(b"\"") {
            Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
            None => value[at..].split(|byte| matches!(byte, b';' | b'\r' | b'\n')).next()?,
        };
        (!name.is_ascii()).then(|| super::charset::decode(name, None).0.into_owned())
    })
}

/// A parameter in pieces, put together before it is decoded: they may part a character's bytes.
fn continued(value: &[u8], parameter: &[u8]) -> Option<String> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = value.split(|byte| {
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        *byte == b';' && !quoted
    });
    let mut pieces: Vec<_> = parts.filter_map(|part| piece(part, parameter)).collect();
    pieces.sort_by_key(|(number, ..)| *number);
    // Charset, language and text: of an encoded piece alone (§4.1), an apostrophe in others is one.
    let (_, _, first) = pieces.first_mut().filter(|(_, encoded, _)| *encoded)?;
    let mut parts = first.splitn(3, |byte| *byte == b'\'');
    let (Some(charset), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) else { return None };
    let charset = std::str::from_utf8(charset).ok()?;
    *first = text;
    let decode = |(_, encoded, value): (u16, bool, &[u8])| if encoded { decode_hex(value).1 } else { value.to_vec() };
    let decoded: Vec<u8> = pieces.into_iter().flat_map(decode).collect();
    Some(super::charset::decode(&decoded, Some(charset)).0.into_owned())
}

/// A piece of a parameter (`filename*0*=…`): its number, whether it is encoded, and its value.
fn piece<'a>(part: &'a [u8], parameter: &[u8]) -> Option<(u16, bool, &'a [u8])> {
    let part = part.trim_ascii();
    let (name, value) = part.split_at_checked(part.iter().position(|byte| *byte == b'=')?)?;
    let (known, section) = name.split_at_checked(parameter.len())?;
    let section = section.strip_prefix(b"*").filter(|_| known.eq_ignore_ascii_case(parameter))?;
    let (number, encoded) = section.strip_suffix(b"*").map_or((section, false), |number| (number, true));
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    let value = value[1..].trim_ascii();
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    Some((number, encoded, value))
}

/// The words of a rich text document (RTF): its control words, groups and tables of fonts gone.
pub fn rtf(source: &str) -> String {
    if !source.trim_start().starts_with("{\\rtf") {
        return source.to_owned();
    }
    let mut out = String::new();
    // Groups open, and from which level on nothing is shown.
    let (mut level, mut unseen) = (0_usize, usize::MAX);
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '{' => level += 1,
            '}' => {
                if level == unseen {
                    unseen = usize::MAX;
                }
                level = level.saturating_sub(1);
            }
            '\\' => {
                let mut word = String::new();
                while let Some(c) = rest.next_if(char::is_ascii_alphabetic) {
                    word.push(c);
                }
                let number: String = std::iter::from_fn(|| rest.next_if(|c| c.is_ascii_digit() || *c == '-')).collect();
                let mark = if word.is_empty() { rest.next() } else { rest.next_if_eq(&' ').and(None) };
                let shown = match (word.as_str(), mark) {
                    ("par" | "line" | "row", _) => Some('\n'),
                    ("tab" | "cell", _) => Some(' '),
                    ("u", _) => {
                        // A stand-in for old readers follows.
                        rest.next_if(|c| *c == '?');
                        number.parse::<i32>().ok().and_then(|code| char::from_u32(code.rem_euclid(0x1_0000) as u32))
                    }
                    ("", Some('\'')) => {
                        let code: String = rest.by_ref().take(2).collect();
                        u8::from_str_radix(&code, 16)
                            .ok()
                            .and_then(|byte| super::charset::decode(&[byte], Some("windows-1252")).0.chars().next())
                    }
                    ("fonttbl" | "colortbl" | "stylesheet" | "info" | "pict", _) | ("", Some('*')) => {
                        unseen = unseen.min(level);
                        None
                    }
                    ("", Some(c @ ('\\' | '{' | '}'))) => Some(c),
                    _ => None,
                };
                out.extend(shown.filter(|_| level < unseen));
            }
            '\r' | '\n' => {}
            c if level < unseen => out.push(c),
            _ => {}
        }
    }
    out
}

/// The files inside a TNEF container (winmail.dat, MS-OXTNEF §2.1): name and content of each, and whether it is whole.
pub fn tnef(data: &[u8]) -> (Vec<(String, &[u8])>, bool) {
    const SIGNATURE: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
    const ATTACH_REND_DATA: u32 = 0x0006_9002;
    const ATTACH_TITLE: u32 = 0x0001_8010;
    const ATTACH_DATA: u32 = 0x0006_800f;
    let mut files: Vec<(String, &[u8])> = Vec::new();
    let Some(mut rest) = data.strip_prefix(&SIGNATURE).and_then(|rest| rest.get(2..)) else { return (files, false) };
    // Level (1), id (4), length (4), data, checksum (2).
    let mut whole = true;
    while let Some((head, after)) = rest.split_at_checked(9) {
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (id, length) = (number(1), number(5) as usize);
        let Some((content, after)) = after.split_at_checked(length) else {
            whole = false;
            break;
        };
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
    (files, whole && rest.len() < 9)
}

/// What a calendar part says: `REQUEST: Kick-off, 2025-04-10 10:00–10:30 (Europe/Berlin), Room 4, jane@acme.example`,
/// and below a blank line its description, where people write their words.
pub fn calendar(text: &str) -> Option<String> {
    let unfolded = text.replace("\r\n ", "").replace("\n ", "").replace("\r\n\t", "").replace("\n\t", "");
    let event = unfolded.find("BEGIN:VEVENT").map_or(unfolded.as_str(), |at| &unfolded[at..]);
    // Name, parameters and value of the first line with this name (RFC 5545 §3.1).
    let property = |lines: &'_ str, wanted: &str| {
        lines.lines().take(2_000).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
            name.eq_ignore_ascii_case(wanted).then(|| (parameters.to_owned(), value.trim().to_owned()))
        })
    };
    let plain = |value: String| value.replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\");
    let line = |lines: &str, wanted: &str| {
        property(lines, wanted)
            .map(|(_, value)| header::one_line(&plain(value.replace("\\n", " ").replace("\\N", " "))))
            .filter(|value| !value.is_empty())
    };
    let summary = line(event, "SUMMARY").or_else(|| line(&unfolded, "SUMMARY"))?;
    let organizer = line(event, "ORGANIZER");
    let organizer = organizer.map(|who| who.trim_start_matches("mailto:").trim_start_matches("MAILTO:").to_owned());
    let when = property(event, "DTSTART").map(|start| when(&start, property(event, "DTEND").as_ref()));
    let mut out = format!("{}: {summary}", line(&unfolded, "METHOD").unwrap_or_else(|| "EVENT".into()));
    for part in [when, line(event, "LOCATION"), organizer].into_iter().flatten().filter(|part| !part.is_empty()) {
        out.push_str(", ");
        out.push_str(&part);
    }
    let words = property(event, "DESCRIPTION").map(|(_, value)| plain(value.replace("\\n", "\n").replace("\\N", "\n")));
    if let Some(words) = words.filter(|words| !words.trim().is_empty()) {
        out.push_str("\n\n");
        out.extend(words.trim().chars().filter(|c| !c.is_control() || *c == '\n'));
    }
    Some(out)
}

/// The beginning and the end of an event (RFC 5545 §3.3.5), with its time zone.
fn when((parameters, start): &(String, String), end: Option<&(String, String)>) -> String {
    let zone = parameters.split(';').find_map(|parameter| parameter.strip_prefix("TZID="));
    let (date, time) = moment(start);
    let (last, until) = end.map(|(_, end)| moment(end)).unwrap_or_default();
    let mut out = [date.as_str(), time.as_str()].join(" ").trim_end().to_owned();
    if !until.is_empty() {
        out.push('–');
        if last != date {
            out.extend([last.as_str(), " "]);
        }
        out.push_str(&until);
    }
    let utc = start.ends_with('Z').then_some("UTC");
    if let Some(zone) = zone.map(|zone| zone.trim_matches('"')).or(utc) {
        out.extend([" (", zone, ")"]);
    }
    header::one_line(&out)
}

/// `20250410T100000Z` as `2025-04-10` and `10:00`; what is no such moment as it stands.
fn moment(value: &str) -> (String, String) {
    let digits =
        |range: std::ops::Range<usize>| value.get(range).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(4..6), digits(6..8)) else {
        return (value.to_owned(), String::new());
    };
    let time = match (digits(9..11), digits(11..13)) {
        (Some(hour), Some(minute)) => format!("{hour}:{minute}"),
        _ => String::new(),
    };
    (format!("{year}-{month}-{day}"), time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(safe_name(name, 0, "application/pdf"), expected);
    }

    #[test]
    fn policy_goes_by_type_ending_and_size() {
        let policy =
            Policy { largest_bytes: 10, refused: vec![".exe".into(), "video/*".into(), "image/svg+xml".into()] };
        let check = |name: &str, media_type: &str, size: usize, expected: Option<&str>| {
            let (name, media_type) = (name.to_owned(), media_type.to_owned());
            let file = Attachment { name, media_type, size, ..Attachment::default() };
            assert_eq!(policy.refuses(&file).as_deref(), expected, "{}", file.name);
        };
        check("a.EXE", "text/plain", 1, Some(".exe is refused"));
        check("a.exe.txt", "text/plain", 10, None);
        check("a", "video/mp4", 1, Some("video/* is refused"));
        check("a", "image/svg+xml", 1, Some("image/svg+xml is refused"));
        check("a", "image/svg", 1, None);
        check("a", "text/plain", 11, Some("it is larger than 10 bytes"));
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
    fn names_in_pieces_are_put_together_first() {
        let check = |parameters: &str, expected: Option<&str>| {
            let part = format!("Content-Type: application/pdf; {parameters}\r\n\r\n");
            assert_eq!(raw_name(part.as_bytes()).as_deref(), expected, "{parameters}");
        };
        let rest = "name*1*=%A4nner; name*2=\".pdf\"";
        check(&format!("name*0*=UTF-8''Rechnung%20J%C3; {rest}"), Some("Rechnung Jänner.pdf"));
        check(&format!("{rest};\r\n\tNAME*0*=utf-8'de'J%C3"), Some("Jänner.pdf"));
        check("name*0*=iso-8859-1''J%E4; name*1*=nner", Some("Jänner"));
        check("name*0*=utf-8''a%C3; name*1*=%A4b; name*2=\"; c.pdf\"", Some("aäb; c.pdf"));
        check("name*0*=utf-8''a%C3; name*1*=%A4b; name*2=\"\\\"; c\"", Some("aäb\\\"; c"));
        check("name*0=a; name*1=b", None);
        check("name*0=\"Jane's client's repo\"; name*1=\"rt.pdf\"", None);
        check("name*0*=%; name*x*='", None);
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
        assert_eq!(tnef(&data), (vec![("list.csv".to_owned(), &b"a;b"[..])], true));
        assert_eq!(tnef(&data[..20]), (vec![], false));
        assert_eq!(tnef(b"nonsense"), (vec![], false));
    }

    #[test]
    fn invitations_say_when_where_and_what() {
        let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=en:Kick-off\\, spring\r\nDTSTART;TZID=Europe/Berlin:20250410T090000\r\nDTEND;TZID=Europe/Berlin:20250410T093000\r\nLOCATION:Room\r\n  4\r\nORGANIZER;CN=Jane:mailto:jane@acme.example\r\nDESCRIPTION:Campaign 22340:\\nno clicks\\, since\r\n  Monday\\n\r\nBEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR";
        assert_eq!(
            calendar(text).as_deref(),
            Some(
                "REQUEST: Kick-off, spring, 2025-04-10 09:00–09:30 (Europe/Berlin), Room 4, jane@acme.example\n\nCampaign 22340:\nno clicks, since Monday"
            )
        );
        let when = |start: &str, end: &str| {
            calendar(&format!("BEGIN:VEVENT\nSUMMARY:x\nDTSTART:{start}\nDTEND:{end}\nEND:VEVENT")).unwrap_or_default()
        };
        assert_eq!(when("20250410T220000Z", "20250411T010000Z"), "EVENT: x, 2025-04-10 22:00–2025-04-11 01:00 (UTC)");
        assert_eq!(when("20250410", "20250411"), "EVENT: x, 2025-04-10");
        assert_eq!(when("soon", ""), "EVENT: x, soon");
        assert_eq!(calendar("nothing"), None);
    }
}
