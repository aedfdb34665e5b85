//! The operators' port: gRPC and pages on one listener.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    explain::{Explanation, Ground},
    listing::{ContractRow, GateRow, LimitList, LimitRow, Reloaded, RuntimeRow, SessionRow, Status, UseRow},
    port::AdminDoor,
    revocation::{Cause, Invalidate, Invalidated, Restore, RevocationRow},
};
use grid_grpc::{Admin, Answer, Hooks, Posted, Running, Settings};
use grid_proto::v1::{self, admin_service_client::AdminServiceClient};
use http::{Response, request::Parts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tonic::transport::Channel;

use crate::doors::channel;

/// Lets in whoever brings the token `op`.
pub struct Door;

impl Door {
    fn admit(credentials: &Credentials) -> Result<(), Refusal> {
        match credentials.bearer.as_deref() {
            Some("op") => Ok(()),
            _ => Err(Refusal::new(Code::InvalidCredentials, Stage::Identity, "no operator's token; send one")
                .because("internal")),
        }
    }
}

impl AdminDoor for Door {
    async fn status(&self, credentials: Credentials) -> Result<Status, Refusal> {
        Self::admit(&credentials)?;
        Ok(Status {
            version: "0.1.0".to_owned(),
            mode: "strict".to_owned(),
            audit_records: 7,
            audit_writable: true,
            ..Status::default()
        })
    }

    async fn runtimes(&self, credentials: Credentials, tenant: String) -> Result<Vec<RuntimeRow>, Refusal> {
        Self::admit(&credentials)?;
        assert_eq!(tenant, "acme");
        Ok(vec![RuntimeRow {
            runtime_id: "rt".to_owned(),
            tools: vec!["add".to_owned()],
            draining: true,
            failures: 2,
            ..RuntimeRow::default()
        }])
    }

    async fn sessions(&self, credentials: Credentials, tenant: String) -> Result<Vec<SessionRow>, Refusal> {
        Self::admit(&credentials)?;
        assert_eq!(tenant, "acme");
        Ok(vec![SessionRow { session_id: "s-1".to_owned(), dynamic_tools: 4, ..SessionRow::default() }])
    }

    async fn contracts(&self, credentials: Credentials, tenant: String) -> Result<Vec<ContractRow>, Refusal> {
        Self::admit(&credentials)?;
        assert_eq!(tenant, "acme");
        Ok(vec![ContractRow { name: "add".to_owned(), required_roles: vec!["r".to_owned()], ..ContractRow::default() }])
    }

    async fn limits(&self, credentials: Credentials, most: usize) -> Result<LimitList, Refusal> {
        Self::admit(&credentials)?;
        assert_eq!(most, 100);
        Ok(LimitList {
            limits: vec![LimitRow { name: "slow".to_owned(), rate: 5, per: vec!["tenant"], ..LimitRow::default() }],
            uses: vec![UseRow { limit: "slow".to_owned(), running: 3, ..UseRow::default() }],
            gate: Some(GateRow { limit: 7, inside: 2, shed: 1, ..GateRow::default() }),
        })
    }

    async fn invalidate(&self, credentials: Credentials, request: Invalidate) -> Result<Invalidated, Refusal> {
        Self::admit(&credentials)?;
        let expected = Invalidate {
            reason: "test".to_owned(),
            cause: Some(Cause::Incident),
            tenant: "acme".to_owned(),
            principal: "al*".to_owned(),
            tool: "add".to_owned(),
            session: "s-1".to_owned(),
            event_id: "e-1".to_owned(),
            cancel_running: true,
            revoke_proofs: true,
        };
        assert_eq!(request, expected);
        Ok(Invalidated { epoch: 9, ended_grants: 2, cancelled_calls: 3, repeated: true })
    }

    async fn revocations(&self, credentials: Credentials) -> Result<Vec<RevocationRow>, Refusal> {
        Self::admit(&credentials)?;
        Ok(vec![RevocationRow { principal: "alice".to_owned(), issued_until_ms: 5, ..RevocationRow::default() }])
    }

    async fn explain(&self, credentials: Credentials, id: String) -> Result<Explanation, Refusal> {
        Self::admit(&credentials)?;
        let ground = Ground { stage: "identity", text: "a".to_owned(), entry: Some(4) };
        Ok(Explanation {
            decision: "permitted",
            invocation: id,
            epoch: 3,
            grounds: vec![ground],
            ..Explanation::default()
        })
    }

    async fn restore(&self, credentials: Credentials, request: Restore) -> Result<bool, Refusal> {
        Self::admit(&credentials)?;
        Ok((&*request.tenant, &*request.principal, &*request.reason) == ("acme", "alice", "back"))
    }

    async fn reload_policies(&self, credentials: Credentials) -> Result<Reloaded, Refusal> {
        Self::admit(&credentials)?;
        Ok(Reloaded { changed: true, policy: Some([0xa5; 32]), epoch: 10 })
    }
}

fn pages(head: &Parts) -> Option<Response<Bytes>> {
    match head.uri.path() {
        "/healthz" => Some(Response::new(Bytes::from_static(b"ok\n"))),
        _ => None,
    }
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Admin::new(Arc::new(Door), pages, Settings::default()).start(listener).await.unwrap()
}

fn asked<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn an_operator_sees_the_host() {
    let running = start().await;
    let mut client: AdminServiceClient<Channel> = AdminServiceClient::new(channel(&running).await);
    let status = client.get_status(asked(v1::StatusRequest {}, "op")).await;
    let status = status.unwrap().into_inner();
    assert_eq!((&*status.mode, status.audit_records), ("strict", 7));
    assert!(status.audit_writable && status.error.is_none());
    let request = asked(v1::ListRuntimesRequest { tenant: "acme".to_owned() }, "op");
    let runtimes = client.list_runtimes(request).await.unwrap().into_inner();
    assert_eq!(runtimes.runtimes[0].tools, ["add"]);
    assert_eq!(runtimes.runtimes[0].failures, 2);
    let request = asked(v1::ListSessionsRequest { tenant: "acme".to_owned() }, "op");
    let sessions = client.list_sessions(request).await.unwrap().into_inner();
    assert_eq!(sessions.sessions[0].dynamic_tools, 4);
    let request = asked(v1::ListContractsRequest { tenant: "acme".to_owned() }, "op");
    let contracts = client.list_contracts(request).await.unwrap().into_inner();
    assert_eq!(contracts.contracts[0].required_roles, ["r"]);
    let answer = client.reload_policies(asked(v1::ReloadPoliciesRequest {}, "op")).await.unwrap().into_inner();
    assert_eq!((answer.changed, answer.policy_epoch), (true, 10));
    assert_eq!(answer.policy_digest, format!("sha256:{}", "a5".repeat(32)));
    let request = v1::InvalidateAuthorizationsRequest {
        reason: "test".to_owned(),
        event: v1::InvalidationEvent::SecurityIncident.into(),
        tenant: "acme".to_owned(),
        principal: "al*".to_owned(),
        tool: "add".to_owned(),
        session_id: "s-1".to_owned(),
        event_id: "e-1".to_owned(),
        cancel_running: true,
        revoke_proofs: true,
    };
    let done = client.invalidate_authorizations(asked(request, "op")).await.unwrap().into_inner();
    assert_eq!((done.policy_epoch, done.ended_grants, done.cancelled_calls, done.repeated), (9, 2, 3, true));
    let list = client.list_revocations(asked(v1::ListRevocationsRequest {}, "op")).await.unwrap().into_inner();
    assert_eq!((list.revocations[0].principal.as_str(), list.revocations[0].issued_until_ms), ("alice", 5));
    let request = v1::ExplainDecisionRequest { id: "i-1".to_owned() };
    let told = client.explain_decision(asked(request, "op")).await.unwrap().into_inner();
    assert_eq!((&*told.decision, &*told.invocation_id, told.policy_epoch), ("permitted", "i-1", 3));
    assert_eq!((&*told.grounds[0].stage, told.grounds[0].entry, told.cache_age_ms), ("identity", Some(4), None));
    let request =
        v1::RestoreRequest { tenant: "acme".to_owned(), principal: "alice".to_owned(), reason: "back".to_owned() };
    assert!(client.restore(asked(request, "op")).await.unwrap().into_inner().restored);
}

#[tokio::test]
async fn who_is_no_operator_gets_the_refusal_in_every_answer() {
    let running = start().await;
    let mut client = AdminServiceClient::new(channel(&running).await);
    let mut errors = Vec::new();
    let answer = client.get_status(asked(v1::StatusRequest {}, "x")).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.list_runtimes(v1::ListRuntimesRequest::default()).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.list_sessions(v1::ListSessionsRequest::default()).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.list_contracts(v1::ListContractsRequest::default()).await;
    errors.push(answer.unwrap().into_inner().error);
    let request = v1::InvalidateAuthorizationsRequest::default();
    let answer = client.invalidate_authorizations(request).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.reload_policies(v1::ReloadPoliciesRequest {}).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.list_revocations(v1::ListRevocationsRequest {}).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.explain_decision(v1::ExplainDecisionRequest::default()).await;
    errors.push(answer.unwrap().into_inner().error);
    let answer = client.restore(v1::RestoreRequest::default()).await;
    errors.push(answer.unwrap().into_inner().error);
    for error in errors {
        let error = error.unwrap();
        assert_eq!(error.r#type, "INVALID_CREDENTIALS");
        assert!(!format!("{error:?}").contains("internal"));
    }
}

async fn get(running: &Running, path: &str) -> String {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn pages_answer_on_the_same_port() {
    let running = start().await;
    let page = get(&running, "/healthz").await;
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.ends_with("\r\n\r\nok\n"), "{page}");
    let page = get(&running, "/nothing").await;
    assert!(page.starts_with("HTTP/1.1 404"), "{page}");
    assert!(page.contains("/metrics"), "{page}");
}

#[tokio::test]
async fn the_callers_service_is_not_on_the_operators_port() {
    let running = start().await;
    let mut client = v1::grid_service_client::GridServiceClient::new(channel(&running).await);
    let status = client.call_tool(v1::ToolCall::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

/// Says how its body ended.
struct Hook;

impl Hooks for Hook {
    fn knows(&self, path: &str) -> bool {
        path == "/hook"
    }

    fn answer(&self, posted: Posted) -> Answer<'_> {
        Box::pin(async move { Response::new(Bytes::from(format!("{:?}", posted.body.await.map(|body| body.len())))) })
    }
}

#[tokio::test]
async fn bodies_are_read_within_a_length_and_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { message_timeout: std::time::Duration::from_millis(200), ..Settings::default() };
    let admin = Admin::new(Arc::new(Door), pages, settings).hooked(Arc::new(Hook));
    let running = admin.start(listener).await.unwrap();
    let post = async |head: &str, body: &[u8]| {
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        let head = format!("POST /hook HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{head}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        // A body that is not wanted ends the connection while it is sent; the answer is there before.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let full = vec![b'x'; grid_grpc::LONGEST];
    assert!(post("content-length: 65536", &full).await.ends_with("Ok(65536)"));
    assert!(post("content-length: 65537", b"").await.ends_with("Err(TooLarge)"));
    let chunk = [b"10001\r\n".as_slice(), &full, b"x\r\n0\r\n\r\n"].concat();
    assert!(post("transfer-encoding: chunked", &chunk).await.ends_with("Err(TooLarge)"));
    assert!(post("content-length: 9", b"{").await.ends_with("Err(Slow)"));
    assert!(get(&running, "/healthz").await.ends_with("ok\n"), "other paths are pages");
}
