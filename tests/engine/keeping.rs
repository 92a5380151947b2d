//! Tidying up a store beside runs: what runs have come to rely on since it was found out what may go, stays.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sundae::artifact::lease::{Leased, Removal, hold};
use sundae::artifact::{is_present, publish};
use sundae::engine::event::{RunStatus, StepStatus};
use sundae::keeping::{
    Digest, Fault, Garbage, Inventory, KeepingError, Need, Needs, Progress, Swept, find_garbage,
    repair, sweep, verify,
};

use super::resuming;
use super::support::{Bed, Told, wait_until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const STEPS: &str = r#"
[[steps]]
name = "make"
run = "mkdir {out.folder}; seq 100 > {out.folder}/a; seq 200 > {out.folder}/b; echo made"
outputs = ["folder"]
[[steps]]
name = "use"
run = "cat {in.folder}/a {in.folder}/b > {out.all}"
inputs = { folder = "make.folder" }
outputs = ["all"]
"#;

/// Makes all that is in the store two days older than it is.
pub(crate) fn age(store: &Path) {
    let then = SystemTime::now() - 2 * DAY;
    for folder in ["objects", "outcomes", "leases", "attempts"] {
        for entry in walkdir::WalkDir::new(store.join(folder)).into_iter().filter_map(Result::ok) {
            if !entry.file_type().is_file() {
                continue;
            }
            if folder == "outcomes" {
                make_older(entry.path());
            }
            File::open(entry.path()).unwrap().set_modified(then).unwrap();
        }
    }
}

/// An outcome also says how old it is.
fn make_older(outcome: &Path) {
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(outcome).unwrap()).unwrap();
    let ended: jiff::Timestamp = value["ended"].as_str().unwrap().parse().unwrap();
    value["ended"] = (ended - jiff::SignedDuration::from_hours(48)).to_string().into();
    let aside = outcome.with_extension("aside");
    fs::write(&aside, value.to_string()).unwrap();
    fs::rename(aside, outcome).unwrap();
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

fn needs() -> Needs {
    Needs { grace_ms: DAY.as_millis().try_into().unwrap(), now_ms: now_ms(), ..Needs::default() }
}

fn garbage(bed: &Bed, needs: &Needs) -> Garbage {
    let progress = Progress::default();
    let inventory = Inventory::read(&*bed.store, &progress).unwrap();
    find_garbage(&*bed.store, inventory, needs, &progress).unwrap()
}

fn swept(bed: &Bed, garbage: &Garbage) -> Swept {
    sweep(&*bed.store, garbage, now_ms(), &Progress::default()).unwrap()
}

fn store(bed: &Bed) -> std::path::PathBuf {
    bed.folder.path().join("store")
}

/// A store that had a run two days ago.
fn aged() -> (Bed, Told) {
    let mut bed = Bed::new();
    let told = bed.run(STEPS);
    assert_eq!(told.status(), RunStatus::Completed);
    age(&store(&bed));
    (bed, told)
}

#[track_caller]
fn assert_whole(bed: &Bed, told: &Told) {
    for (step, output) in [("make", "folder"), ("use", "all")] {
        let artifact = told.output(step, output);
        assert!(is_present(&*bed.store, artifact).unwrap(), "{step}.{output} has gone");
    }
}

#[test]
fn what_nothing_needs_goes_and_a_run_makes_it_again() {
    let (mut bed, first) = aged();
    let found = garbage(&bed, &needs());
    // A folder of two files, another file, and a log.
    assert_eq!((found.objects.len(), found.outcomes.len()), (5, 2));
    assert_eq!((found.kept.objects, found.young.objects), (0, 0));
    let done = swept(&bed, &found);
    assert_eq!((done.objects.objects, done.outcomes, done.spared), (5, 2, 0));
    assert_eq!(bed.store.list("", None, 9).unwrap(), []);
    let again = bed.run(STEPS);
    assert_eq!(again.summary(), "make completed, use completed");
    assert_eq!(again.output("use", "all"), first.output("use", "all"));
}

#[test]
fn what_is_young_or_needed_stays() {
    let mut bed = Bed::new();
    let told = bed.run(STEPS);
    let young = garbage(&bed, &needs());
    assert!(young.is_empty(), "{young:?}");
    assert_eq!((young.kept.objects, young.young.objects), (0, 5));
    age(&store(&bed));
    let mut of_run = needs();
    of_run.kept.add(told.output("make", "folder").kind, &told.output("make", "folder").digest);
    let found = garbage(&bed, &of_run);
    assert_eq!((found.kept.objects, found.objects.len(), found.outcomes.len()), (3, 2, 2));
    let outcomes: HashSet<Digest> = Inventory::read(&*bed.store, &Progress::default())
        .unwrap()
        .outcomes
        .iter()
        .map(|o| o.digest)
        .collect();
    let found = garbage(&bed, &Needs { outcomes, ..needs() });
    assert!(found.is_empty(), "a step of a run that is kept has these keys: {found:?}");
    let found = garbage(&bed, &Needs { outcomes_ms: 3 * needs().grace_ms, ..needs() });
    assert!(found.is_empty(), "they are younger than what shall go: {found:?}");
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let (bed, _) = aged();
    let others = [
        "objects/readme",
        "objects/a/short",
        "objects/A/Bcdef",
        "outcomes/notes.txt",
        "data/raw.csv",
        "leased",
    ];
    for name in others {
        let path = store(&bed).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    swept(&bed, &garbage(&bed, &needs()));
    for name in others {
        assert!(store(&bed).join(name).is_file(), "{name}");
    }
    assert_eq!(bed.store.list("", None, 99).unwrap().len(), others.len());
}

#[test]
fn an_old_outcome_that_is_found_again_keeps_its_data() {
    let (mut bed, _) = aged();
    let found = garbage(&bed, &needs());
    let again = bed.run(STEPS);
    assert!(again.statuses().values().all(|status| *status == StepStatus::Cached));
    let done = swept(&bed, &found);
    assert_eq!((done.objects.objects, done.spared), (0, 5), "{done:?}");
    assert_whole(&bed, &again);
    // For a day.
    assert_eq!(garbage(&bed, &needs()).objects, []);
    age(&store(&bed));
    let later = garbage(&bed, &needs());
    assert_eq!((later.objects.len(), later.leases.len()), (5, 2));
    swept(&bed, &later);
    assert_eq!(bed.store.list("", None, 9).unwrap(), []);
}

#[test]
fn what_is_made_again_meanwhile_stays() {
    let (mut bed, _) = aged();
    let found = garbage(&bed, &needs());
    bed.use_cache = false;
    let again = bed.run(STEPS);
    assert_eq!(again.summary(), "make completed, use completed");
    let done = swept(&bed, &found);
    assert_eq!((done.objects.objects, done.outcomes, done.spared), (0, 0, 7), "{done:?}");
    assert_whole(&bed, &again);
    bed.use_cache = true;
    assert_eq!(bed.run(STEPS).summary(), "make cached, use cached");
}

#[test]
fn whoever_makes_an_old_object_again_waits_until_it_is_removed() {
    let (bed, told) = aged();
    let digest = told.output("use", "all").digest.clone();
    let path = bed.path("again");
    fs::copy(bed.object(&digest), &path).unwrap();
    let removal = Removal::announce(&*bed.store).unwrap();
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            publish(&*bed.store, &path).unwrap();
            sender.send(()).unwrap();
        });
        let lease = store(&bed).join("leases").join(&digest[..1]).join(&digest[1..]);
        wait_until("it is leased", || lease.is_file());
        assert!(receiver.try_recv().is_err(), "it was put while its removal was announced");
        // As the one that removes does it who has read the leases before.
        fs::remove_file(bed.object(&digest)).unwrap();
        drop(removal);
    });
    receiver.recv().unwrap();
    assert!(is_present(&*bed.store, told.output("use", "all")).unwrap());
}

#[test]
fn whoever_finds_an_old_outcome_looks_for_its_data_after_the_removal() {
    let (mut bed, told) = aged();
    let artifact = told.output("use", "all").clone();
    let object = bed.object(&artifact.digest);
    let store_path = store(&bed);
    let removal_store = super::support::store(&store_path);
    let removal = Removal::announce(&removal_store).unwrap();
    let again = std::thread::scope(|scope| {
        let run = scope.spawn(|| bed.run_carelessly(STEPS));
        let leases = store_path.join("leases");
        wait_until("something is leased", || {
            walkdir::WalkDir::new(&leases)
                .into_iter()
                .any(|e| e.is_ok_and(|e| e.file_type().is_file()))
        });
        fs::remove_file(&object).unwrap();
        drop(removal);
        run.join().unwrap()
    });
    assert_eq!(again.summary(), "make cached, use completed", "{again:?}");
    assert_eq!(again.warnings(), Vec::<&str>::new());
}

#[test]
fn an_announcement_that_goes_away_is_waited_for_once_only() {
    let bed = Bed::new();
    let first = Removal::announce(&*bed.store).unwrap();
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let leased =
                Leased { kind: sundae::artifact::ArtifactKind::File, digest: "ab".repeat(32) };
            hold(&*bed.store, &"cd".repeat(32), [leased]).unwrap();
            sender.send(()).unwrap();
        });
        wait_until("it is leased", || !bed.store.list("leases/", None, 1).unwrap().is_empty());
        // One removal follows the other: nobody is kept waiting by that.
        let second = Removal::announce(&*bed.store).unwrap();
        drop(first);
        wait_until("it is held", || receiver.try_recv().is_ok());
        drop(second);
    });
}

#[test]
fn where_an_outcome_cannot_be_understood_nothing_goes() {
    let (bed, _) = aged();
    let outcome = bed.store.list("outcomes/", None, 1).unwrap().remove(0);
    let path = store(&bed).join(&outcome.key);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "{\"run\":").unwrap();
    let progress = Progress::default();
    let inventory = Inventory::read(&*bed.store, &progress).unwrap();
    let error = find_garbage(&*bed.store, inventory, &needs(), &progress).unwrap_err();
    assert!(matches!(error, KeepingError::Unreadable { key, .. } if key == outcome.key));
}

#[test]
fn a_store_is_read_and_what_is_wrong_is_named_and_taken_out() {
    let mut bed = Bed::new();
    let told = bed.run(STEPS);
    let folder = told.output("make", "folder").clone();
    let need = Need {
        name: "p-1/make.folder".to_owned(),
        kind: folder.kind,
        digest: Digest::parse(&folder.digest).unwrap(),
    };
    let progress = Progress::default();
    let all_is_well = verify(&*bed.store, std::slice::from_ref(&need), &progress).unwrap();
    assert_eq!((all_is_well.objects, all_is_well.outcomes), (5, 2));
    assert_eq!(all_is_well.damages, []);
    // One file of the folder is damaged, the other one is missing.
    let digest = |text: String| blake3::hash(text.as_bytes()).to_hex().to_string();
    let lines = |to: u32| (1..=to).map(|line| format!("{line}\n")).collect::<String>();
    let (damaged, missing) = (digest(lines(100)), digest(lines(200)));
    fs::remove_file(bed.object(&damaged)).unwrap();
    fs::write(bed.object(&damaged), "something else").unwrap();
    fs::remove_file(bed.object(&missing)).unwrap();
    let found = verify(&*bed.store, &[need], &progress).unwrap();
    let of = |digest: &str| {
        let digest = Digest::parse(digest).unwrap();
        found.damages.iter().find(|damage| damage.digest == digest).unwrap()
    };
    assert_eq!(found.damages.len(), 2);
    assert!(matches!(of(&damaged).fault, Fault::Damaged { .. }));
    assert_eq!(of(&missing).fault, Fault::Missing);
    // The run, and the outcome of the step.
    assert_eq!((of(&damaged).needed_by.len(), of(&missing).needed_by.len()), (2, 2));
    let repaired = repair(&*bed.store, &found).unwrap();
    assert_eq!((repaired.objects, repaired.outcomes), (1, 1));
    let again = bed.run(STEPS);
    assert_eq!(again.summary(), "make completed, use cached");
    assert_eq!(verify(&*bed.store, &[], &progress).unwrap().damages, []);
}

#[test]
fn a_run_that_goes_on_after_days_keeps_what_it_had_done() {
    let mut bed = Bed::new();
    let first = bed.run(resuming::STEPS);
    assert_eq!(first.summary(), "last skipped, load completed, mend failed");
    age(&store(&bed));
    let found = garbage(&bed, &needs());
    let made = first.output("load", "x").clone();
    assert!(found.objects.iter().any(|object| object.digest.to_string() == made.digest));
    bed.known = resuming::known(&first);
    bed.write("mended", "");
    let again = bed.run(resuming::STEPS);
    assert_eq!(again.status(), RunStatus::Completed);
    swept(&bed, &found);
    assert!(is_present(&*bed.store, &made).unwrap());
    assert_eq!(bed.read("loads"), "x\n");
}

#[test]
fn who_only_asks_what_would_be_holds_nothing() {
    let (bed, _) = aged();
    let pipeline = bed.pipeline(STEPS);
    let prospects = sundae::engine::prospect::prospects(
        &pipeline,
        &bed.data,
        &*bed.store,
        true,
        &sundae::engine::explain::NoHistory,
        &sundae::artifact::NothingKnown,
    );
    assert_eq!(prospects.unwrap().len(), 2);
    assert_eq!(bed.store.list("leases/", None, 1).unwrap(), []);
}
