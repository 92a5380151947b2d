//! Commands that nobody has told the reaper of: their process was killed in the moment between starting and telling.

#[cfg(target_os = "linux")]
use rustix::process::Pid;

/// The process groups, of the session that this process is in, whose environment has `marker` in it.
///
/// The session, since a step may leave something running in one of its own on purpose.
#[cfg(target_os = "linux")]
pub(super) fn groups_with(marker: &str) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let session = rustix::process::getsid(None).ok().map(Pid::as_raw_pid);
    let folders = processes.filter_map(Result::ok).map(|process| process.path());
    folders
        .filter_map(|folder| {
            // Those of other users cannot be read, and are none of ours.
            let environment = std::fs::read(folder.join("environ")).ok()?;
            memory_has(&environment, marker.as_bytes()).then_some(())?;
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            let (group, of_session) = group_and_session(&stat)?;
            (Some(of_session) == session).then_some(group)
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
    use super::*;

    #[test]
    fn a_process_may_be_called_whatever_it_likes() {
        let stat = "12 (a) S 1 2) R 1 77 5 0 -1";
        assert_eq!(group_and_session(stat), Some((77, 5)));
        assert_eq!(group_and_session(""), None);
    }

    #[test]
    fn this_process_is_found_by_what_is_in_its_environment() {
        let Some((name, value)) = std::env::vars().find(|(_, value)| value.len() > 3) else {
            return;
        };
        let found = groups_with(&format!("{name}={value}"));
        assert!(found.contains(&rustix::process::getpgrp().as_raw_pid()));
        assert!(groups_with("a text that is in no environment, not even in ours").is_empty());
    }
}
