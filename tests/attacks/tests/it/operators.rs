//! The operators' port, which speaks HTTP/1 too.

use crate::common::*;

/// Whatever two readers of these bytes could differ about: the host answers at most one request of them, or none.
#[tokio::test]
async fn http1_smuggling() {
    survives(|target| {
        for request in [
            "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
            "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            "POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
            "POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
            "POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "POST /metrics HTTP/1.1\r\nHost: h\r\n Content-Length: 3\r\n\r\nabc",
            "GET /metrics HTTP/1.1\r\n\r\n",
        ] {
            let smuggled = "GET /readyz HTTP/1.1\r\nHost: smuggled\r\n\r\n";
            let heard = Http1::say(target.operators, format!("{request}{smuggled}").as_bytes());
            let answers = heard.matches("HTTP/1.1 ").count();
            assert!(answers <= 2, "{answers} answers to one request and what hid behind it: {request:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn names_of_the_host_and_paths_that_are_none() {
    survives(|target| {
        for head in [
            "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
            "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
            "GET http://other/metrics HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            "GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            "GET /metrics%00 HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            "CONNECT host:1 HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "p".repeat(100_000)),
            format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "v".repeat(1 << 20)),
            format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(10_000)),
        ] {
            let heard = Http1::say(target.operators, head.as_bytes());
            assert!(!heard.contains("root:"), "a file of the machine was served");
        }
    })
    .await;
}

#[tokio::test]
async fn requests_without_a_pause() {
    survives(|target| {
        let many = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2_000);
        Http1::say(target.operators, many.as_bytes());
    })
    .await;
}

#[tokio::test]
async fn heads_that_do_not_end() {
    survives(|target| {
        let mut wires: Vec<_> = (0..50).map(|_| Wire::silent(target.operators)).collect();
        for _ in 0..20 {
            for wire in &mut wires {
                wire.push(b"GET / HTTP/1.1\r\nX: y");
                wire.flush();
            }
        }
    })
    .await;
}
