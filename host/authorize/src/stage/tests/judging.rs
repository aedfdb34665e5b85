//! The second look: with the arguments, and of the epoch of now.

use grid_core::port::{Pending, Reads, Undecided, Verdict};

use super::common::{SETTINGS, Say, Told, stage, strict};
use crate::{Chain, stage::*};

const OPEN: &str = r#""required_roles":["*"],"#;

/// Permits arguments that hold a `1`; without any, some.
#[derive(Debug, Default)]
struct ByArgs(AtomicU64);

impl Authorizer for ByArgs {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let verdict = match question.args {
            None => Verdict::Allow { rule: "some".to_owned() },
            Some(args) if args.contains('1') => Verdict::Allow { rule: "one".to_owned() },
            Some(_) => Verdict::Deny { rule: "not-one".to_owned(), message: "no one".to_owned() },
        };
        Box::pin(async move { Ok(verdict) })
    }

    fn reads(&self, _: &str) -> Reads {
        Reads { args: true, ..Reads::default() }
    }
}

#[tokio::test]
async fn what_reads_the_arguments_is_asked_with_them_each_time() {
    let by_args = Arc::new(ByArgs::default());
    let asked = stage(by_args.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let call = asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap();
    assert_eq!(&*call.decision().rule, "some");
    for _ in 0..3 {
        let judged = asked.authorize.judge(&call, Some("[1]")).await.unwrap();
        assert_eq!((&*judged.rule, judged.age), ("one", None), "what is on record is the second decision");
    }
    let refusal = asked.authorize.judge(&call, Some("[2]")).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, grid_core::Stage::Approve));
    assert_eq!(by_args.0.load(Ordering::SeqCst), 5, "an answer about arguments was kept");
}

#[tokio::test]
async fn arguments_that_nobody_sees_are_not_permitted_where_rules_read_them() {
    let asked = stage(Arc::new(ByArgs::default()), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let call = asked.authorize.permit(scene.contracted(&session, "sum"), true).await.unwrap();
    let refusal = asked.authorize.judge(&call, None).await.unwrap_err();
    assert_eq!(refusal.internal(), Some("unseen-arguments"));
}

#[tokio::test]
async fn what_was_overtaken_since_it_was_permitted_is_decided_again() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let call = asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap();
    assert_eq!(asked.authorize.judge(&call, Some("{}")).await.unwrap().epoch, 1);
    assert_eq!(told.asked(), 1, "what nothing overtook was asked again");
    asked.authorize.invalidate();
    assert!(asked.authorize.begin(call.decision()).is_none(), "a call began on a void decision");
    assert_eq!(asked.authorize.judge(&call, Some("{}")).await.unwrap().epoch, 2);
    told.now(Say::No);
    asked.authorize.invalidate();
    assert!(asked.authorize.judge(&call, Some("{}")).await.is_err());
}

#[tokio::test]
async fn another_authorizer_makes_the_decisions_of_the_one_before_void() {
    let (yes, no) = (Told::to(Say::Yes), Told::to(Say::No));
    let asked = stage(yes.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap();
    assert_eq!(asked.authorize.replace(no, 7), 7);
    assert!(asked.authorize.permit(scene.contracted(&session, "sum"), false).await.is_err());
    assert_eq!(yes.asked(), 1);
}

#[tokio::test]
async fn all_links_of_a_chain_have_to_permit() {
    for (says, permitted, asked_last) in [
        (vec![Say::Yes, Say::Yes], true, 1),
        (vec![Say::No, Say::Yes], false, 0),
        (vec![Say::Yes, Say::No], false, 1),
        (vec![Say::Fault, Say::Yes], false, 0),
        (vec![Say::Yes, Say::Fault], false, 1),
        (vec![], false, 0),
    ] {
        let links: Vec<_> = says.iter().map(|say| Told::to(*say)).collect();
        let last = links.last().cloned();
        let chain = Chain::new(links.into_iter().map(|link| link as Arc<dyn Authorizer>).collect());
        let asked = stage(Arc::new(chain), SETTINGS);
        let scene = strict("sum", OPEN);
        let session = scene.session("agent", "demo", &[]);
        let decided = asked.authorize.permit(scene.contracted(&session, "sum"), false).await;
        assert_eq!(decided.is_ok(), permitted, "{says:?}");
        assert_eq!(last.map_or(0, |last| last.asked()), asked_last, "{says:?}");
    }
}

/// Asks a person, or permits.
#[derive(Debug)]
struct Asks(&'static str);

impl Authorizer for Asks {
    fn decide<'a>(&'a self, _: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let (rule, role) = (format!("asks-{}", self.0), self.0.to_owned());
        Box::pin(async move { Ok(Verdict::Ask { rule, role, message: "ask".to_owned() }) })
    }
}

#[tokio::test]
async fn a_policy_and_a_contract_that_ask_different_people_want_one_with_both_roles() {
    for (fields, roles) in [
        ("", &["boss"][..]),
        (r#""approval":{"role":"boss"},"#, &["boss"]),
        (r#""approval":{"role":"clerk"},"#, &["clerk", "boss"]),
    ] {
        let scene = strict("sum", &format!("{OPEN}{fields}"));
        let session = scene.session("agent", "demo", &[]);
        let links: Vec<Arc<dyn Authorizer>> = vec![Told::to(Say::Yes), Arc::new(Asks("boss"))];
        let asked = stage(Arc::new(Chain::new(links)), SETTINGS);
        let call = asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap();
        let needs = asked.authorize.judge(&call, Some("{}")).await.unwrap().needs.unwrap();
        assert_eq!(needs.roles(), roles);
    }
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let links: Vec<Arc<dyn Authorizer>> = vec![Arc::new(Asks("boss")), Arc::new(Asks("clerk"))];
    let asked = stage(Arc::new(Chain::new(links)), SETTINGS);
    assert!(asked.authorize.permit(scene.contracted(&session, "sum"), false).await.is_err());
}
