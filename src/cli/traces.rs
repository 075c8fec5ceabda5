//! Traces by OTLP over HTTP, where this deskclerk was built with the feature `otel`.
//!
//! Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector, as `http://127.0.0.1:4318`; plain HTTP, for a collector on this
//! host or behind a proxy of yours. Spans hold what log lines hold: numbers and ids, no addresses and no words of customers.
//! A collector that is away costs nothing but its spans.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetryLayer;

/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Its answer is short.
const ANSWER_BYTES: u64 = 64 << 10;

/// What sends spans, until it is dropped: then it sends the last of them.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // Without a collector the last spans are lost, and nobody waits for them.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// The layer that makes spans of the log's own, and what sends them. `None`: no collector is named.
pub fn layer<S>() -> Result<Option<(OpenTelemetryLayer<S, SdkTracer>, Traces)>>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let Ok(endpoint) = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") else { return Ok(None) };
    if !endpoint.starts_with("http://") {
        return Err(anyhow!("OTEL_EXPORTER_OTLP_ENDPOINT = {endpoint}: write it as http://127.0.0.1:4318"));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Post)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used")?;
    let resource = Resource::builder().with_service_name("deskclerk").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("deskclerk"));
    Ok(Some((layer, Traces(provider))))
}

/// Posts from the exporter's own thread, one connection a batch.
struct Post;

impl fmt::Debug for Post {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Post")
    }
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let uri = request.uri();
        let host = uri.host().ok_or("no host in the endpoint")?;
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80)))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", request.body().len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(request.body())?;
        let mut answer = vec![];
        stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        let status: u16 = text.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no HTTP answer")?;
        Ok(Response::builder().status(status).body(Bytes::new())?)
    }
}
