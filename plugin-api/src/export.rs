//! `export_plugin!`: everything that turns a crate of flavors into a plugin.

/// Makes this crate a plugin that offers the flavors named.
///
/// ```ignore
/// export_plugin! {
///     /// Keeps artifacts in memory, for tests.
///     artifact_store "memory" = Memory;
/// }
/// ```
///
/// To be called once, in a crate of type `cdylib`. Each flavor has a doc comment (its summary), the snake-case name of its
/// kind, its name (lowercase letters, digits and `-`), and the type that implements [`Component`](crate::Component) and the trait of the kind. Name, version,
/// summary, licence, homepage and authors of the plugin are those of the crate's `Cargo.toml`.
#[macro_export]
macro_rules! export_plugin {
    ($($(#[doc = $summary:literal])+ $kind:ident $name:literal = $component:ty;)+) => {
        const _: () = {
            // Every call from the host is guarded against panics, and with `abort` there is nothing to guard.
            #[cfg(panic = "abort")]
            ::core::compile_error!(
                "a panic in a plugin would end the host: take `panic = \"abort\"` out of the profile"
            );

            const _: () =
                $crate::note::check_flavors(&[$(($crate::abi::$kind::KIND, $name)),+]);

            static FLAVORS: &[$crate::abi::ExportedFlavor] = &[
                $($crate::abi::ExportedFlavor {
                    name: $name,
                    kind: $crate::abi::$kind::KIND,
                    open: $crate::abi::$kind::opener::<$component>(),
                },)+
            ];

            extern "C" fn query(
                id: $crate::abi::reexport::RStr<'_>,
            ) -> $crate::abi::reexport::ROption<$crate::abi::Interface> {
                extern "C" fn open_artifact_store(
                    name: $crate::abi::reexport::RStr<'_>,
                    config: $crate::abi::reexport::RStr<'_>,
                    host: $crate::abi::host::BoxedHost,
                ) -> $crate::abi::artifact_store::Opened {
                    $crate::abi::artifact_store::open(FLAVORS, name, config, host)
                }
                extern "C" fn open_orchestrator(
                    name: $crate::abi::reexport::RStr<'_>,
                    config: $crate::abi::reexport::RStr<'_>,
                    host: $crate::abi::host::BoxedHost,
                ) -> $crate::abi::orchestrator::Opened {
                    $crate::abi::orchestrator::open(FLAVORS, name, config, host)
                }
                static ARTIFACT_STORE: $crate::abi::artifact_store::Table =
                    $crate::abi::artifact_store::Table { open: open_artifact_store };
                static ORCHESTRATOR: $crate::abi::orchestrator::Table =
                    $crate::abi::orchestrator::Table { open: open_orchestrator };
                $crate::abi::answer(id, FLAVORS, &ARTIFACT_STORE, &ORCHESTRATOR)
            }

            /// The root: what the host looks up in the library.
            #[unsafe(no_mangle)]
            pub static SUNDAE_PLUGIN: $crate::abi::Root = $crate::abi::Root::new(query);

            const IDENTITY: &str = $crate::__const_text!(
                r#"{"name":"#,
                $crate::__const_json!($crate::note::plugin_name(env!("CARGO_PKG_NAME"))),
                r#","version":"#,
                $crate::__const_json!(env!("CARGO_PKG_VERSION")),
                r#","summary":"#,
                $crate::__const_json!(env!("CARGO_PKG_DESCRIPTION")),
                r#","license":"#,
                $crate::__const_json!(env!("CARGO_PKG_LICENSE")),
                r#","homepage":"#,
                $crate::__const_json!(env!("CARGO_PKG_HOMEPAGE")),
                r#","authors":"#,
                $crate::__const_json!(env!("CARGO_PKG_AUTHORS")),
                r#","boundary":"#,
                $crate::__const_json!($crate::identity::BOUNDARY),
                r#","target":"#,
                $crate::__const_json!($crate::abi::TARGET),
                r#","features":"#,
                $crate::__const_json!($crate::abi::FEATURES),
                r#","api":"#,
                $crate::__const_json!($crate::abi::API),
                r#","rustc":"#,
                $crate::__const_json!($crate::abi::RUSTC),
                r#","panic":"#,
                if ::core::cfg!(panic = "abort") { r#""abort""# } else { r#""unwind""# },
                r#","flavors":["#,
                $crate::__const_text!($(
                    r#",{"kind":"#,
                    $crate::__const_json!($crate::abi::$kind::KIND),
                    r#","name":"#,
                    $crate::__const_json!($name),
                    r#","summary":"#,
                    $crate::__const_json!($crate::note::trim_doc($crate::__const_text!($($summary),+))),
                    r#","interfaces":["#,
                    $crate::__const_json!($crate::abi::$kind::INTERFACE),
                    r#"],"config":"#,
                    <<$component as $crate::Component>::Config as $crate::Config>::SCHEMA,
                    "}",
                )+)
                // Each flavor starts with a comma, so that none is a special case; the first one goes.
                .split_at(1)
                .1,
                "]}",
            );

            #[used]
            #[cfg_attr(
                any(target_os = "linux", target_os = "android", target_os = "freebsd"),
                unsafe(link_section = ".note.sundae")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__sundae"))]
            #[cfg_attr(windows, unsafe(link_section = ".sundae"))]
            static NOTE: $crate::note::Note<{ $crate::note::padded(IDENTITY.len()) }> =
                $crate::note::Note::new(IDENTITY);
        };
    };    ($($other:tt)*) => {
        ::core::compile_error!(
            "each flavor is written as a doc comment that says what it does, then `kind \"name\" = Type;`"
        );
    };
}
