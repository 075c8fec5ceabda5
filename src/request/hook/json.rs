//! JSON as a webhook sends it, read strictly: what two readers could understand differently is refused.
//!
//! Beyond serde_json's own bounds (nesting of 128, no NaN, no lone surrogates, nothing behind the end) a key that stands
//! twice in an object is a fault, with its JSON Pointer: which of the two a signer meant nobody knows.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::FieldFault;

/// Levels of nesting; no support request has as many.
const DEPTH: usize = 32;
const TOO_DEEP: &str = "is nested too deeply";

/// Reads a whole body.
pub fn parse(bytes: &[u8]) -> Result<Value, FieldFault> {
    let mut at = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed =
        Strict { depth: 0, at: &mut at }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| match at {
        Some((way, message)) => FieldFault { pointer: way.into_iter().rev().collect(), message: message.to_owned() },
        None => FieldFault { pointer: String::new(), message: format!("is no JSON: {error}") },
    })
}

/// One step into a document, as JSON Pointer (RFC 6901) writes it.
pub fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

struct Strict<'a> {
    /// How many objects and lists it stands in.
    depth: usize,
    /// The steps to where it is wrong, the last first, and what is wrong there.
    at: &'a mut Option<(Vec<String>, &'static str)>,
}

impl Strict<'_> {
    fn inner(&mut self) -> Strict<'_> {
        Strict { depth: self.depth + 1, at: self.at }
    }

    /// The fault is at this key.
    fn refuse<E: serde::de::Error>(&mut self, key: &str, message: &'static str) -> E {
        *self.at = Some((vec![step(key)], message));
        E::custom(message)
    }

    /// The fault that was found within this key.
    fn within<E>(&mut self, key: &str, error: E) -> E {
        if let Some((way, _)) = self.at {
            way.push(step(key));
        }
        error
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        if self.depth >= DEPTH {
            return Err(self.refuse("0", TOO_DEEP));
        }
        let mut list = vec![];
        loop {
            match items.next_element_seed(self.inner()) {
                Ok(Some(item)) => list.push(item),
                Ok(None) => return Ok(Value::Array(list)),
                Err(error) => return Err(self.within(&list.len().to_string(), error)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if self.depth >= DEPTH {
                return Err(self.refuse(&key, TOO_DEEP));
            }
            if object.contains_key(&key) {
                return Err(self.refuse(&key, "stands there twice"));
            }
            let value = entries.next_value_seed(self.inner()).map_err(|error| self.within(&key, error))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(text: &str, pointer: &str, part: &str) {
        let fault = parse(text.as_bytes()).unwrap_err();
        assert_eq!(fault.pointer, pointer, "{text}");
        assert!(fault.message.contains(part), "{text}: {}", fault.message);
    }

    #[test]
    fn what_is_plain_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2,3.5,true,null,"x\ud83d\ude00"],"b":{"c":{}},"":18446744073709551615}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_two_would_read_differently_is_refused() {
        check(r#"{"email":"a@b.example","email":"c@d.example"}"#, "/email", "twice");
        check(r#"{"a":[{"b/c":1,"b/c":2}]}"#, "/a/0/b~1c", "twice");
        check(r#"{"a":1}{"a":2}"#, "", "no JSON");
        check(r#"{"a":NaN}"#, "", "no JSON");
        check(r#"{"a":"\ud800"}"#, "", "no JSON");
        check(r#"{"a":1e999}"#, "", "no JSON");
        check("{\"a\":\"\u{1}\"}", "", "no JSON");
        check(r#"{"a":"#, "", "no JSON");
        check("", "", "no JSON");
        check(&format!("{}1{}", "[".repeat(33), "]".repeat(33)), &"/0".repeat(33), "too deeply");
        check(&"[".repeat(20_000), &"/0".repeat(33), "too deeply");
        assert!(parse(b"\"\xff\"").is_err());
    }
}
