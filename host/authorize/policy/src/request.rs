//! A question as Cedar takes it: the caller, the tool and the context as entities and values.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression, Schema,
};
use grid_core::{
    port::{Question, Reads},
    principal::Principal,
};

use crate::{
    args::{self, Unfit},
    schema::{CALL, NAMESPACE, Shape},
};

/// Types of entities, read once.
#[derive(Debug, Clone)]
pub(crate) struct Types {
    user: EntityTypeName,
    role: EntityTypeName,
    tenant: EntityTypeName,
    tool: EntityTypeName,
    tag: EntityTypeName,
    group: EntityTypeName,
    session: EntityTypeName,
    action: EntityTypeName,
}

fn uid(of: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(name))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

/// A tool as policies see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToolFacts<'a> {
    pub(crate) name: &'a str,
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) effect: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) classification: &'a str,
    pub(crate) providers: Option<&'a [String]>,
    pub(crate) dynamic: bool,
}

impl<'a> ToolFacts<'a> {
    pub(crate) fn of(question: &Question<'a>) -> Self {
        Self {
            name: question.tool,
            group: question.group,
            version: question.version,
            effect: question.effect,
            tags: question.tags,
            classification: question.classification,
            providers: question.providers,
            dynamic: question.dynamic,
        }
    }
}

impl Types {
    /// The types of the schema.
    pub(crate) fn new() -> Option<Self> {
        let of = |name: &str| format!("{NAMESPACE}::{name}").parse::<EntityTypeName>().ok();
        Some(Self {
            user: of("User")?,
            role: of("Role")?,
            tenant: of("Tenant")?,
            tool: of("Tool")?,
            tag: of("Tag")?,
            group: of("Group")?,
            session: of("Session")?,
            action: of("Action")?,
        })
    }

    pub(crate) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }

    pub(crate) fn tool_uid(&self, name: &str) -> EntityUid {
        uid(&self.tool, name)
    }

    /// What a tool is in.
    pub(crate) fn tool_parents(&self, tool: &ToolFacts<'_>) -> HashSet<EntityUid> {
        tool.tags.iter().map(|tag| uid(&self.tag, tag)).chain([uid(&self.group, tool.group)]).collect()
    }

    /// A tool and its action.
    pub(crate) fn tool(&self, tool: &ToolFacts<'_>, action: &EntityUid) -> Result<Vec<Entity>, Unfit> {
        let mut attributes = vec![
            ("name".to_owned(), text(tool.name)),
            ("version".to_owned(), text(tool.version)),
            ("effect".to_owned(), text(tool.effect)),
            ("classification".to_owned(), text(tool.classification)),
            ("dynamic".to_owned(), RestrictedExpression::new_bool(tool.dynamic)),
        ];
        if let Some(providers) = tool.providers {
            let providers = RestrictedExpression::new_set(providers.iter().map(|name| text(name)));
            attributes.push(("providers".to_owned(), providers));
        }
        let own = Entity::new(self.tool_uid(tool.name), attributes.into_iter().collect(), self.tool_parents(tool));
        let own = own.map_err(|_| Unfit("the tool cannot be shown to policies".to_owned()))?;
        Ok(vec![own, Entity::new_no_attrs(action.clone(), [self.action(CALL)].into())])
    }

    /// The name of a principal among all tenants: the first `/` ends the tenant.
    pub(crate) fn user_uid(&self, tenant: &str, principal: &str) -> EntityUid {
        uid(&self.user, &user_name(tenant, principal))
    }

    /// The caller and all that it is in, itself first.
    pub(crate) fn caller(&self, principal: &Principal, roles: &BTreeSet<Arc<str>>) -> Vec<EntityUid> {
        let mut uids = Vec::with_capacity(roles.len() + 2);
        uids.push(self.user_uid(principal.tenant.as_str(), principal.id.as_str()));
        uids.push(uid(&self.tenant, principal.tenant.as_str()));
        uids.extend(roles.iter().map(|role| uid(&self.role, role)));
        uids
    }

    fn user(&self, principal: &Principal, caller: &[EntityUid]) -> Result<Entity, Unfit> {
        let own = caller.first().cloned().unwrap_or_else(|| self.user_uid("", ""));
        let attributes = [
            ("id".to_owned(), text(principal.id.as_str())),
            ("tenant".to_owned(), RestrictedExpression::new_entity_uid(uid(&self.tenant, principal.tenant.as_str()))),
            ("proof".to_owned(), text(principal.proof.as_str())),
        ];
        let claims = principal.claims.iter().map(|(name, value)| (name.clone(), text(value)));
        Entity::new_with_tags(own, attributes, caller.iter().skip(1).cloned(), claims)
            .map_err(|_| Unfit("the caller cannot be shown to policies".to_owned()))
    }

    /// The entities of a question, beside those that `base` holds already.
    pub(crate) fn entities(
        &self,
        question: &Question<'_>,
        caller: &[EntityUid],
        reads: Reads,
        base: &Entities,
    ) -> Result<Entities, Unfit> {
        let mut entities = vec![self.user(&question.context.principal, caller)?];
        if reads.session {
            entities.push(self.session(question)?);
        }
        base.clone()
            .add_entities(entities, None)
            .map_err(|_| Unfit("the caller cannot be shown to policies".to_owned()))
    }

    fn session(&self, question: &Question<'_>) -> Result<Entity, Unfit> {
        let session = &question.session;
        let own = session.id.to_string();
        let attributes = [("id".to_owned(), text(&own)), ("created_at".to_owned(), moment(session.created_at_ms))];
        let metadata = session.metadata.iter().map(|(name, value)| (name.clone(), text(value)));
        Entity::new_with_tags(uid(&self.session, &own), attributes, [], metadata)
            .map_err(|_| Unfit("the session cannot be shown to policies".to_owned()))
    }

    /// The context of a question, with those parts that policies read.
    pub(crate) fn context(&self, question: &Question<'_>, shape: &Shape, reads: Reads) -> Result<Context, Unfit> {
        let tenant = uid(&self.tenant, question.context.principal.tenant.as_str());
        let mut pairs = vec![
            ("local".to_owned(), RestrictedExpression::new_bool(question.local)),
            ("tenant".to_owned(), RestrictedExpression::new_entity_uid(tenant)),
        ];
        if reads.moment {
            pairs.push(("now".to_owned(), moment(question.now_ms)));
        }
        if reads.session {
            let session = uid(&self.session, &question.session.id.to_string());
            pairs.push(("session".to_owned(), RestrictedExpression::new_entity_uid(session)));
        }
        if let Some(text) = question.args.filter(|_| reads.args) {
            pairs.push(("args".to_owned(), args::read(text, shape)?));
        }
        Context::from_pairs(pairs).map_err(|_| Unfit("a number or a time is too large for policies to read".to_owned()))
    }
}

/// `<tenant>/<principal>`, with `%` and `/` of the tenant as `%25` and `%2F`.
#[must_use]
pub(crate) fn user_name(tenant: &str, principal: &str) -> String {
    format!("{}/{principal}", tenant.replace('%', "%25").replace('/', "%2F"))
}

/// Cedar reads times from text.
fn moment(unix_ms: u64) -> RestrictedExpression {
    let at = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    RestrictedExpression::new_datetime(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// The request.
pub(crate) fn request(
    caller: &EntityUid,
    action: &EntityUid,
    tool: &EntityUid,
    context: Context,
    schema: Option<&Schema>,
) -> Result<Request, Unfit> {
    Request::new(caller.clone(), action.clone(), tool.clone(), context, schema)
        .map_err(|error| Unfit(format!("the question does not fit the schema: {error}")))
}
