//! `#[tool]`: takes a function, gives a unit struct of the same name that declares it, checks its arguments and can
//! still be called like the function. Refuses, with the parameter's name, what has no ADM type.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, ItemFn, LitStr, Pat, Result, ReturnType, Type, parse_quote};

use crate::docs;
use crate::types::{self, Passing};

/// What the attribute itself says.
#[derive(Default)]
struct Given {
    name: Option<LitStr>,
    description: Option<LitStr>,
}

/// One parameter of the function.
struct Parameter {
    ident: Ident,
    name: String,
    doc: String,
    ty: Type,
    passing: Passing,
}

/// What the declaration says.
struct Declared {
    name: String,
    description: String,
    parameters: Vec<Parameter>,
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let given = given(attribute)?;
    let mut function: ItemFn = syn::parse2(item)?;
    refuse_odd(&function)?;
    let declared = declare(&given, &mut function)?;
    Ok(write(&declared, function))
}

fn given(attribute: TokenStream) -> Result<Given> {
    let mut given = Given::default();
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            given.name = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("description") {
            given.description = Some(meta.value()?.parse()?);
        } else {
            return Err(meta.error("a tool takes `name = \"…\"` and `description = \"…\"`"));
        }
        Ok(())
    });
    parser.parse2(attribute)?;
    Ok(given)
}

fn refuse_odd(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        return Err(Error::new(
            signature.generics.span(),
            "a tool has one declaration, so it cannot be generic; write out the types",
        ));
    }
    if let Some(safety) = &signature.unsafety {
        return Err(Error::new(
            safety.span(),
            "a tool is called with arguments from afar, so it cannot be unsafe; make the function safe",
        ));
    }
    match &signature.output {
        ReturnType::Type(_, ty) if borrows(ty) || matches!(**ty, Type::ImplTrait(_)) => {
            Err(Error::new(ty.span(), "a tool answers an owned value; use a concrete type such as `String`"))
        }
        _ => Ok(()),
    }
}

fn borrows(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    let lifetime = reference.lifetime.as_ref();
    lifetime.is_none_or(|lifetime| lifetime.ident != "static")
}

fn declare(given: &Given, function: &mut ItemFn) -> Result<Declared> {
    let lines = docs::lines(&function.attrs);
    let ident = function.sig.ident.unraw();
    let name = given.name.as_ref().map_or_else(|| ident.to_string(), LitStr::value);
    if !types::is_tool_name(&name) {
        let span = given.name.as_ref().map_or(ident.span(), LitStr::span);
        return Err(Error::new(
            span,
            format!(
                "`{name}` is no tool name; use 1 to 64 letters, digits, `_` or `-`, beginning with a letter or `_`"
            ),
        ));
    }
    let description = given
        .description
        .as_ref()
        .map(LitStr::value)
        .filter(|text| !text.trim().is_empty())
        .or_else(|| docs::first_paragraph(&lines))
        .ok_or_else(|| {
            Error::new(
                ident.span(),
                format!("the tool `{name}` has no description; write a doc comment, or `#[tool(description = \"…\")]`"),
            )
        })?;
    let documented = docs::arguments(&lines);
    let parameters =
        function.sig.inputs.iter_mut().map(|input| parameter(input, &documented)).collect::<Result<Vec<_>>>()?;
    for (name, _) in &documented {
        if !parameters.iter().any(|parameter| parameter.name == *name) {
            return Err(Error::new(
                ident.span(),
                format!("the doc comment describes `{name}`, which is no parameter; correct its name"),
            ));
        }
    }
    Ok(Declared { name, description, parameters })
}

fn parameter(input: &mut FnArg, documented: &[(String, String)]) -> Result<Parameter> {
    let typed = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(Error::new(receiver.span(), "a tool has no `self`; use a free function"));
        }
    };
    let Pat::Ident(pattern) = &*typed.pat else {
        return Err(Error::new(typed.pat.span(), "a tool's parameter needs a name; take it apart inside the function"));
    };
    let ident = pattern.ident.clone();
    let name = ident.unraw().to_string();
    let passing = types::passing(&typed.ty)
        .map_err(|hint| Error::new(typed.ty.span(), format!("parameter `{name}` cannot be declared: {hint}")))?;
    // The compiler knows no doc comments on parameters; they end here.
    let own = docs::first_paragraph(&docs::lines(&typed.attrs));
    typed.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    let listed = documented.iter().find(|(listed, _)| *listed == name);
    let doc = own.or_else(|| listed.map(|(_, text)| text.clone())).unwrap_or_default();
    Ok(Parameter { ident, name, doc, ty: (*typed.ty).clone(), passing })
}

fn write(declared: &Declared, mut function: ItemFn) -> TokenStream {
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let ident = function.sig.ident.clone();
    let (outer, inner): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition(|attribute| ["doc", "cfg", "deprecated"].iter().any(|name| attribute.path().is_ident(name)));
    function.attrs = inner;
    let conditions = outer.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let callable = callable(declared, &function);
    let tool = tool(declared, &function);
    quote! {
        #(#outer)*
        #[allow(non_camel_case_types, reason = "a tool keeps the name of its function")]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #ident;

        #(#conditions)*
        const _: () = {
            #function
            #callable
            #tool
        };
    }
}

/// Lets the struct be called as the function was.
fn callable(declared: &Declared, function: &ItemFn) -> TokenStream {
    let ident = &function.sig.ident;
    let names: Vec<_> = declared.parameters.iter().map(|each| &each.ident).collect();
    let types: Vec<Type> = declared
        .parameters
        .iter()
        .map(|each| match each.passing {
            Passing::Owned => each.ty.clone(),
            Passing::Text => parse_quote!(&'tool str),
        })
        .collect();
    let lends = declared.parameters.iter().any(|each| each.passing == Passing::Text);
    let (binder, scope, life) = if lends {
        (quote!(for<'tool>), quote!(<'tool>), quote!('tool))
    } else {
        (quote!(), quote!(), quote!('static))
    };
    let output = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let (output, body) = if function.sig.asyncness.is_some() {
        (quote!(::grid_sdk::macro_support::Boxed<#life, #output>), quote!(::std::boxed::Box::pin(#ident(#(#names),*))))
    } else {
        (output, quote!(#ident(#(#names),*)))
    };
    quote! {
        impl ::core::ops::Deref for #ident {
            type Target = #binder fn(#(#types),*) -> #output;

            fn deref(&self) -> &Self::Target {
                fn plain #scope (#(#names: #types),*) -> #output {
                    #body
                }
                const PLAIN: #binder fn(#(#types),*) -> #output = plain;
                &PLAIN
            }
        }
    }
}

/// Declares the tool, and reads and passes its arguments.
fn tool(declared: &Declared, function: &ItemFn) -> TokenStream {
    let ident = &function.sig.ident;
    let (name, description) = (&declared.name, &declared.description);
    let mut writes = Vec::new();
    let mut reads = Vec::new();
    let mut locals = Vec::new();
    let mut passes = Vec::new();
    for (index, parameter) in declared.parameters.iter().enumerate() {
        let Parameter { name, doc, ty, passing, .. } = parameter;
        let span = ty.span();
        let local = format_ident!("argument_{index}");
        let (owned, pass) = match passing {
            Passing::Owned => (quote!(#ty), quote!(#local)),
            Passing::Text => (quote!(::std::string::String), quote!(&#local)),
        };
        writes.push(quote_spanned!(span=> properties.property::<#owned>(#name, #doc);));
        reads.push(quote_spanned!(span=> let #local = fields.take::<#owned>(#name);));
        passes.push(pass);
        locals.push(local);
    }
    let run = if function.sig.asyncness.is_some() {
        quote! {
            ::grid_sdk::macro_support::Work::Async(::std::boxed::Box::pin(async move {
                ::grid_sdk::macro_support::Returned(#ident(#(#passes),*).await).answer()
            }))
        }
    } else {
        quote! {
            ::grid_sdk::macro_support::Work::Blocking(::std::boxed::Box::new(move || {
                ::grid_sdk::macro_support::Returned(#ident(#(#passes),*)).answer()
            }))
        }
    };
    quote! {
        impl ::grid_sdk::IntoTool for #ident {
            fn into_tool(self) -> ::grid_sdk::Tool {
                #[allow(unused_imports, reason = "only values that are no Result need it")]
                use ::grid_sdk::macro_support::PlainAnswer as _;
                ::grid_sdk::macro_support::tool(
                    #name,
                    #description,
                    |properties| { let _ = &properties; #(#writes)* },
                    |mut fields| {
                        #(#reads)*
                        fields.close();
                        ::core::option::Option::Some({
                            #(let #locals = #locals?;)*
                            #run
                        })
                    },
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
