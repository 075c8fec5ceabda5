//! The page `/api`: the description of the API for people, made of the same document.
//!
//! Loads nothing but its own style sheet, runs nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::{Value, json};

use super::{document, resolved};
use crate::desk::problem::Problem;
use crate::web::Site;

const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub(super) async fn show(State(site): State<Arc<Site>>) -> Result<Response, Problem> {
    let mut environment = Environment::new();
    environment.add_filter("prose", prose);
    let page = seen(&document(), &site.desk.config.desk.name);
    let rendered = environment
        .add_template("api.html", include_str!("api.html"))
        .and_then(|()| environment.get_template("api.html").and_then(|template| template.render(Serde(&page))));
    let html = rendered.map_err(|error| {
        tracing::error!(%error, "the description of the API could not be rendered");
        Problem::Internal
    })?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response())
}

/// What the template sees.
fn seen(document: &Value, desk: &str) -> Value {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let tags: Vec<Value> = list(&document["tags"])
        .map(|tag| {
            let name = text(tag, "name");
            let operations: Vec<Value> = operations(document)
                .filter(|(_, _, operation)| operation["tags"][0] == name.as_str())
                .map(|(path, method, operation)| told(document, path, method, operation))
                .collect();
            json!({"name": name, "description": text(tag, "description"), "operations": operations})
        })
        .collect();
    let schemas: Vec<Value> = entries(&document["components"]["schemas"])
        .map(|(name, schema)| {
            let mut fields = vec![];
            gather(document, schema, "", &mut fields);
            json!({"name": name, "description": text(schema, "description"), "fields": fields, "words": schema.get("enum")})
        })
        .collect();
    let security: Vec<Value> = entries(&document["components"]["securitySchemes"])
        .map(|(name, scheme)| json!({"name": name, "description": text(scheme, "description")}))
        .collect();
    json!({
        "desk": desk,
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "description": document["info"]["description"],
        "tags": tags,
        "schemas": schemas,
        "security": security,
    })
}

/// Path, method and operation of the document.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &'static str, &Value)> {
    entries(&document["paths"])
        .flat_map(|(path, item)| METHODS.iter().filter_map(move |method| Some((path, *method, item.get(method)?))))
}

fn told(document: &Value, path: &str, method: &str, operation: &Value) -> Value {
    let shared = &document["paths"][path]["parameters"];
    let parameters: Vec<Value> = list(shared)
        .chain(list(&operation["parameters"]))
        .map(|parameter| {
            let parameter = resolved(document, parameter);
            let (schema, required) = (kind(&parameter["schema"]), parameter["required"] == true);
            json!({"name": parameter["name"], "in": parameter["in"], "kind": schema, "required": required,
                "description": parameter["description"]})
        })
        .collect();
    let bodies: Vec<Value> = entries(&operation["requestBody"]["content"]).map(body).collect();
    let answers: Vec<Value> = entries(&operation["responses"])
        .map(|(status, answer)| {
            let answer = resolved(document, answer);
            let content = entries(&answer["content"]).next().map(body);
            let headers: Vec<&str> = entries(&answer["headers"]).map(|(name, _)| name).collect();
            json!({"status": status, "description": answer["description"], "content": content, "headers": headers})
        })
        .collect();
    let security: Vec<&str> = list(&operation["security"]).flat_map(entries).map(|(name, _)| name).collect();
    json!({"id": operation["operationId"], "method": method.to_uppercase(), "path": path, "summary": operation["summary"],
        "description": operation.get("description"), "security": security, "parameters": parameters, "bodies": bodies,
        "answers": answers})
}

/// A body: its media type, what it is, and examples.
fn body((media_type, content): (&str, &Value)) -> Value {
    let several = entries(&content["examples"]).map(|(_, example)| (example["summary"].clone(), &example["value"]));
    let one = content.get("example").map(|example| (Value::Null, example));
    let examples: Vec<Value> = several
        .chain(one)
        .map(|(summary, value)| {
            let text = value.as_str().map(str::to_owned);
            let text = text.unwrap_or_else(|| serde_json::to_string_pretty(value).unwrap_or_default());
            json!({"summary": summary, "text": text})
        })
        .collect();
    json!({"type": media_type, "kind": kind(&content["schema"]), "examples": examples})
}

/// The fields of an object, those of objects within it by their path.
fn gather(document: &Value, schema: &Value, above: &str, fields: &mut Vec<Value>) {
    for (name, field) in entries(&schema["properties"]) {
        let required = list(&schema["required"]).any(|required| required == name);
        let name = format!("{above}{name}");
        fields.push(json!({"name": name, "kind": kind(field), "required": required,
            "description": resolved(document, field)["description"], "words": field.get("enum")}));
        gather(document, field, &format!("{name}."), fields);
        gather(document, &field["items"], &format!("{name}[]."), fields);
    }
}

/// What kind of value a schema describes: words, and the schema that they name.
fn kind(schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return json!({"words": name, "schema": name});
    }
    let (either, of) = (list(&schema["anyOf"]).map(kind).collect::<Vec<_>>(), &schema["items"]);
    if !either.is_empty() {
        return json!({ "either": either });
    }
    let words = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => kind.as_str().unwrap_or("anything").to_owned(),
    };
    match of.is_object() {
        true => json!({"words": format!("{words} of"), "of": kind(of)}),
        false => json!({"words": words, "format": schema.get("format")}),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Descriptions as HTML: escaped, paragraphs at empty lines, `code` between backticks.
fn prose(text: String) -> minijinja::Value {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut html = String::from("<p>");
    for (index, part) in escaped.split('`').enumerate() {
        match index % 2 {
            0 => html.push_str(&part.replace("\n\n", "</p><p>")),
            _ => html.extend(["<code>", part, "</code>"]),
        }
    }
    html.push_str("</p>");
    minijinja::Value::from_safe_string(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_escaped() {
        assert_eq!(
            prose("a `<b>` c\n\n\"d\"".into()).to_string(),
            "<p>a <code>&lt;b&gt;</code> c</p><p>&quot;d&quot;</p>"
        );
    }
}
