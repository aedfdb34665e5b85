//! Page tokens: where a page ended, bound to the query and the log that it came from. Whoever holds one learns
//! nothing from it but the place of the last record that they were given.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use grid_tlog::Hash;

use crate::{Error, Query, store::About};

const VERSION: u8 = 1;
const BOUND: usize = 16;

/// The token of a page whose last place was `last`.
pub(crate) fn write(query: &Query, about: &About, last: u64) -> String {
    let bytes = [&[VERSION][..], &bound(query, about), &last.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The last place of the page before.
pub(crate) fn read(query: &Query, about: &About, token: &str) -> Result<u64, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::PageToken)?;
    let parts = bytes.split_first_chunk::<{ 1 + BOUND }>();
    let (head, last) = parts.ok_or(Error::PageToken)?;
    let last = last.try_into().map_err(|_| Error::PageToken)?;
    let expected = [&[VERSION][..], &bound(query, about)].concat();
    if head[..] == expected[..] { Ok(u64::from_be_bytes(last)) } else { Err(Error::PageToken) }
}

/// Everything of a query that makes its pages what they are.
fn bound(query: &Query, about: &About) -> [u8; BOUND] {
    let mut bytes = b"grid/audit-page/v1\n".to_vec();
    bytes.extend(about.first);
    let mut text = |value: Option<&str>| {
        let length = value.map_or(u64::MAX, |value| value.len() as u64);
        bytes.extend(length.to_be_bytes());
        bytes.extend(value.unwrap_or_default().as_bytes());
    };
    query.filter.fields().into_iter().for_each(|(_, value)| text(value));
    text(query.tenant.as_deref());
    for time in [query.filter.from_ms, query.filter.to_ms] {
        bytes.push(u8::from(time.is_some()));
        bytes.extend(time.unwrap_or(0).to_be_bytes());
    }
    bytes.push(u8::from(query.newest_first));
    bytes.extend(query.from.to_be_bytes());
    Hash::leaf(&bytes).as_bytes().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use grid_core::reading::Filter;

    use super::*;

    #[test]
    fn a_token_is_good_for_its_query_and_its_log_alone() {
        let about = About { namer: [1; 16], first: [2; 32], last: [3; 32], next: 9 };
        let tool = Filter { tool: Some("add".into()), ..Filter::default() };
        let query = Query { filter: tool.clone(), ..Query::default() };
        let token = write(&query, &about, 77);
        assert_eq!(read(&query, &about, &token).unwrap(), 77);
        let grown = About { namer: [8; 16], last: [9; 32], next: 10, ..about };
        assert_eq!(read(&query, &grown, &token).unwrap(), 77, "the log may grow and its index be made again");
        let smaller = Query { limit: 3, before: 5, ..query.clone() };
        assert_eq!(read(&smaller, &about, &token).unwrap(), 77, "pages may have any size");
        let others = [
            Query { newest_first: true, ..query.clone() },
            Query { tenant: Some("acme".into()), ..query.clone() },
            Query { from: 1, ..query.clone() },
            Query { filter: Filter { from_ms: Some(0), ..tool.clone() }, ..query.clone() },
            Query { filter: Filter { to_ms: Some(0), ..tool.clone() }, ..query.clone() },
            Query { filter: Filter { code: Some("add".into()), tool: None, ..tool.clone() }, ..query.clone() },
            Query { filter: Filter { code: Some(String::new()), ..tool }, ..query.clone() },
        ];
        for other in others {
            assert!(matches!(read(&other, &about, &token), Err(Error::PageToken)), "{other:?}");
        }
        assert!(read(&query, &About { first: [4; 32], ..about }, &token).is_err(), "another log");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let (query, about) = (Query::default(), About { namer: [0; 16], first: [0; 32], last: [0; 32], next: 0 });
        let good = write(&query, &about, 1);
        for bad in ["", "!", "AAAA", &good[1..], &format!("{good}AA"), &good.replace('A', "B")] {
            assert!(read(&query, &about, bad).is_err(), "{bad}");
        }
    }
}
