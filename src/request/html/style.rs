//! Style attributes: what they hide, where they draw a line.

/// A style attribute.
#[derive(Clone, Copy)]
pub(super) struct Style<'a>(pub(super) &'a str);

impl Style<'_> {
    /// The value of a property, spaces trimmed.
    fn get(&self, property: &str) -> Option<&str> {
        self.0.split(';').find_map(|declaration| {
            let (name, value) = declaration.split_once(':')?;
            name.trim().eq_ignore_ascii_case(property).then(|| value.trim())
        })
    }

    pub(super) fn hides(&self) -> bool {
        let nothing =
            |value: &str| ["0", "0px", "0pt", "0em", "0%"].iter().any(|zero| value.eq_ignore_ascii_case(zero));
        let (mut flat, mut cut) = (false, false);
        for declaration in self.0.split(';') {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let name = name.trim();
            // By its first letter: most declarations hide nothing.
            if !matches!(
                name.as_bytes().first(),
                Some(b'd' | b'v' | b'm' | b'o' | b'f' | b'h' | b'D' | b'V' | b'M' | b'O' | b'F' | b'H')
            ) {
                continue;
            }
            let value = value.trim().trim_end_matches("!important").trim();
            let is = |property: &str| name.eq_ignore_ascii_case(property);
            let one = |wanted: &[&str]| wanted.iter().any(|wanted| value.eq_ignore_ascii_case(wanted));
            if (is("display") && one(&["none"]))
                || (is("visibility") && one(&["hidden", "collapse"]))
                || (is("mso-hide") && one(&["all"]))
                || (is("opacity") && one(&["0", "0.0"]))
                || (is("font-size") && nothing(value))
            {
                return true;
            }
            flat |= (is("max-height") || is("height")) && nothing(value);
            cut |= is("overflow") && one(&["hidden"]);
        }
        flat && cut
    }

    /// It says how the element is shown.
    pub(super) fn shows(&self) -> bool {
        self.get("display").is_some_and(|value| !value.starts_with("none"))
    }

    /// The text is struck out.
    pub(super) fn strikes(&self) -> bool {
        let struck = |property: &str| self.get(property).is_some_and(|value| value.contains("line-through"));
        self.0.contains("line-through") && (struck("text-decoration") || struck("text-decoration-line"))
    }

    /// The text has a colour of its own: neither black nor grey, nor the dark blue of Outlook's replies.
    pub(super) fn tinted(&self) -> bool {
        self.0.contains("color") && self.get("color").is_some_and(tint)
    }

    /// A line is drawn above the element.
    pub(super) fn ruled(&self) -> bool {
        self.0.contains("border-top") && {
            let drawn = |value: &str| !value.contains("none") && !value.starts_with('0') && !value.contains("initial");
            self.get("border-top").is_some_and(drawn) || self.get("border-top-style").is_some_and(drawn)
        }
    }

    /// A blockquote that only indents.
    pub(super) fn indents(&self) -> bool {
        (self.get("border").is_some_and(|value| value.starts_with("none") || value.starts_with('0'))
            && !self.0.contains("border-left"))
            || self.0.contains("margin: 0 0 0 40px")
            || self.0.contains("margin:0 0 0 40px")
    }

    pub(super) fn tight(&self) -> bool {
        let zero = |value: &str| value.split_ascii_whitespace().next().is_some_and(|first| first.starts_with('0'));
        self.get("margin").is_some_and(zero)
            || (self.get("margin-top").is_some_and(zero) && self.get("margin-bottom").is_some_and(zero))
            || (self.get("margin-bottom").is_some_and(zero) && self.get("margin-top").is_none())
    }
}

/// Whether a colour is a strong one: `red`, `#C00000`, `rgb(0, 112, 192)`.
pub(super) fn tint(colour: &str) -> bool {
    let colour = colour.trim().trim_end_matches("!important").trim();
    let channel = |text: &str| u8::from_str_radix(text, 16).ok();
    let channels: Vec<u8> = match (colour.strip_prefix('#'), colour.get(..4)) {
        (Some(hex), _) if hex.len() == 6 && hex.is_ascii() => {
            (0..3).filter_map(|at| channel(&hex[2 * at..2 * at + 2])).collect()
        }
        (Some(hex), _) if hex.len() == 3 && hex.is_ascii() => {
            (0..3).filter_map(|at| channel(&hex[at..at + 1]).map(|value| value * 17)).collect()
        }
        (_, Some(start)) if start.eq_ignore_ascii_case("rgb(") => {
            colour[4..].trim_end_matches(')').split(',').filter_map(|part| part.trim().parse().ok()).collect()
        }
        _ => {
            let names = ["red", "blue", "green", "darkred", "crimson", "purple", "magenta", "orange", "teal", "lime"];
            return names.iter().any(|name| colour.eq_ignore_ascii_case(name));
        }
    };
    // #1F497D is what Outlook writes replies in, and so stands in what is quoted.
    matches!((channels.iter().max(), channels.iter().min()), (Some(most), Some(least)) if channels.len() == 3 && most - least >= 110)
}
