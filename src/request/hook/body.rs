//! A webhook's body by its media type: JSON, form-encoded, multipart/form-data. All become one JSON document and files.
//!
//! Pure: the body is in memory. Bounded: parts, fields and names are counted before anything is made of them.

use futures_util::FutureExt;
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::{Map, Value};

use super::FieldFault;
use super::json;

/// Fields of a form, files included.
const FIELDS: usize = 2_000;

/// The media types that are read, for errors.
pub const MEDIA_TYPES: &str = "application/json, application/x-www-form-urlencoded or multipart/form-data";

/// A body, opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opened {
    /// Its fields.
    pub value: Value,
    /// Its files, in their order.
    pub files: Vec<File>,
}

/// A file of a multipart form.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// The form's field.
    pub field: String,
    /// The file name as sent.
    pub name: String,
    /// The media type as sent.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Why a body cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Nobody reads this media type.
    MediaType,
    /// It is not what it says it is.
    Fault(FieldFault),
}

/// What a media type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Parts,
    /// A mail (RFC 5322).
    Mail,
}

/// The shape of a body with this `Content-Type`.
pub fn shape(content_type: &str) -> Option<Shape> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Some(Shape::Form),
        "multipart/form-data" => Some(Shape::Parts),
        "message/rfc822" | "message/global" => Some(Shape::Mail),
        "application/json" => Some(Shape::Json),
        other if other.starts_with("application/") && other.ends_with("+json") => Some(Shape::Json),
        _ => None,
    }
}

/// Opens a body. `embedded`: JSON Pointers of fields whose text is JSON itself.
pub fn open(content_type: &str, raw: &[u8], embedded: &[String]) -> Result<Opened, Closed> {
    let mut opened = match shape(content_type) {
        Some(Shape::Json) => Opened { value: json::parse(raw).map_err(Closed::Fault)?, files: vec![] },
        Some(Shape::Form) => Opened { value: form(raw)?, files: vec![] },
        Some(Shape::Parts) => parts(content_type, raw)?,
        Some(Shape::Mail) | None => return Err(Closed::MediaType),
    };
    for pointer in embedded {
        let Some(slot) = opened.value.pointer_mut(pointer) else { continue };
        let Some(text) = slot.as_str().filter(|text| text.trim_start().starts_with(['{', '['])) else { continue };
        *slot = json::parse(text.as_bytes()).map_err(|fault| {
            Closed::Fault(FieldFault { pointer: format!("{pointer}{}", fault.pointer), message: fault.message })
        })?;
    }
    Ok(opened)
}

/// The name-value pairs of a form-encoded body, decoded, in their order.
pub fn pairs(raw: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(raw).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

fn form(raw: &[u8]) -> Result<Value, Closed> {
    let mut object = Map::new();
    for (count, (name, value)) in pairs(raw).enumerate() {
        if count >= FIELDS {
            return Err(too_many());
        }
        add(&mut object, name, value);
    }
    Ok(Value::Object(object))
}

/// A field that stands there again makes a list: that is how forms send several choices.
fn add(object: &mut Map<String, Value>, name: String, value: String) {
    match object.get_mut(&name) {
        None => drop(object.insert(name, Value::String(value))),
        Some(Value::Array(list)) => list.push(Value::String(value)),
        Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
    }
}

fn parts(content_type: &str, raw: &[u8]) -> Result<Opened, Closed> {
    let broken = |error: multer::Error| fault(format!("is no multipart/form-data: {error}"));
    let boundary = multer::parse_boundary(content_type).map_err(broken)?;
    let body = multer::bytes::Bytes::copy_from_slice(raw);
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let limits = SizeLimit::new().whole_stream(raw.len() as u64 + 1);
    let mut multipart = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(limits));
    // The whole body is there: nothing ever waits.
    let mut opened = Opened { value: Value::Null, files: vec![] };
    let mut object = Map::new();
    for count in 0.. {
        let part = multipart.next_field().now_or_never().ok_or_else(unending)?.map_err(broken)?;
        let Some(part) = part else { break };
        if count >= FIELDS {
            return Err(too_many());
        }
        let field = part.name().unwrap_or_default().to_owned();
        let name = part.file_name().map(str::to_owned);
        let media_type = part.content_type().map(ToString::to_string);
        let charset = media_type.as_deref().and_then(|media_type| {
            media_type
                .split(';')
                .skip(1)
                .find_map(|part| part.trim().strip_prefix("charset="))
                .map(|label| label.trim_matches('"').to_owned())
        });
        let content = part.bytes().now_or_never().ok_or_else(unending)?.map_err(broken)?;
        match name {
            Some(name) if !(name.is_empty() && content.is_empty()) => opened.files.push(File {
                field,
                name,
                media_type: media_type.unwrap_or_else(|| "application/octet-stream".into()),
                content: content.to_vec(),
            }),
            // An empty file field of a form that was left empty.
            Some(_) => {}
            None => {
                let (text, _) = crate::request::charset::decode(&content, charset.as_deref());
                add(&mut object, field, text.into_owned());
            }
        }
    }
    opened.value = Value::Object(object);
    Ok(opened)
}

fn fault(message: String) -> Closed {
    Closed::Fault(FieldFault { pointer: String::new(), message })
}

fn unending() -> Closed {
    fault("is no multipart/form-data: it does not end".into())
}

fn too_many() -> Closed {
    fault(format!("has more than {FIELDS} fields"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    const PARTS: &str = "multipart/form-data; boundary=xYz";

    #[test]
    fn each_media_type_becomes_one_document() {
        let check = |content_type: &str, raw: &str, expected: Value| {
            assert_eq!(open(content_type, raw.as_bytes(), &[]).unwrap().value, expected, "{raw}");
        };
        check("application/json; charset=utf-8", r#"{"a":1}"#, json!({"a": 1}));
        check("application/vnd.api+json", r#"{"a":1}"#, json!({"a": 1}));
        check(
            "application/x-www-form-urlencoded",
            "a=1&b=x+y%21&a=2&c",
            json!({"a": ["1", "2"], "b": "x y!", "c": ""}),
        );
        check(
            PARTS,
            "--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\nthere\r\n--xYz--\r\n",
            json!({"a": "hello\r\nthere"}),
        );
        assert_eq!(open("text/plain", b"{}", &[]), Err(Closed::MediaType));
        assert_eq!(open("", b"{}", &[]), Err(Closed::MediaType));
    }

    #[test]
    fn files_of_a_form_keep_their_bytes() {
        let raw = [
            b"--xYz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n".as_slice(),
            b"\x89PNG\r\n--xY\x00", b"\r\n--xYz\r\nContent-Disposition: form-data; name=\"g\"; filename=\"\"\r\n\r\n\r\n--xYz--\r\n",
        ].concat();
        let opened = open(PARTS, &raw, &[]).unwrap();
        assert_eq!(opened.files.len(), 1);
        let file = &opened.files[0];
        assert_eq!((file.field.as_str(), file.name.as_str(), file.media_type.as_str()), ("f", "a.png", "image/png"));
        assert_eq!(file.content, b"\x89PNG\r\n--xY\x00");
    }

    #[test]
    fn json_within_a_field_is_opened() {
        let embedded = ["/payload".to_owned()];
        let opened = open("application/x-www-form-urlencoded", b"payload=%7B%22a%22%3A%5B1%5D%7D", &embedded).unwrap();
        assert_eq!(opened.value, json!({"payload": {"a": [1]}}));
        let Err(Closed::Fault(fault)) = open("application/json", br#"{"payload":"{\"a\":1,\"a\":2}"}"#, &embedded)
        else {
            panic!()
        };
        assert_eq!(fault.pointer, "/payload/a");
        // Text that is no JSON stays text.
        assert_eq!(
            open("application/json", br#"{"payload":"hi"}"#, &embedded).unwrap().value,
            json!({"payload": "hi"})
        );
    }

    #[test]
    fn broken_forms_are_faults() {
        let whole = "--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n--xYz--\r\n";
        for cut in 0..whole.len() - 4 {
            assert!(open(PARTS, &whole.as_bytes()[..cut], &[]).is_err(), "{cut}");
        }
        assert!(open("multipart/form-data", whole.as_bytes(), &[]).is_err());
        assert!(open("application/x-www-form-urlencoded", &b"a=1&".repeat(3_000), &[]).is_err());
    }
}
