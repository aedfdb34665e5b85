//! A web sink that does as it is told: it answers, refuses, is slow, cuts connections, or is not there at all.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// What the next request meets.
#[derive(Debug, Clone)]
pub enum Turn {
    /// Takes it.
    Take,
    /// Takes it after a while.
    Slow(Duration),
    /// Takes it and answers this.
    TakeAndSay(&'static str),
    /// Takes it, and the answer is lost on the way.
    TakeAndCut,
    /// Cuts the connection after a part of the body.
    CutBody,
    /// Refuses with a status, headers and a body.
    Refuse(u16, &'static str, &'static str),
    /// Refuses bodies with more lines.
    AtMost(usize),
}

/// A request whose body came as a whole.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The sink has it for good.
    pub taken: bool,
    pub at: Instant,
}

impl Request {
    /// Indices of the records in it, of JSON lines or of OTLP.
    pub fn indices(&self) -> Vec<u64> {
        let index = |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
        if !self.path.ends_with("/v1/logs") {
            return self.body.lines().map(index).collect();
        }
        let request: Value = serde_json::from_str(&self.body).unwrap();
        let records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
        let index = |record: &Value| record["attributes"][0]["value"]["intValue"].as_str().unwrap().parse().unwrap();
        records.iter().map(index).collect()
    }
}

#[derive(Default)]
struct Shared {
    turns: Mutex<VecDeque<Turn>>,
    /// When there are no turns left.
    always: Mutex<Option<Turn>>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<TcpStream>>,
}

pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    up: Option<Arc<AtomicBool>>,
}

impl Server {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = Self { address, shared: Arc::default(), up: None };
        server.serve(listener);
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    /// Nobody listens any more, and open connections end.
    pub fn down(&mut self) {
        let Some(up) = self.up.take() else { return };
        up.store(false, Ordering::SeqCst);
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread, which lets go of the port.
        let _ = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn up(&mut self) {
        self.serve(TcpListener::bind(self.address).unwrap());
    }

    fn serve(&mut self, listener: TcpListener) {
        let up = Arc::new(AtomicBool::new(true));
        self.up = Some(Arc::clone(&up));
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !up.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, up) = (Arc::clone(&shared), Arc::clone(&up));
                shared.connections.lock().unwrap().push(stream.try_clone().unwrap());
                thread::spawn(move || {
                    while up.load(Ordering::SeqCst) && shared.turn(&stream, &stream).is_some() {}
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
    }

    pub fn turns(&self, turns: impl IntoIterator<Item = Turn>) {
        self.shared.turns.lock().unwrap().extend(turns);
    }

    pub fn always(&self, turn: Turn) {
        *self.shared.always.lock().unwrap() = Some(turn);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.shared.requests.lock().unwrap().len()
    }

    /// Whether the last request that was taken has the record of that index.
    pub fn has(&self, index: u64) -> bool {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().rfind(|request| request.taken).is_some_and(|request| request.indices().contains(&index))
    }

    /// One request over a connection of another sort.
    pub fn turn(&self, reader: impl Read, writer: impl Write) -> Option<()> {
        self.shared.turn(reader, writer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}

impl Shared {
    /// Nothing where the connection is over.
    fn turn(&self, reader: impl Read, mut writer: impl Write) -> Option<()> {
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
                None => break,
            };
        }
        let turn = self.turns.lock().unwrap().pop_front();
        let turn = turn.or_else(|| self.always.lock().unwrap().clone()).unwrap_or(Turn::Take);
        let length: usize = headers.get("content-length")?.parse().ok()?;
        if matches!(turn, Turn::CutBody) {
            let _ = reader.read_exact(&mut vec![0; length / 2]);
            return None;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).unwrap();
        let lines = body.lines().count();
        let refused = matches!(turn, Turn::Refuse(..)) || matches!(turn, Turn::AtMost(most) if lines > most);
        let request = Request { path, headers, body, taken: !refused, at: Instant::now() };
        self.requests.lock().unwrap().push(request);
        let (status, extra, said) = match turn {
            Turn::TakeAndCut => return None,
            Turn::Refuse(status, extra, said) => (status, extra, said),
            Turn::AtMost(_) if refused => (413, "", "too many"),
            Turn::TakeAndSay(said) => (200, "", said),
            Turn::Slow(time) => {
                thread::sleep(time);
                (200, "", "")
            }
            _ => (200, "", ""),
        };
        let length = said.len();
        write!(writer, "HTTP/1.1 {status} X\r\n{extra}content-length: {length}\r\n\r\n{said}").ok()?;
        writer.flush().ok()
    }
}

/// What is promised of deliveries: every record is among what the sink took, in order; what comes twice comes from
/// the beginning of a batch on; no line differs from the log.
pub fn assert_all_delivered(requests: &[Request], lines: &[String]) {
    let taken: Vec<&Request> = requests.iter().filter(|request| request.taken).collect();
    let mut next = 0;
    let mut starts = std::collections::BTreeSet::new();
    for request in &taken {
        let indices = request.indices();
        let (first, last) = (indices[0], *indices.last().unwrap());
        assert!(indices.windows(2).all(|pair| pair[1] == pair[0] + 1), "{indices:?} has a hole");
        assert!(first == next || starts.contains(&first), "{first} comes after {next}, in the middle of a batch");
        starts.insert(first);
        next = next.max(last + 1);
        if !request.path.ends_with("/v1/logs") {
            let sent: Vec<&str> = request.body.lines().collect();
            assert_eq!(sent, lines[first as usize..=last as usize]);
        }
    }
    assert_eq!(next, lines.len() as u64, "records are missing at the end");
}
