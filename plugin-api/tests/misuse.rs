//! What the compiler tells an author who holds the macros the wrong way round.
//!
//! `TRYBUILD=overwrite cargo test -p sundae-plugin-api --test misuse` writes the expected messages anew.

#[test]
fn the_compiler_says_what_is_wrong() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
