//! Libraries of others, found, judged, probed and loaded: sound ones, and one that does everything a plugin must not do.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod support;

mod plugin {
    mod behavior;
    mod boundary;
    mod loading;
    mod probe;
    mod quarantine;
    mod refusal;
    mod third_party;
    mod world;
}
