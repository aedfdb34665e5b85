//! What a query finds is what a look at every record finds.

use grid_audit::Reader;
use grid_audit_index::{Error, Index, Query, scan};
use grid_core::reading::Filter;

use crate::common::*;

#[tokio::test]
async fn a_log_of_many_blocks_is_found_in_as_a_look_at_every_record_finds() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(1);
    write(folder.path(), &mut maker, 9_500).await;
    let index = Index::open(folder.path()).unwrap();
    assert_eq!(index.catch_up(|_| ()).unwrap(), 9_500);
    let all = all(folder.path());
    let mut hits = 0;
    for _ in 0..250 {
        let dice = &mut maker.dice;
        let tenant = (dice.below(3) == 0).then(|| TENANTS[dice.below(3)].to_owned());
        let from = if dice.below(4) == 0 { dice.below(10_000) as u64 } else { 0 };
        let before = if dice.below(4) == 0 { dice.below(10_000) as u64 } else { u64::MAX };
        let (newest_first, limit) = (dice.coin(), 1 + dice.below(900));
        let query = Query { filter: maker.filter(&all), tenant, from, before, newest_first, limit, ..Query::default() };
        let expected = naive(&all, &query);
        assert_eq!(paged(&index, &query, ROOM), expected, "{query:?}");
        hits += usize::from(!expected.is_empty());
    }
    assert!(hits > 80, "only {hits} queries found something, so the others show little");
}

#[tokio::test]
async fn each_field_finds_its_values_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(2);
    write(folder.path(), &mut maker, 600).await;
    let index = Index::open(folder.path()).unwrap();
    index.catch_up(|_| ()).unwrap();
    let all = all(folder.path());
    let one = |name: &str| Some(all.iter().find_map(|record| record.text(name)).unwrap().to_owned());
    let none = Filter::default;
    for filter in [
        Filter { invocation: one("invocation"), ..none() },
        Filter { correlation: one("correlation"), ..none() },
        Filter { session: one("session"), ..none() },
        Filter { principal: one("principal"), ..none() },
        Filter { tenant: one("tenant"), ..none() },
        Filter { tool: one("tool"), ..none() },
        Filter { outcome: one("outcome"), ..none() },
        Filter { kind: one("kind"), ..none() },
        Filter { code: one("code"), ..none() },
    ] {
        let query = Query { filter, ..Query::default() };
        let expected = naive(&all, &query);
        assert!(!expected.is_empty() && expected.len() < all.len(), "{query:?}");
        assert_eq!(paged(&index, &query, ROOM), expected, "{query:?}");
    }
    let wrong = Filter { principal: Some("ALICE".into()), ..none() };
    assert!(paged(&index, &Query { filter: wrong, ..Query::default() }, ROOM).is_empty());
}

#[tokio::test]
async fn a_page_ends_where_its_room_does_and_goes_on_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(3);
    write(folder.path(), &mut maker, 300).await;
    let index = Index::open(folder.path()).unwrap();
    index.catch_up(|_| ()).unwrap();
    let all = all(folder.path());
    for newest_first in [false, true] {
        let query = Query { newest_first, limit: 100, ..Query::default() };
        let page = index.find(&query, 2_000).unwrap();
        let bytes: usize = page.records.iter().map(|record| record.line().len()).sum();
        assert!(bytes <= 2_000 && page.records.len() > 1 && page.next.is_some(), "{bytes} bytes");
        for room in [0, 1, 500, 2_000] {
            assert_eq!(paged(&index, &query, room), naive(&all, &query), "{room}");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_query_or_tenant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(4);
    write(folder.path(), &mut maker, 300).await;
    let index = Index::open(folder.path()).unwrap();
    index.catch_up(|_| ()).unwrap();
    let acme = Query { tenant: Some("acme".into()), limit: 5, ..Query::default() };
    let token = index.find(&acme, ROOM).unwrap().next.unwrap();
    let with = |query: Query| index.find(&Query { page_token: token.clone(), ..query }, ROOM);
    assert!(with(acme.clone()).is_ok());
    assert!(with(Query { limit: 9, ..acme.clone() }).is_ok());
    let kind = Filter { kind: Some("refused".into()), ..Filter::default() };
    for other in [
        Query { tenant: Some("globex".into()), ..acme.clone() },
        Query { tenant: None, ..acme.clone() },
        Query { newest_first: true, ..acme.clone() },
        Query { filter: kind, ..acme.clone() },
        // Also where nothing would be looked for at all.
        Query { filter: Filter { tenant: Some("globex".into()), ..Filter::default() }, ..acme.clone() },
    ] {
        let refused = with(other.clone());
        assert!(matches!(refused, Err(Error::PageToken)), "{other:?}: {refused:?}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(5);
    write(folder.path(), &mut maker, 2_000).await;
    let index = Index::open(folder.path()).unwrap();
    index.catch_up(|_| ()).unwrap();
    let all = all(folder.path());
    for tenant in ["acme", "globex", "*", "nobody"] {
        let own = Query { tenant: Some(tenant.into()), limit: 1000, ..Query::default() };
        let seen = paged(&index, &own, ROOM);
        assert!(seen.iter().all(|record| record.tenant() == Some(tenant)));
        let there = all.iter().filter(|record| record.tenant() == Some(tenant)).count();
        assert_eq!(seen.len(), there);
        for record in all.iter().filter(|record| record.tenant() != Some(tenant)).take(200) {
            let at = Query { from: record.index(), before: record.index() + 1, ..own.clone() };
            let found = index.find(&at, ROOM).unwrap();
            assert!(found.records.is_empty() && found.next.is_none());
        }
    }
}

#[tokio::test]
async fn without_the_index_the_log_alone_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(6);
    write(folder.path(), &mut maker, 700).await;
    let reader = Reader::open(folder.path()).unwrap();
    let index = Index::open(folder.path()).unwrap();
    index.catch_up(|_| ()).unwrap();
    let all = all(folder.path());
    for _ in 0..60 {
        let (newest_first, limit) = (maker.dice.coin(), 1 + maker.dice.below(50));
        let mut query = Query { filter: maker.filter(&all), newest_first, limit, ..Query::default() };
        loop {
            let page = scan(&reader, &query, 20_000).unwrap();
            assert_eq!(page, index.find(&query, 20_000).unwrap(), "{query:?}");
            let Some(next) = page.next else { break };
            query.page_token = next;
        }
    }
}
