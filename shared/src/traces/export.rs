//! Bringing spans to the collector: OTLP over HTTP (protobuf), in batches, beside the work.
//!
//! A thread of the SDK takes spans from a bounded queue; what finds it full is dropped. So nobody waits for a collector.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData,
        SpanExporter as Exporter,
    },
};
use tokio::runtime::Handle;

/// Where a collector takes spans, below its base address (OTLP specification, "OTLP/HTTP request").
const PATH: &str = "/v1/traces";
/// The most spans that wait for export; what comes while so many wait is dropped.
const WAITING_MAX: usize = 8192;
/// The most spans in one request to the collector.
const TOGETHER_MAX: usize = 512;
/// The longest that a span waits for company.
const EXPORT_EVERY: Duration = Duration::from_secs(1);
/// How long a collector may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How much of its answer is read, in bytes: it says how many spans it refused, and why.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// How often it is said again that spans are lost.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What makes spans and exports them.
pub(super) fn provider(endpoint: &str, ratio: f64, service: &str) -> anyhow::Result<SdkTracerProvider> {
    let client = reqwest::Client::builder()
        .timeout(ANSWER_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(OnRuntime {
            client,
            runtime: Handle::current(),
        })
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(ANSWER_MAX)
        .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
        .build()?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(WAITING_MAX)
        .with_max_export_batch_size(TOGETHER_MAX)
        .with_scheduled_delay(EXPORT_EVERY)
        .build();
    let processor = BatchSpanProcessor::builder(Watched::new(exporter))
        .with_batch_config(batches)
        .build();
    let resource = Resource::builder_empty()
        .with_service_name(service.to_owned())
        .with_attributes([
            KeyValue::new("service.namespace", "contato"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    // Whoever calls with a `traceparent` has decided; the ratio is for traces that begin here.
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    Ok(provider)
}

/// The client of the exporter. The exporter's thread has no runtime, so requests run on the process's.
#[derive(Debug)]
struct OnRuntime {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let mut answer = client.execute(request).await?;
            let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await? {
                let room = ANSWER_MAX_BYTES - body.len();
                body.extend_from_slice(&piece[..piece.len().min(room)]);
                if body.len() == ANSWER_MAX_BYTES {
                    break;
                }
            }
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok::<_, reqwest::Error>(response)
        });
        Ok(sent.await??)
    }
}

/// Says when spans are lost, once in a while, and when they are not any more.
#[derive(Debug)]
struct Watched<E> {
    exporter: E,
    trouble: Mutex<Option<Trouble>>,
}

/// Since when which spans are lost.
#[derive(Debug)]
struct Trouble {
    lost: usize,
    said: Instant,
}

impl<E> Watched<E> {
    fn new(exporter: E) -> Self {
        Self {
            exporter,
            trouble: Mutex::default(),
        }
    }

    fn note(&self, result: &OTelSdkResult, spans: usize) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (result, trouble.as_mut()) {
            (Ok(()), None) => {}
            (Ok(()), Some(Trouble { lost, .. })) => {
                tracing::info!(spans.lost = *lost, "the collector of traces takes spans again");
                *trouble = None;
            }
            (Err(error), None) => {
                tracing::warn!(error = %error, spans.lost = spans, "the collector of traces (traces.endpoint) takes no spans; they are lost");
                *trouble = Some(Trouble {
                    lost: spans,
                    said: Instant::now(),
                });
            }
            (Err(error), Some(Trouble { lost, said })) => {
                *lost += spans;
                if said.elapsed() >= SAY_EVERY {
                    *said = Instant::now();
                    tracing::warn!(error = %error, spans.lost = *lost, "the collector of traces (traces.endpoint) still takes no spans");
                }
            }
        }
    }
}

impl<E: Exporter> Exporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.note(&result, spans);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
