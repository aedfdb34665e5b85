//! AuditService on both ports: what auditors ask gets through, and so does what they may see.

use std::{sync::Arc, sync::Mutex, time::Duration};

use bytes::Bytes;
use grid_core::{
    Code, Refusal, Stage,
    clock::SystemClock,
    envelope::Credentials,
    port::{AuditDoor, Pending},
    reading::{Consistency, Extend, Filter, Follow, Get, Inclusion, Page, Prove, Query, Row, Step, Which},
};
use grid_grpc::{Admin, Running, Server, Settings};
use grid_proto::v1::{
    self, audit_follow_response::Step as Wire, audit_get_request::Which as Named,
    audit_service_client::AuditServiceClient,
};
use http::{Response, request::Parts};
use tokio::{net::TcpListener, sync::mpsc};
use tonic::{Request, transport::Channel};

use crate::doors::{Front, Runtimes, channel};

/// Lets in whoever brings the token `au`, and remembers what was asked.
#[derive(Debug, Default)]
struct Door {
    asked: Mutex<Vec<String>>,
    steps: Mutex<Option<mpsc::Receiver<Step>>>,
}

impl Door {
    fn admit(&self, credentials: &Credentials, asked: String) -> Result<(), Refusal> {
        self.asked.lock().unwrap().push(asked);
        match credentials.bearer.as_deref() {
            Some("au") => Ok(()),
            _ => Err(Refusal::new(Code::PermissionDenied, Stage::Authorize, "no auditor").because("internal")),
        }
    }
}

fn row(index: u64) -> Row {
    Row { index, line: format!(r#"{{"at_ms":{index}}}"#), leaf_hash: [7; 32] }
}

impl AuditDoor for Door {
    fn query(&self, credentials: Credentials, query: Query) -> Pending<'_, Result<Page, Refusal>> {
        Box::pin(async move {
            self.admit(&credentials, format!("{query:?}"))?;
            Ok(Page { rows: vec![row(3), row(5)], next: Some("more".into()) })
        })
    }

    fn get(&self, credentials: Credentials, get: Get) -> Pending<'_, Result<Page, Refusal>> {
        Box::pin(async move {
            self.admit(&credentials, format!("{get:?}"))?;
            Ok(Page { rows: vec![row(9)], next: None })
        })
    }

    fn follow(&self, credentials: Credentials, follow: Follow) -> Pending<'_, Result<mpsc::Receiver<Step>, Refusal>> {
        Box::pin(async move {
            self.admit(&credentials, format!("{follow:?}"))?;
            Ok(self.steps.lock().unwrap().take().unwrap())
        })
    }

    fn checkpoint(&self, credentials: Credentials, correlation_id: String) -> Pending<'_, Result<String, Refusal>> {
        Box::pin(async move {
            self.admit(&credentials, correlation_id)?;
            Ok("a note".into())
        })
    }

    fn inclusion(&self, credentials: Credentials, prove: Prove) -> Pending<'_, Result<Option<Inclusion>, Refusal>> {
        Box::pin(async move {
            self.admit(&credentials, format!("{prove:?}"))?;
            let hashes = vec![[1; 32], [2; 32]];
            let checkpoint = Some("a note".into());
            Ok(prove.which.map(|_| Inclusion { index: 3, leaf_hash: [7; 32], tree_size: 4, hashes, checkpoint }))
        })
    }

    fn consistency(&self, credentials: Credentials, extend: Extend) -> Pending<'_, Result<Consistency, Refusal>> {
        Box::pin(async move {
            self.admit(&credentials, format!("{extend:?}"))?;
            Ok(Consistency { old_size: 3, new_size: 9, hashes: vec![[5; 32]], checkpoint: None })
        })
    }
}

/// The port for callers or the one for operators.
async fn start(door: Option<&Arc<Door>>, operators: bool, max_message: usize) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { max_message, ..Settings::default() };
    let door = door.map(|door| Arc::clone(door) as Arc<dyn AuditDoor>);
    if operators {
        let pages = |_: &Parts| None::<Response<Bytes>>;
        let admin = Admin::new(Arc::new(crate::admin::Door), pages, settings);
        let admin = match door {
            Some(door) => admin.auditing(door),
            None => admin,
        };
        return admin.start(listener).await.unwrap();
    }
    let server = Server::new(Arc::<Front>::default(), Arc::<Runtimes>::default(), SystemClock::shared(), settings);
    let server = match door {
        Some(door) => server.auditing(door),
        None => server,
    };
    server.start(listener).await.unwrap()
}

fn asked<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

async fn client(running: &Running) -> AuditServiceClient<Channel> {
    AuditServiceClient::new(channel(running).await)
}

#[tokio::test]
async fn what_is_asked_gets_through_on_both_ports() {
    for operators in [false, true] {
        let door = Arc::<Door>::default();
        let running = start(Some(&door), operators, 4 << 20).await;
        let mut client = client(&running).await;
        let filter = v1::AuditFilter {
            invocation: "a".into(),
            correlation: "b".into(),
            session: "c".into(),
            principal: "d".into(),
            tenant: "e".into(),
            tool: "f".into(),
            outcome: "g".into(),
            kind: "h".into(),
            code: "i".into(),
            from_ms: Some(0),
            to_ms: Some(1),
        };
        let query = v1::AuditQueryRequest {
            filter: Some(filter),
            newest_first: true,
            page_size: 7,
            page_token: "t".into(),
            correlation_id: "w".into(),
        };
        let page = client.query(asked(query, "au")).await.unwrap().into_inner();
        let records: Vec<_> = page.records.iter().map(|record| (record.index, record.entry.as_str())).collect();
        assert_eq!(records, [(3, r#"{"at_ms":3}"#), (5, r#"{"at_ms":5}"#)]);
        assert_eq!((page.next_page_token.as_str(), page.error), ("more", None));
        assert_eq!(page.records[0].leaf_hash, [7; 32]);
        let plain = client.query(asked(v1::AuditQueryRequest::default(), "au")).await.unwrap().into_inner();
        assert_eq!(plain.error, None);
        for which in [Some(Named::Index(0)), Some(Named::Invocation("i-1".into())), None] {
            let get = v1::AuditGetRequest { which, correlation_id: String::new() };
            let got = client.get(asked(get, "au")).await.unwrap().into_inner();
            assert_eq!((got.records[0].index, got.more, got.error), (9, false, None));
        }
        let text = |value: &str| Some(value.to_owned());
        let filter = Filter {
            invocation: text("a"),
            correlation: text("b"),
            session: text("c"),
            principal: text("d"),
            tenant: text("e"),
            tool: text("f"),
            outcome: text("g"),
            kind: text("h"),
            code: text("i"),
            from_ms: Some(0),
            to_ms: Some(1),
        };
        let (page_token, correlation_id) = ("t".to_owned(), "w".to_owned());
        let query = Query { filter, newest_first: true, limit: Some(7), page_token, correlation_id };
        let get = |which| format!("{:?}", Get { which, correlation_id: String::new() });
        let expected = [
            format!("{query:?}"),
            format!("{:?}", Query::default()),
            get(Some(Which::Index(0))),
            get(Some(Which::Invocation("i-1".into()))),
            get(None),
        ];
        assert_eq!(*door.asked.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_refusal_travels_in_every_answer_and_ends_a_stream_at_once() {
    let door = Arc::<Door>::default();
    let running = start(Some(&door), false, 4 << 20).await;
    let mut client = client(&running).await;
    let query = client.query(asked(v1::AuditQueryRequest::default(), "x")).await.unwrap().into_inner().error;
    let get = client.get(asked(v1::AuditGetRequest::default(), "x")).await.unwrap().into_inner().error;
    let follow = client.follow(asked(v1::AuditFollowRequest::default(), "x")).await;
    let mut stream = follow.unwrap().into_inner();
    let Some(Wire::Error(follow)) = stream.message().await.unwrap().unwrap().step else { panic!("a refusal") };
    assert!(stream.message().await.unwrap().is_none(), "and the status is that of success");
    for error in [query.unwrap(), get.unwrap(), follow] {
        assert_eq!(error.r#type, "PERMISSION_DENIED");
        assert!(!format!("{error:?}").contains("internal"));
    }
}

#[tokio::test]
async fn proofs_get_through_as_they_are() {
    let door = Arc::<Door>::default();
    let running = start(Some(&door), false, 4 << 20).await;
    let mut client = client(&running).await;
    let checkpoint = v1::AuditCheckpointRequest { correlation_id: "w".into() };
    let answer = client.checkpoint(asked(checkpoint, "au")).await.unwrap().into_inner();
    assert_eq!((answer.checkpoint.as_str(), answer.error), ("a note", None));
    let which = Some(v1::audit_inclusion_proof_request::Which::Invocation("i-1".into()));
    let request = v1::AuditInclusionProofRequest { which, tree_size: Some(4), correlation_id: "w".into() };
    let proof = client.inclusion_proof(asked(request, "au")).await.unwrap().into_inner();
    assert_eq!((proof.index, proof.tree_size, proof.checkpoint.as_str(), proof.error), (3, 4, "a note", None));
    assert_eq!((proof.leaf_hash, proof.hashes), (vec![7; 32], vec![vec![1; 32], vec![2; 32]]));
    let none = v1::AuditInclusionProofRequest::default();
    let none = client.inclusion_proof(asked(none, "au")).await.unwrap().into_inner();
    assert_eq!(none, v1::AuditInclusionProofResponse::default(), "no such record");
    let request = v1::AuditConsistencyProofRequest { old_size: 3, new_size: Some(9), correlation_id: "w".into() };
    let proof = client.consistency_proof(asked(request, "au")).await.unwrap().into_inner();
    assert_eq!((proof.old_size, proof.new_size, proof.checkpoint.as_str()), (3, 9, ""));
    assert_eq!((proof.hashes, proof.error), (vec![vec![5; 32]], None));
    let prove =
        Prove { which: Some(Which::Invocation("i-1".into())), tree_size: Some(4), correlation_id: "w".to_owned() };
    let extend = Extend { old_size: 3, new_size: Some(9), correlation_id: "w".to_owned() };
    let expected = ["w".to_owned(), format!("{prove:?}"), format!("{:?}", Prove::default()), format!("{extend:?}")];
    assert_eq!(*door.asked.lock().unwrap(), expected);
    let checkpoint = client.checkpoint(asked(v1::AuditCheckpointRequest::default(), "x")).await.unwrap();
    let inclusion = client.inclusion_proof(asked(v1::AuditInclusionProofRequest::default(), "x")).await.unwrap();
    let extension = client.consistency_proof(asked(v1::AuditConsistencyProofRequest::default(), "x")).await.unwrap();
    for error in [checkpoint.into_inner().error, inclusion.into_inner().error, extension.into_inner().error] {
        assert_eq!(error.unwrap().r#type, "PERMISSION_DENIED");
    }
}

/// A door whose follower gets what the sender gives.
fn following() -> (Arc<Door>, mpsc::Sender<Step>) {
    let (sender, steps) = mpsc::channel(4);
    (Arc::new(Door { steps: Mutex::new(Some(steps)), ..Door::default() }), sender)
}

#[tokio::test]
async fn a_followed_log_comes_step_by_step_and_ends_with_a_word() {
    for operators in [false, true] {
        let (door, sender) = following();
        let running = start(Some(&door), operators, 4 << 20).await;
        let request = v1::AuditFollowRequest { from_index: Some(4), ..Default::default() };
        let mut client = client(&running).await;
        let mut stream = client.follow(asked(request, "au")).await.unwrap().into_inner();
        for index in 4..40 {
            sender.send(Step::Row(row(index))).await.unwrap();
            let message = stream.message().await.unwrap().unwrap();
            let Some(Wire::Record(record)) = message.step else { panic!("a record") };
            assert_eq!((record.index, message.next_index), (index, index + 1));
        }
        let refusal = Refusal::new(Code::ServiceUnavailable, Stage::Transport, "the host is stopping");
        sender.send(Step::End { refusal, next: 44 }).await.unwrap();
        drop(sender);
        let message = stream.message().await.unwrap().unwrap();
        let Some(Wire::Error(error)) = message.step else { panic!("the end") };
        assert_eq!((error.r#type.as_str(), message.next_index), ("SERVICE_UNAVAILABLE", 44));
        assert!(stream.message().await.unwrap().is_none());
        let follow = Follow { from: Some(4), ..Follow::default() };
        assert_eq!(*door.asked.lock().unwrap(), [format!("{follow:?}")]);
    }
}

#[tokio::test]
async fn a_follower_that_goes_is_noticed() {
    let (door, sender) = following();
    let running = start(Some(&door), false, 4 << 20).await;
    let mut client = client(&running).await;
    let stream = client.follow(asked(v1::AuditFollowRequest::default(), "au")).await.unwrap();
    drop(stream);
    drop(client);
    tokio::time::timeout(Duration::from_secs(30), sender.closed()).await.unwrap();
}

#[tokio::test]
async fn a_record_that_no_message_can_hold_ends_the_stream_with_a_fault() {
    let (door, sender) = following();
    let running = start(Some(&door), false, 64 << 10).await;
    let mut client = client(&running).await;
    let mut stream = client.follow(asked(v1::AuditFollowRequest::default(), "au")).await.unwrap().into_inner();
    sender.send(Step::Row(Row { line: "x".repeat(64 << 10), ..row(1) })).await.unwrap();
    let status = stream.message().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.message().starts_with("MESSAGE_TOO_LARGE"), "{status:?}");
    tokio::time::timeout(Duration::from_secs(30), sender.closed()).await.unwrap();
}

#[tokio::test]
async fn a_port_without_the_door_has_no_such_service() {
    for operators in [false, true] {
        let running = start(None, operators, 4 << 20).await;
        let status = client(&running).await.query(asked(v1::AuditQueryRequest::default(), "au")).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented);
        let door = Arc::<Door>::default();
        let running = start(Some(&door), operators, 4 << 20).await;
        let path = "/grid.v1.AuditService/Erase".parse().unwrap();
        let mut grpc = tonic::client::Grpc::new(channel(&running).await);
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<v1::AuditGetRequest, v1::AuditGetResponse>::default();
        let unknown = grpc.unary(asked(v1::AuditGetRequest::default(), "au"), path, codec).await.unwrap_err();
        assert_eq!(unknown.code(), tonic::Code::Unimplemented);
    }
}
