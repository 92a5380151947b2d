//! A full disk: nothing half-written is visible, and the user is told.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sundae::engine::event::RunStatus;

use super::support::{Bed, store};

/// Runs one of the tests below on a file system of one MiB, which is a mount that nobody else sees.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m sundae-test \"$1\" || exit 77; shift; exec \"$@\"";
    // As root, a name space of mounts suffices; others need one of users too.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = Command::new("unshare");
    command.args(if is_root { &["-m"][..] } else { &["-m", "-U", "-r"] });
    let output = command
        .args(["sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("engine::space::{test}"), "--ignored", "--nocapture"])
        .env("SMALL_DISK", folder.path())
        .output();
    let Ok(output) = output else { return };
    // Where nothing may be mounted (in most containers) this cannot be shown.
    let said = String::from_utf8_lossy(&output.stderr);
    let cannot_mount = output.status.code() == Some(77) || said.starts_with("unshare:");
    assert!(cannot_mount || output.status.success(), "{said}");
}

/// A bed whose store is on the small disk.
fn bed() -> Bed {
    let mut bed = Bed::new();
    let folder = std::env::var_os("SMALL_DISK").unwrap();
    std::fs::remove_dir_all(bed.folder.path().join("store")).unwrap();
    std::os::unix::fs::symlink(&folder, bed.folder.path().join("store")).unwrap();
    bed.store = Arc::new(store(Path::new(&folder)));
    bed
}

#[test]
fn an_output_that_does_not_fit() {
    on_a_small_disk("output_in_a_full_store");
}

#[test]
#[ignore = "run by the test above, on a small disk"]
fn output_in_a_full_store() {
    let mut bed = bed();
    bed.write("big", &"x".repeat(2 << 20));
    // It is not the step's own, so it must be copied into the store.
    let steps = "[[steps]]\nname = 'a'\nrun = 'ln -s $PWD/big {out.x}'\noutputs = ['x']\n";
    let told = bed.run(steps);
    assert_eq!(told.status(), RunStatus::Failed);
    let reason = told.reason("a");
    assert!(
        reason.starts_with(
            "output `x` could not be published: the artifact store refused it: cannot "
        ),
        "{reason}"
    );
    assert!(reason.ends_with("No space left on device (os error 28)"), "{reason}");
    assert!(bed.store.list("objects/", None, 9).unwrap().is_empty());
    assert!(bed.store.list("outcomes/", None, 9).unwrap().is_empty());
    // With less, the next run works.
    bed.write("big", "x");
    assert_eq!(bed.run(steps).summary(), "a completed");
}

#[test]
fn what_may_be_cut_off_is_warned_of_and_not_kept() {
    on_a_small_disk("cut_off_in_a_full_store");
}

#[test]
#[ignore = "run by the test above, on a small disk"]
fn cut_off_in_a_full_store() {
    let mut bed = bed();
    let steps = "[[steps]]\nname = 'a'\nrun = 'cat /dev/zero > {out.x} 2>/dev/null; true'\noutputs = ['x']\n";
    // It does not look whether what it writes is written.
    let told = bed.run(steps);
    assert_eq!(told.summary(), "a completed");
    let warned = told.warnings();
    assert!(warned[0].starts_with("step `a`: no space is left where it works, in /"), "{warned:?}");
    assert!(warned[0].ends_with("and its outcome is not kept for later runs"), "{warned:?}");
    assert!(bed.store.list("outcomes/", None, 9).unwrap().is_empty());
    // Not even an attempt can be prepared now.
    let told = bed.run(&steps.replace("'a'", "'b'").replace("true", "false"));
    let reason = told.reason("b");
    assert!(
        reason.starts_with("cannot prepare the attempt in /")
            || reason.starts_with("exit code 1; no space is left where it works, in /"),
        "{reason}"
    );
}
