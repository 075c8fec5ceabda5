//! The directory from bytes: CSV or JSON lines, with every fault named by its line.
//!
//! A faulty row is left out and reported; the others are loaded. Never guesses an encoding: it is UTF-8, with or
//! without a byte order mark.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Campaign;
use super::check::Check;
use super::columns::{self, ACCOUNT, ALIASES, CONTACTS, ID, Keys, NAME, STATUS};
use crate::config::fault::Fault;

/// What a directory's bytes hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The campaigns that are sound.
    pub campaigns: Vec<Campaign>,
    /// What keeps others out, or may not stay.
    pub faults: Vec<Fault>,
    /// What is odd in those that are taken.
    pub warnings: Vec<Fault>,
}

/// Reads a directory of either kind: JSON lines when the first character is a brace, else CSV.
pub fn read(bytes: &[u8], file: &str) -> Loaded {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut check = Check::new(file);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(200).any(|b| *b == 0) {
        check.fault(1, "the file is UTF-16 or no text".into(), "save it as UTF-8");
        return check.done();
    }
    match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => read_jsonl(bytes, &mut check),
        Some(b'[') => {
            let remedy = "write one object a line, without brackets around all and commas between";
            check.fault(1, "the file is a JSON array, not JSON lines".into(), remedy);
        }
        _ => read_csv(bytes, &mut check),
    }
    check.done()
}

/// The same without warnings.
pub fn parse(bytes: &[u8], file: &str) -> (Vec<Campaign>, Vec<Fault>) {
    let Loaded { campaigns, faults, .. } = read(bytes, file);
    (campaigns, faults)
}

/// Reads JSON lines, whatever the first character is, without warnings.
pub fn jsonl(bytes: &[u8], file: &str) -> (Vec<Campaign>, Vec<Fault>) {
    let mut check = Check::new(file);
    read_jsonl(bytes, &mut check);
    let Loaded { campaigns, faults, .. } = check.done();
    (campaigns, faults)
}

/// What stands between the cells of CSV: a comma, or, as spreadsheets of many countries write, a semicolon or a tab. By its
/// first line.
pub fn separator(bytes: &[u8]) -> u8 {
    let head = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |separator: &u8| head.iter().filter(|b| *b == separator).count();
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// The line of a record of CSV. The reader's own position is before the empty lines above it, and before the LF of a CRLF.
pub fn line_of(record: Option<&csv::Position>, bytes: &[u8]) -> usize {
    let Some(at) = record else { return 0 };
    let above = bytes.get(at.byte() as usize..).unwrap_or_default().iter().take_while(|byte| b"\r\n".contains(byte));
    at.line() as usize + above.filter(|byte| **byte == b'\n').count()
}

/// Reads CSV with a header line; separator comma, semicolon or tab.
fn read_csv(bytes: &[u8], check: &mut Check<'_>) {
    let separator = separator(bytes);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let headers: Vec<String> = match reader.byte_headers() {
        Ok(headers) => headers.iter().map(|header| String::from_utf8_lossy(header).into_owned()).collect(),
        Err(error) => {
            check.fault(1, format!("the header cannot be read: {error}"), "save the file as UTF-8 CSV");
            return;
        }
    };
    let places = columns::places(headers.iter().map(String::as_str));
    let found: Vec<String> = headers.iter().map(|header| header.chars().take(40).collect()).take(12).collect();
    let (Some(id), Some(name)) = (places[ID], places[NAME]) else {
        let missing = columns::missing(&places).unwrap_or_default();
        let message = match headers.is_empty() {
            true => "the file is empty".to_owned(),
            false => format!("the header names no column `{missing}` (found: {})", found.join(", ")),
        };
        check.fault(1, message, "begin the file with the line `campaign_id,name,account,contacts`");
        return;
    };
    check.warn_of_columns(&columns::lacking(&places), &found.join(", "));
    let mut record = csv::ByteRecord::new();
    // The last row, where it begins, and whether it goes over several lines.
    let mut last = (0, 0, false);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line) as usize;
                check.fault(line, format!("the row cannot be read: {error}"), "check the quotation marks of this row");
                break;
            }
        }
        let line = line_of(record.position(), bytes);
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let over_lines = |cell: &[u8]| cell.contains(&b'\n');
        let begin = record.position().map_or(0, |position| position.byte() as usize);
        last = (line, begin, record.iter().any(over_lines));
        if last.2 {
            let raw = bytes.get(begin..reader.position().byte() as usize).unwrap_or_default();
            let known = [Some(id), places[ACCOUNT]].into_iter().flatten();
            // A name may go over lines, but for one that has swallowed a row.
            let row = |line: &[u8]| line.iter().filter(|byte| **byte == separator).count() + 1 >= headers.len();
            let swallows = |cell: &[u8]| cell.split(|byte| *byte == b'\n').skip(1).any(row);
            let torn = known.filter_map(|at| record.get(at)).any(over_lines)
                || record.get(name).is_some_and(swallows)
                || badly_quoted(raw, separator);
            if torn {
                let lines = raw.trim_ascii_end().iter().filter(|byte| **byte == b'\n').count() + 1;
                let open = raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1
                    && reader.position().byte() as usize >= bytes.len();
                let message = match open {
                    true => "a quotation mark is open to the end of the file: no row behind it was taken".into(),
                    false => format!("the row goes on over {lines} lines: none of them was taken"),
                };
                check.fault(line, message, "close the quotation mark that is open there, or write it twice");
                last = (line, bytes.len(), false);
                continue;
            }
        }
        let text = |at: usize| record.get(at).map(std::str::from_utf8);
        if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
            check.fault(line, "the row is not UTF-8".into(), "save the file as UTF-8");
            continue;
        }
        let cell = |at: Option<usize>| at.and_then(text).and_then(Result::ok).unwrap_or_default().to_owned();
        if record.len() <= id.max(name) {
            let message = format!("the row has {} columns, too few to hold id and name", record.len());
            check.fault(line, message, "complete the row or remove it");
            continue;
        }
        if record.iter().skip(headers.len()).any(|extra| !extra.is_empty()) {
            let message = format!("the row has {} columns, the header {}", record.len(), headers.len());
            check.fault(line, message, "put a cell that holds the separator into quotation marks");
            continue;
        }
        let status = cell(places[STATUS]);
        let campaign = Campaign {
            id: cell(Some(id)),
            name: cell(Some(name)),
            account: cell(places[ACCOUNT]),
            contacts: list(&cell(places[CONTACTS]), between_contacts),
            status: (!status.is_empty()).then_some(status),
            aliases: list(&cell(places[ALIASES]), between_aliases),
        };
        check.take(line, campaign);
    }
    // RFC 4180 doubles a quotation mark within a cell, so that their number is even; 5" in a cell without marks is a length.
    let (line, begin, over_lines) = last;
    let odd = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
    let row = bytes.get(begin..).unwrap_or_default();
    let opens = || row.trim_ascii_start().starts_with(b"\"") || row.windows(2).any(|pair| pair == [separator, b'"']);
    if over_lines && odd(bytes) || !over_lines && odd(row) && opens() {
        check.fault(line, "a quotation mark is open to the end of the file".into(), "close it, or write it twice");
    }
}

/// Whether a quoted cell of this row ends otherwise than RFC 4180 says: with something behind its quotation mark.
fn badly_quoted(row: &[u8], separator: u8) -> bool {
    let (mut quoted, mut opens) = (false, true);
    let mut bytes = row.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (quoted, byte) {
            (true, b'"') if bytes.next_if_eq(&b'"').is_none() => {
                quoted = false;
                if bytes.peek().is_some_and(|next| !matches!(next, b'\r' | b'\n') && *next != separator) {
                    return true;
                }
            }
            (false, b'"') if opens => quoted = true,
            _ => {}
        }
        opens = !quoted && (byte == separator || byte == b'\n');
    }
    false
}

fn list(cell: &str, separates: impl Fn(char) -> bool) -> Vec<String> {
    cell.split(separates).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Reads JSON lines: objects with keys as the columns of CSV are called; an id may be a number.
fn read_jsonl(bytes: &[u8], check: &mut Check<'_>) {
    let mut keys = Keys::default();
    for (at, raw) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = at + 1;
        if raw.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object: Map<String, Value> = match serde_json::from_slice(raw) {
            Ok(object) => object,
            Err(error) => {
                check.fault(line, format!("the line is no JSON object: {error}"), "write one object a line");
                continue;
            }
        };
        keys.read(&object);
        let value = |column: usize| keys.of(column).and_then(|key| object.get(key));
        let text = |column: usize| match value(column) {
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let many = |column: usize, separates: &dyn Fn(char) -> bool| match value(column) {
            Some(Value::Array(items)) => {
                items.iter().filter_map(|item| item.as_str().map(|s| s.trim().to_owned())).collect()
            }
            Some(Value::String(text)) => list(text, separates),
            _ => vec![],
        };
        let Some(id) = text(ID) else {
            let found: Vec<&str> = object.keys().map(String::as_str).take(12).collect();
            let message = format!("the object has no `campaign_id` (found: {})", found.join(", "));
            check.fault(line, message, "give every campaign its `campaign_id`, a text or a number");
            continue;
        };
        let campaign = Campaign {
            id,
            name: text(NAME).unwrap_or_default(),
            account: text(ACCOUNT).unwrap_or_default(),
            contacts: many(CONTACTS, &between_contacts),
            status: text(STATUS),
            aliases: many(ALIASES, &between_aliases),
        };
        check.take(line, campaign);
    }
}

fn between_contacts(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '|')
}

fn between_aliases(c: char) -> bool {
    matches!(c, '|' | ';')
}

/// Checks campaigns that came as values, such as the elements of a JSON array: a fault's line is the element, from 1.
pub fn checked(campaigns: Vec<Campaign>, file: &str) -> (Vec<Campaign>, Vec<Fault>) {
    let mut check = Check::new(file);
    check.place = "element";
    for (at, campaign) in campaigns.into_iter().enumerate() {
        check.take(at + 1, campaign);
    }
    let Loaded { campaigns, faults, .. } = check.done();
    (campaigns, faults)
}

/// How many campaigns of the old directory the new one still has, by their ids, when that is less than half: such a
/// change is refused unless the operator says otherwise.
pub fn loses_too_much(old: &[Campaign], new: &[Campaign]) -> Option<usize> {
    let ids: HashSet<&str> = new.iter().map(|campaign| campaign.id.as_str()).collect();
    let kept = old.iter().filter(|campaign| ids.contains(campaign.id.as_str())).count();
    (kept * 2 < old.len()).then_some(kept)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(text: &str, ids: &[&str], faults: &[(usize, &str)]) {
        let (campaigns, found) = parse(text.as_bytes(), "campaigns.csv");
        let got: Vec<&str> = campaigns.iter().map(|campaign| campaign.id.as_str()).collect();
        assert_eq!(got, ids, "{text:.80}");
        assert_eq!(found.len(), faults.len(), "{found:?}");
        for (fault, (line, part)) in found.iter().zip(faults) {
            assert!(
                fault.line == *line && fault.message.contains(part),
                "{fault:?} should say {part:?} in line {line}"
            );
            assert!(!fault.remedy.is_empty());
        }
    }

    #[test]
    fn a_separator_without_quotation_marks_shifts_no_cell() {
        let text =
            "campaign_id,name,account\n1,Spring, Summer Sale,Acme\n2,B,C,,\n3,D\n4,\"Spring, Summer Sale\",Acme\n";
        check(text, &["2", "3", "4"], &[(2, "the row has 4 columns, the header 3")]);
    }

    #[test]
    fn reads_csv() {
        check("campaign_id,name,account,contacts\n1,A,B,c.example\n", &["1"], &[]);
        check("\u{feff}Campaign ID;Name;Konto\r\n1;\"A;B\";C\r\n2;D;E\r\n", &["1", "2"], &[]);
        check("name\tid\nA\tX-1\n", &["X-1"], &[]);
        let twice = [(5, "the id `1` stands in line 2 already")];
        check("campaign_id,name\r\n1,A\r\n2,B\r\n\r\n1,C\r\n", &["1", "2"], &twice);
        check("campaign_id,name\n1,A\n2,B\n\n1,C\n", &["1", "2"], &twice);
        let (campaigns, _) =
            parse(b"id,name,contacts,status,aliases\n1,A,a@b.example c.example,active,Old name|Other\n", "x");
        assert_eq!(campaigns[0].contacts, ["a@b.example", "c.example"]);
        assert_eq!((campaigns[0].status.as_deref(), campaigns[0].aliases.len()), (Some("active"), 2));
    }

    #[test]
    fn names_what_is_wrong() {
        check("1,A\n2,B\n", &[], &[(1, "no column `campaign_id`")]);
        check("", &[], &[(1, "empty")]);
        check("id,name\n1,A\n1,B\n2,\n,C\n", &["1"], &[(3, "line 2 already"), (4, "no name"), (5, "no id")]);
        check("id,name\nab,A\nAB,B\n", &["ab", "AB"], &[(3, "differ only by case")]);
        check(&format!("id,name\n1,{}\n2,B\n", "x".repeat(10_000_000)), &["2"], &[(2, "10000000 characters")]);
        check("id,name\n1\n", &[], &[(2, "too few")]);
        check("id,name\n1,\"A\n2,B\n3,C\n", &[], &[(2, "quotation mark is open")]);
        check("id,name\n1,A\n2,\"B", &["1", "2"], &[(3, "open to the end")]);
        check("id,name\n1,\"A\nB\"\n2,5\" C\n,D\n", &["1", "2"], &[(5, "no id")]);
        check("id,name\n1,\"A\n2,B\"\n3,C\n", &["3"], &[(2, "goes on over 2 lines")]);
        check("id,name,contacts\n1,A,\"a@b.example\nc@d.example\"\n2,B,x.example\n", &["1", "2"], &[]);
        let open = "id,name,account,contacts\n1,A,x,\"y\n4,q,z,w\n5,\"r\",x,y\n6,s,x,\"k\"\n";
        check(open, &["6"], &[(2, "goes on over 3 lines")]);
        check("id,name\n----,A\n4.8213E4,B\n4,8213E+04\n4E4,C\n", &["4", "4E4"], &[(2, "neither"), (3, "rounded")]);
        check("id,name\na\u{1b}[2Jb,A\n48\u{200b}213,B\n", &[], &[(2, "\\u{1b}"), (3, "\\u{200b}")]);
        check("[{\"id\":1,\"name\":\"A\"}]", &[], &[(1, "JSON array")]);
        let wide: Vec<u8> = "id,name\n1,A\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(parse(&wide, "x").1[0].message.contains("UTF-16"));
        let (campaigns, faults) = parse(b"id,name\n1,\xff\xfe\n2,B\n", "x");
        assert_eq!((campaigns.len(), faults[0].line), (1, 2));
    }

    #[test]
    fn odd_contacts_are_told_and_kept() {
        let text = b"id,name,contacts\n1,A,a@b.example\n2,B,two words\n3,C,foo@ c.example\n";
        let loaded = read(text, "x");
        assert_eq!((loaded.campaigns.len(), loaded.faults), (3, vec![]));
        let told: Vec<(usize, &str)> =
            loaded.warnings.iter().map(|warning| (warning.line, warning.message.split('`').nth(1).unwrap())).collect();
        assert_eq!(told, [(1, "account"), (3, "two"), (3, "words"), (4, "foo@")]);
    }

    #[test]
    fn a_name_over_lines_is_one_name() {
        for text in [
            "id,name,account\n1,\"Spring \r\n  Sale\",Acme\n",
            "{\"id\":1,\"name\":\"Spring\\nSale\",\"account\":\"Acme\"}\n",
        ] {
            let (campaigns, faults) = parse(text.as_bytes(), "x");
            assert_eq!((campaigns[0].name.as_str(), faults), ("Spring Sale", vec![]));
        }
    }

    #[test]
    fn reads_json_lines() {
        check("{\"Kampagnen-ID\":7,\"Titel\":\"A\"}\n{\"Titel\":\"B\",\"code\":\"X\"}\n", &["7", "X"], &[]);
        check(
            "{\"id\":7,\"name\":\"A\",\"contacts\":[\"a@b.example\"]}\n\n{\"campaign_id\":\"X\",\"name\":\"B\"}\n",
            &["7", "X"],
            &[],
        );
        check(
            "{\"id\":\"1\",\"name\":\"A\"}\nnope\n{\"name\":\"C\"}\n",
            &["1"],
            &[(2, "no JSON object"), (3, "no `campaign_id` (found: name)")],
        );
    }

    #[test]
    fn checks_values() {
        let campaign = |id: &str, name: &str| Campaign { id: id.into(), name: name.into(), ..Campaign::default() };
        let list = [("a", "A"), ("a", "B"), ("A", "C"), ("", "D"), ("e", " ")].map(|(id, name)| campaign(id, name));
        let (campaigns, faults) = checked(list.to_vec(), "body");
        assert_eq!(campaigns.len(), 2);
        let told: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.line, fault.message)).collect();
        let ids = "the ids `a` (element 1) and `A` differ only by case";
        let twice = "2 the id `a` stands in element 1 already";
        assert_eq!(told, [twice, &format!("3 {ids}"), "4 the campaign has no id", "5 campaign `e` has no name"]);
    }

    #[test]
    fn refuses_to_lose_most() {
        let list = |ids: std::ops::Range<u32>| -> Vec<Campaign> {
            ids.map(|id| Campaign { id: id.to_string(), ..Campaign::default() }).collect()
        };
        let kept = |old: std::ops::Range<u32>, new: std::ops::Range<u32>| loses_too_much(&list(old), &list(new));
        assert_eq!((kept(0..10, 0..4), kept(0..1, 0..0), kept(0..4, 4..8)), (Some(4), Some(0), Some(0)));
        assert_eq!((kept(0..10, 0..5), kept(0..0, 0..0), kept(0..0, 0..9), kept(0..4, 2..9)), (None, None, None, None));
    }
}
