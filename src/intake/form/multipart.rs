//! multipart/form-data (RFC 7578) as fields and files, bounded: the whole by the body limit, parts by their number.

use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::media_type;
use crate::desk::problem::Problem;
use crate::request::submitted;

/// Parts beyond which a body is read no further.
const MOST_PARTS: usize = 500;

/// A form as it came.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Name and text, in their order.
    pub(super) fields: Vec<(String, String)>,
    /// Files, at most as many as are taken.
    pub(super) files: Vec<File>,
    /// How many files there were.
    pub(super) sent_files: usize,
}

/// A file as it came.
#[derive(Debug)]
pub(super) struct File {
    name: String,
    media_type: String,
    bytes: Bytes,
}

/// Reads a form; of files more than `most` are only counted.
pub(super) async fn read(request: Request, most: usize) -> Result<Parts, Problem> {
    if media_type(request.headers()) != "multipart/form-data" {
        return Err(Problem::MediaType("multipart/form-data"));
    }
    let no_boundary = |_| Problem::Malformed("the Content-Type names no boundary between the parts".into());
    let mut form = Multipart::from_request(request, &()).await.map_err(no_boundary)?;
    let mut parts = Parts::default();
    for read in 0.. {
        let Some(part) = form.next_field().await.map_err(problem)? else { break };
        if read >= MOST_PARTS {
            return Err(Problem::at("", format!("has more than {MOST_PARTS} parts")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        match part.file_name().map(str::to_owned) {
            None => {
                let text = String::from_utf8(part.bytes().await.map_err(problem)?.to_vec());
                let text = text.map_err(|_| Problem::at(&pointer(&name), "is no UTF-8"))?;
                parts.fields.push((name, text));
            }
            Some(file_name) => {
                let media_type = part.content_type().unwrap_or_default().to_owned();
                let bytes = part.bytes().await.map_err(problem)?;
                // Browsers send an empty part where no file was chosen.
                if file_name.is_empty() && bytes.is_empty() {
                    continue;
                }
                parts.sent_files += 1;
                if parts.files.len() < most {
                    parts.files.push(File { name: file_name, media_type, bytes });
                }
            }
        }
    }
    Ok(parts)
}

fn problem(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => Problem::Malformed("the body is no whole multipart/form-data".into()),
    }
}

/// JSON Pointer to a field (RFC 6901 §3).
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Parts {
    /// The text of a field, if it is there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text.as_str())
    }

    /// The files as a request's `attachments`.
    pub(super) fn attachments(&self) -> Value {
        let file =
            |file: &File| json!({"name": file.name, "type": file.media_type, "content": STANDARD.encode(&file.bytes)});
        self.files.iter().map(file).collect()
    }

    /// The form as the JSON that says the same: a field a name, the files in `attachments`.
    pub(super) fn into_json(self, most: usize) -> Result<Value, Problem> {
        if self.sent_files > most {
            return Err(Problem::at("/attachments", format!("{} files; at most {most} are taken", self.sent_files)));
        }
        let attachments = self.attachments();
        let mut object = Map::new();
        for (name, text) in self.fields {
            // Of fields that mean nothing here (the operator's own checkboxes) several may have one name.
            if object.contains_key(&name) && submitted::NAMES.contains(&name.as_str()) {
                return Err(Problem::at(&pointer(&name), "stands twice"));
            }
            object.insert(name, text.into());
        }
        if !self.files.is_empty() {
            object.insert("attachments".into(), attachments);
        }
        Ok(object.into())
    }
}
