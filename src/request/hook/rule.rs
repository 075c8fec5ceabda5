//! How one thing is found in a webhook's body: paths, RFC 9535 JSONPath, templates, joins and defaults.
//!
//! A rule never fails on a body that lacks its place; what stands there in the wrong shape is a fault with the JSON Pointer.
//! Data is never a template: what a template prints is not read again.

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::FieldFault;
use super::json::step;

/// Where one thing stands: sources tried in order, the first that gives anything wins.
///
/// Written as `"a.b.0"`, as JSON Pointer `"/a/b/0"`, as JSONPath `"$.a[?@.b=='c'].d"`, as template `"{{ a.b }} ({{ c }})"`, as
/// a list of these, or as a table: `{ from = […], join = ", ", default = "…" }`. With `join` everything that is found counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rule {
    from: Vec<Source>,
    join: Option<String>,
    default: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
enum Source {
    /// A JSON Pointer.
    Pointer(Pointer),
    Path(JsonPath),
    Template(String),
}

/// A JSON Pointer, split once: a rule looks at many places that a body lacks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
struct Pointer {
    text: String,
    #[serde(skip)]
    keys: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// JSON Pointer of the (first) place; empty for a template or default.
    pub pointer: String,
    /// The text.
    pub text: String,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Rule, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Sources {
            One(String),
            Many(Vec<String>),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            #[serde(default)]
            from: Option<Sources>,
            join: Option<String>,
            default: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Plain(Sources),
            Table(Table),
        }
        let wrong = |_| serde::de::Error::custom("write a path, a list of paths, or { from, join, default }");
        let table = match Shape::deserialize(source).map_err(wrong)? {
            Shape::Plain(sources) => Table { from: Some(sources), join: None, default: None },
            Shape::Table(table) => table,
        };
        let texts = match table.from {
            Some(Sources::One(text)) => vec![text],
            Some(Sources::Many(texts)) => texts,
            None => vec![],
        };
        let (mut from, mut wrong) = (vec![], vec![]);
        for text in &texts {
            match Source::parse(text) {
                Ok(source) => from.push(source),
                Err(why) => wrong.push(why),
            }
        }
        match wrong.is_empty() {
            true => Ok(Rule { from, join: table.join, default: table.default }),
            false => Err(serde::de::Error::custom(wrong.join("; "))),
        }
    }
}

impl Source {
    fn parse(text: &str) -> Result<Source, String> {
        if text.contains("{{") || text.contains("{%") {
            let wrong = |error: minijinja::Error| format!("`{text}` is no template: {error}");
            environment().template_from_str(text).map_err(wrong)?;
            // A filter that nobody knows shows only when it is used.
            let printed = environment().render_str(text, printable(&Value::Object(serde_json::Map::new())));
            if let Err(error) = printed
                && matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
                )
            {
                return Err(wrong(error));
            }
            return Ok(Source::Template(text.to_owned()));
        }
        if text.starts_with('$') {
            return JsonPath::parse(text)
                .map(Source::Path)
                .map_err(|error| format!("`{text}` is no JSONPath: {error}"));
        }
        if !text.is_empty() && !text.starts_with('/') && text.split('.').any(str::is_empty) {
            return Err(format!("`{text}` is no path: nothing stands between two dots, or before or after one"));
        }
        Ok(Source::Pointer(Pointer::of(text)))
    }
}

impl Rule {
    /// Whether it looks anywhere at all.
    pub fn is_empty(&self) -> bool {
        self.from.is_empty() && self.default.is_none()
    }

    /// The JSON Pointer where it looks first; empty where only a JSONPath or template could say.
    pub fn first(&self) -> &str {
        self.from
            .iter()
            .find_map(|source| if let Source::Pointer(pointer) = source { Some(pointer) } else { None })
            .map_or("", |pointer| &pointer.text)
    }

    /// Finds it. `null`, and text that is blank, count as absent.
    pub fn find(&self, body: &Value) -> Result<Option<Found>, FieldFault> {
        let mut ill = None;
        let mut found: Vec<Found> = vec![];
        for source in &self.from {
            source.gather(body, self.join.is_some(), &mut found, &mut ill);
            if self.join.is_none() && !found.is_empty() {
                break;
            }
        }
        if let Some(join) = &self.join
            && let Some(first) = found.first()
        {
            let texts: Vec<&str> = found.iter().map(|found| found.text.trim()).collect();
            return Ok(Some(Found { pointer: first.pointer.clone(), text: texts.join(join) }));
        }
        if let Some(first) = found.into_iter().next() {
            return Ok(Some(first));
        }
        match (&self.default, ill) {
            (_, Some(fault)) => Err(fault),
            (Some(text), None) => Ok(Some(Found { pointer: String::new(), text: text.clone() })),
            (None, None) => Ok(None),
        }
    }

    /// The values at the first source that selects any, with their pointers: lists are opened.
    pub fn select<'b>(&self, body: &'b Value) -> Vec<(String, &'b Value)> {
        let mut selected = vec![];
        for source in &self.from {
            let found: Vec<(String, &Value)> = match source {
                Source::Pointer(pointer) => {
                    pointer.at(body).map(|value| (pointer.text.clone(), value)).into_iter().collect()
                }
                Source::Path(path) => located(path, body),
                Source::Template(_) => vec![],
            };
            for (pointer, value) in found {
                match value {
                    Value::Array(items) => {
                        selected.extend(items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)));
                    }
                    Value::Null => {}
                    other => selected.push((pointer, other)),
                }
            }
            if !selected.is_empty() {
                break;
            }
        }
        selected
    }
}

impl Source {
    /// Adds what stands there. `all`: every scalar, lists opened; else the first.
    fn gather(&self, body: &Value, all: bool, found: &mut Vec<Found>, ill: &mut Option<FieldFault>) {
        match self {
            Source::Pointer(pointer) => {
                if let Some(value) = pointer.at(body) {
                    take(&pointer.text, value, all, found, ill);
                }
            }
            Source::Path(path) => {
                for (pointer, value) in located(path, body) {
                    take(&pointer, value, all, found, ill);
                    if !all && !found.is_empty() {
                        return;
                    }
                }
            }
            Source::Template(text) => match environment().render_str(text, printable(body)) {
                Ok(printed) => push(found, "", printed),
                Err(error) => drop(ill.get_or_insert(FieldFault {
                    pointer: String::new(),
                    message: format!("does not fit the template of this source: {error}"),
                })),
            },
        }
    }
}

fn take(pointer: &str, value: &Value, all: bool, found: &mut Vec<Found>, ill: &mut Option<FieldFault>) {
    match value {
        Value::Null => {}
        Value::Array(items) if all => {
            let texts = items.iter().enumerate().filter_map(|(at, item)| Some((at, scalar(item)?)));
            texts.for_each(|(at, text)| push(found, &format!("{pointer}/{at}"), text));
        }
        value => match scalar(value) {
            Some(text) => push(found, pointer, text),
            None => drop(ill.get_or_insert(FieldFault { pointer: pointer.into(), message: "must be a string".into() })),
        },
    }
}

fn push(found: &mut Vec<Found>, pointer: &str, text: String) {
    if !text.trim().is_empty() {
        found.push(Found { pointer: pointer.to_owned(), text });
    }
}

/// A scalar as text.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn located<'b>(path: &JsonPath, body: &'b Value) -> Vec<(String, &'b Value)> {
    path.query_located(body).iter().map(|node| (node.location().to_json_pointer(), node.node())).collect()
}

/// A dotted path as JSON Pointer; a pointer stays as it is.
pub fn pointer_of(path: &str) -> String {
    if path.is_empty() || path.starts_with('/') {
        return path.to_owned();
    }
    path.split('.').map(step).collect()
}

impl Pointer {
    fn of(path: &str) -> Pointer {
        let text = pointer_of(path);
        let keys = text.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        Pointer { text, keys }
    }

    /// As [`Value::pointer`].
    fn at<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        let mut value = body;
        for key in &self.keys {
            match value {
                Value::Object(fields) => value = fields.get(key)?,
                _ => return body.pointer(&self.text),
            }
        }
        Some(value)
    }
}

/// What a template sees: the body's own fields, and all of it as `body`.
fn printable(body: &Value) -> minijinja::Value {
    let whole = minijinja::Value::from(Serde(body));
    context! { body => whole.clone(), ..whole }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(toml: &str) -> Rule {
        #[derive(Deserialize)]
        struct File {
            rule: Rule,
        }
        toml::from_str::<File>(&format!("rule = {toml}")).unwrap().rule
    }

    fn check(toml: &str, expected: Option<(&str, &str)>) {
        let body = json!({
            "a": {"b": ["x", {"c": 7}], "blank": "  ", "none": null, "flag": true},
            "q": [{"ref": "mail", "v": "m@x.example"}, {"ref": "text", "v": "{{ 7*7 }}"}],
            "1.3": "Ann", "e/f": {"~1": "odd"}, "t": ["one", "two", null, 3],
        });
        let found = rule(toml).find(&body).unwrap();
        let found = found.as_ref().map(|found| (found.pointer.as_str(), found.text.as_str()));
        assert_eq!(found, expected, "{toml}");
    }

    #[test]
    fn paths_pointers_and_json_paths_lead_to_the_same() {
        check("\"a.b.1.c\"", Some(("/a/b/1/c", "7")));
        check("\"/a/b/1/c\"", Some(("/a/b/1/c", "7")));
        check("\"$.a.b[1].c\"", Some(("/a/b/1/c", "7")));
        check("\"/1.3\"", Some(("/1.3", "Ann")));
        check("\"/e~1f/~01\"", Some(("/e~1f/~01", "odd")));
        check("\"e/f.~1\"", Some(("/e~1f/~01", "odd")));
        check("[\"a.flag.b\", \"a.b.01\", \"a.b.7.c\", \"a.b.0\"]", Some(("/a/b/0", "x")));
        check("\"$.q[?@.ref=='mail'].v\"", Some(("/q/0/v", "m@x.example")));
        check("\"$..c\"", Some(("/a/b/1/c", "7")));
        check("[\"nowhere\", \"a.none\", \"a.blank\", \"a.flag\"]", Some(("/a/flag", "true")));
        check("\"nowhere\"", None);
    }

    #[test]
    fn templates_joins_and_defaults() {
        check("\"{{ q[0].v }} says {{ a.b[0] }}\"", Some(("", "m@x.example says x")));
        check("\"{{ body['1.3'] }}{{ nowhere.at.all }}\"", Some(("", "Ann")));
        check("[\"{{ nowhere.at.all }}\", \"a.b.0\"]", Some(("/a/b/0", "x")));
        check(
            "{ from = [\"1.3\", \"/1.3\", \"$.t\", \"a.b.0\"], join = \", \" }",
            Some(("/1.3", "Ann, one, two, 3, x")),
        );
        check("{ from = \"nowhere\", default = \"none\" }", Some(("", "none")));
        // What a customer writes is no template.
        check("\"$.q[1].v\"", Some(("/q/1/v", "{{ 7*7 }}")));
        check("\"{{ q[1].v }}!\"", Some(("", "{{ 7*7 }}!")));
    }

    #[test]
    fn what_has_the_wrong_shape_is_named() {
        let body = json!({"a": {"b": [1]}});
        assert_eq!(rule("\"a\"").find(&body).unwrap_err().pointer, "/a");
        assert_eq!(rule("\"$.a.b\"").find(&body).unwrap_err().pointer, "/a/b");
        for wrong in ["\"$.a[\"", "\"{{ a\"", "\"{{ a|nonsense }}\"", "7", "{ form = \"a\" }"] {
            assert!(
                toml::from_str::<std::collections::BTreeMap<String, Rule>>(&format!("a = {wrong}")).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn lists_are_opened() {
        let body = json!({"files": [{"n": 1}, {"n": 2}], "one": {"n": 3}});
        assert_eq!(rule("\"files\"").select(&body).len(), 2);
        assert_eq!(rule("\"$.files[*]\"").select(&body)[1].0, "/files/1");
        assert_eq!(rule("[\"none\", \"one\"]").select(&body)[0].0, "/one");
    }
}
