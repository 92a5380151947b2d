//! `#[derive(Config)]`: a flavor's config schema as a constant, from the struct that its author wrote anyway.

mod schema;

use proc_macro::TokenStream;

/// Derives `Config` for a struct with named fields, and `ConfigField` for an enum of plain names.
///
/// Attributes of a field: `#[config(default = 4)]` gives the value that it has if it is not given; `#[config(secret)]`
/// keeps it out of every output. What serde is told is followed where it changes what may be given: `rename`, `default`,
/// `skip`, and `rename_all` on enums.
#[proc_macro_derive(Config, attributes(config, serde))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    schema::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
