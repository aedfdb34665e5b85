//! TLS and Unix sockets: what a connection proves reaches the door, and connections that dawdle, lie or grow old hold up
//! nobody else.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use grid_core::clock::SystemClock;
use grid_grpc::{Settings, Socket, Stopped};
use grid_proto::v1::grid_service_client::GridServiceClient;
use grid_tls::{Bundle, Clients, DevCa, SpiffeId, Tls, TrustDomain};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::task::TaskTracker;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::{callers::call, doors::Host, runtimes::Line};

const ID: &str = "spiffe://dev.local/caller/alice";

/// Certificates in a folder of their own.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.renew();
        desk
    }

    /// New certificates of the same authority.
    fn renew(&self) {
        let making = DevCa {
            folder: self.path(""),
            domain: TrustDomain::parse("dev.local").unwrap(),
            names: Vec::new(),
            clients: vec![SpiffeId::parse(ID).unwrap()],
            life: Duration::from_secs(3_600),
        };
        making.make(&SystemClock::shared()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tls(&self, clients: Clients) -> Tls {
        let settings = grid_tls::Settings {
            certificate: self.path("server.pem"),
            key: self.path("server.key"),
            clients,
            bundles: vec![Bundle::parse(&format!("spiffe://dev.local={}", self.path("ca.pem").display())).unwrap()],
            revoked: Vec::new(),
            tls12: false,
            handshake_timeout: Duration::from_millis(300),
        };
        Tls::open(settings, SystemClock::shared()).unwrap()
    }

    fn endpoint(&self, host: &Host, known: bool) -> Endpoint {
        let pem = |name: &str| fs::read(self.path(name)).unwrap();
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem("ca.pem")));
        if known {
            tls = tls.identity(Identity::from_pem(pem("caller-alice.pem"), pem("caller-alice.key")));
        }
        let address = format!("https://{}", host.running.address());
        Channel::from_shared(address).unwrap().tls_config(tls).unwrap()
    }

    async fn client(&self, host: &Host, known: bool) -> Result<GridServiceClient<Channel>, tonic::transport::Error> {
        Ok(GridServiceClient::new(self.endpoint(host, known).connect().await?))
    }
}

async fn secured(desk: &Desk, clients: Clients, settings: Settings) -> (Host, Tls) {
    let tls = desk.tls(clients);
    (Host::with(settings, Some(tls.clone()), None).await, tls)
}

#[tokio::test]
async fn what_a_certificate_proves_travels_with_each_request() {
    let desk = Desk::new();
    let (host, _) = secured(&desk, Clients::Optional, Settings::default()).await;
    for known in [true, false] {
        let mut client = desk.client(&host, known).await.unwrap();
        for _ in 0..2 {
            client.call_tool(call("echo", "1")).await.unwrap();
        }
    }
    let proved = host.front.proved.lock().unwrap().clone();
    let alice = (Some(ID.to_owned()), None);
    assert_eq!(proved, [alice.clone(), alice, (None, None), (None, None)]);
}

#[tokio::test]
async fn without_a_required_certificate_or_in_the_clear_nobody_is_heard() {
    let desk = Desk::new();
    let (host, tls) = secured(&desk, Clients::Required, Settings::default()).await;
    for endpoint in
        [desk.endpoint(&host, false), Endpoint::from_shared(format!("http://{}", host.running.address())).unwrap()]
    {
        let heard = match endpoint.connect().await {
            Ok(channel) => GridServiceClient::new(channel).call_tool(call("echo", "1")).await.is_ok(),
            Err(_) => false,
        };
        assert!(!heard);
    }
    assert!(tls.failures() >= 2, "{}", tls.failures());
    desk.client(&host, true).await.unwrap().call_tool(call("echo", "1")).await.unwrap();
    assert_eq!(host.front.proved.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_user_of_a_socket_is_known_by_the_kernel_and_its_file_goes_with_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.sock");
    let desk = Desk::new();
    let socket = Socket::bind(&path, 0o600).unwrap();
    let host = Host::with(Settings::default(), Some(desk.tls(Clients::Required)), Some(socket)).await;
    let channel = Endpoint::from_shared(format!("unix:{}", path.display())).unwrap().connect().await.unwrap();
    GridServiceClient::new(channel).call_tool(call("echo", "1")).await.unwrap();
    let me = fs::metadata(folder.path()).unwrap().uid();
    assert_eq!(*host.front.proved.lock().unwrap(), [(None, Some(me))]);
    assert_eq!(host.running.shutdown(Duration::from_secs(20)).await, Stopped::Drained);
    assert!(!path.exists());
}

/// AZ-2 at the port: calls go on while the host's certificate is replaced, on lasting connections and on new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rotations_under_load_fail_no_request() {
    let desk = Desk::new();
    let (host, tls) =
        secured(&desk, Clients::Required, Settings { max_connections_per_peer: 10_000, ..Settings::default() }).await;
    let tasks = TaskTracker::new();
    let stop = tokio_util::sync::CancellationToken::new();
    let endpoint = desk.endpoint(&host, true);
    let clients: Vec<_> = [true, false]
        .into_iter()
        .map(|lasting| {
            let (endpoint, stop) = (endpoint.clone(), stop.clone());
            tasks.spawn(async move {
                let mut calls = 0;
                while !stop.is_cancelled() {
                    let mut client = GridServiceClient::new(endpoint.connect().await.unwrap());
                    loop {
                        client.call_tool(call("echo", "1")).await.unwrap();
                        calls += 1;
                        if !lasting || stop.is_cancelled() {
                            break;
                        }
                    }
                }
                calls
            })
        })
        .collect();
    for _ in 0..20 {
        desk.renew();
        tls.reload().unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    assert_eq!(tls.failures(), 0);
}

/// SV-7.
#[tokio::test]
async fn half_open_and_garbage_handshakes_hold_nobody_up() {
    let desk = Desk::new();
    let (host, tls) =
        secured(&desk, Clients::Required, Settings { max_connections_per_peer: 1_000, ..Settings::default() }).await;
    let address = host.running.address();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    desk.client(&host, true).await.unwrap().call_tool(call("echo", "1")).await.unwrap();
    for number in 0..2_000_u32 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(&[&[22, 3, 1, 0, 9][..], &number.to_be_bytes(), b"garbage"].concat()).await;
    }
    desk.client(&host, true).await.unwrap().call_tool(call("echo", "1")).await.unwrap();
    // Those that said nothing are let go.
    for mut stream in silent {
        assert!(matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)));
    }
    assert!(tls.failures() > 2_000, "{}", tls.failures());
}

#[tokio::test]
async fn a_connection_that_is_old_finishes_its_calls_and_goes() {
    let settings =
        Settings { max_age: Duration::from_millis(100), age_grace: Duration::from_secs(20), ..Settings::default() };
    let host = Host::start(settings).await;
    let stream = TcpStream::connect(host.running.address()).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    let closed = TaskTracker::new().spawn(connection);
    let mut send = send.ready().await.unwrap();
    let head =
        http::Request::post("http://host/grid.v1.GridService/CallTool").header("content-type", "application/grpc");
    let (response, mut body) = send.send_request(head.body(()).unwrap(), false).unwrap();
    body.send_data(framed(&call("wait", "")), true).unwrap();
    host.front.notes.wait_for("wait").await;
    // It is told to go, and takes nothing new.
    let gone = async {
        while send.clone().ready().await.is_ok() && send.send_request(health(), true).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the host says GOAWAY");
    host.front.go.notify_one();
    assert_eq!(response.await.unwrap().status(), 200);
    drop(send);
    let _ = closed.await.unwrap();
}

fn health() -> http::Request<()> {
    http::Request::post("http://host/none").body(()).unwrap()
}

fn framed(message: &impl prost::Message) -> bytes::Bytes {
    let message = message.encode_to_vec();
    crate::raw::framed(0, message.len(), &message).into()
}

#[tokio::test]
async fn a_connection_outlives_its_grace_only_with_a_runtime_on_it() {
    let settings =
        Settings { max_age: Duration::from_millis(50), age_grace: Duration::from_millis(50), ..Settings::default() };
    let host = Host::start(settings).await;
    let line = Line::attached(&host).await;
    let mut client = host.client().await;
    let waiting = client.call_tool(call("wait", "")).await;
    assert!(waiting.is_err(), "nobody lets it go on, and its grace is over");
    assert!(!line.up.is_closed());
    assert!(!host.runtimes.notes.holds("detached"));
}

#[test]
fn the_folder_of_a_trial_keeps_its_keys_to_itself() {
    let desk = Desk::new();
    let mode = |name: &str| fs::metadata(desk.path(name)).unwrap().mode() & 0o777;
    assert_eq!([mode("ca.key"), mode("server.key"), mode("caller-alice.key")], [0o600; 3]);
    let before = fs::read(desk.path("ca.pem")).unwrap();
    let server = fs::read(desk.path("server.pem")).unwrap();
    desk.renew();
    assert_eq!(fs::read(desk.path("ca.pem")).unwrap(), before, "the same authority signs again");
    assert_ne!(fs::read(desk.path("server.pem")).unwrap(), server);
    assert!(!Path::new(&desk.path("server.pem.new")).exists());
}
