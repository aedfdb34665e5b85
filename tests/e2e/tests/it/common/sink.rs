//! A web address that takes records, as a collector of somebody else does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// It answers POST on one port until it is dropped.
#[derive(Debug)]
pub struct Sink {
    taken: Arc<Mutex<Taken>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Taken {
    records: BTreeMap<u64, Value>,
    batches: u64,
    /// Requests that are refused before one is taken.
    refusals: u64,
}

impl Sink {
    /// Listens, and refuses so many requests first.
    pub async fn listen(port: u16, refusals: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let taken = Arc::new(Mutex::new(Taken { refusals, ..Taken::default() }));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&taken);
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes in the middle of a request is none of the test's business.
                let _ = answer(stream, &shared).await;
            }
        });
        Self { taken, _tasks: tasks }
    }

    /// Every record that was taken, in the order of the log.
    pub fn records(&self) -> Vec<Value> {
        self.taken.lock().unwrap().records.values().cloned().collect()
    }

    /// Requests that were taken.
    pub fn batches(&self) -> u64 {
        self.taken.lock().unwrap().batches
    }
}

async fn answer(stream: TcpStream, taken: &Mutex<Taken>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let status = if taken.lock().unwrap().take(&body) { "200 OK" } else { "503 Service Unavailable" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes()).await
}

impl Taken {
    fn take(&mut self, body: &[u8]) -> bool {
        if self.refusals > 0 {
            self.refusals -= 1;
            return false;
        }
        self.batches += 1;
        for line in std::str::from_utf8(body).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let index = record["index"].as_u64().unwrap();
            let next = self.records.last_key_value().map_or(0, |(last, _)| last + 1);
            assert!(index <= next, "record {index} came before {next}");
            if let Some(before) = self.records.insert(index, record.clone()) {
                assert_eq!(before, record, "record {index} came again as another");
            }
        }
        true
    }
}
