//! The `#[tool]` attribute and the `ToolType` derive of `grid-sdk`, which re-exports both and documents them. They
//! read a signature and its doc comment and write an ADM declaration and a checked call.
#![deny(missing_docs)]

use proc_macro::TokenStream;
use syn::parse_macro_input;

mod attribute;
mod derive;
mod docs;
mod types;

/// Makes a function a tool. See `grid_sdk::tool`.
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct or an enum a tool's parameter. See `grid_sdk::ToolType`.
#[proc_macro_derive(ToolType, attributes(tool))]
pub fn tool_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    derive::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
