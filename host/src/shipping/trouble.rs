//! Why a worker has left no report, from what its job has written: the loader's, the shell's and the worker's own words.

use super::PROGRAM;

/// How a worker begins its complaint that it has made the attempt, and cannot hand over how that went.
pub const UNREPORTED: &str = "it has ended, but its report could not be written";

/// Why a worker has ended without a report, in a sentence with the cure, as far as what its job wrote tells.
#[must_use]
pub fn why_there_is_no_report(log: &str) -> Option<String> {
    let why = trouble(log)?;
    let has_begun = why.starts_with(UNREPORTED);
    Some(if has_begun { why } else { format!("it could not begin: {why}") })
}

fn trouble(log: &str) -> Option<String> {
    let lines = || log.lines().rev();
    if let Some(needed) = lines().find_map(needed_libc) {
        return Some(format!(
            "the C library of its machine is older than the one that this `{PROGRAM}` needs ({needed}): install a `{PROGRAM}` \
             and plugins here that were built on a system as old as that one, since both go along to where steps run"
        ));
    }
    let of_program = |what: &str| lines().any(|line| line.contains(what) && names_program(line));
    if of_program("cannot execute binary file") || of_program("Exec format error") {
        return Some(format!(
            "its machine cannot run this `{PROGRAM}`: it is of another kind than this machine"
        ));
    }
    if of_program("No such file or directory") {
        return Some(format!(
            "its machine does not find `{PROGRAM}` where it was laid: that folder must be on a file system which all machines \
             share under the same path"
        ));
    }
    if of_program("Permission denied") {
        return Some(format!(
            "its machine does not run programs from the folder in which `{PROGRAM}` was laid: the file system may be mounted \
             with `noexec`"
        ));
    }
    // Its own words. What a step writes goes to another log.
    lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned)
}

/// The version in what the loader says: "version `GLIBC_2.38' not found (required by /…/sundae)".
fn needed_libc(line: &str) -> Option<String> {
    let (before, _) = line.split_once("' not found")?;
    let (_, version) = before.rsplit_once('`')?;
    version.starts_with("GLIBC_").then(|| version.replace('_', " "))
}

/// Whether a line is about the program of a bundle.
fn names_program(line: &str) -> bool {
    line.split([' ', ':', '\'', '`', '"'])
        .any(|word| word.strip_suffix(PROGRAM).is_some_and(|folder| folder.ends_with('/')))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// What a shell writes that is to start `file`.
    fn written_of(file: &Path) -> String {
        let output = Command::new("bash")
            .args(["-c", "\"$1\" worker x < /dev/null & wait $!", "script"])
            .arg(file)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    }

    fn program(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(PROGRAM);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        (folder, file)
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_c_library_that_is_too_old() {
        // A program that needs a version which none has.
        let mut image = fs::read("/bin/true").unwrap();
        let needed = b"GLIBC_2.34\0";
        let place = image.windows(needed.len()).position(|bytes| bytes == needed).unwrap();
        image[place..place + needed.len()].copy_from_slice(b"GLIBC_9.34\0");
        let (_folder, file) = program(&image);
        let told = why_there_is_no_report(&written_of(&file)).unwrap();
        assert!(
            told.contains("older than the one that this `sundae` needs (GLIBC 9.34)"),
            "{told}"
        );
    }

    #[test]
    fn a_program_of_another_kind() {
        let (_folder, file) = program(b"\x7fELF\x02\x01\x01");
        let told = why_there_is_no_report(&written_of(&file)).unwrap();
        assert!(told.contains("another kind"), "{told}");
    }

    #[test]
    fn a_folder_that_is_not_shared() {
        let (folder, file) = program(b"");
        drop(folder);
        let told = why_there_is_no_report(&written_of(&file)).unwrap();
        assert!(told.contains("share under the same path"), "{told}");
    }

    #[test]
    fn a_file_system_without_programs() {
        let (_folder, file) = program(b"#!/bin/sh\n");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let told = why_there_is_no_report(&written_of(&file)).unwrap();
        assert!(told.contains("noexec"), "{told}");
    }

    #[test]
    fn the_workers_own_words() {
        let told = why_there_is_no_report("loading modules\nerror: no bucket\nhint: make one\n");
        assert_eq!(told.as_deref(), Some("it could not begin: no bucket"));
        let told = why_there_is_no_report(&format!("error: {UNREPORTED}: no space\n"));
        assert_eq!(told, Some(format!("{UNREPORTED}: no space")));
        assert_eq!(why_there_is_no_report("slurmstepd: out of memory\n"), None);
        assert_eq!(why_there_is_no_report("cat: data/x: No such file or directory\n"), None);
    }
}
