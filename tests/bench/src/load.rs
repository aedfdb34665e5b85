//! The client of every setup: one connection, N tasks, each with one call in flight after the other. Prints one
//! line of JSON when the time is up.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub(crate) use grid_bench::calls::{TOOL, connect};
use grid_bench::{
    calls::{self, arguments, authorized},
    window::Window,
};
use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome, grid_service_client::GridServiceClient},
};
use tokio::{task::JoinSet, time::sleep};
use tonic::{
    Request,
    metadata::{Ascii, MetadataMap, MetadataValue},
    transport::Channel,
};

use crate::{Fallible, clock::now, sample::Sample};

/// Before a call that was shed is sent again.
const SHED_PAUSE: Duration = Duration::from_millis(25);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the echo, the relay or the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The file that holds the token; with one, a session is opened first
    #[arg(long)]
    token: Option<PathBuf>,
    /// The folder of certificates, where the host is met over mTLS
    #[arg(long)]
    tls: Option<PathBuf>,
    /// Calls in flight
    #[arg(long)]
    in_flight: usize,
    /// How long it is measured
    #[arg(long)]
    seconds: f64,
    /// How long it runs before that
    #[arg(long)]
    warm_up: f64,
    /// Calls that the host sheds are sent again a little later, and do not count; else they end the run
    #[arg(long)]
    patient: bool,
    /// The process whose processor time counts
    #[arg(long)]
    pid: u32,
}

/// Puts the token of `file` into the metadata.
pub(crate) fn bearer(file: Option<&Path>, metadata: &mut MetadataMap) -> Fallible<()> {
    if let Some(file) = file {
        metadata.insert("authorization", calls::bearer(file)?);
    }
    Ok(())
}

/// What all tasks of a load share.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    client: GridServiceClient<Channel>,
    authorization: MetadataValue<Ascii>,
    session: Arc<str>,
    /// Makes call ids of one process different from those of the next.
    run: u32,
}

pub(crate) async fn load(options: Options) -> Fallible<()> {
    let caller = Caller::new(&options).await?;
    caller.one_call("probe", 0).await?;
    let seconds = Duration::from_secs_f64;
    let window = Window::after(seconds(options.warm_up), seconds(options.seconds));
    let mut tasks = JoinSet::new();
    for task in 0..options.in_flight {
        tasks.spawn(caller.clone().keep_calling(task, window, options.patient));
    }
    let processor = window.processor_of(options.pid, || ()).await?;
    let mut latencies = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        latencies.extend(finished??);
    }
    caller.close(options.token.is_some()).await?;
    let sample = Sample::of(latencies, window.length(), processor);
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

/// What became of a call that may be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tried {
    Good,
    /// `without`: what it said, where it did not say when to come again.
    Refused {
        without: Option<String>,
    },
    Broken {
        said: String,
    },
}

impl Caller {
    async fn new(options: &Options) -> Fallible<Self> {
        Self::at(&options.address, options.token.as_deref(), options.tls.as_deref()).await
    }

    /// A connection of its own, and a session where there is a token.
    pub(crate) async fn at(address: &str, token: Option<&Path>, tls: Option<&Path>) -> Fallible<Self> {
        let client = GridServiceClient::new(connect(address, tls).await?);
        let mut metadata = MetadataMap::new();
        bearer(token, &mut metadata)?;
        let authorization = match metadata.get("authorization") {
            Some(value) => value.clone(),
            // As long as a real one, so that every setup reads the same bytes.
            None => format!("Bearer {}", "x".repeat(400)).parse()?,
        };
        let mut caller = Self {
            client,
            authorization,
            session: "00000000-0000-4000-8000-000000000000".into(),
            run: std::process::id(),
        };
        if token.is_some() {
            caller.open().await?;
        }
        Ok(caller)
    }

    async fn open(&mut self) -> Fallible<()> {
        let open = v1::CreateSession {
            suggested_session_id: "bench".to_owned(),
            compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
            correlation_id: format!("bench-open-{}", self.run),
            ..v1::CreateSession::default()
        };
        let request = self.authorized(open);
        let opened = self.client.create_session(request).await?.into_inner();
        if let Some(error) = opened.error {
            return Err(format!("no session: {} {}", error.r#type, error.message).into());
        }
        self.session = opened.session_id.into();
        Ok(())
    }

    async fn close(mut self, opened: bool) -> Fallible<()> {
        if opened {
            let close = v1::DestroySession {
                session_id: self.session.to_string(),
                correlation_id: format!("bench-close-{}", self.run),
                force: true,
            };
            let request = self.authorized(close);
            self.client.destroy_session(request).await?;
        }
        Ok(())
    }

    fn authorized<M>(&self, message: M) -> Request<M> {
        authorized(message, &self.authorization)
    }

    /// Calls until the window is over; gives the nanoseconds of the calls that ended in it.
    async fn keep_calling(self, task: usize, window: Window, patient: bool) -> Fallible<Vec<u64>> {
        let task = task.to_string();
        let mut latencies = Vec::with_capacity(1 << 12);
        let mut number = 0;
        loop {
            let sent = now();
            if window.is_over(sent) {
                return Ok(latencies);
            }
            number += 1;
            match self.one_call(&task, number).await {
                Err(error) if patient && is_shed(&*error) => {
                    sleep(SHED_PAUSE).await;
                    continue;
                }
                ended => ended?,
            }
            latencies.extend(window.took(sent, now()));
        }
    }

    fn call(&self, call_id: &str, number: u64) -> Request<v1::ToolCall> {
        self.authorized(v1::ToolCall {
            correlation_id: format!("corr-{call_id}"),
            session_id: self.session.to_string(),
            call: Some(adm::FunctionCall {
                args: arguments(number),
                name: TOOL.to_owned(),
                call_id: call_id.to_owned(),
            }),
            ..v1::ToolCall::default()
        })
    }

    /// A call that the host may refuse.
    pub(crate) async fn tried(&self, number: u64) -> Tried {
        let call_id = format!("flood-{}-{number}", self.run);
        match self.client.clone().call_tool(self.call(&call_id, number)).await {
            Ok(answer) => match answer.into_inner().outcome {
                Some(Outcome::Result(_)) => Tried::Good,
                Some(Outcome::Error(error)) => Tried::Refused {
                    without: (error.retry_after_ms == 0).then(|| format!("{}: {}", error.r#type, error.message)),
                },
                Some(Outcome::Streamed(_)) | None => Tried::Broken { said: "no outcome".to_owned() },
            },
            Err(status) if status.code() == tonic::Code::ResourceExhausted => {
                let hint = status.metadata().contains_key("grpc-retry-pushback-ms");
                Tried::Refused { without: (!hint).then(|| format!("a status: {}", status.message())) }
            }
            Err(status) => Tried::Broken { said: format!("{:?}: {}", status.code(), status.message()) },
        }
    }

    async fn one_call(&self, task: &str, number: u64) -> Fallible<()> {
        let call_id = format!("bench-{}-{task}-{number}", self.run);
        let request = self.call(&call_id, number);
        let answer = self.client.clone().call_tool(request).await?.into_inner();
        match answer.outcome {
            Some(Outcome::Result(v1::ToolResult { result: Some(result), .. }))
                if result.status() == adm::ToolResultStatus::Success && result.call_id == call_id =>
            {
                Ok(())
            }
            other => Err(format!("a call was not answered with its result: {other:?}").into()),
        }
    }
}

/// The host had more to do than it could just then.
fn is_shed(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<tonic::Status>().is_some_and(|status| status.code() == tonic::Code::ResourceExhausted)
}
