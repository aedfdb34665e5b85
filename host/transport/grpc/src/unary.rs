//! One request message in, one answer message out. Written on hyper's body directly: tonic's codec boxes the
//! body twice and takes two 8 KiB buffers a call, and its faults carry no codes of ours.

use std::{future::Future, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use grid_core::envelope::Credentials;
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use prost::Message;

use crate::{accept::Proved, body::Reply, fault::Fault};

/// Flag byte and length.
pub(crate) const PREFIX: usize = 5;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// How much is read, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    pub(crate) patience: Duration,
}

/// A request that got through.
#[derive(Debug)]
pub(crate) struct Asked<Q> {
    pub(crate) message: Q,
    pub(crate) credentials: Credentials,
    /// What is left of the caller's own time, from `grpc-timeout`.
    pub(crate) timeout: Option<Duration>,
}

/// Reads the message, asks, writes the answer.
pub(crate) async fn unary<Q, A, F>(
    request: Request<Incoming>,
    loopback: bool,
    limits: Limits,
    ask: impl FnOnce(Asked<Q>) -> F,
) -> Response<Reply>
where
    Q: Message + Default,
    A: Message,
    F: Future<Output = A>,
{
    match read(request, loopback, limits).await {
        Ok(asked) => reply(&ask(asked).await, limits.message).unwrap_or_else(Fault::into_response),
        Err(fault) => fault.into_response(),
    }
}

/// Reads the one message of a request.
pub(crate) async fn read<Q: Message + Default>(
    request: Request<Incoming>,
    loopback: bool,
    limits: Limits,
) -> Result<Asked<Q>, Fault> {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(limits.patience, gather(body, limits.message));
    let bytes = read.await.unwrap_or(Err(Fault::Slow))?;
    let credentials = credentials(&head.headers, &head.extensions, loopback);
    Ok(Asked { message: decode(bytes)?, credentials, timeout: timeout(&head.headers) })
}

/// The framed message of a body that must hold exactly one, with its prefix checked and cut off.
async fn gather(mut body: Incoming, limit: usize) -> Result<Bytes, Fault> {
    let mut one = Bytes::new();
    let mut many = BytesMut::new();
    let mut end = None;
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame.map_err(|_| Fault::Interrupted)?.into_data() else {
            continue;
        };
        if many.is_empty() && one.is_empty() {
            one = data;
        } else {
            // Grows with what came, never by what the prefix promises.
            many.extend_from_slice(&std::mem::take(&mut one));
            many.extend_from_slice(&data);
        }
        let held: &[u8] = if many.is_empty() { &one } else { &many };
        if end.is_none() {
            end = length(held, limit)?.map(|length| PREFIX + length);
        }
        if end.is_some_and(|end| held.len() > end) {
            return Err(Fault::Malformed("more than one message came for one call".to_owned()));
        }
    }
    let mut whole = if many.is_empty() { one } else { many.freeze() };
    if end != Some(whole.len()) {
        return Err(Fault::Malformed("the message ends before its announced length".to_owned()));
    }
    Ok(whole.split_off(PREFIX))
}

/// The announced length, as soon as the prefix is there.
pub(crate) fn length(held: &[u8], limit: usize) -> Result<Option<usize>, Fault> {
    let Some(&[flag, a, b, c, d]) = held.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    match flag {
        0 => {}
        1 => return Err(Fault::Compressed),
        _ => {
            return Err(Fault::Malformed("the message has an unknown flag".to_owned()));
        }
    }
    let found = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if found > limit {
        return Err(Fault::TooLarge { found, limit });
    }
    Ok(Some(found))
}

pub(crate) fn decode<Q: Message + Default>(bytes: Bytes) -> Result<Q, Fault> {
    // The decoder names the field and never its value.
    Q::decode(bytes).map_err(|fault| Fault::Malformed(fault.to_string()))
}

fn reply<A: Message>(answer: &A, limit: usize) -> Result<Response<Reply>, Fault> {
    Ok(streaming(Reply::Message(framed(answer, limit)?)))
}

/// The head of an answer that carries messages.
pub(crate) fn streaming(body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// A message in one buffer of its own size, with its prefix.
pub(crate) fn framed<A: Message>(answer: &A, limit: usize) -> Result<Bytes, Fault> {
    let found = answer.encoded_len();
    let length = u32::try_from(found).ok().filter(|_| found <= limit).ok_or(Fault::AnswerTooLarge { found, limit })?;
    let mut buffer = BytesMut::with_capacity(PREFIX + found);
    buffer.put_u8(0);
    buffer.put_u32(length);
    answer.encode_raw(&mut buffer);
    Ok(buffer.freeze())
}

/// What the request offers as proof. An `authorization` that is no single bearer token becomes an empty token,
/// which nothing accepts; it must not count as none.
pub(crate) fn credentials(headers: &HeaderMap, extensions: &Extensions, loopback: bool) -> Credentials {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let bearer = values.next().map(|value| {
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        match values.next() {
            None => token.unwrap_or_default().to_owned(),
            Some(_) => String::new(),
        }
    });
    let proved = extensions.get::<Proved>().cloned().unwrap_or_default();
    Credentials {
        bearer,
        loopback,
        certificate: proved.certificate,
        local: proved.local,
        pass: extensions.get().cloned(),
    }
}

/// `grpc-timeout`: up to eight digits and a unit. An unusable one is ignored, as the contract's own timeout holds.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Whether the request speaks gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests;
