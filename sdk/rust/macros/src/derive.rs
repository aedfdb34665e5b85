//! `#[derive(ToolType)]`: a struct with named fields becomes an OBJECT, an enum of unit variants a STRING with an
//! enum. Refuses everything else, and fields that have no ADM type by their name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DataEnum, DeriveInput, Error, Fields, FieldsNamed, Ident, LitStr, Result};

use crate::{docs, types};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new(
            input.generics.span(),
            "a parameter's type has one declaration, so it cannot be generic; write out the types",
        ));
    }
    let body = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => object(fields)?,
            _ => return Err(odd(&input.ident)),
        },
        Data::Enum(data) => choice(data)?,
        Data::Union(_) => return Err(odd(&input.ident)),
    };
    let ident = &input.ident;
    let description = docs::first_paragraph(&docs::lines(&input.attrs)).unwrap_or_default();
    Ok(quote! {
        impl ::grid_sdk::ToolType for #ident {
            const DESCRIPTION: &'static str = #description;
            #body
        }
    })
}

fn odd(ident: &Ident) -> Error {
    Error::new(
        ident.span(),
        format!("`{ident}` has no ADM type; use a struct with named fields or an enum without data"),
    )
}

fn object(fields: &FieldsNamed) -> Result<TokenStream> {
    let mut writes = Vec::new();
    let mut reads = Vec::new();
    let mut idents = Vec::new();
    let mut locals = Vec::new();
    for (index, field) in fields.named.iter().enumerate() {
        let Some(ident) = &field.ident else { continue };
        let name = renamed(&field.attrs)?.unwrap_or_else(|| ident.unraw().to_string());
        let ty = &field.ty;
        types::check(ty).map_err(|hint| Error::new(ty.span(), format!("field `{name}` cannot be declared: {hint}")))?;
        let doc = docs::first_paragraph(&docs::lines(&field.attrs)).unwrap_or_default();
        let local = format_ident!("field_{index}");
        writes.push(quote_spanned!(ty.span()=> properties.property::<#ty>(#name, #doc);));
        reads.push(quote_spanned!(ty.span()=> let #local = fields.take::<#ty>(#name);));
        idents.push(ident);
        locals.push(local);
    }
    Ok(quote! {
        fn schema(schemas: &mut ::grid_sdk::macro_support::Schemas) -> ::grid_sdk::macro_support::Schema {
            schemas.object::<Self>(|properties| { let _ = &properties; #(#writes)* })
        }

        fn read(
            value: ::grid_sdk::macro_support::Value,
            reader: &mut ::grid_sdk::macro_support::Reader,
        ) -> ::core::option::Option<Self> {
            let mut fields = reader.fields(value)?;
            #(#reads)*
            fields.close();
            ::core::option::Option::Some(Self { #(#idents: #locals?),* })
        }
    })
}

fn choice(data: &DataEnum) -> Result<TokenStream> {
    let mut names: Vec<String> = Vec::new();
    let mut idents = Vec::new();
    for variant in &data.variants {
        let ident = &variant.ident;
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(
                variant.span(),
                format!("the variant `{ident}` carries data, which a STRING cannot; use a struct instead"),
            ));
        }
        let name = renamed(&variant.attrs)?.unwrap_or_else(|| ident.unraw().to_string());
        if names.contains(&name) {
            return Err(Error::new(
                variant.span(),
                format!("the value `{name}` occurs twice; give one of the variants another name"),
            ));
        }
        names.push(name);
        idents.push(ident);
    }
    if names.is_empty() {
        return Err(Error::new(data.enum_token.span(), "an enum without variants has no values; add one"));
    }
    Ok(quote! {
        fn schema(schemas: &mut ::grid_sdk::macro_support::Schemas) -> ::grid_sdk::macro_support::Schema {
            schemas.choice(&[#(#names),*])
        }

        fn read(
            value: ::grid_sdk::macro_support::Value,
            reader: &mut ::grid_sdk::macro_support::Reader,
        ) -> ::core::option::Option<Self> {
            match reader.choice(value, &[#(#names),*])?.as_str() {
                #(#names => ::core::option::Option::Some(Self::#idents),)*
                _ => ::core::option::Option::None,
            }
        }
    })
}

/// The name given by `#[tool(rename = "…")]`.
fn renamed(attributes: &[Attribute]) -> Result<Option<String>> {
    let mut name = None;
    for attribute in attributes.iter().filter(|each| each.path().is_ident("tool")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("rename") {
                return Err(meta.error("only `rename = \"…\"` is known here"));
            }
            name = Some(meta.value()?.parse::<LitStr>()?.value());
            Ok(())
        })?;
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn refusal(input: &DeriveInput) -> String {
        expand(input).unwrap_err().to_string()
    }

    #[test]
    fn a_field_without_an_adm_type_is_refused_by_its_name() {
        let message = refusal(&parse_quote! { struct Order { lines: Vec<u64> } });
        assert!(message.starts_with("field `lines` cannot be declared"), "{message}");
    }

    #[test]
    fn tuples_generics_and_variants_with_data_are_refused() {
        for (input, word) in [
            (parse_quote! { struct Pair(i64, i64); }, "named fields"),
            (parse_quote! { struct Unit; }, "named fields"),
            (parse_quote! { struct Order<T> { line: T } }, "generic"),
            (parse_quote! { enum Shape { Circle(f64) } }, "carries data"),
            (parse_quote! { enum Never {} }, "without variants"),
            (parse_quote! { enum Twice { A, #[tool(rename = "A")] B } }, "occurs twice"),
        ] {
            let message = refusal(&input);
            assert!(message.contains(word), "{message}");
        }
    }
}
