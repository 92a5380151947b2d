//! Commands as processes: what they get from us, what they leave behind, how they flood us.

use sundae::engine::event::RunStatus;

use super::support::{Bed, is_alive, run_alone, wait_until};

/// The pool has threads of its own, and a step may be what started us: its facts are not those of our steps.
#[test]
fn what_another_run_told_us_does_not_reach_our_steps() {
    let environment = [
        ("SUNDAE_IN_OTHER", "1"),
        ("SUNDAE_PARAM_OTHER", "1"),
        ("SUNDAE_RUN", "other"),
        ("SUNDAE_HOME", "/home"),
        ("OWN", "1"),
    ];
    run_alone("engine::processes::in_a_step_of_another_run", &environment);
}

#[test]
#[ignore = "run by the test above, with an environment"]
fn in_a_step_of_another_run() {
    let mut bed = Bed::new();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'env | grep -e OTHER -e ^SUNDAE_RUN -e ^SUNDAE_HOME= -e ^OWN | sort'\n");
    assert!(std::env::var_os("SUNDAE_IN_OTHER").is_some());
    let log = &told.report("a").log_tail;
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines, ["OWN=1", "SUNDAE_HOME=/home", "SUNDAE_RUN=p-1"]);
}

#[test]
fn what_a_command_leaves_in_the_background_ends_with_it() {
    let mut bed = Bed::new();
    let told = bed
        .run("[[steps]]\nname = 'a'\nrun = '(trap \"\" TERM HUP; sleep 600) & echo $! > child'\n");
    assert_eq!(told.status(), RunStatus::Completed);
    wait_until("the child has ended", || !is_alive(&bed.read("child")));
}

/// It holds the log open; but the step is over when its command is.
#[test]
fn a_step_ends_with_its_command_and_not_with_its_log() {
    let mut bed = Bed::new();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'sleep 600 & echo done'\n");
    assert_eq!(told.report("a").log_tail, "done");
}

/// A step that writes nothing leaves its log to a later one, but not while somebody may still write to it.
#[test]
fn what_a_step_leaves_in_a_session_of_its_own_does_not_write_into_the_logs_of_others() {
    let mut bed = Bed::new();
    let mut pipeline = r#"
[[steps]]
name = "a"
run = "setsid sh -c 'echo $$ > child; until [ -e gate ]; do sleep 0.01; done; while echo stray; do sleep 0.01; done' & until [ -s child ]; do sleep 0.01; done"
"#
    .to_owned();
    for (name, after) in [("b", "a"), ("c", "b"), ("d", "c")] {
        pipeline += &format!(
            "[[steps]]\nname = '{name}'\nafter = ['{after}']\nrun = 'touch gate; sleep 0.1; : {name}'\n"
        );
    }
    let told = bed.run(&pipeline);
    let child = rustix::process::Pid::from_raw(bed.read("child").trim().parse().unwrap()).unwrap();
    assert!(is_alive(&bed.read("child")), "it has written all the time");
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
    for step in ["a", "b", "c", "d"] {
        assert_eq!(told.report(step).log_tail, "", "{step}");
    }
}

#[test]
fn a_command_has_no_input_to_wait_for() {
    let mut bed = Bed::new();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'cat; echo end'\n");
    assert_eq!(told.report("a").log_tail, "end");
}

/// 64 MiB of one line go to the log and not through us.
#[test]
fn a_flood_of_output_costs_no_memory() {
    run_alone("engine::processes::a_flood", &[]);
}

#[test]
#[ignore = "run by the test above, alone"]
fn a_flood() {
    let mut bed = Bed::new();
    let told = bed.run(
        "[[steps]]\nname = 'a'\nrun = 'head -c 67108864 /dev/zero | tr \"\\\\0\" x; echo; echo end >&2'\n",
    );
    let report = told.report("a");
    assert_eq!(report.outcome.log.as_ref().unwrap().size, 67_108_869);
    assert!(report.log_tail.len() <= 16 << 10 && report.log_tail.ends_with("\nend"));
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    // `check_nothing_left` reads the log once, and nothing else does.
    assert!(peak < 2 * 65_536 + 40_000, "{peak} kB");
}

#[test]
fn a_command_as_long_as_a_system_allows_is_run() {
    let mut bed = Bed::new();
    let long = "x".repeat(100_000);
    let told = bed.run(&format!("[[steps]]\nname = 'a'\nrun = 'echo {long} | wc -c'\n"));
    assert_eq!(told.report("a").log_tail.trim(), "100001");
}

#[test]
fn a_path_of_its_own_is_where_a_step_looks_for_its_program() {
    let mut bed = Bed::new();
    std::fs::create_dir(bed.path("bin")).unwrap();
    bed.write("bin/tool", "#!/bin/sh\necho mine\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bed.path("bin/tool"), mode).unwrap();
    let path = bed.path("bin").display().to_string();
    let told = bed.run(&format!(
        "[[steps]]\nname = 'a'\nrun = ['tool']\nenv = {{ PATH = '{path}:/usr/bin:/bin' }}\n"
    ));
    assert_eq!(told.report("a").log_tail, "mine");
}
