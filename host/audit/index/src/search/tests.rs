//! Against a plain look at every record, over the edges of chunks, blocks and spans.

use grid_audit::Record;
use grid_core::reading::Filter;
use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};

use super::*;
use crate::{
    batch::Batch,
    store::{About, Store},
    terms::BLOCKS_OF_SPAN,
};

/// Where the records begin: at nothing, and so that a block or a span ends among them.
const BASES: [u64; 3] = [0, BLOCK - CHUNK, BLOCK * BLOCKS_OF_SPAN - CHUNK];

const TENANTS: [&str; 3] = ["acme", "globex", "*"];
const TOOLS: [&str; 3] = ["add", "mail", "böse \"name\""];
const KINDS: [&str; 3] = ["admitted", "concluded", "refused"];

#[derive(Debug, Clone)]
struct Made {
    tenant: Option<&'static str>,
    tool: Option<&'static str>,
    kind: &'static str,
    invocation: Option<u8>,
    step_ms: i64,
}

prop_compose! {
    fn made()(
        tenant in prop::option::weighted(0.8, select(&TENANTS[..])),
        tool in prop::option::weighted(0.7, select(&TOOLS[..])),
        kind in select(&KINDS[..]),
        invocation in prop::option::weighted(0.5, any::<u8>()),
        step_ms in prop_oneof![9 => 0..3_i64, 1 => -500..500_i64],
    ) -> Made {
        Made { tenant, tool, kind, invocation, step_ms }
    }
}

fn records(base: u64, made: &[Made]) -> Vec<Record> {
    let mut at_ms = 1_000_000_u64;
    let record = |(index, made): (u64, &Made)| {
        at_ms = at_ms.saturating_add_signed(made.step_ms);
        let mut fields = serde_json::Map::new();
        fields.insert("at_ms".into(), at_ms.into());
        fields.insert("kind".into(), made.kind.into());
        let texts = [("tenant", made.tenant), ("tool", made.tool)];
        fields.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        fields.extend(made.invocation.map(|number| ("invocation".to_owned(), format!("i-{number}").into())));
        Record::decode(index, serde_json::Value::from(fields).to_string().as_bytes()).unwrap()
    };
    (base..).zip(made).map(record).collect()
}

prop_compose! {
    fn query(base: u64, count: u64)(
        tenant in prop::option::weighted(0.3, select(&TENANTS[..])),
        scope in prop::option::weighted(0.4, select(&TENANTS[..])),
        tool in prop::option::weighted(0.3, select(&["add", "mail", "böse \"name\"", "none"][..])),
        kind in prop::option::weighted(0.3, select(&KINDS[..])),
        invocation in prop::option::weighted(0.2, any::<u8>()),
        from_ms in prop::option::weighted(0.3, 999_000..1_002_500_u64),
        to_ms in prop::option::weighted(0.3, 999_000..1_002_500_u64),
        from in prop_oneof![3 => Just(base), 1 => base..base + count + 2],
        before in prop_oneof![3 => Just(u64::MAX), 1 => base..base + count + 2],
        newest_first in any::<bool>(),
    ) -> Query {
        let text = |value: &str| value.to_owned();
        let filter = Filter {
            tenant: tenant.map(text),
            tool: tool.map(text),
            kind: kind.map(text),
            invocation: invocation.map(|number| format!("i-{number}")),
            from_ms,
            to_ms,
            ..Filter::default()
        };
        Query { filter, tenant: scope.map(text), from, before, newest_first, ..Query::default() }
    }
}

prop_compose! {
    fn case()(base in select(&BASES[..]), made in vec(made(), 1..1_400))(
        queries in vec(query(base, made.len() as u64), 24),
        cuts in vec(0..made.len(), 0..6),
        limit in 1..400_usize,
        base in Just(base),
        made in Just(made),
    ) -> (u64, Vec<Made>, Vec<Query>, Vec<usize>, usize) {
        (base, made, queries, cuts, limit)
    }
}

fn fits(query: &Query, record: &Record) -> bool {
    (query.from..query.before).contains(&record.index()) && query.fits(record)
}

/// Follows the tokens to the end; the index grows by a piece before each page.
fn pages(store: &Store, query: &Query, limit: usize, mut grow: impl FnMut()) -> Vec<u64> {
    let mut found = Vec::new();
    let mut query = query.clone();
    loop {
        let view = store.view().unwrap();
        let hits = search(&view, &query, limit).unwrap();
        assert!(hits.places.len() <= limit);
        let Some(last) = hits.places.last() else {
            assert!(!hits.more);
            return found;
        };
        query.page_token = token::write(&query, &view.about, *last);
        found.extend(&hits.places);
        if !hits.more {
            return found;
        }
        grow();
    }
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn a_query_finds_what_a_look_at_every_record_finds((base, made, queries, mut cuts, limit) in case()) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let all = records(base, &made);
        let mut batch = Batch::after(About { next: base, ..store.view().unwrap().about });
        store.set_next(base);
        cuts.extend([0, all.len()]);
        cuts.sort_unstable();
        let mut pieces: Vec<&[Record]> = cuts.windows(2).map(|cut| &all[cut[0]..cut[1]]).collect();
        // The last piece is kept for a log that grows while somebody turns its pages.
        let later = pieces.pop().unwrap();
        for piece in pieces {
            piece.iter().for_each(|record| batch.add(record));
            store.commit(&mut batch, false).unwrap();
        }
        let there = all.len() - later.len();
        for query in &queries {
            let mut expected: Vec<u64> =
                all[..there].iter().filter(|record| fits(query, record)).map(Record::index).collect();
            if query.newest_first {
                expected.reverse();
            }
            prop_assert_eq!(&pages(&store, query, limit, || ()), &expected, "{:?}", query);
        }
        let mut growing = later.chunks(97);
        for query in &queries {
            let before = store.view().unwrap().about.next;
            let found = pages(&store, query, limit, || {
                growing.next().unwrap_or_default().iter().for_each(|record| batch.add(record));
                store.commit(&mut batch, false).unwrap();
            });
            let after = store.view().unwrap().about.next;
            let wanted = |end: u64| all.iter().filter(move |record| record.index() < end && fits(query, record));
            let mut least: Vec<u64> = wanted(before).map(Record::index).collect();
            if query.newest_first {
                least.reverse();
                prop_assert_eq!(found, least, "going back sees nothing of what came since: {:?}", query);
            } else {
                let most: Vec<u64> = wanted(after).map(Record::index).collect();
                prop_assert!(found.starts_with(&least) && most.starts_with(&found), "{:?}", query);
            }
        }
    }
}
