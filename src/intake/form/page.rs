//! How the form's pages are rendered, and what they may do: show themselves, run this desk's own script, and be framed by
//! whom the operator names.
//!
//! What a visitor typed reaches a page only through escaping templates.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, context};

use super::Door;
use super::words::Words;
use crate::desk::problem::Problem;

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/form.js");

const TEMPLATES: [(&str, &str); 5] = [
    ("base.html", include_str!("templates/base.html")),
    ("submit.html", include_str!("templates/submit.html")),
    ("thanks.html", include_str!("templates/thanks.html")),
    ("support.html", include_str!("templates/support.html")),
    ("trouble.html", include_str!("templates/trouble.html")),
];

/// Templates and words.
#[derive(Debug)]
pub(super) struct Pages {
    environment: Environment<'static>,
    /// The words of all languages.
    pub(super) words: Words,
}

impl Default for Pages {
    fn default() -> Pages {
        let mut environment = Environment::new();
        for (name, text) in TEMPLATES {
            environment.add_template(name, text).expect("the compiled-in templates are valid: a unit test reads them");
        }
        Pages { environment, words: Words::default() }
    }
}

/// A page to be shown.
pub(super) struct Page<'a> {
    /// Its template.
    pub(super) template: &'a str,
    /// Its language.
    pub(super) language: &'a str,
    /// Where it is, for the links to its other languages.
    pub(super) path: &'a str,
    /// Its status.
    pub(super) status: StatusCode,
    /// What its template sees beside the words.
    pub(super) seen: minijinja::Value,
}

impl Door {
    /// Renders a page.
    pub(super) fn render(&self, page: Page<'_>) -> Response {
        let pages = self.pages();
        let seen = context! {
            words => Serde(pages.words.of(page.language)),
            language => page.language,
            languages => Serde(&pages.words.languages()),
            path => page.path,
            desk => self.desk.config.desk.name.as_str(),
            address => self.desk.config.desk.address.as_str(),
            ..page.seen
        };
        let rendered = pages.environment.get_template(page.template).and_then(|template| template.render(seen));
        match rendered {
            Ok(html) => {
                let headers = [
                    (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                    (header::CONTENT_SECURITY_POLICY, self.policy()),
                    (header::CONTENT_LANGUAGE, page.language.to_owned()),
                    (header::VARY, "accept-language".to_owned()),
                ];
                (page.status, headers, html).into_response()
            }
            Err(error) => {
                tracing::error!(%error, page = page.template, "a page could not be rendered");
                Problem::Internal.into_response()
            }
        }
    }

    /// A problem as a page: what the visitor can do about it.
    pub(super) fn trouble(&self, problem: Problem, language: &str) -> Response {
        let (key, secs) = match problem {
            Problem::TooMany(secs) => ("many", Some(secs)),
            Problem::TooLarge => ("large", None),
            Problem::Forbidden(_) => ("foreign", None),
            Problem::NotFound(_) => ("missing", None),
            Problem::Unavailable(secs) => ("away", Some(secs)),
            Problem::Internal | Problem::TimedOut => ("away", None),
            _ => ("broken", None),
        };
        let text = self.pages().words.text(language, &format!("trouble.{key}"));
        let size = self.megabytes().to_string();
        let text = text.replace("{size}", &size).replace("{secs}", &secs.unwrap_or_default().to_string());
        let status = problem.status();
        let seen = context! { text };
        let mut page = self.render(Page { template: "trouble.html", language, path: "/submit", status, seen });
        if let Some(secs) = secs {
            page.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
        page
    }

    /// How large files may be together: what the limit of bodies leaves beside the rest of a form.
    pub(super) fn megabytes(&self) -> usize {
        let limit = self.desk.config.http.body_limit_bytes;
        (limit - limit / 20) / 1_000_000
    }

    /// Nothing from elsewhere, nothing inline; frames only where the operator wants them (CSP 3 §6.4.2).
    fn policy(&self) -> String {
        let ancestors = self.desk.config.form.frame_ancestors.join(" ");
        let ancestors = if ancestors.is_empty() { "'none'" } else { &ancestors };
        format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors {ancestors}"
        )
    }
}

pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "max-age=300")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_compile() {
        assert_eq!(Pages::default().environment.templates().count(), TEMPLATES.len());
    }
}
