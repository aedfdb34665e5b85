//! Calls at every stage of the path. Each is made by the stages themselves: no other code can make one.

use std::{sync::Arc, time::Duration};

use grid_adm::ExtraArgs;
use grid_approve::{Approved, Judged};
use grid_authorize::{Authorize, Disclosure, PermittedCall, Roles, Settings};
use grid_contract::{ContractedCall, Contracts, Manifest, Options, Strict};
use grid_core::{
    clock::Clock as _,
    id::{CallId, CorrelationId},
};
use grid_limits::{LimitedCall, Limits};
use grid_resolve::{Roster, RoutedCall};
use grid_session::{Limits as SessionLimits, Opening, Session, SessionCall, SessionRequest, Sessions};
use grid_validate::{CheckedCall, DigestedCall};

use crate::{FakeClock, caller, principal};

/// How tests read a manifest: extra arguments are refused, 30 s a call, 300 s at most.
#[must_use]
pub fn options() -> Options {
    Options {
        extra_args: ExtraArgs::Reject,
        timeout: Duration::from_secs(30),
        max_timeout: Duration::from_secs(300),
        max_approval: Duration::from_secs(300),
    }
}

/// The limits of sessions that the host has by default.
#[must_use]
pub fn limits() -> SessionLimits {
    SessionLimits {
        ttl: Duration::from_secs(3600),
        max_ttl: Duration::from_secs(86400),
        per_principal: 100,
        idempotency_window: Duration::from_secs(300),
    }
}

/// A manifest without faults.
///
/// # Panics
/// Where it has one.
#[must_use]
#[expect(clippy::expect_used, reason = "a test with a bad manifest should stop")]
pub fn manifest(text: &str) -> Manifest {
    Manifest::read(text, options()).expect("a manifest without faults").manifest
}

/// The stages up to the one that is tested.
#[derive(Debug)]
pub struct Scene<C> {
    /// Stands still.
    pub clock: FakeClock,
    /// All sessions.
    pub sessions: Sessions,
    /// All contracts.
    pub contracts: C,
}

impl Scene<Strict> {
    /// STRICT with this manifest.
    #[must_use]
    pub fn strict(text: &str) -> Self {
        Self::new(Strict::new(manifest(text)))
    }
}

#[expect(clippy::expect_used, reason = "a test whose call does not get as far as the stage it tests should stop")]
impl<C: Contracts> Scene<C> {
    /// With these contracts.
    #[must_use]
    pub fn new(contracts: C) -> Self {
        let clock = FakeClock::default();
        let sessions = Sessions::new(limits(), clock.shared());
        Self { clock, sessions, contracts }
    }

    /// An open session.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn session(&self, name: &str, tenant: &str, roles: &[&str]) -> Arc<Session> {
        self.session_with(name, tenant, roles, Opening::default())
    }

    /// An open session with all that a caller may ask of one.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn session_with(&self, name: &str, tenant: &str, roles: &[&str], opening: Opening) -> Arc<Session> {
        let session = self.sessions.prepare(&principal(name, tenant, roles), opening).expect("a session");
        self.sessions.publish(&session);
        session
    }

    /// A request.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn request(&self, name: &str, args: &str) -> SessionRequest {
        SessionRequest {
            correlation: CorrelationId::mint(self.clock.unix_ms()),
            call_id: CallId::parse("call-1").expect("a call id"),
            name: name.to_owned(),
            args: args.to_owned(),
            deadline_unix_ms: None,
            provider: None,
            unseen: None,
            trace: None,
            parent: None,
        }
    }

    /// After the stage session.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn entered(&self, session: &Arc<Session>, request: SessionRequest) -> SessionCall {
        let who = session.principal();
        let roles: Vec<&str> = who.roles.iter().map(AsRef::as_ref).collect();
        let caller = caller(who.id.as_str(), who.tenant.as_str(), &roles);
        self.sessions.enter(caller, &session.id().to_string(), request).expect("the session is entered")
    }

    /// After the stage contract.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn contracted(&self, session: &Arc<Session>, name: &str) -> ContractedCall {
        self.bound(session, self.request(name, "{}"))
    }

    /// After the stage authorize, by roles.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn permitted(&self, session: &Arc<Session>, request: SessionRequest) -> PermittedCall {
        self.authorize().permit(self.bound(session, request), false).await.expect("the call is permitted")
    }

    /// Roles, without a cache.
    fn authorize(&self) -> Authorize {
        let settings = Settings {
            cache: false,
            ttl: Duration::ZERO,
            deny_ttl: Duration::ZERO,
            entries: 1,
            timeout: Duration::from_secs(1),
            disclosure: Disclosure::Full,
        };
        Authorize::new(Arc::new(Roles), settings, self.clock.shared())
    }

    /// After the stage limits; there are none.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn limited(&self, session: &Arc<Session>, request: SessionRequest) -> LimitedCall {
        Limits::default().enter(self.permitted(session, request).await).await.expect("there are no limits")
    }

    /// After the stage validate.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn checked(&self, session: &Arc<Session>, request: SessionRequest) -> CheckedCall {
        grid_validate::check(self.limited(session, request).await).expect("the arguments fit")
    }

    /// After the stage validate, of a call that its caller runs.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn digested(&self, session: &Arc<Session>, request: SessionRequest) -> DigestedCall {
        grid_validate::digested(self.limited(session, request).await).expect("the arguments fit")
    }

    /// Half-way through the stage approve: a person may have to be asked.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn judged(&self, session: &Arc<Session>, request: SessionRequest) -> Judged<CheckedCall> {
        let call = self.checked(session, request).await;
        grid_approve::judge(&self.authorize(), call).await.expect("the arguments are permitted")
    }

    /// As [`Scene::judged`], of a call that its caller runs.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn judged_local(&self, session: &Arc<Session>, request: SessionRequest) -> Judged<DigestedCall> {
        let call = self.digested(session, request).await;
        grid_approve::judge(&self.authorize(), call).await.expect("the arguments are permitted")
    }

    /// After the stage approve.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn approved(&self, session: &Arc<Session>, request: SessionRequest) -> Approved<CheckedCall> {
        self.judged(session, request).await.go_on().expect("nobody has to be asked")
    }

    /// After the stage approve, of a call that its caller runs.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn consented(&self, session: &Arc<Session>, request: SessionRequest) -> Approved<DigestedCall> {
        self.judged_local(session, request).await.go_on().expect("nobody has to be asked")
    }

    /// After the stage resolve.
    ///
    /// # Panics
    /// Where it is refused.
    pub async fn routed(&self, session: &Arc<Session>, request: SessionRequest, roster: &Roster) -> RoutedCall {
        let call = self.approved(session, request).await;
        grid_resolve::route(roster, &self.clock.shared(), call).await.expect("a runtime has room")
    }

    fn bound(&self, session: &Arc<Session>, request: SessionRequest) -> ContractedCall {
        self.contracts.bind(self.entered(session, request)).expect("the contract is known")
    }
}
