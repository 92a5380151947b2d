//! Commands that nobody has told the reaper of: their process was killed in the moment between starting and telling.

/// The process groups, of the session that this process is in, whose environment has `marker` in it.
///
/// The session, since a step may leave something running in one of its own on purpose. Sessions and groups are read
/// from `/proc`, which writes 0 for those that a container's outside began: no crate gives such an id.
#[cfg(target_os = "linux")]
pub(super) fn groups_with(marker: &str) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let own = std::fs::read_to_string("/proc/self/stat").ok();
    let Some((_, session)) = own.and_then(|stat| group_and_session(&stat)) else {
        return Vec::new();
    };
    let folders = processes.filter_map(Result::ok).map(|process| process.path());
    folders
        .filter_map(|folder| {
            // Those of other users cannot be read, and are none of ours.
            let environment = std::fs::read(folder.join("environ")).ok()?;
            memory_has(&environment, marker.as_bytes()).then_some(())?;
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            let (group, of_session) = group_and_session(&stat)?;
            // Group 0 is one that began outside; to a signal it means the sender's own.
            (of_session == session && group > 1).then_some(group)
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn groups_with(_: &str) -> Vec<i32> {
    Vec::new()
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
        let mut found = Vec::new();
        while found.is_empty() && Instant::now() < deadline {
            found = groups_with(&format!("STRAGGLER={marker}"));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, [i32::try_from(child.id()).unwrap()]);
        assert!(groups_with("a text that is in no environment, not even in ours").is_empty());
    }
}
