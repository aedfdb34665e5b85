//! The state of the test's host: a log that is signed as the real one's is, and grants that end once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grid_adm::Digest;
use grid_proto::{adm, v1};
use grid_tlog::{Checkpoint, Hash, Kind, Nodes, Signer, inclusion, root};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;

pub const ORIGIN: &str = "test/cluster/host/audit";
pub const PRINCIPAL: &str = "agent";
pub const TENANT: &str = "acme";
pub const SESSION: &str = "s-0123";

/// How a grant ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    Reported(Box<v1::LogToolResultRequest>),
    Cancelled,
}

pub struct Given {
    pub call: adm::FunctionCall,
    pub args: [u8; 32],
    pub leaf: Hash,
    pub ended: Option<Ended>,
}

/// What a test changes about an approval before it is sent.
pub type Forge = Box<dyn Fn(&mut v1::AuthorizeToolCallResponse) + Send>;

/// And what it changes about a record before it is logged.
pub type Change = Box<dyn Fn(String) -> String + Send>;

pub struct State {
    pub signer: Signer,
    pub leaves: Vec<Hash>,
    pub listings: Vec<v1::ToolListing>,
    pub grants: BTreeMap<String, Given>,
    /// Calls that reached a runtime, as it were.
    pub remote: Vec<v1::ToolCall>,
    pub call_ids: Vec<String>,
    /// Reports, repeats and rejected ones included.
    pub reports: usize,
    pub batches: Vec<usize>,
    pub rejected: Vec<v1::LogToolResultRequest>,
    /// Nothing but errors of the transport.
    pub down: bool,
    /// The log cannot be written for now.
    pub unwritable: bool,
    pub refuse: Option<v1::EnhancedError>,
    pub refuse_cancel: bool,
    pub ttl: Duration,
    pub forge: Option<Forge>,
    pub change_record: Option<Change>,
}

#[derive(Clone)]
pub struct Service {
    pub state: Arc<Mutex<State>>,
    pub epoch: watch::Sender<u64>,
}

pub struct Host {
    pub endpoint: String,
    pub service: Service,
    _tasks: JoinSet<()>,
}

struct Leaves<'a>(&'a [Hash]);

impl Nodes for Leaves<'_> {
    type Error = ();

    fn node(&self, level: u32, index: u64) -> Result<Hash, ()> {
        if level == 0 {
            return Ok(self.0[index as usize]);
        }
        let (left, right) = (self.node(level - 1, index * 2)?, self.node(level - 1, index * 2 + 1)?);
        Ok(Hash::node(&left, &right))
    }
}

pub fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the test's host has the test's clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn refusal(code: &str, retry_allowed: bool) -> v1::EnhancedError {
    v1::EnhancedError {
        message: "refused by the test".into(),
        r#type: code.into(),
        retry_allowed,
        ..Default::default()
    }
}

pub fn contract(name: &str) -> String {
    format!("sha256:{}", Digest::of_bytes(name.as_bytes()))
}

pub fn digest(args: &str) -> Digest {
    grid_adm::digest(&grid_adm::json::parse(args).unwrap())
}

impl State {
    /// Puts a record into the log.
    pub fn log(&mut self, record: &[u8]) -> v1::AuditReceipt {
        // Something that was there before, so that paths are not empty.
        let other = Hash::leaf(format!("record {}", self.leaves.len()).as_bytes());
        self.leaves.push(other);
        let (index, leaf) = (self.leaves.len() as u64, Hash::leaf(record));
        self.leaves.push(leaf);
        let nodes = Leaves(&self.leaves);
        let size = self.leaves.len() as u64;
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: root(&nodes, size).unwrap() };
        v1::AuditReceipt {
            index,
            leaf_hash: leaf.as_bytes().to_vec(),
            inclusion: inclusion(&nodes, index, size).unwrap().iter().map(|hash| hash.as_bytes().to_vec()).collect(),
            checkpoint: checkpoint.sign(&self.signer).to_string(),
        }
    }

    /// An approval of a call, as the real host makes one.
    pub fn approve(&mut self, request: &v1::AuthorizeToolCallRequest, epoch: u64) -> v1::AuthorizeToolCallResponse {
        let call = request.call.clone().unwrap();
        let args = match &request.args_digest {
            Some(args) => args.sha256.clone().try_into().unwrap(),
            None => *digest(&call.args).as_bytes(),
        };
        let invocation = format!("i-{:032x}", self.grants.len() + 1);
        let (at_ms, ttl) = (now_ms(), self.ttl.as_millis() as u64);
        let record = serde_json::json!({
            "args_digest": format!("sha256:{}", Digest::from_bytes(args)),
            "at_ms": at_ms,
            "call_id": call.call_id,
            "contract": contract(&call.name),
            "correlation": request.correlation_id,
            "epoch": epoch,
            "expires_ms": at_ms + ttl,
            "invocation": invocation,
            "kind": "admitted",
            "local": true,
            "principal": PRINCIPAL,
            "rule": "role:test",
            "session": request.session_id,
            "tenant": TENANT,
            "tool": call.name,
        });
        let mut record = record.to_string();
        if let Some(change) = &self.change_record {
            record = change(record);
        }
        let receipt = self.log(record.as_bytes());
        let leaf = Hash::from_slice(&receipt.leaf_hash).unwrap();
        self.grants.insert(invocation.clone(), Given { call, args, leaf, ended: None });
        let mut answer = v1::AuthorizeToolCallResponse {
            status: Some(v1::authorize_tool_call_response::Status::Approved.into()),
            invocation_id: invocation,
            correlation_id: request.correlation_id.clone(),
            authorization_ttl_ms: ttl,
            grant: Some(v1::Grant { record: record.into_bytes(), receipt: Some(receipt) }),
            ..Default::default()
        };
        if let Some(forge) = &self.forge {
            forge(&mut answer);
        }
        answer
    }

    /// Takes a report as the real host does: once, and the same again.
    pub fn redeem(&mut self, report: v1::LogToolResultRequest) -> v1::LogToolResultResponse {
        self.reports += 1;
        let rejected = |code: &str, retry| v1::LogToolResultResponse {
            status: Some(v1::log_tool_result_response::Status::Rejected.into()),
            error: Some(refusal(code, retry)),
            ..Default::default()
        };
        if self.unwritable {
            return rejected("AUDIT_UNAVAILABLE", true);
        }
        let logged = v1::LogToolResultResponse {
            status: Some(v1::log_tool_result_response::Status::Logged.into()),
            ..Default::default()
        };
        let result = report.result.clone().unwrap();
        let fits = |given: &Given| {
            given.leaf.as_bytes().as_slice() == report.grant
                && given.args.as_slice() == report.args_digest
                && given.call.call_id == result.call_id
                && given.call.name == result.name
                && report.session_id == SESSION
        };
        let outcome = match self.grants.get_mut(&report.invocation_id).filter(|given| fits(given)) {
            Some(given) => match &given.ended {
                None => {
                    given.ended = Some(Ended::Reported(Box::new(report.clone())));
                    Some(logged)
                }
                Some(Ended::Reported(before)) if before.result == report.result => Some(logged),
                Some(_) => None,
            },
            None => None,
        };
        outcome.unwrap_or_else(|| {
            self.rejected.push(report);
            rejected("SECURITY_VIOLATION", false)
        })
    }

    pub fn reported(&self) -> Vec<&v1::LogToolResultRequest> {
        let ended = self.grants.values().filter_map(|given| given.ended.as_ref());
        ended
            .filter_map(|ended| match ended {
                Ended::Reported(report) => Some(report.as_ref()),
                Ended::Cancelled => None,
            })
            .collect()
    }

    pub fn cancelled(&self) -> usize {
        self.grants.values().filter(|given| given.ended == Some(Ended::Cancelled)).count()
    }
}

impl Host {
    pub async fn start() -> Self {
        let state = State {
            signer: Signer::generate(ORIGIN, Kind::Note).unwrap(),
            leaves: Vec::new(),
            listings: Vec::new(),
            grants: BTreeMap::new(),
            remote: Vec::new(),
            call_ids: Vec::new(),
            reports: 0,
            batches: Vec::new(),
            rejected: Vec::new(),
            down: false,
            unwritable: false,
            refuse: None,
            refuse_cancel: false,
            ttl: Duration::from_secs(60),
            forge: None,
            change_record: None,
        };
        let service = Service { state: Arc::new(Mutex::new(state)), epoch: watch::Sender::new(1) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = v1::grid_service_server::GridServiceServer::new(service.clone());
        let serve = tonic::transport::Server::builder()
            .add_service(server)
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { serve.await.unwrap() });
        Self { endpoint, service, _tasks: tasks }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.service.state.lock().unwrap()
    }
}
