//! AZ-8: a cached decision is the one that the authorizer would make, and every input that it may read is in the key.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use grid_core::{
    port::{Pending, Reads, Undecided, Verdict},
    principal::{Principal, SecurityClaim},
};
use grid_testkit::{Development, Dice, Opening, Scene, options};

use super::common::{SETTINGS, context, contract, stage};
use crate::{snapshot::Snapshot, stage::*};

/// Reads all that it says it reads of a question, and answers differently for any difference in it. What it reads of a
/// function is in the function's name.
#[derive(Debug, Default)]
struct Fickle {
    salt: u8,
}

fn reads(tool: &str) -> Reads {
    let has = |part| tool.contains(part);
    Reads { args: has("args"), moment: has("moment"), session: has("session"), local: has("local") }
}

impl Authorizer for Fickle {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let mut hash = DefaultHasher::new();
        let who = &question.context.principal;
        self.salt.hash(&mut hash);
        (who.id.as_str(), who.tenant.as_str(), &who.roles, &who.claims, who.proof.as_str()).hash(&mut hash);
        if let Some(claim) = &question.context.claim {
            (&claim.principal, &claim.tenant, &claim.claims).hash(&mut hash);
        }
        (question.tool, question.required_roles, question.effect, question.tags, question.dynamic).hash(&mut hash);
        (question.group, question.version, question.classification, question.providers).hash(&mut hash);
        let reads = reads(question.tool);
        reads.args.then_some(question.args).hash(&mut hash);
        reads.moment.then_some(question.now_ms).hash(&mut hash);
        reads.local.then_some(question.local).hash(&mut hash);
        let session = &question.session;
        reads.session.then_some((session.id.to_string(), session.created_at_ms, session.metadata)).hash(&mut hash);
        let rule = hash.finish().to_string();
        let verdict = match hash.finish() % 5 {
            0 => Verdict::Deny { rule, message: "no".to_owned() },
            1 => Verdict::Ask { rule, role: "boss".to_owned(), message: "ask".to_owned() },
            _ => Verdict::Allow { rule },
        };
        Box::pin(async move { Ok(verdict) })
    }

    fn reads(&self, tool: &str) -> Reads {
        reads(tool)
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some([self.salt; 32])
    }
}

const TOOLS: [&str; 8] = ["plain", "args", "moment", "session", "local", "session_local", "args_session", "args_local"];

fn contexts(dice: &mut Dice) -> Vec<SecurityContext> {
    let roles = ["a", "b", "c"];
    let mut contexts: Vec<SecurityContext> = Vec::new();
    for name in ["one", "two"] {
        for tenant in ["demo", "other"] {
            for _ in 0..4 {
                contexts.push(context(name, tenant, &dice.some(&roles)));
            }
        }
    }
    contexts
}

fn contracts() -> Vec<Arc<Contract>> {
    let mut contracts = Vec::new();
    for effect in ["pure", "write"] {
        for tags in ["[]", r#"["t"]"#] {
            for required in [r#"["*"]"#, r#"["a","b"]"#] {
                let fields = format!(r#""effect":"{effect}","tags":{tags},"required_roles":{required},"#);
                contracts.extend(TOOLS.iter().map(|tool| contract(tool, &fields)));
            }
        }
    }
    contracts
}

/// Sessions of one principal; some were opened with a claim.
fn sessions() -> Vec<Arc<Session>> {
    let scene = Scene::new(Development::new(grid_contract::Manifest::default(), options(), 50));
    let open = |at: usize| {
        let claims = BTreeMap::from([("desk".to_owned(), at.to_string())]);
        let claim = at
            .is_multiple_of(3)
            .then(|| Arc::new(SecurityClaim { claims: claims.clone(), ..SecurityClaim::default() }));
        scene.session_with("one", "demo", &[], Opening { claim, metadata: claims, ..Opening::default() })
    };
    (0..6).map(open).collect()
}

fn said(decided: &Result<Decision, Refusal>) -> (bool, bool, String) {
    match decided {
        Ok(decision) => (true, decision.needs.is_some(), decision.rule.to_string()),
        Err(refusal) => (false, false, refusal.internal().unwrap_or_default().to_owned()),
    }
}

#[tokio::test]
async fn cached_and_uncached_decisions_are_the_same_over_random_questions() {
    const QUESTIONS: usize = 1_000_000;
    let mut dice = Dice::seeded(7);
    let (contexts, contracts, sessions) = (contexts(&mut dice), contracts(), sessions());
    let args = ["{}", r#"{"n":1}"#, r#"{"n":2}"#];
    let cached = stage(Arc::new(Fickle::default()), Settings { entries: 2_000, ..SETTINGS });
    let uncached =
        Authorize::new(Arc::new(Fickle::default()), Settings { cache: false, ..SETTINGS }, cached.clock.shared());
    let mut outcomes = BTreeSet::new();
    for at in 0..QUESTIONS {
        match dice.below(20_000) {
            0 => drop(cached.authorize.invalidate()),
            1 => cached.clock.advance(Duration::from_secs(dice.roll() % 70)),
            2 => {
                let salt = u8::try_from(dice.below(256)).unwrap();
                cached.authorize.replace(Arc::new(Fickle { salt }), 0);
                uncached.replace(Arc::new(Fickle { salt }), 0);
            }
            _ => {}
        }
        let (who, contract) = (&contexts[dice.below(contexts.len())], &contracts[dice.below(contracts.len())]);
        let session = &sessions[dice.below(sessions.len())];
        let context = &SecurityContext { principal: Arc::clone(&who.principal), claim: claim_of(session) };
        let (local, args) = (dice.below(2) == 0, args.get(dice.below(4)).copied());
        let asked = |stage| Asked { stage, context, session, contract, local, args };
        let one = said(&cached.authorize.decide(asked(&cached.authorize)).await);
        let two = said(&uncached.decide(asked(&uncached)).await);
        assert_eq!(one, two, "{context:?} {contract:?} {local} {args:?}");
        if at % 64 == 0 {
            outcomes.insert(one);
        }
    }
    let (hits, misses) = cached.authorize.hits_and_misses();
    assert!(hits > 50_000 && misses > 50_000, "{hits} hits, {misses} misses: too one-sided to show anything");
    assert!(outcomes.len() > 300, "only {} different answers", outcomes.len());
}

fn claim_of(session: &Session) -> Option<Arc<SecurityClaim>> {
    let desk = session.metadata().get("desk")?;
    let claims = BTreeMap::from([("desk".to_owned(), desk.clone())]);
    (desk.parse::<usize>().unwrap() % 3 == 0).then(|| Arc::new(SecurityClaim { claims, ..SecurityClaim::default() }))
}

/// One question, as the key sees it.
#[derive(Clone)]
struct Seen {
    context: SecurityContext,
    session: Arc<Session>,
    contract: Arc<Contract>,
    local: bool,
    epoch: u64,
    salt: u8,
}

impl Seen {
    fn key(&self) -> Option<Key> {
        let deciding = Deciding::by(Arc::new(Fickle { salt: self.salt }));
        let now = Snapshot { epoch: self.epoch, deciding };
        Key::of(&self.context, &self.session, &self.contract, self.local, &now)
    }
}

fn with_principal(seen: &Seen, change: impl FnOnce(&mut Principal)) -> Seen {
    let mut principal = Principal::clone(&seen.context.principal);
    change(&mut principal);
    Seen { context: SecurityContext { principal: Arc::new(principal), claim: None }, ..seen.clone() }
}

#[test]
fn each_input_alone_changes_the_key_where_it_is_read() {
    let sessions = sessions();
    let of = |tool: &str, roles: &str, more: &str| contract(tool, &format!(r#""required_roles":[{roles}],{more}"#));
    let seen = |tool: &str| Seen {
        context: context("agent", "demo", &["a"]),
        session: Arc::clone(&sessions[1]),
        contract: of(tool, r#""a""#, ""),
        local: false,
        epoch: 7,
        salt: 1,
    };
    for tool in ["plain", "session", "local", "session_local", "args_session"] {
        let base = seen(tool);
        let same = base.key().unwrap();
        let (reads, who) =
            (reads(tool), |id, tenant, roles: &[&str]| Seen { context: context(id, tenant, roles), ..base.clone() });
        let with = |contract| Seen { contract, ..base.clone() };
        let claimed = |desk: &str| SecurityContext {
            claim: Some(Arc::new(SecurityClaim { principal: desk.to_owned(), ..SecurityClaim::default() })),
            ..base.context.clone()
        };
        let changed = [
            ("principal", who("agenT", "demo", &["a"]), true),
            ("tenant", who("agent", "dem0", &["a"]), true),
            ("no role", who("agent", "demo", &[]), true),
            ("another role", who("agent", "demo", &["a", "b"]), true),
            ("digest", with_principal(&base, |principal| principal.digest.0[31] ^= 1), true),
            ("tool", with(of("plain2", r#""a""#, "")), true),
            ("roles of the contract", with(of(tool, r#""*""#, "")), true),
            ("effect", with(of(tool, r#""a""#, r#""effect":"pure","#)), true),
            ("tags", with(of(tool, r#""a""#, r#""tags":["t"],"#)), true),
            ("classification", with(of(tool, r#""a""#, r#""classification":"secret","#)), true),
            ("version", with(of(tool, r#""a""#, r#""version":"2","#)), true),
            ("approval", with(of(tool, r#""a""#, r#""approval":{"role":"boss"},"#)), true),
            ("session", Seen { session: Arc::clone(&sessions[2]), ..base.clone() }, reads.session),
            ("claim", Seen { context: claimed("agent"), ..base.clone() }, !reads.session),
            ("local", Seen { local: true, ..base.clone() }, reads.local),
            ("epoch", Seen { epoch: 8, ..base.clone() }, true),
            ("policy", Seen { salt: 2, ..base.clone() }, true),
        ];
        for (what, other, changes) in changed {
            assert_eq!(other.key() != Some(same), changes, "{what} of `{tool}`");
        }
        // A claim is fixed with its session: two claims are two sessions, and two keys.
        let one = Seen { context: claimed("a"), ..base.clone() };
        let two = Seen { context: claimed("b"), session: Arc::clone(&sessions[3]), ..base.clone() };
        assert_ne!(one.key(), two.key());
    }
    assert_eq!(seen("moment").key(), None, "what depends on the moment is never kept");
}
