//! From the syntax of a struct or an enum to the constant that describes it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, ExprUnary, Field, Fields, Lit, LitStr,
    Token, UnOp, parenthesized, token,
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
    let of_all = Options::of(&input.attrs)?;
    if let Some(style) = of_all.rename_all {
        return Err(Error::new_spanned(
            style,
            "the fields of a config keep their names: `-` and `_` are the same on the command line",
        ));
    }
    let (mut parts, mut checks) = (Vec::new(), Vec::new());
    for field in fields {
        let mut options = Options::of(&field.attrs)?;
        if options.skipped {
            continue;
        }
        options.optional |= of_all.optional;
        let separator = if parts.is_empty() { "" } else { "," };
        parts.push(quote!(#separator));
        parts.push(json_of_field(field, &options)?);
        checks.extend(check_of_default(field, &options));
    }
    Ok(quote! {
        #(#checks)*
        impl ::sundae_plugin_api::Config for #name {
            const SCHEMA: &'static str = ::sundae_plugin_api::__const_text!("[", #(#parts,)* "]");
        }
    })
}

/// The parts of a field's JSON, as tokens parted by commas.
fn json_of_field(field: &Field, options: &Options) -> Result<TokenStream> {
    let name = match (&options.rename, &field.ident) {
        (Some(name), _) => name.clone(),
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
    let optional = options.optional || options.default.is_some();
    let default = options.default.as_ref();
    let default = default.map_or(String::new(), |default| format!(",\"default\":{}", default.json));
    let secret = options.secret;
    Ok(quote! {
        #head,
        <#field_type as ::sundae_plugin_api::ConfigField>::TYPE,
        if <#field_type as ::sundae_plugin_api::ConfigField>::REQUIRED && !#optional {
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

/// What stops the compiler at a default that does not fit, pointing to it.
fn check_of_default(field: &Field, options: &Options) -> Option<TokenStream> {
    let DefaultValue { json, literal, span } = options.default.as_ref()?;
    let (field_type, secret) = (&field.ty, options.secret);
    Some(quote_spanned! {*span=>
        const _: () = ::sundae_plugin_api::note::check_default(
            <#field_type as ::sundae_plugin_api::ConfigField>::TYPE,
            <#field_type as ::sundae_plugin_api::ConfigField>::SECRET || #secret,
            #literal,
            #json,
        );
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
    default: Option<DefaultValue>,
    /// serde fills it in if it is not given.
    optional: bool,
    secret: bool,
    /// serde does not read it.
    skipped: bool,
}

/// What `#[config(default = …)]` says.
struct DefaultValue {
    json: String,
    /// `text`, `integer`, `float` or `boolean`.
    literal: &'static str,
    span: Span,
}

impl Options {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("config") {
                attribute.parse_nested_meta(|meta| options.hear_config(&meta))?;
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| options.hear_serde(&meta))?;
            }
        }
        Ok(options)
    }

    fn hear_config(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("secret") {
            self.secret = true;
        } else if meta.path.is_ident("default") {
            self.default = Some(default_of(&meta.value()?.parse()?)?);
        } else {
            return Err(meta.error("a config field has `default = …` and `secret`"));
        }
        Ok(())
    }

    /// serde has a good many attributes more. Those that do not change what may be given are passed over.
    fn hear_serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("flatten") {
            return Err(meta
                .error("a config is flat: each of its fields is one option on the command line"));
        }
        if meta.path.is_ident("rename") && meta.input.peek(Token![=]) {
            self.rename = Some(meta.value()?.parse::<LitStr>()?.value());
        } else if meta.path.is_ident("rename_all") && meta.input.peek(Token![=]) {
            self.rename_all = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("rename") || meta.path.is_ident("rename_all") {
            return Err(meta.error("the schema follows `rename = \"…\"` only"));
        } else {
            self.optional |= meta.path.is_ident("default");
            self.skipped |= meta.path.is_ident("skip") || meta.path.is_ident("skip_deserializing");
            if meta.input.peek(Token![=]) {
                meta.value()?.parse::<Expr>()?;
            } else if meta.input.peek(token::Paren) {
                let inner;
                parenthesized!(inner in meta.input);
                inner.parse::<TokenStream>()?;
            }
        }
        Ok(())
    }
}

fn default_of(expression: &Expr) -> Result<DefaultValue> {
    let span = expression.span();
    let of = |json, literal| Ok(DefaultValue { json, literal, span });
    match expression {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => of(json_string(&text.value()), "text"),
            Lit::Int(number) => of(number.base10_digits().to_owned(), "integer"),
            // `1.` is a number in Rust and not in JSON.
            Lit::Float(number) => of(number.base10_parse::<f64>()?.to_string(), "float"),
            Lit::Bool(value) => of(value.value.to_string(), "boolean"),
            other => Err(Error::new_spanned(other, "a default is a text, a number or a bool")),
        },
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => {
            let DefaultValue { json, literal, .. } = default_of(expr)?;
            of(format!("-{json}"), literal)
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
    let lines: Vec<_> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
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
