//! From the syntax of a struct or an enum to the constant that describes it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, ExprUnary, Field, Fields, Lit, LitStr,
};

type Result<T> = std::result::Result<T, Error>;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a config cannot be generic"));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => config_of_struct(input, fields.named.iter()),
            Fields::Unit => config_of_struct(input, std::iter::empty()),
            Fields::Unnamed(_) => Err(Error::new_spanned(
                &input.ident,
                "a config needs named fields: the names are what people give on the command line",
            )),
        },
        Data::Enum(data) => field_of_enum(input, data),
        Data::Union(_) => Err(Error::new_spanned(&input.ident, "a config cannot be a union")),
    }
}

fn config_of_struct<'a>(
    input: &DeriveInput,
    fields: impl Iterator<Item = &'a Field>,
) -> Result<TokenStream> {
    let name = &input.ident;
    let mut parts = Vec::new();
    for field in fields {
        let separator = if parts.is_empty() { "" } else { "," };
        parts.push(quote!(#separator));
        parts.push(json_of_field(field)?);
    }
    Ok(quote! {
        impl ::sundae_plugin_api::Config for #name {
            const SCHEMA: &'static str = ::sundae_plugin_api::__const_text!("[", #(#parts,)* "]");
        }
    })
}

/// The parts of a field's JSON, as tokens parted by commas.
fn json_of_field(field: &Field) -> Result<TokenStream> {
    let options = Options::of(&field.attrs)?;
    let name = match (options.rename, &field.ident) {
        (Some(name), _) => name,
        (None, Some(ident)) => {
            let name = ident.to_string();
            name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
        }
        (None, None) => unreachable!("only structs with named fields come here"),
    };
    let field_type = &field.ty;
    let head = format!(
        "{{\"name\":{},\"help\":{},",
        json_string(&name),
        json_string(&doc_of(&field.attrs))
    );
    let has_default = options.default.is_some();
    let default = options.default.map_or(String::new(), |json| format!(",\"default\":{json}"));
    let secret = options.secret;
    Ok(quote! {
        #head,
        <#field_type as ::sundae_plugin_api::ConfigField>::TYPE,
        if <#field_type as ::sundae_plugin_api::ConfigField>::REQUIRED && !#has_default {
            ",\"required\":true"
        } else {
            ""
        },
        if <#field_type as ::sundae_plugin_api::ConfigField>::SECRET || #secret {
            ",\"secret\":true"
        } else {
            ""
        },
        #default,
        "}"
    })
}

fn field_of_enum(input: &DeriveInput, data: &syn::DataEnum) -> Result<TokenStream> {
    let name = &input.ident;
    let style = Options::of(&input.attrs)?.rename_all;
    let mut choices = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a choice of a config cannot hold data"));
        }
        let choice = match Options::of(&variant.attrs)?.rename {
            Some(choice) => choice,
            None => renamed(&variant.ident.to_string(), style.as_ref())?,
        };
        choices.push(json_string(&choice));
    }
    let json = format!("\"type\":\"choice\",\"choices\":[{}]", choices.join(","));
    Ok(quote! {
        impl ::sundae_plugin_api::ConfigField for #name {
            const TYPE: &'static str = #json;
        }
    })
}

/// A variant's name as serde would write it.
fn renamed(variant: &str, style: Option<&LitStr>) -> Result<String> {
    let parted = |separator: char| {
        let mut out = String::new();
        for (position, letter) in variant.chars().enumerate() {
            if letter.is_uppercase() && position > 0 {
                out.push(separator);
            }
            out.extend(letter.to_lowercase());
        }
        out
    };
    let Some(style) = style else { return Ok(variant.to_owned()) };
    match style.value().as_str() {
        "lowercase" => Ok(variant.to_lowercase()),
        "UPPERCASE" => Ok(variant.to_uppercase()),
        "kebab-case" => Ok(parted('-')),
        "snake_case" => Ok(parted('_')),
        _ => Err(Error::new_spanned(
            style,
            "the schema follows lowercase, UPPERCASE, kebab-case and snake_case only",
        )),
    }
}

/// What the attributes say.
#[derive(Default)]
struct Options {
    rename: Option<String>,
    rename_all: Option<LitStr>,
    /// As JSON.
    default: Option<String>,
    secret: bool,
}

impl Options {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("config") {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("secret") {
                        options.secret = true;
                        Ok(())
                    } else if meta.path.is_ident("default") {
                        options.default = Some(json_of_literal(&meta.value()?.parse()?)?);
                        Ok(())
                    } else {
                        Err(meta.error("a config field has `default = …` and `secret`"))
                    }
                })?;
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("rename") {
                        options.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                    } else if meta.path.is_ident("rename_all") {
                        options.rename_all = Some(meta.value()?.parse()?);
                    } else if meta.input.peek(syn::Token![=]) {
                        meta.value()?.parse::<Expr>()?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(options)
    }
}

fn json_of_literal(expression: &Expr) -> Result<String> {
    match expression {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Ok(json_string(&text.value())),
            Lit::Int(number) => Ok(number.base10_digits().to_owned()),
            Lit::Float(number) => Ok(number.base10_digits().to_owned()),
            Lit::Bool(value) => Ok(value.value.to_string()),
            other => Err(Error::new_spanned(other, "a default is a text, a number or a bool")),
        },
        Expr::Unary(ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => {
            Ok(format!("-{}", json_of_literal(expr)?))
        }
        other => Err(Error::new_spanned(
            other,
            "a default is a literal, because it is read without running anything",
        )),
    }
}

/// The doc comment as one paragraph.
fn doc_of(attributes: &[Attribute]) -> String {
    let lines: Vec<_> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta.require_name_value().ok()?.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        })
        .collect();
    lines.join(" ").trim().to_owned()
}

fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if (control as u32) < 0x20 => {
                out.push_str(&format!("\\u{:04x}", control as u32));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
