//! Listings: order, prefix, continuation.

use sundae_plugin_api::artifact_store::ArtifactStore;

use super::objects::write;
use super::{Subject, key};

/// In the order of their bytes, which is neither that of folders nor that of dictionaries: `-` and `.` come before `/`.
const SORTED: [&str; 12] =
    ["0", "10", "9", "B", "a", "b-c", "b.c/d", "b/a", "b/a-a/x", "b/b/x", "b0", "b_c"];

fn filled(subject: &Subject) -> Box<dyn ArtifactStore> {
    let store = subject.open();
    // Neither in their order nor against it.
    for index in [3, 7, 0, 11, 5, 9, 1, 8, 2, 10, 4, 6] {
        write(&*store, SORTED[index], SORTED[index].as_bytes());
    }
    store
}

fn names(
    store: &dyn ArtifactStore,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<String> {
    let after = after.map(key);
    let objects = store
        .list(prefix, after.as_ref(), limit)
        .unwrap_or_else(|error| panic!("`{prefix}` can be listed, and not: {error}"));
    for object in &objects {
        assert_eq!(object.size, object.key.as_str().len() as u64, "{}", object.key);
    }
    objects.into_iter().map(|object| object.key.as_str().to_owned()).collect()
}

pub(super) fn a_listing_is_in_the_order_of_bytes(subject: &Subject) {
    let store = filled(subject);
    assert_eq!(names(&*store, "", None, 100), SORTED);
    assert_eq!(names(&*store, "", None, SORTED.len()), SORTED);
}

pub(super) fn a_listing_takes_the_prefix_as_text(subject: &Subject) {
    let store = filled(subject);
    for (prefix, expected) in [
        ("b", &["b-c", "b.c/d", "b/a", "b/a-a/x", "b/b/x", "b0", "b_c"][..]),
        ("b/", &["b/a", "b/a-a/x", "b/b/x"]),
        ("b/a", &["b/a", "b/a-a/x"]),
        ("b/a-", &["b/a-a/x"]),
        ("b/a-a/", &["b/a-a/x"]),
        ("b/a-a/x", &["b/a-a/x"]),
        ("b.", &["b.c/d"]),
        ("1", &["10"]),
    ] {
        assert_eq!(names(&*store, prefix, None, 100), expected, "prefix `{prefix}`");
    }
}

pub(super) fn a_listing_goes_on_after_a_key(subject: &Subject) {
    let store = filled(subject);
    for (position, name) in SORTED.iter().enumerate() {
        assert_eq!(names(&*store, "", Some(name), 100), SORTED[position + 1..], "after `{name}`");
    }
    // The key need not be there: it may have been removed meanwhile.
    for (after, expected) in
        [("b/a-a", &SORTED[8..]), ("b/a-b", &SORTED[9..]), ("A", &SORTED[3..]), ("c", &[])]
    {
        assert_eq!(names(&*store, "", Some(after), 100), expected, "after `{after}`");
    }
    assert_eq!(names(&*store, "b/", Some("b/a"), 100), ["b/a-a/x", "b/b/x"]);
    assert_eq!(names(&*store, "b/", Some("a"), 100), ["b/a", "b/a-a/x", "b/b/x"]);
    assert_eq!(names(&*store, "b/", Some("b0"), 100), [""; 0]);
}

pub(super) fn a_listing_ends(subject: &Subject) {
    let store = filled(subject);
    assert_eq!(names(&*store, "", None, 0), [""; 0]);
    for limit in [1, 2, 5, 11, 12] {
        let mut all: Vec<String> = Vec::new();
        loop {
            let page = names(&*store, "", all.last().map(String::as_str), limit);
            assert!(page.len() <= limit, "{} objects, and {limit} were wanted", page.len());
            if page.is_empty() {
                break;
            }
            all.extend(page);
            assert!(all.len() <= SORTED.len(), "it does not end: {all:?}");
        }
        assert_eq!(all, SORTED, "by {limit}");
    }
}

pub(super) fn a_prefix_that_no_key_has_lists_nothing(subject: &Subject) {
    let store = filled(subject);
    for prefix in [
        "c", "b/c", "b/a/", "aa", "/", "/etc/", "../", "a/../b", "b//", "./", "x y/z", "ä/", ".",
        "b/.",
    ] {
        assert_eq!(names(&*store, prefix, None, 100), [""; 0], "prefix `{prefix}`");
    }
}

pub(super) fn unfinished_objects_are_not_listed(subject: &Subject) {
    let store = filled(subject);
    if let Some(staging) = store.capabilities().staging {
        let unfinished = staging.join("unfinished");
        std::fs::write(&unfinished, "x").expect("the host may prepare files in the staging folder");
        assert_eq!(names(&*store, "", None, 100), SORTED);
        std::fs::remove_file(unfinished).expect("the host cleans up after itself");
    }
    assert_eq!(names(&*store, "", None, 100), SORTED);
}
