//! The auditor's side against a host that lies: no proof is believed that does not hold, whatever is wrong with it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

use std::sync::{Arc, Mutex};

use grid_proto::v1::{self, audit_service_server::AuditService, audit_service_server::AuditServiceServer};
use grid_sdk::{
    Auditor, Error, VerifyingKey,
    auditor::{Proof, Which},
};
use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Signer};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

const ORIGIN: &str = "example.org/test/host/audit";
const ENTRIES: [&str; 2] = [r#"{"invocation":"i-1","kind":"admitted"}"#, r#"{"invocation":"i-1","kind":"concluded"}"#];

/// What the host answers, whatever it is asked.
#[derive(Debug, Clone)]
struct Answers {
    checkpoint: v1::AuditCheckpointResponse,
    inclusion: v1::AuditInclusionProofResponse,
    consistency: v1::AuditConsistencyProofResponse,
    record: v1::AuditRecord,
}

#[derive(Clone)]
struct Service(Arc<Mutex<Answers>>);

#[tonic::async_trait]
impl AuditService for Service {
    type FollowStream = tokio_stream::Empty<Result<v1::AuditFollowResponse, Status>>;

    async fn query(&self, _: Request<v1::AuditQueryRequest>) -> Result<Response<v1::AuditQueryResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get(&self, _: Request<v1::AuditGetRequest>) -> Result<Response<v1::AuditGetResponse>, Status> {
        let records = vec![self.0.lock().unwrap().record.clone()];
        Ok(Response::new(v1::AuditGetResponse { records, ..Default::default() }))
    }

    async fn follow(&self, _: Request<v1::AuditFollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn checkpoint(
        &self,
        _: Request<v1::AuditCheckpointRequest>,
    ) -> Result<Response<v1::AuditCheckpointResponse>, Status> {
        Ok(Response::new(self.0.lock().unwrap().checkpoint.clone()))
    }

    async fn inclusion_proof(
        &self,
        _: Request<v1::AuditInclusionProofRequest>,
    ) -> Result<Response<v1::AuditInclusionProofResponse>, Status> {
        Ok(Response::new(self.0.lock().unwrap().inclusion.clone()))
    }

    async fn consistency_proof(
        &self,
        _: Request<v1::AuditConsistencyProofRequest>,
    ) -> Result<Response<v1::AuditConsistencyProofResponse>, Status> {
        Ok(Response::new(self.0.lock().unwrap().consistency.clone()))
    }
}

/// A host, its log of two records, and what an auditor has of it.
struct Desk {
    answers: Arc<Mutex<Answers>>,
    auditor: Auditor,
    signer: Signer,
    /// The checkpoint over the first record.
    old: String,
    _tasks: JoinSet<()>,
}

fn note(entries: &[&str], signer: &Signer) -> String {
    let mut frontier = Frontier::new();
    entries.iter().for_each(|entry| frontier.push(Hash::leaf(entry.as_bytes())));
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: frontier.size(), root: frontier.root() };
    checkpoint.sign(signer).to_string()
}

fn honest(signer: &Signer) -> Answers {
    let leaf = |at: usize| Hash::leaf(ENTRIES[at].as_bytes()).as_bytes().to_vec();
    let checkpoint = note(&ENTRIES, signer);
    Answers {
        checkpoint: v1::AuditCheckpointResponse { checkpoint: checkpoint.clone(), error: None },
        inclusion: v1::AuditInclusionProofResponse {
            index: 1,
            leaf_hash: leaf(1),
            tree_size: 2,
            hashes: vec![leaf(0)],
            checkpoint: checkpoint.clone(),
            error: None,
        },
        consistency: v1::AuditConsistencyProofResponse {
            old_size: 1,
            new_size: 2,
            hashes: vec![leaf(1)],
            checkpoint,
            error: None,
        },
        record: v1::AuditRecord { index: 1, entry: ENTRIES[1].to_owned(), leaf_hash: leaf(1) },
    }
}

impl Desk {
    async fn open() -> Self {
        let signer = Signer::generate(ORIGIN, Kind::Note).unwrap();
        let answers = Arc::new(Mutex::new(honest(&signer)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serve = tonic::transport::Server::builder()
            .add_service(AuditServiceServer::new(Service(Arc::clone(&answers))))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { serve.await.unwrap() });
        let auditor = Auditor::builder().endpoint(endpoint).token("abc.def").connect().await.unwrap();
        let old = note(&ENTRIES[..1], &signer);
        Self { answers, auditor, signer, old, _tasks: tasks }
    }

    /// From here on the host answers honestly but for this.
    fn lie(&self, change: impl FnOnce(&mut Answers)) {
        let mut answers = honest(&self.signer);
        change(&mut answers);
        *self.answers.lock().unwrap() = answers;
    }

    fn key(&self) -> VerifyingKey {
        self.signer.verifying_key().clone()
    }

    async fn prove(&self, which: Which) -> Result<Option<Proof>, Error> {
        self.auditor.prove(which, &self.key()).await
    }
}

fn unbelieved<T: std::fmt::Debug>(answer: Result<T, Error>, what: &str) {
    assert!(matches!(answer, Err(Error::BadAnswer(_))), "{what}: {answer:?}");
}

#[tokio::test]
async fn an_honest_host_is_believed_for_its_proof() {
    let desk = Desk::open().await;
    let key = desk.key();
    let (kept, state) = desk.auditor.checkpoint(&key).await.unwrap();
    assert_eq!((kept, state.size), (note(&ENTRIES, &desk.signer), 2));
    for which in [Which::Index(1), Which::Invocation("i-1".into())] {
        let proof = desk.prove(which).await.unwrap().unwrap();
        assert_eq!((proof.index, proof.entry.as_deref()), (1, Some(ENTRIES[1])));
        proof.verify(&key).unwrap();
    }
    let (extension, new) = desk.auditor.consistency(&desk.old, &key, &key).await.unwrap();
    assert_eq!(new.size, 2);
    extension.verify(&key, &key).unwrap();
    desk.lie(|answers| answers.inclusion = v1::AuditInclusionProofResponse::default());
    assert_eq!(desk.prove(Which::Index(7)).await.unwrap(), None);
}

#[tokio::test]
async fn no_lie_about_a_record_is_believed() {
    let desk = Desk::open().await;
    let stranger = Signer::generate(ORIGIN, Kind::Note).unwrap();
    unbelieved(desk.auditor.prove(Which::Index(1), stranger.verifying_key()).await, "another key");
    unbelieved(desk.prove(Which::Index(0)).await, "another place");
    unbelieved(desk.prove(Which::Invocation("i-2".into())).await, "another execution");
    type Lie = fn(&mut Answers);
    let lies: [(&str, Lie); 8] = [
        ("the proof of another record", |answers| {
            let leaf = |at: usize| Hash::leaf(ENTRIES[at].as_bytes()).as_bytes().to_vec();
            answers.inclusion.index = 0;
            (answers.inclusion.leaf_hash, answers.inclusion.hashes) = (leaf(0), vec![leaf(1)]);
            answers.record = v1::AuditRecord { index: 1, entry: ENTRIES[0].to_owned(), leaf_hash: leaf(0) };
        }),
        ("a place that is moved", |answers| {
            answers.inclusion.index = 0;
            answers.record.index = 0;
        }),
        ("a hash too few", |answers| answers.inclusion.hashes.clear()),
        ("a hash that is none", |answers| answers.inclusion.hashes[0].truncate(31)),
        ("another hash", |answers| answers.inclusion.hashes[0][5] ^= 1),
        ("another leaf", |answers| answers.inclusion.leaf_hash[5] ^= 1),
        ("another record", |answers| {
            answers.record.entry = answers.record.entry.replace("concluded", "concludes");
            answers.record.leaf_hash = Hash::leaf(answers.record.entry.as_bytes()).as_bytes().to_vec();
        }),
        ("no checkpoint", |answers| answers.inclusion.checkpoint.clear()),
    ];
    for (what, lie) in lies {
        desk.lie(lie);
        let which = if what.starts_with("a place") { Which::Invocation("i-1".into()) } else { Which::Index(1) };
        unbelieved(desk.prove(which).await, what);
    }
    desk.lie(|answers| answers.inclusion.checkpoint = note(&ENTRIES, &stranger));
    unbelieved(desk.prove(Which::Index(1)).await, "signed by somebody else");
}

#[tokio::test]
async fn no_lie_about_the_log_is_believed() {
    let desk = Desk::open().await;
    let (key, stranger) = (desk.key(), Signer::generate(ORIGIN, Kind::Note).unwrap());
    unbelieved(desk.auditor.checkpoint(stranger.verifying_key()).await, "another key");
    desk.lie(|answers| answers.checkpoint.checkpoint = answers.checkpoint.checkpoint.replace("\n2\n", "\n3\n"));
    unbelieved(desk.auditor.checkpoint(&key).await, "another size");

    let grew = async |what: &str| unbelieved(desk.auditor.consistency(&desk.old, &key, &key).await, what);
    desk.lie(|answers| answers.consistency.hashes.clear());
    grew("no hashes").await;
    desk.lie(|answers| answers.consistency.hashes[0][5] ^= 1);
    grew("another hash").await;
    // Another history, signed with the right key.
    let forked = note(&[r#"{"kind":"other"}"#, ENTRIES[1]], &desk.signer);
    desk.lie(|answers| answers.consistency.checkpoint = forked);
    grew("another history").await;
    // Cut back to nothing.
    desk.lie(|answers| {
        answers.consistency.checkpoint = note(&[], &desk.signer);
        answers.consistency.hashes.clear();
    });
    grew("a smaller log").await;
    desk.lie(|_| ());
    let bad = desk.auditor.consistency(&desk.old, stranger.verifying_key(), &key).await;
    assert!(matches!(bad, Err(Error::Setting(_))), "what was kept is checked before anybody is asked: {bad:?}");
}
