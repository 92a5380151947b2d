//! Commands that nobody has told the reaper of: their process was killed in the moment between starting and telling.

use std::collections::BTreeSet;

use rustix::process::Pid;

/// The process groups of a session that make attempts in a folder.
pub(super) fn groups_of(folder: &str, session: i32) -> Vec<i32> {
    groups_with(&format!("SUNDAE_CONTEXT={folder}/"), session)
}

/// The group and the session of this process.
#[cfg(target_os = "linux")]
pub(super) fn own_group_and_session() -> Option<(i32, i32)> {
    group_and_session(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// The process groups of a session whose environment has `marker` in it.
///
/// Of a session, since a step may leave something running in one of its own on purpose. Sessions and groups are read
/// from `/proc`, which writes 0 for those that a container's outside began: no crate gives such an id.
#[cfg(target_os = "linux")]
fn groups_with(marker: &str, session: i32) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let folders = processes.filter_map(Result::ok).map(|process| process.path());
    let mut groups: Vec<_> = folders
        .filter_map(|folder| {
            // Those of other users cannot be read, and are none of ours.
            let environment = std::fs::read(folder.join("environ")).ok()?;
            memory_has(&environment, marker.as_bytes()).then_some(())?;
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            let (group, of_session) = group_and_session(&stat)?;
            // Group 0 is one that began outside; to a signal it means the sender's own.
            (of_session == session && group > 1).then_some(group)
        })
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(not(target_os = "linux"))]
pub(super) fn own_group_and_session() -> Option<(i32, i32)> {
    None
}

#[cfg(not(target_os = "linux"))]
fn groups_with(_: &str, _: i32) -> Vec<i32> {
    Vec::new()
}

/// Keeps those groups in which a process runs, and is not only there to be asked how it ended.
#[cfg(target_os = "linux")]
pub(super) fn retain_living(groups: &mut Vec<Pid>) {
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    let stats = processes
        .filter_map(|process| std::fs::read_to_string(process.ok()?.path().join("stat")).ok());
    let living: BTreeSet<_> = stats
        .filter(|stat| !has_ended(stat))
        .filter_map(|stat| Some(group_and_session(&stat)?.0))
        .collect();
    groups.retain(|group| living.contains(&group.as_raw_pid()));
}

#[cfg(not(target_os = "linux"))]
pub(super) fn retain_living(_: &mut Vec<Pid>) {}

#[cfg(target_os = "linux")]
fn has_ended(stat: &str) -> bool {
    let state =
        stat.rsplit_once(')').and_then(|(_, after_name)| after_name.trim_start().chars().next());
    matches!(state, Some('Z' | 'X'))
}

#[cfg(target_os = "linux")]
fn memory_has(memory: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && memory.windows(part.len()).any(|window| window == part)
}

/// Of a line `PID (NAME) STATE PARENT GROUP SESSION …`, whose name may have anything in it.
#[cfg(target_os = "linux")]
fn group_and_session(stat: &str) -> Option<(i32, i32)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut numbers = after_name.split_whitespace().skip(2).map(|text| text.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

    use std::os::unix::process::CommandExt;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_process_may_be_called_whatever_it_likes() {
        let stat = "12 (a) S 1 2) R 1 77 5 0 -1";
        assert_eq!(group_and_session(stat), Some((77, 5)));
        assert_eq!(group_and_session(""), None);
        assert!(!has_ended(stat) && has_ended("12 (a) S) Z 2"));
    }

    #[test]
    fn a_child_is_found_by_what_is_in_its_environment() {
        let marker = format!("of-test-{}", std::process::id());
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .env("STRAGGLER", &marker)
            .process_group(0)
            .spawn()
            .unwrap();
        // The kernel lets `spawn` return a moment before the new program's environment can be read.
        let deadline = Instant::now() + Duration::from_secs(10);
        let (_, session) = own_group_and_session().unwrap();
        let mut found = Vec::new();
        while found.is_empty() && Instant::now() < deadline {
            found = groups_with(&format!("STRAGGLER={marker}"), session);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, [i32::try_from(child.id()).unwrap()]);
        let nowhere = "a text that is in no environment, not even in ours";
        assert!(groups_with(nowhere, session).is_empty());
    }
}
