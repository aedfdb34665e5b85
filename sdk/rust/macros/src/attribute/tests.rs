//! What cannot be declared is refused, and the refusal names the parameter and what to use instead.

use super::*;

/// The refusal of a function under `#[tool(…)]`.
fn refusal(attribute: TokenStream, item: TokenStream) -> String {
    expand(attribute, item).unwrap_err().to_string()
}

fn refused_parameter(ty: TokenStream) -> String {
    let item = quote! {
        /// Does something.
        async fn act(first: i64, second: #ty) {}
    };
    refusal(quote!(), item)
}

#[test]
fn unmappable_types_are_refused_with_the_name_and_a_hint() {
    for (ty, hint) in [
        (quote!(u64), "use `i64`"),
        (quote!(usize), "use `i64`"),
        (quote!(i128), "use `i64`"),
        (quote!(char), "use `String`"),
        (quote!(&[u8]), "use an owned type"),
        (quote!(Option<&str>), "use an owned type"),
        (quote!(&mut str), "use an owned type"),
        (quote!((i64, i64)), "use a struct"),
        (quote!([i64; 2]), "use `Vec<T>`"),
        (quote!(Vec), "use `Vec<T>`"),
        (quote!(std::collections::HashSet<String>), "use `Vec<T>`"),
        (quote!(Vec<Option<u64>>), "use `i64`"),
        (quote!(HashMap<i64, String>), "`String` keys"),
        (quote!(BTreeMap<String, u64>), "use `i64`"),
        (quote!(serde_json::Value), "concrete type"),
        (quote!(impl Into<String>), "concrete type"),
        (quote!(Vec<dyn Send>), "concrete type"),
        (quote!(fn()), "use a struct"),
    ] {
        let message = refused_parameter(ty.clone());
        assert!(message.starts_with("parameter `second` cannot be declared: "), "{message}");
        assert!(message.contains(hint), "{ty}: {message}");
    }
}

#[test]
fn a_tool_without_a_description_is_refused() {
    let message = refusal(quote!(), quote! { fn act() {} });
    assert!(message.contains("`act` has no description"), "{message}");
    let blank = refusal(quote!(description = "  "), quote! { fn act() {} });
    assert!(blank.contains("no description"), "{blank}");
}

#[test]
fn a_name_outside_the_pattern_is_refused() {
    for name in ["", "1st", "-x", "has space", "añb", &"x".repeat(65)] {
        let message = refusal(quote!(name = #name), quote! { /** Acts. */ fn act() {} });
        assert!(message.contains("is no tool name"), "{name}: {message}");
    }
}

#[test]
fn a_description_of_a_parameter_that_does_not_exist_is_refused() {
    let message = refusal(
        quote!(),
        quote! {
            /// Acts.
            ///
            /// # Arguments
            /// * `frist` - a slip
            fn act(first: i64) {}
        },
    );
    assert!(message.contains("`frist`, which is no parameter"), "{message}");
}

#[test]
fn generic_unsafe_and_borrowing_functions_are_refused() {
    for (item, word) in [
        (
            quote!(
                fn act<T>(first: T) {}
            ),
            "generic",
        ),
        (
            quote!(
                unsafe fn act() {}
            ),
            "unsafe",
        ),
        (
            quote!(
                fn act(text: &str) -> &str {
                    text
                }
            ),
            "owned",
        ),
        (
            quote!(
                fn act() -> impl Send {}
            ),
            "owned",
        ),
        (
            quote!(
                fn act(&self) {}
            ),
            "`self`",
        ),
        (
            quote!(
                fn act((a, b): Pair) {}
            ),
            "needs a name",
        ),
    ] {
        let item = quote! { #[doc = "Acts."] #item };
        let message = refusal(quote!(), item);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn an_unknown_setting_is_refused() {
    let message = refusal(quote!(nmae = "x"), quote! { /** Acts. */ fn act() {} });
    assert!(message.contains("`name = "), "{message}");
}
