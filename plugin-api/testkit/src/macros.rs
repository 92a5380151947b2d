//! From a line in an author's `tests/behavior.rs` to a test for each case.

/// Tests an artifact store; see the documentation of the crate.
#[macro_export]
macro_rules! artifact_store {
    ($name:ident: $component:ty = $config:expr $(;)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            /// What gives a configuration may also give an `Option` of one.
            fn config(folder: &::std::path::Path) -> Option<$crate::Value> {
                let config: fn(&::std::path::Path) -> _ = $config;
                config(folder).into()
            }
            $crate::__artifact_store_cases! { __tests { artifact_store, $component, config } }
        }
    };
}

/// Tests an orchestrator; see the documentation of the crate.
#[macro_export]
macro_rules! orchestrator {
    ($name:ident: $component:ty = $config:expr $(;)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            /// What gives a configuration may also give an `Option` of one.
            fn config(folder: &::std::path::Path) -> Option<$crate::Value> {
                let config: fn(&::std::path::Path) -> _ = $config;
                config(folder).into()
            }
            $crate::__orchestrator_cases! { __tests { orchestrator, $component, config } }
        }
    };
}

/// A test for each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ({ $kind:ident, $component:ty, $config:expr } $($case:ident)+) => {
        #[test]
        fn the_schema_is_sound() {
            $crate::$kind::test_schema::<$component>();
        }
        $(#[test]
        fn $case() {
            $crate::$kind::test::<$component>(stringify!($case), $config);
        })+
    };
}

/// The cases as a table.
#[doc(hidden)]
#[macro_export]
macro_rules! __table {
    ({} $($case:ident)+) => {
        &[$($crate::Case::new(stringify!($case), $case)),+]
    };
}
