//! The client of the echo and of the hosts: one connection, N tasks, each with one request in flight after the other.
//! What it was granted it reports afterwards, half of it one by one and half in streams, so that no grant stays open.

use std::{path::PathBuf, sync::Arc, time::Duration};

use grid_bench::{
    Fallible,
    calls::{TOOL, arguments, authorized, bearer, connect},
    clock::now,
    sample::Sample,
    window::Window,
};
use grid_proto::{
    adm,
    v1::{
        self, authorize_tool_call_response::Status, call_tool_response::Outcome, grid_service_client::GridServiceClient,
    },
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use crate::reports::{self, Kept, Reported};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the echo or the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The file that holds the token; with one, grants are asked for, without one, calls are echoed
    #[arg(long)]
    token: Option<PathBuf>,
    /// Requests in flight
    #[arg(long)]
    in_flight: usize,
    /// How long it is measured
    #[arg(long)]
    seconds: f64,
    /// How long it runs before that
    #[arg(long)]
    warm_up: f64,
    /// The process whose processor time counts
    #[arg(long)]
    pid: u32,
}

/// What a load prints, as one line of JSON.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Loaded {
    pub(crate) sample: Sample,
    /// Absent for the echo.
    pub(crate) reported: Option<Reported>,
}

/// What all tasks share.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) client: GridServiceClient<Channel>,
    authorization: MetadataValue<Ascii>,
    pub(crate) session: Arc<str>,
    governed: bool,
    /// Makes call ids of one process different from those of the next.
    run: u32,
}

pub(crate) async fn load(options: Options) -> Fallible<()> {
    let caller = Caller::new(&options).await?;
    let mut kept: Vec<Kept> = caller.one("probe", 0).await?.into_iter().collect();
    let seconds = Duration::from_secs_f64;
    let window = Window::after(seconds(options.warm_up), seconds(options.seconds));
    let mut tasks = JoinSet::new();
    for task in 0..options.in_flight {
        tasks.spawn(caller.clone().keep_asking(task, window));
    }
    let processor = window.processor_of(options.pid, || ()).await?;
    let mut latencies = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        let (own, grants) = finished??;
        latencies.extend(own);
        kept.extend(grants);
    }
    let sample = Sample::of(latencies, window.length(), processor);
    let reported = match options.token {
        Some(_) => Some(reports::report(&caller, kept, options.in_flight, options.pid).await?),
        None => None,
    };
    caller.close().await?;
    println!("{}", serde_json::to_string(&Loaded { sample, reported })?);
    Ok(())
}

impl Caller {
    async fn new(options: &Options) -> Fallible<Self> {
        let authorization = match &options.token {
            Some(file) => bearer(file)?,
            // As long as a real one, so that both sides read the same bytes.
            None => format!("Bearer {}", "x".repeat(400)).parse()?,
        };
        let mut caller = Self {
            client: GridServiceClient::new(connect(&options.address, None).await?),
            authorization,
            session: "00000000-0000-4000-8000-000000000000".into(),
            governed: options.token.is_some(),
            run: std::process::id(),
        };
        if caller.governed {
            let open = v1::CreateSession {
                suggested_session_id: "bench".to_owned(),
                compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
                correlation_id: format!("bench-open-{}", caller.run),
                ..v1::CreateSession::default()
            };
            let opened = caller.client.create_session(caller.authorized(open)).await?.into_inner();
            if let Some(error) = opened.error {
                return Err(format!("no session: {} {}", error.r#type, error.message).into());
            }
            caller.session = opened.session_id.into();
        }
        Ok(caller)
    }

    async fn close(mut self) -> Fallible<()> {
        if self.governed {
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

    pub(crate) fn authorized<M>(&self, message: M) -> Request<M> {
        authorized(message, &self.authorization)
    }

    /// Asks until the window is over; gives the nanoseconds of what ended in it, and every grant.
    async fn keep_asking(self, task: usize, window: Window) -> Fallible<(Vec<u64>, Vec<Kept>)> {
        let task = task.to_string();
        let (mut latencies, mut kept) = (Vec::with_capacity(1 << 12), Vec::new());
        let mut number = 0;
        loop {
            let sent = now();
            if window.is_over(sent) {
                return Ok((latencies, kept));
            }
            number += 1;
            kept.extend(self.one(&task, number).await?);
            latencies.extend(window.took(sent, now()));
        }
    }

    /// One echo, or one grant.
    async fn one(&self, task: &str, number: u64) -> Fallible<Option<Kept>> {
        let call_id = format!("bench-{}-{task}-{number}", self.run);
        let call = adm::FunctionCall { args: arguments(number), name: TOOL.to_owned(), call_id: call_id.clone() };
        if self.governed { self.authorize(call).await.map(Some) } else { self.echo(call).await.map(|()| None) }
    }

    async fn echo(&self, call: adm::FunctionCall) -> Fallible<()> {
        let call_id = call.call_id.clone();
        let request = self.authorized(v1::ToolCall {
            correlation_id: format!("corr-{call_id}"),
            session_id: self.session.to_string(),
            call: Some(call),
            ..v1::ToolCall::default()
        });
        match self.client.clone().call_tool(request).await?.into_inner().outcome {
            Some(Outcome::Result(v1::ToolResult { result: Some(result), .. })) if result.call_id == call_id => Ok(()),
            other => Err(format!("a call was not echoed: {other:?}").into()),
        }
    }

    async fn authorize(&self, call: adm::FunctionCall) -> Fallible<Kept> {
        let call_id = call.call_id.clone();
        let request = self.authorized(v1::AuthorizeToolCallRequest {
            session_id: self.session.to_string(),
            call: Some(call),
            correlation_id: format!("corr-{call_id}"),
            ..v1::AuthorizeToolCallRequest::default()
        });
        let answer = self.client.clone().authorize_tool_call(request).await?.into_inner();
        let approved = answer.status == Some(Status::Approved.into());
        match answer.grant {
            Some(v1::Grant { record, receipt: Some(receipt) }) if approved && !answer.invocation_id.is_empty() => {
                Ok(Kept { call_id, invocation: answer.invocation_id, record, leaf: receipt.leaf_hash })
            }
            other => Err(format!("a call was not approved: {:?} {other:?}", answer.error).into()),
        }
    }

    /// The report of a tool that gave its own arguments.
    pub(crate) fn report(&self, kept: Kept, number: u64) -> Fallible<v1::LogToolResultRequest> {
        let args_digest = kept.args_digest()?;
        Ok(v1::LogToolResultRequest {
            session_id: self.session.to_string(),
            invocation_id: kept.invocation,
            correlation_id: format!("corr-{}", kept.call_id),
            result: Some(adm::ToolResult {
                call_id: kept.call_id,
                name: TOOL.to_owned(),
                status: adm::ToolResultStatus::Success.into(),
                content: Some(arguments(number)),
                error: None,
            }),
            grant: kept.leaf,
            args_digest,
            ..v1::LogToolResultRequest::default()
        })
    }
}
