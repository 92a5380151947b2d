//! Folders as artifacts, and what becomes of files that are not only the step's.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use sundae::artifact::{ArtifactKind, fetch, files_in, is_present, object_key, publish};
use sundae::engine::event::RunStatus;
use sundae_plugin_api::ArtifactStore as _;

use super::meddled::{Call, MeddledStore};
use super::support::{self, Bed, wait_until};

#[test]
fn a_folder_arrives_as_it_was_made() {
    let mut bed = Bed::new();
    let told = bed.run(
        "
        [[steps]]
        name = 'make'
        run = '''
            mkdir -p {out.x}/a/b {out.x}/empty/er
            echo text > {out.x}/a/b/file
            printf '#!/bin/sh\\necho it runs' > {out.x}/a/tool
            chmod +x {out.x}/a/tool
            ln -s b/file {out.x}/a/link
            ln -s ../a/tool {out.x}/empty/link
            ln -s nowhere {out.x}/dangling
            : > \"{out.x}/ a name\twith é\"
        '''
        outputs = ['x']
        [[steps]]
        name = 'use'
        run = '''
            cd {in.x}
            find . | LC_ALL=C sort
            cat a/link
            empty/link
            readlink dangling
        '''
        inputs = { x = 'make.x' }
        ",
    );
    assert_eq!(told.status(), RunStatus::Completed, "{}", told.report("use").log_tail);
    let log = bed.content(told.report("use").outcome.log.as_ref().unwrap());
    assert_eq!(
        log.lines().collect::<Vec<_>>(),
        [
            ".",
            "./ a name\twith é",
            "./a",
            "./a/b",
            "./a/b/file",
            "./a/link",
            "./a/tool",
            "./dangling",
            "./empty",
            "./empty/er",
            "./empty/link",
            "text",
            "it runs",
            "nowhere",
        ]
    );
    let artifact = told.output("make", "x");
    assert_eq!((artifact.kind, artifact.size), (ArtifactKind::Folder, 5 + 22));
}

#[test]
fn the_order_in_which_files_were_made_does_not_count() {
    let mut bed = Bed::new();
    let told = bed.run(
        "
        [[steps]]
        name = 'a'
        run = 'mkdir {out.x}; echo 1 > {out.x}/1; echo 2 > {out.x}/2'
        outputs = ['x']
        [[steps]]
        name = 'b'
        run = 'mkdir {out.x}; echo 2 > {out.x}/2; sleep 0.02; echo 1 > {out.x}/1'
        outputs = ['x']
        ",
    );
    assert_eq!(told.output("a", "x"), told.output("b", "x"));
}

/// A step may hand over what belongs to somebody else; that must stay with them.
#[test]
fn what_an_output_links_to_stays_where_it_is() {
    let mut bed = Bed::new();
    fs::create_dir(bed.path("mine")).unwrap();
    bed.write("mine/file", "folder");
    bed.write("file", "file");
    bed.write("named", "twice");
    let told = bed.run(
        "
        [[steps]]
        name = 'a'
        run = 'ln -s $PWD/mine {out.folder}; ln -s $PWD/file {out.file}; ln named {out.named}'
        outputs = ['folder', 'file', 'named']
        [[steps]]
        name = 'b'
        run = 'cat {in.folder}/file {in.file} {in.named}'
        inputs = { folder = 'a.folder', file = 'a.file', named = 'a.named' }
        ",
    );
    assert_eq!(told.report("b").log_tail, "folderfiletwice");
    for name in ["mine/file", "file", "named"] {
        // Neither moved nor made read-only: whoever they belong to can go on with them.
        let content = bed.read(name);
        assert!(!content.is_empty(), "{name} has gone");
        assert!(!fs::metadata(bed.path(name)).unwrap().permissions().readonly(), "{name}");
        fs::write(bed.path(name), "changed").unwrap();
    }
    assert_eq!(bed.content(told.output("a", "named")), "twice");
}

#[test]
fn a_name_that_is_no_text_is_refused() {
    let mut bed = Bed::new();
    let told = bed.run(
        "[[steps]]\nname = 'a'\nrun = '''mkdir {out.x}; : > {out.x}/$(printf '\\377')'''\noutputs = ['x']\n",
    );
    assert!(
        told.reason("a").ends_with("cannot be part of an artifact: its name is not valid UTF-8")
    );
}

/// Where each answer takes its time, ten thousand files must not take ten thousand times as long.
#[test]
fn the_files_of_a_folder_go_far_away_and_come_back_several_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let [store, made, got] = ["store", "made", "got"].map(|name| folder.path().join(name));
    let (put, gotten) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut store = MeddledStore::new(&store, move |call, _| {
        let under_way = match call {
            Call::Put => &put,
            Call::Get => &gotten,
            _ => return Ok(()),
        };
        under_way.fetch_add(1, Ordering::Relaxed);
        wait_until("eight are under way", || under_way.load(Ordering::Relaxed) >= 8);
        Ok(())
    });
    store.capabilities.staging = None;
    fs::create_dir(&made).unwrap();
    let expected: Vec<_> = (10..30).map(|n| (n.to_string(), format!("file {}", n / 2))).collect();
    for (name, content) in &expected {
        fs::write(made.join(name), content).unwrap();
    }
    let artifact = publish(&store, &made).unwrap();
    let fetched = fetch(&store, &artifact, &got).unwrap();
    let fetched = fetched.iter().map(|file| {
        let name = file.path.file_name().unwrap().to_str().unwrap();
        (name.to_owned(), fs::read_to_string(&file.path).unwrap())
    });
    assert_eq!(fetched.collect::<Vec<_>>(), expected);
    assert!(is_present(&store, &artifact).unwrap());
    let digest = &files_in(&store, &artifact).unwrap()[7].1.digest;
    store.delete(&object_key(digest).unwrap()).unwrap();
    assert!(!is_present(&store, &artifact).unwrap());
}

/// What is in a folder.
#[derive(Debug, Clone)]
enum Node {
    File(Vec<u8>, bool),
    Folder(Vec<(String, Self)>),
}

fn node() -> impl Strategy<Value = Node> {
    let file = (prop::collection::vec(any::<u8>(), 0..9), any::<bool>());
    let leaf = file.prop_map(|(bytes, executable)| Node::File(bytes, executable));
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop::collection::vec(("[a-z. é\"\\\\]{1,5}", inner), 0..5).prop_map(Node::Folder)
    })
}

fn make(node: &Node, path: &Path) {
    match node {
        Node::File(bytes, executable) => {
            fs::write(path, bytes).unwrap();
            let mode = if *executable { 0o755 } else { 0o644 };
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(path, mode).unwrap();
        }
        Node::Folder(entries) => {
            fs::create_dir_all(path).unwrap();
            for (name, node) in entries {
                let path = path.join(name);
                // `.` and `..` and names that came before are there already.
                if !path.exists() {
                    make(node, &path);
                }
            }
        }
    }
}

/// Everything in a folder: path, content, and whether it may be run.
fn listed(folder: &Path) -> Vec<(String, Option<Vec<u8>>, bool)> {
    let mut listed = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(folder).unwrap().display().to_string();
        let is_file = entry.file_type().is_file();
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
        let content = is_file.then(|| fs::read(entry.path()).unwrap());
        listed.push((path, content, is_file && mode & 0o111 != 0));
    }
    listed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_folder_comes_back_from_the_store(node in node()) {
        let folder = tempfile::tempdir().unwrap();
        let store = support::store(&folder.path().join("store"));
        let [given, fetched, again] = ["given", "fetched", "again"].map(|name| folder.path().join(name));
        make(&node, &given);
        let before = listed(&given);
        let artifact = publish(&store, &given).unwrap();
        fetch(&store, &artifact, &fetched).unwrap();
        prop_assert_eq!(listed(&fetched), before);
        // The same content is the same artifact, and an artifact can be published again without harm to the first.
        prop_assert_eq!(&publish(&store, &fetched).unwrap(), &artifact);
        fetch(&store, &artifact, &again).unwrap();
    }
}
