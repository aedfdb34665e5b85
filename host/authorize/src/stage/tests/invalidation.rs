//! INV-Z1: when an invalidation has returned, no permit comes of what was decided before it.

use std::{
    future::{Future as _, poll_fn},
    sync::atomic::AtomicBool,
    task::Poll,
    thread,
};

use grid_core::port::{Pending, Undecided, Verdict};
use grid_testkit::{FakeClock, Opening, until};
use tokio::join;

use super::common::{SETTINGS, Say, Slow, Told, ask, context, contract, session, stage, strict};
use crate::{snapshot::ATTEMPTS, stage::*};

const OPEN: &str = r#""required_roles":["*"],"#;

#[tokio::test]
async fn an_invalidation_makes_kept_decisions_void() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    assert_eq!(asked.ask(&context, &contract).await.unwrap().epoch, 1);
    told.now(Say::No);
    assert_eq!(asked.authorize.invalidate(), 2);
    assert!(asked.ask(&context, &contract).await.is_err());
    told.now(Say::Yes);
    assert_eq!((asked.authorize.invalidate(), asked.authorize.epoch()), (3, 3));
    assert_eq!(asked.ask(&context, &contract).await.unwrap().epoch, 3, "a denial is void too");
}

#[tokio::test]
async fn an_invalidation_beats_a_permit_that_is_being_decided() {
    let slow = Slow::to(Say::Yes);
    let asked = stage(slow.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    let revoked = async {
        until("the permit is being decided", || slow.told.asked() == 1).await;
        slow.told.now(Say::No);
        asked.authorize.invalidate();
        slow.go.add_permits(2);
    };
    let (decided, ()) = join!(asked.ask(&context, &contract), revoked);
    assert_eq!(decided.unwrap_err(), Code::PermissionDenied);
    assert_eq!(slow.told.asked(), 2, "the permit was not decided anew");
    assert!(asked.ask(&context, &contract).await.is_err(), "the old permit was kept");
}

#[tokio::test]
async fn a_call_that_was_overtaken_is_decided_under_the_new_epoch() {
    let slow = Slow::to(Say::Yes);
    let asked = stage(slow.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session_with("agent", "demo", &[], Opening::default());
    let overtake = async {
        until("the permit is being decided", || slow.told.asked() == 1).await;
        asked.authorize.invalidate();
        slow.go.add_permits(2);
    };
    let (permitted, ()) = join!(asked.authorize.permit(scene.contracted(&session, "sum"), false), overtake);
    assert_eq!(permitted.unwrap().decision().epoch, 2);
}

/// Is overtaken by an invalidation whenever it is asked.
#[derive(Debug, Default)]
struct Unlucky(std::sync::OnceLock<Arc<Authorize>>);

impl Authorizer for Unlucky {
    fn decide<'a>(&'a self, _: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        if let Some(stage) = self.0.get() {
            stage.invalidate();
        }
        Box::pin(async { Ok(Verdict::Allow { rule: "late".to_owned() }) })
    }
}

#[tokio::test]
async fn a_permit_that_is_overtaken_again_and_again_is_denied() {
    let unlucky = Arc::new(Unlucky::default());
    let authorize = Arc::new(Authorize::new(unlucky.clone(), SETTINGS, FakeClock::default().shared()));
    unlucky.0.set(Arc::clone(&authorize)).unwrap();
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let refused = authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(refused.internal(), Some("invalidations kept overtaking the evaluation"));
    assert_eq!(authorize.epoch(), 1 + ATTEMPTS as u64);
}

#[tokio::test]
async fn a_kept_permit_is_not_served_to_a_question_that_was_overtaken() {
    // The first question fills the cache under epoch 1 only after epoch 2 has begun and been asked about.
    let slow = Slow::to(Say::Yes);
    let asked = stage(slow.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    let mut first = Box::pin(asked.ask(&context, &contract));
    assert!(poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await);
    asked.authorize.invalidate();
    slow.told.now(Say::No);
    // One answer goes to the first question, which does not look at it yet, and one to the second.
    slow.go.add_permits(2);
    assert!(asked.ask(&context, &contract).await.is_err());
    assert!(first.await.is_err(), "the late permit came through");
    assert!(asked.ask(&context, &contract).await.is_err(), "the late permit was kept");
}

/// Permits by what holds at the time, and says what that was.
#[derive(Debug, Default)]
struct Rights(AtomicU64);

impl Authorizer for Rights {
    fn decide<'a>(&'a self, _: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let rule = self.0.load(Ordering::SeqCst).to_string();
        Box::pin(async move { Ok(Verdict::Allow { rule }) })
    }
}

/// Says that it is over, also where it ends in a panic.
struct Raise<'a>(&'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// AZ-7. Rights change and are invalidated while others ask; who begins to ask after an invalidation has returned
/// never gets a permit of the rights before it.
#[test]
fn no_permit_is_older_than_the_last_invalidation_that_returned() {
    const INVALIDATIONS: u64 = 400;
    let rights = Arc::new(Rights::default());
    let authorize = Authorize::new(rights.clone(), SETTINGS, FakeClock::default().shared());
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    let (returned, epoch) = (AtomicU64::new(0), AtomicU64::new(0));
    let (asked, kept) = (AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicBool::new(false);
    let session = session();
    let asks = async || {
        while !done.load(Ordering::Relaxed) {
            asked.fetch_add(1, Ordering::SeqCst);
            let (least, from) = (returned.load(Ordering::SeqCst), epoch.load(Ordering::SeqCst));
            let Ok(decision) = ask(&authorize, &session, &context, &contract).await else { continue };
            kept.fetch_add(u64::from(decision.age.is_some()), Ordering::Relaxed);
            let rights: u64 = decision.rule.parse().unwrap();
            assert!(rights >= least, "permitted by rights {rights}, revoked before {least}");
            assert!(decision.epoch >= from, "permitted in epoch {}, {from} had begun", decision.epoch);
        }
    };
    let revoke = || {
        for _ in 0..INVALIDATIONS {
            let now = rights.0.fetch_add(1, Ordering::SeqCst) + 1;
            epoch.store(authorize.invalidate(), Ordering::SeqCst);
            returned.store(now, Ordering::SeqCst);
            // A moment for somebody to ask, and for the next invalidation to come in the middle of it.
            let before = asked.load(Ordering::SeqCst);
            while asked.load(Ordering::SeqCst) < before + 2 && !done.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        let asker = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            // An asker that fails lets the others and the revoker end.
            let _end = Raise(&done);
            runtime.block_on(asks());
        };
        let askers = [scope.spawn(asker), scope.spawn(asker)];
        revoke();
        done.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.join().unwrap();
        }
    });
    assert!(kept.load(Ordering::Relaxed) > 0, "nothing came from the cache, so nothing was tried");
}

/// AZ-7 between the decision and the call: rights end 10,000 times while calls begin on real threads, and none begins on
/// rights whose end has returned.
#[test]
fn nothing_begins_on_rights_that_ended_over_ten_thousand_ends() {
    const ENDS: u64 = 10_000;
    let authorize = Authorize::new(Arc::new(Rights::default()), SETTINGS, FakeClock::default().shared());
    let (context, contract, session) = (context("agent", "demo", &[]), contract("sum", OPEN), session());
    let (returned, begun, late) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicBool::new(false);
    let asks = async || {
        while !done.load(Ordering::Relaxed) {
            let Ok(decision) = ask(&authorize, &session, &context, &contract).await else { continue };
            match authorize.begin(&decision) {
                Some(_beginning) => {
                    let over = returned.load(Ordering::SeqCst);
                    assert!(decision.epoch >= over, "began in epoch {}, {over} had begun", decision.epoch);
                    begun.fetch_add(1, Ordering::Relaxed);
                }
                None => drop(late.fetch_add(1, Ordering::Relaxed)),
            }
        }
    };
    thread::scope(|scope| {
        let asker = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _end = Raise(&done);
            runtime.block_on(asks());
        };
        let askers = [scope.spawn(asker), scope.spawn(asker), scope.spawn(asker)];
        for _ in 0..ENDS {
            returned.store(authorize.invalidate(), Ordering::SeqCst);
        }
        // Some calls begin, however the threads were scheduled.
        while begun.load(Ordering::Relaxed) == 0 && !done.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.join().unwrap();
        }
    });
    assert_eq!(authorize.epoch(), 1 + ENDS);
}
