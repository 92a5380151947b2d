//! Data that is damaged or gone: it is named, treated as missing, and made again.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sundae::engine::Stop;
use sundae::engine::event::RunStatus;
use sundae_plugin_api::{Error, ErrorKind};

use super::meddled::{Call, Meddled, MeddledStore};
use super::support::{Bed, Told, wait_until};

/// The last step runs again whenever its number is another one, and so needs its input.
fn steps(number: u32) -> String {
    format!(
        "
        [[steps]]
        name = 'first'
        run = 'echo 1 > {{out.x}}; echo ran >> first'
        outputs = ['x']
        [[steps]]
        name = 'second'
        run = '(cat {{in.x}}; echo 2) > {{out.x}}; echo ran >> second'
        inputs = {{ x = 'first.x' }}
        outputs = ['x']
        [[steps]]
        name = 'last'
        run = 'cat {{in.x}}; : {number}'
        inputs = {{ x = 'second.x' }}
        "
    )
}

/// Writes into an object, as a broken disk would.
fn damage(object: &Path) {
    let mut bytes = std::fs::read(object).unwrap();
    bytes[0] ^= 1;
    std::fs::set_permissions(object, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(object, bytes).unwrap();
}

fn runs(bed: &Bed) -> (usize, usize) {
    (bed.read("first").lines().count(), bed.read("second").lines().count())
}

#[test]
fn a_damaged_input_is_made_again() {
    let mut bed = Bed::new();
    let told = bed.run(&steps(1));
    let digest = told.output("second", "x").digest.clone();
    damage(&bed.object(&digest));
    let told = bed.run(&steps(2));
    assert_eq!(told.summary(), "first cached, last completed, second completed");
    assert_eq!(told.report("last").log_tail, "1\n2");
    assert_eq!(told.reports("last").len(), 2);
    let bytes = blake3::hash(b"0\n2\n").to_hex();
    assert_eq!(
        told.warnings(),
        [format!(
            "the object {digest} in the artifact store is damaged: its content has the digest {bytes}; `second`, which made \
             it, runs again"
        )]
    );
    assert_eq!(runs(&bed), (1, 2));
}

#[test]
fn so_is_one_whose_own_input_is_lost_too() {
    let mut bed = Bed::new();
    let told = bed.run(&steps(1));
    damage(&bed.object(&told.output("second", "x").digest));
    let first = bed.object(&told.output("first", "x").digest);
    damage(&first);
    let told = bed.run(&steps(2));
    assert_eq!(told.status(), RunStatus::Completed);
    assert_eq!((runs(&bed), told.warnings().len()), ((2, 2), 2));
    assert_eq!(told.report("last").log_tail, "1\n2");
}

#[test]
fn a_step_whose_input_cannot_be_made_again_fails() {
    let mut bed = Bed::new();
    let told = bed.run(&steps(1));
    damage(&bed.object(&told.output("second", "x").digest));
    // `second` cannot run any more, though it has.
    std::fs::create_dir(bed.path("second-folder")).unwrap();
    std::fs::remove_file(bed.path("second")).unwrap();
    std::fs::rename(bed.path("second-folder"), bed.path("second")).unwrap();
    let told = bed.run(&steps(2));
    assert_eq!(told.summary(), "first cached, last skipped, second failed");
    assert_eq!(told.reason("last"), "`second` failed");
}

#[test]
fn of_a_folder_what_is_damaged_is_named() {
    let mut bed = Bed::new();
    let steps = |number: u32| {
        format!(
            "
            [[steps]]
            name = 'make'
            run = 'mkdir {{out.x}}; echo one > {{out.x}}/one; echo two > {{out.x}}/two'
            outputs = ['x']
            [[steps]]
            name = 'use'
            run = 'cat {{in.x}}/*; : {number}'
            inputs = {{ x = 'make.x' }}
            "
        )
    };
    let check = |told: &Told, digest: &str| {
        assert_eq!(told.summary(), "make completed, use completed");
        assert_eq!(told.report("use").log_tail, "one\ntwo");
        let warning = format!("the object {digest} in the artifact store is damaged: ");
        assert!(told.warnings()[0].starts_with(&warning), "{:?}", told.warnings());
    };
    let told = bed.run(&steps(1));
    let two = blake3::hash(b"two\n").to_hex();
    damage(&bed.object(&two));
    check(&bed.run(&steps(2)), &two);

    // A damaged manifest is noticed when the step is looked up: then what it tells of is not there.
    damage(&bed.object(&told.output("make", "x").digest));
    let told = bed.run(&steps(3));
    assert_eq!(told.miss("make"), "its output `x` has gone from the artifact store");
    assert_eq!(told.summary(), "make completed, use completed");
}

/// Only root can: for others, inputs are read-only.
#[test]
fn a_step_that_writes_to_its_input_fails_and_damages_nothing_for_others() {
    let is_root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let write = |how: &str| {
        format!(
            "
            [[steps]]
            name = 'make'
            run = 'echo 1 > {{out.x}}'
            outputs = ['x']
            [[steps]]
            name = 'write'
            run = 'chmod u+w {{in.x}}; {how}'
            inputs = {{ x = 'make.x' }}
            "
        )
    };
    // The second leaves size and, on most systems, time as they were.
    for how in ["echo more >> {in.x}", "printf 2 | dd of={in.x} conv=notrunc 2>&-"] {
        let mut bed = Bed::new();
        let told = bed.run(&write(how));
        assert_eq!(told.summary(), "make completed, write failed", "{how}");
        assert_eq!(told.reason("write"), "it wrote to its input `x`; inputs are to be read only");
        assert!(
            !is_root || !bed.object(&told.output("make", "x").digest).exists(),
            "it is damaged"
        );
        let told = bed.run(&write("cat {in.x}"));
        assert_eq!(told.report("write").log_tail, "1");
    }
    // To remove one's input damages nothing.
    let mut bed = Bed::new();
    assert_eq!(bed.run(&write("rm {in.x}")).status(), RunStatus::Completed);
    assert_eq!(bed.run(&write("mv {in.x} {in.x}.mine")).status(), RunStatus::Completed);
}

/// `late` was looked up when its input was still known, and waits for a place; then what makes the input fails.
#[test]
fn a_step_that_was_to_start_is_skipped_when_its_input_cannot_be_made_again() {
    let mut bed = Bed::new();
    let make = "
        [[steps]]
        name = 'make'
        run = '''
            cd $PWD/signs
            if [ -e again ]; then touch make-runs; until [ -e other-runs ]; do sleep 0.01; done; touch failing; exit 1; fi
            echo 1 > {out.x}
        '''
        outputs = ['x']
    ";
    std::fs::create_dir(bed.path("signs")).unwrap();
    let told = bed.run(make);
    damage(&bed.object(&told.output("make", "x").digest));
    bed.write("signs/again", "");
    let told = bed.run(&format!(
        "{make}
        [[steps]]
        name = 'notices'
        run = 'cat {{in.x}}'
        inputs = {{ x = 'make.x' }}
        [[steps]]
        name = 'first'
        run = 'until [ -e signs/make-runs ]; do sleep 0.01; done'
        [[steps]]
        name = 'other'
        run = 'touch signs/other-runs; until [ -e signs/failing ]; do sleep 0.01; done; sleep 0.2'
        after = ['first']
        [[steps]]
        name = 'late'
        run = 'cat {{in.x}}'
        inputs = {{ x = 'make.x' }}
        after = ['first']
        "
    ));
    assert_eq!(
        told.summary(),
        "first completed, late skipped, make failed, notices skipped, other completed"
    );
    assert!(told.reports("late").is_empty());
}

/// There is no time left to make it again.
#[test]
fn an_input_that_is_lost_while_the_run_is_stopped_is_not_made_again() {
    let mut bed = Bed::new();
    let stop = Arc::new(Stop::default());
    let is_stopping = Arc::new(AtomicBool::new(false));
    let (stops, hears, told) = (Arc::clone(&stop), Arc::clone(&is_stopping), is_stopping);
    let mut orchestrator = Meddled::new(2);
    orchestrator.on_cancel = Box::new(move |_| {
        hears.store(true, Ordering::SeqCst);
        Ok(true)
    });
    bed.orchestrator = Box::new(orchestrator);
    let folder = bed.folder.path().join("store");
    bed.store = Arc::new(MeddledStore::new(&folder, move |call, _| {
        if call != Call::Get {
            return Ok(());
        }
        stops.request();
        wait_until("the run is stopping", || told.load(Ordering::SeqCst));
        Err(Error::new(ErrorKind::NotFound, "what object?"))
    }));
    let pipeline = bed.pipeline(&steps(1));
    let mut told = Told::default();
    let ended = bed.run_pipeline_until(&pipeline, &mut told, &stop);
    assert_eq!(ended.unwrap(), RunStatus::Cancelled);
    assert_eq!(told.summary(), "first completed, last cancelled, second cancelled");
}
