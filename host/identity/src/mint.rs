//! Makes tokens: for callers and runtimes of a host that is its own issuer, and for tests.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use grid_core::{
    clock::Clock,
    id::{PrincipalId, TenantId},
};

use crate::{
    key::SigningKey,
    mapping::{MAX_ROLES, is_plain},
};

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Who.
    pub principal: PrincipalId,
    /// Of which tenant; `*` for a runtime that serves every tenant.
    pub tenant: TenantId,
    /// With which roles, at most 64, each a name of 1 to 128 printable characters.
    pub roles: Vec<String>,
    /// For how long, counted in whole seconds, at least one.
    pub ttl: Duration,
    /// As the host that reads it is configured.
    pub issuer: String,
    /// As the host that reads it is configured.
    pub audience: String,
}

/// A token that cannot be made.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// No host would accept it.
    #[error("a role is not a name; give 1 to 128 printable characters")]
    Role,
    /// No host would accept it.
    #[error("{0} roles are too many; give at most {MAX_ROLES}")]
    Roles(usize),
    /// It would have ended before it begins.
    #[error("a token that lives less than a second is of no use; give a longer time")]
    TooShort,
    /// The key did not sign.
    #[error("the key cannot sign; make a new key file")]
    Key,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    tenant: &'a str,
    roles: &'a [String],
    iat: u64,
    exp: u64,
    jti: String,
}

/// Signs a token that begins now.
///
/// # Errors
/// [`Error`], where a host would refuse the token.
pub fn mint(key: &SigningKey, claims: &Claims, clock: &dyn Clock) -> Result<String, Error> {
    if claims.roles.len() > MAX_ROLES {
        return Err(Error::Roles(claims.roles.len()));
    }
    if !claims.roles.iter().all(|role| is_plain(role)) {
        return Err(Error::Role);
    }
    if claims.ttl.as_secs() == 0 {
        return Err(Error::TooShort);
    }
    let iat = clock.unix_ms() / 1000;
    let payload = Payload {
        iss: &claims.issuer,
        aud: &claims.audience,
        sub: claims.principal.as_str(),
        tenant: claims.tenant.as_str(),
        roles: &claims.roles,
        iat,
        exp: iat.saturating_add(claims.ttl.as_secs()),
        jti: Uuid::new_v4().to_string(),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.verifying_key().id());
    jsonwebtoken::encode(&header, &payload, key.encoding()).map_err(|_| Error::Key)
}
