//! What is handed on to a runtime, where it differs from what came.
//! A plan holds only the places of a schema where something can change, so that most contracts have none.

use super::translate::is_closed;
use crate::model::{Schema, SchemaType};
use crate::value::{Map, Value, as_adm_integer};
use std::collections::BTreeMap;

pub(super) enum Plan {
    /// An INTEGER, written as one.
    Integer,
    /// An ARRAY whose elements can change.
    Array(Box<Plan>),
    /// An OBJECT.
    Object(ObjectPlan),
}

pub(super) struct ObjectPlan {
    /// Declared members, with a plan for those that can change.
    fields: BTreeMap<String, Option<Plan>>,
    /// Whether undeclared members are taken out.
    strip: bool,
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
                let strips = strip && is_closed(schema, root);
                let declared = schema.properties.iter().flatten();
                let fields: BTreeMap<_, _> =
                    declared.map(|(name, schema)| (name.clone(), Self::at(schema, strip, false))).collect();
                let changes = strips || fields.values().any(Option::is_some);
                changes.then_some(Self::Object(ObjectPlan { fields, strip: strips }))
            }
            SchemaType::String | SchemaType::Number | SchemaType::Boolean => None,
        }
    }

    /// The value anew, or nothing when it can stay as it is.
    pub(super) fn rewrite(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Integer, Value::Number(number)) if !number.is_plain_integer() => {
                as_adm_integer(number).map(Value::from)
            }
            (Self::Array(plan), Value::Array(items)) => {
                let first = items.iter().position(|item| plan.rewrite(item).is_some())?;
                let (same, rest) = items.split_at(first);
                let rest = rest.iter().map(|item| plan.rewrite(item).unwrap_or_else(|| item.clone()));
                Some(Value::Array(same.iter().cloned().chain(rest).collect()))
            }
            (Self::Object(plan), Value::Object(map)) => plan.rewrite(map).map(Value::Object),
            _ => None,
        }
    }
}

impl ObjectPlan {
    fn rewrite(&self, map: &Map) -> Option<Map> {
        let rewritten: Vec<Option<Value>> = map.iter().map(|(key, value)| self.plan(key)?.rewrite(value)).collect();
        let removes = self.strip && map.keys().any(|key| !self.fields.contains_key(key));
        if !removes && rewritten.iter().all(Option::is_none) {
            return None;
        }
        let kept = map.iter().zip(rewritten).filter(|((key, _), _)| !self.strip || self.fields.contains_key(*key));
        Some(kept.map(|((key, value), new)| (key, new.unwrap_or_else(|| value.clone()))).collect())
    }

    fn plan(&self, key: &str) -> Option<&Plan> {
        self.fields.get(key)?.as_ref()
    }
}
