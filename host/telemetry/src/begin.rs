//! Logs for people and programs, and traces to a collector where one is configured. Neither carries an argument.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt,
    layer::SubscriberExt as _,
    util::{SubscriberInitExt as _, TryInitError},
};

use grid_config::{Config, LogFormat, LogLevel, Url};

/// Spans of the path; a layer that does not want them costs nothing on it.
const PATH: &str = "grid::path";

/// What has to be flushed at the end.
#[derive(Debug)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Sends what waits.
    pub fn stop(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

/// Why nothing is logged or traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// A setting is at fault.
    Setting(String),
    /// The process or its machine is.
    Machine(String),
}

/// Begins to log, and to trace where `telemetry.otlp_endpoint` is set.
///
/// # Errors
/// [`Unusable`].
pub fn start(config: &Config) -> Result<Telemetry, Unusable> {
    let provider = config.telemetry.otlp_endpoint.as_ref().map(|endpoint| provider(config, endpoint)).transpose()?;
    let registry = tracing_subscriber::registry().with(log(config));
    // A layer that is not there must not be asked: its absence would switch every span of the path on.
    let begun = match &provider {
        None => registry.try_init(),
        Some(provider) => {
            let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("grid"));
            let traces = spans.with_filter(Targets::new().with_target(PATH, LevelFilter::INFO));
            registry.with(traces).try_init()
        }
    };
    begun.map_err(|error: TryInitError| Unusable::Machine(format!("logging could not be set up: {error}")))?;
    Ok(Telemetry(provider))
}

fn log(config: &Config) -> Box<dyn Layer<Registry> + Send + Sync> {
    let level = match config.log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let mine = Targets::new().with_default(level).with_target(PATH, LevelFilter::OFF);
    let lines = fmt::layer().with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => {
            let colours =
                std::env::var_os("NO_COLOR").is_none() && std::io::IsTerminal::is_terminal(&std::io::stderr());
            lines.with_ansi(colours).with_filter(mine).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_filter(mine).boxed(),
    }
}

fn provider(config: &Config, endpoint: &Url) -> Result<SdkTracerProvider, Unusable> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.reveal())
        .build()
        .map_err(|error| {
            let message = format!("traces cannot be sent to `{endpoint}`: {error}; check `telemetry.otlp_endpoint`");
            Unusable::Setting(message)
        })?;
    let resource = Resource::builder().with_service_name(config.telemetry.service_name.clone()).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
