//! What is handed on to a runtime, where it differs from what came.
//! A plan holds only the places of a schema where something can change, so that most contracts have none.

use super::translate::is_closed;
use crate::model::{Schema, SchemaType};
use crate::value::{Map, Value, as_adm_integer};
use std::collections::{BTreeMap, BTreeSet};

pub(super) enum Plan {
    /// An INTEGER, written as one.
    Integer,
    /// An ARRAY whose elements can change.
    Array(Box<Plan>),
    /// An OBJECT.
    Object(ObjectPlan),
}

pub(super) struct ObjectPlan {
    /// Members that can change.
    changing: BTreeMap<String, Plan>,
    /// The declared members, if all others are taken out.
    kept: Option<BTreeSet<String>>,
}

impl Plan {
    pub(super) fn of(schema: &Schema, strip: bool) -> Option<Self> {
        Self::at(schema, strip, true)
    }

    fn at(schema: &Schema, strip: bool, root: bool) -> Option<Self> {
        match schema.kind {
            SchemaType::Integer => Some(Self::Integer),
            SchemaType::Array => {
                schema.items.as_ref().and_then(|items| Self::at(items, strip, false)).map(Box::new).map(Self::Array)
            }
            SchemaType::Object => {
                let declared = || schema.properties.iter().flatten();
                let changing: BTreeMap<_, _> = declared()
                    .filter_map(|(name, schema)| Self::at(schema, strip, false).map(|plan| (name.clone(), plan)))
                    .collect();
                let kept =
                    (strip && is_closed(schema, root)).then(|| declared().map(|(name, _)| name.clone()).collect());
                (kept.is_some() || !changing.is_empty()).then_some(Self::Object(ObjectPlan { changing, kept }))
            }
            SchemaType::String | SchemaType::Number | SchemaType::Boolean => None,
        }
    }

    /// Whether anything in `value` has to change; asked first, since mostly nothing has.
    pub(super) fn changes(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer, Value::Number(number)) => !number.is_plain_integer() && as_adm_integer(number).is_some(),
            (Self::Array(plan), Value::Array(items)) => items.iter().any(|item| plan.changes(item)),
            (Self::Object(plan), Value::Object(map)) => {
                map.keys().any(|key| plan.drops(key))
                    || plan.changing.iter().any(|(name, plan)| map.get(name).is_some_and(|value| plan.changes(value)))
            }
            _ => false,
        }
    }

    /// The value as it is handed on.
    pub(super) fn rewrite(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Integer, Value::Number(number)) => as_adm_integer(number).map_or_else(|| value.clone(), Value::from),
            (Self::Array(plan), Value::Array(items)) => items.iter().map(|item| plan.rewrite(item)).collect(),
            (Self::Object(plan), Value::Object(map)) => Value::Object(plan.rewrite(map)),
            _ => value.clone(),
        }
    }
}

impl ObjectPlan {
    fn drops(&self, key: &str) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.contains(key))
    }

    fn rewrite(&self, map: &Map) -> Map {
        let kept = map.iter().filter(|(key, _)| !self.drops(key));
        let rewritten = |key: &str, value: &Value| match self.changing.get(key) {
            Some(plan) => plan.rewrite(value),
            None => value.clone(),
        };
        kept.map(|(key, value)| (key, rewritten(key, value))).collect()
    }
}
