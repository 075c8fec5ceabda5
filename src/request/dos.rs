//! The code pages of DOS that some programs still send and no browser reads: 437 and 850.
//!
//! Every byte has a character; nothing fails.

/// Bytes 0x80 to 0xff of code page 437.
const PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// Bytes 0x80 to 0xff of code page 850.
const PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// The text of `bytes`, if `label` names one of these code pages.
pub fn decode(bytes: &[u8], label: &str) -> Option<String> {
    let number = label.trim_start_matches(|c: char| !c.is_ascii_digit());
    let name = label[..label.len() - number.len()].to_ascii_lowercase();
    let page = match (name.as_str(), number) {
        ("cp" | "ibm" | "ibm-" | "cp-" | "dos-" | "x-cp" | "oem-" | "", "437") => PAGE_437,
        ("cp" | "ibm" | "ibm-" | "cp-" | "dos-" | "x-cp" | "oem-" | "", "850" | "858") => PAGE_850,
        _ => return None,
    };
    let table: Vec<char> = page.chars().collect();
    let character = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { table[usize::from(*byte) - 0x80] };
    Some(bytes.iter().map(character).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_pages_have_all_characters() {
        for page in [PAGE_437, PAGE_850] {
            assert_eq!(page.chars().count(), 128);
        }
        assert_eq!(decode(b"Gr\x81\xe1e, 5 \x9b", "IBM437").as_deref(), Some("Grüße, 5 ¢"));
        assert_eq!(decode(b"l\x84uft, \xb8", "cp850").as_deref(), Some("läuft, ©"));
        assert_eq!(decode(b"x", "windows-1250"), None);
        assert_eq!(decode(b"x", "utf-8"), None);
    }
}
