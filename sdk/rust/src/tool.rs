//! A tool, which is a crate of its own, and its tests, which need the macros.

pub use grid_sdk_tool::{
    Answer, Boxed, IntoTool, PlainAnswer, Returned, Tool, ToolError, ToolType, Work, read, schema, tool,
};

#[cfg(test)]
mod tests;
