//! The ADM types of Rust's own types (table in protocol.md 6.5).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::ToolType;
use crate::read::Reader;
use crate::schema::{Schema, Schemas};

impl ToolType for String {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("STRING")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => reader.fault("must be a STRING"),
        }
    }
}

impl ToolType for bool {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("BOOLEAN")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(value),
            _ => reader.fault("must be a BOOLEAN"),
        }
    }
}

macro_rules! integers {
    ($($ty:ident)+) => {$(
        impl ToolType for $ty {
            fn schema(_: &mut Schemas) -> Schema {
                Schema::of("INTEGER")
            }

            fn read(value: Value, reader: &mut Reader) -> Option<Self> {
                reader.integer(&value, &format!("from {} to {}", Self::MIN, Self::MAX))
            }
        }
    )+};
}

integers!(i8 i16 i32 i64 u8 u16 u32);

impl ToolType for f64 {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("NUMBER")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value.as_f64() {
            Some(number) => Some(number),
            None => reader.fault("must be a NUMBER"),
        }
    }
}

impl ToolType for f32 {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("NUMBER")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "precision is the author's choice, and overflow is refused below"
        )]
        let number = f64::read(value, reader)? as Self;
        if number.is_finite() { Some(number) } else { reader.fault("must fit a 32-bit NUMBER") }
    }
}

impl<T: ToolType> ToolType for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.array::<T>()
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        reader.items(value)
    }
}

/// Left out or present; an explicit null is neither.
impl<T: ToolType> ToolType for Option<T> {
    const DESCRIPTION: &'static str = T::DESCRIPTION;
    const OPTIONAL: bool = true;

    fn schema(schemas: &mut Schemas) -> Schema {
        T::schema(schemas)
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        T::read(value, reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: ToolType> ToolType for HashMap<String, T> {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("OBJECT")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        reader.entries(value)
    }
}

impl<T: ToolType> ToolType for BTreeMap<String, T> {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("OBJECT")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        reader.entries(value)
    }
}

impl ToolType for Map<String, Value> {
    fn schema(_: &mut Schemas) -> Schema {
        Schema::of("OBJECT")
    }

    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match value {
            Value::Object(entries) => Some(entries),
            _ => reader.fault("must be an OBJECT"),
        }
    }
}
