//! The methods of GridService for callers that run tools themselves, there and back.

use grid_grpc::Settings;
use grid_proto::{
    adm,
    v1::{
        self, authorize_tool_call_response::Status as Decision, grid_service_client::GridServiceClient,
        log_tool_result_response::Status as Logging,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, transport::Channel};

use crate::doors::Host;

fn asked(name: &str) -> v1::AuthorizeToolCallRequest {
    v1::AuthorizeToolCallRequest {
        session_id: "s-1".to_owned(),
        correlation_id: "cor-1".to_owned(),
        call: Some(adm::FunctionCall { call_id: "call-1".to_owned(), name: name.to_owned(), args: "{}".to_owned() }),
        ..v1::AuthorizeToolCallRequest::default()
    }
}

fn report(name: &str, number: usize) -> v1::LogToolResultRequest {
    v1::LogToolResultRequest {
        session_id: "s-1".to_owned(),
        invocation_id: format!("i-{number}"),
        correlation_id: format!("cor-{number}"),
        result: Some(adm::ToolResult {
            call_id: "call-1".to_owned(),
            name: name.to_owned(),
            status: adm::ToolResultStatus::Success.into(),
            content: Some("3".to_owned()),
            error: None,
        }),
        execution_time_ms: 12,
        timestamp: 34,
        grant: vec![1; 32],
        args_digest: vec![2; 32],
        ..v1::LogToolResultRequest::default()
    }
}

#[tokio::test]
async fn a_grant_goes_through_with_all_its_fields() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let context = v1::SecurityContext { principal_id: "me".to_owned(), ..v1::SecurityContext::default() };
    let request = v1::AuthorizeToolCallRequest { security_context: Some(context), ..asked("rewritten") };
    let answer = client.authorize_tool_call(request).await.unwrap().into_inner();
    assert_eq!(answer.status, Some(Decision::Approved.into()));
    assert!(answer.invocation_id.starts_with("i-"));
    assert_eq!((answer.correlation_id.as_str(), answer.authorization_ttl_ms), ("cor-1", 1234));
    assert_eq!(answer.execution_context["args"], "{}");
    let grant = answer.grant.unwrap();
    let receipt = grant.receipt.unwrap();
    assert_eq!((grant.record.as_slice(), receipt.index), (&b"call-1"[..], 7));
    assert_eq!((receipt.leaf_hash, receipt.inclusion), (vec![1; 32], vec![vec![2; 32]]));
    assert_eq!(receipt.checkpoint, "note");
    assert!(host.front.notes.holds("principal: \"me\"") && host.front.notes.holds("args: \"{}\""));
}

#[tokio::test]
async fn a_denial_carries_its_error_and_nothing_that_could_pass_for_a_grant() {
    let host = Host::start(Settings::default()).await;
    let answer = host.client().await.authorize_tool_call(asked("refuse")).await.unwrap().into_inner();
    assert_eq!(answer.status, Some(Decision::Denied.into()));
    assert!(answer.invocation_id.is_empty() && answer.grant.is_none() && answer.authorization_ttl_ms == 0);
    assert_eq!(answer.correlation_id, "cor-1");
    assert_eq!(answer.error.unwrap().r#type, "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_request_that_names_no_call_or_two_sorts_of_arguments_is_malformed() {
    let host = Host::start(Settings::default()).await;
    let digest = |bytes: usize| Some(v1::ArgsDigest { sha256: vec![9; bytes], size: 5 });
    let bare = |args_digest| {
        let mut request = v1::AuthorizeToolCallRequest { args_digest, ..asked("add") };
        request.call.as_mut().unwrap().args.clear();
        request
    };
    let both = v1::AuthorizeToolCallRequest { args_digest: digest(32), ..asked("add") };
    let none = v1::AuthorizeToolCallRequest { call: None, ..asked("add") };
    for wrong in [none, both, bare(digest(31))] {
        let answer = host.client().await.authorize_tool_call(wrong).await.unwrap().into_inner();
        assert_eq!(answer.error.unwrap().r#type, "MALFORMED_REQUEST");
        assert_eq!((answer.status, answer.correlation_id.as_str()), (Some(Decision::Denied.into()), "cor-1"));
    }
    let answer = host.client().await.authorize_tool_call(bare(digest(32))).await.unwrap().into_inner();
    assert_eq!(answer.status, Some(Decision::Approved.into()));
    assert!(host.front.notes.holds("bytes: 5"));
}

#[tokio::test]
async fn the_transports_deadline_is_that_of_the_decision() {
    let host = Host::start(Settings::default()).await;
    let mut request = Request::new(asked("add"));
    request.set_timeout(std::time::Duration::from_secs(60));
    host.client().await.authorize_tool_call(request).await.unwrap();
    assert!(host.front.notes.holds("deadline_unix_ms: Some("));
}

#[tokio::test]
async fn a_batch_is_answered_item_by_item_or_as_a_whole() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let items = vec![asked("add"), asked("refuse"), v1::AuthorizeToolCallRequest::default(), asked("add")];
    let batch = v1::AuthorizeToolCallsRequest {
        session_id: "s-1".to_owned(),
        correlation_id: "cor-9".to_owned(),
        items,
        ..v1::AuthorizeToolCallsRequest::default()
    };
    let answer = client.authorize_tool_calls(batch.clone()).await.unwrap().into_inner();
    let statuses: Vec<_> = answer.items.iter().map(v1::AuthorizeToolCallResponse::status).collect();
    assert_eq!(statuses, [Decision::Approved, Decision::Denied, Decision::Denied, Decision::Approved]);
    assert_eq!((answer.correlation_id.as_str(), answer.error), ("cor-9", None));
    let refused = v1::AuthorizeToolCallsRequest { session_id: "refuse".to_owned(), ..batch };
    let answer = client.authorize_tool_calls(refused).await.unwrap().into_inner();
    assert!(answer.items.is_empty());
    assert_eq!(answer.error.unwrap().r#type, "FEATURE_UNAVAILABLE");
}

#[tokio::test]
async fn a_report_goes_through_with_all_its_fields() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let answer = client.log_tool_result(report("add", 1)).await.unwrap().into_inner();
    assert_eq!((answer.status, answer.error), (Some(Logging::Logged.into()), None));
    assert_eq!(answer.correlation_id, "cor-1");
    for word in ["ended_at_ms: 34", "took: 12ms", "Success(\"3\")", "call_id: \"call-1\"", "session_id: \"s-1\""] {
        assert!(host.front.notes.holds(word), "{word}");
    }
    let answer = client.log_tool_result(report("refuse", 2)).await.unwrap().into_inner();
    assert_eq!((answer.status, answer.invocation_id.as_str()), (Some(Logging::Rejected.into()), "i-2"));
    assert_eq!(answer.error.unwrap().r#type, "SECURITY_VIOLATION");
    let nothing = v1::LogToolResultRequest { result: None, ..report("add", 3) };
    client.log_tool_result(nothing).await.unwrap();
    assert!(host.front.notes.holds("Err(\"`result` is missing\")"));
}

/// Sends these and gives the answers; the sender keeps the stream open.
async fn stream(
    client: &mut GridServiceClient<Channel>,
) -> (mpsc::Sender<v1::LogToolResultRequest>, tonic::Streaming<v1::LogToolResultResponse>) {
    let (reports, receiver) = mpsc::channel(1024);
    let answers = client.log_tool_results(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    (reports, answers)
}

#[tokio::test]
async fn a_stream_of_reports_is_answered_in_their_order() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let (reports, mut answers) = stream(&mut client).await;
    for number in 0..500 {
        reports.send(report(if number % 7 == 3 { "refuse" } else { "add" }, number)).await.unwrap();
    }
    drop(reports);
    for number in 0..500 {
        let answer = answers.message().await.unwrap().expect("an answer to each");
        assert_eq!(answer.correlation_id, format!("cor-{number}"));
        assert_eq!(answer.status() == Logging::Rejected, number % 7 == 3);
    }
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn reports_of_a_stream_are_in_flight_together_and_not_without_bound() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let (reports, mut answers) = stream(&mut client).await;
    for number in 0..400 {
        reports.send(report("wait", number)).await.unwrap();
    }
    host.front.notes.wait_for("cor-200").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    // 256 wait to be answered, one has its turn and one was read before there was room.
    let begun = host.front.notes.all().len();
    assert!((200..=258).contains(&begun), "{begun} reports are in flight");
    for number in 0..400 {
        while !host.front.notes.holds(&format!("cor-{number}\"")) {
            tokio::task::yield_now().await;
        }
        host.front.go.notify_one();
        let answer = answers.message().await.unwrap().expect("an answer to each");
        assert_eq!(answer.correlation_id, format!("cor-{number}"));
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_answers_what_it_could_and_says_why() {
    let settings = Settings { max_message: 64 << 10, ..Settings::default() };
    let host = Host::start(settings).await;
    let mut client = host.client().await;
    let (reports, mut answers) = stream(&mut client).await;
    reports.send(report("add", 1)).await.unwrap();
    let mut large = report("add", 2);
    large.result.as_mut().unwrap().content = Some("x".repeat(70 << 10));
    reports.send(large).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().correlation_id, "cor-1");
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("MESSAGE_TOO_LARGE"));
}

#[tokio::test]
async fn a_stream_ends_when_the_port_stops() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let (reports, mut answers) = stream(&mut client).await;
    reports.send(report("add", 1)).await.unwrap();
    assert!(answers.message().await.unwrap().is_some());
    let Host { running, .. } = host;
    let stopped = tokio_util::task::TaskTracker::new().spawn(running.shutdown(std::time::Duration::from_secs(10)));
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
    drop((reports, answers, client));
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_grant_is_given_back_and_its_epoch_watched() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let request = |session: &str| v1::CancelGrantRequest {
        session_id: session.to_owned(),
        invocation_id: "i-1".to_owned(),
        grant: vec![5; 32],
        reason: "elsewhere".to_owned(),
        correlation_id: "cor-2".to_owned(),
    };
    let answer = client.cancel_grant(request("s-1")).await.unwrap().into_inner();
    assert!(answer.cancelled && answer.error.is_none() && answer.correlation_id == "cor-2");
    assert!(host.front.notes.holds("reason: \"elsewhere\""));
    let answer = client.cancel_grant(request("refuse")).await.unwrap().into_inner();
    assert!(!answer.cancelled && answer.error.is_some());

    let watch = |session: &str| v1::WatchGrantsRequest { session_id: session.to_owned(), ..Default::default() };
    let mut steps = client.watch_grants(watch("s-1")).await.unwrap().into_inner();
    let mut epochs = Vec::new();
    while let Some(step) = steps.message().await.unwrap() {
        epochs.push((step.epoch, step.reason, step.error.map(|error| error.r#type)));
    }
    assert_eq!(epochs[0], (3, String::new(), None));
    assert_eq!(epochs[1], (4, "because".to_owned(), None));
    assert_eq!(epochs[2].2.as_deref(), Some("SERVICE_UNAVAILABLE"));
    let mut refused = client.watch_grants(watch("refuse")).await.unwrap().into_inner();
    let only = refused.message().await.unwrap().unwrap();
    assert_eq!(only.error.unwrap().r#type, "INVALID_SESSION");
    assert!(refused.message().await.unwrap().is_none());
}
