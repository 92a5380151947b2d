//! What a cluster refuses or ends, what it counts, and what of a job others can see; on a real cluster.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod cluster;

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use cluster::Bed;
use sundae_plugin_api::ErrorKind;
use sundae_plugin_api::orchestrator::JobState;
use sundae_plugin_testkit::json;

const MIB: f64 = 1024.0 * 1024.0;

#[test]
fn what_can_never_run_is_refused_in_words() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let large = bed.submit_with("true", |job| {
        job.resources.insert("memory".to_owned(), 1e6 * MIB);
    });
    let (reason, is_retryable) = bed.until_lost(&large);
    assert!(reason.contains("Memory specification can not be satisfied"), "{reason}");
    assert!(!is_retryable);
    let on_gpus = bed.submit_with("true", |job| {
        job.resources.insert("gpus".to_owned(), 3.0);
    });
    let (reason, _) = bed.until_lost(&on_gpus);
    assert!(reason.contains("Requested node configuration is not available"), "{reason}");
}

#[test]
fn a_kind_of_gpu_that_the_site_has_not_is_told() {
    let config = json!({ "poll_interval": 1, "gpu_resource": "tpu" });
    let Some(mut bed) = Bed::new(config) else { return };
    let handle = bed.submit_with("true", |job| {
        job.resources.insert("gpus".to_owned(), 1.0);
    });
    let (reason, _) = bed.until_lost(&handle);
    assert!(reason.contains("Invalid generic resource (gres) specification"), "{reason}");
}

#[test]
fn what_would_wait_for_ever_is_not_waited_for() {
    let config = json!({ "poll_interval": 1, "partition": "short", "time_limit": "60" });
    let Some(mut bed) = Bed::new(config) else { return };
    let handle = bed.submit("true");
    let (reason, _) = bed.until_lost(&handle);
    assert!(
        reason.contains("time limit is longer than the partition's (PartitionTimeLimit)"),
        "{reason}"
    );
    let left = bed.ask(
        "squeue",
        &["--me", "--noheader", "--states=PENDING", "--name=test-1/step-0", "--partition=short"],
    );
    assert_eq!(left, "", "it is taken out of the queue");
}

#[test]
fn too_much_memory_is_told_in_words() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let needs = "head -c 300000000 /dev/zero | tail -c 200000000 > /dev/null";
    let handle = bed.submit_with(needs, |job| {
        job.resources.insert("memory".to_owned(), 48.0 * MIB);
    });
    let (reason, is_retryable) = bed.until_lost(&handle);
    assert!(
        reason.contains("more memory than it had") && reason.contains("OUT_OF_MEMORY"),
        "{reason}"
    );
    assert!(!is_retryable);
}

#[test]
fn too_much_time_is_told_in_words() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 5, "time_limit": "0:01" })) else {
        return;
    };
    // Slurm counts in minutes, and looks twice in one.
    let handle = bed.submit("exec sleep 600");
    let (reason, is_retryable) = bed.until_lost(&handle);
    assert!(reason.contains("longer than its time limit (TIMEOUT)"), "{reason}");
    assert!(!is_retryable);
}

#[test]
fn others_may_cancel_a_job() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let handle = bed.submit("exec sleep 600");
    let id = bed.id(&handle);
    bed.ask("scancel", &[&id]);
    assert_eq!(bed.until_ended(&handle), JobState::Cancelled);
}

#[test]
fn of_an_array_that_waits_only_what_is_meant_is_cancelled() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let conf = std::env::var("SLURM_CONF").unwrap();
    bed.replace_tool("sbatch", conf.as_ref(), "$real --begin=now+600 \"$@\"");
    let handles: Vec<_> = (0..12).map(|_| bed.submit("true")).collect();
    let deadline = Instant::now() + cluster::PATIENCE;
    let array = loop {
        let rows = bed.ask("squeue", &["--me", "--noheader", "--format=%F %k"]);
        let ours = format!("sundae:{}", handles[0].0.split('.').next().unwrap());
        let row = rows.lines().find(|row| row.ends_with(&ours)).map(str::to_owned);
        if let Some(row) = row {
            break row.split(' ').next().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "the array is not there: {rows}");
        bed.wait();
    };
    for handle in &handles[2..5] {
        bed.orchestrator().cancel(handle).unwrap();
    }
    for handle in &handles[2..5] {
        assert_eq!(bed.until_ended(handle), JobState::Cancelled);
    }
    // Somebody else takes one away.
    bed.ask("scancel", &[&format!("{array}_7")]);
    assert_eq!(bed.until_ended(&handles[7]), JobState::Cancelled);
    bed.ask("scontrol", &["update", &format!("jobid={array}"), "starttime=now"]);
    for handle in handles[..2].iter().chain(&handles[5..7]).chain(&handles[8..]) {
        assert_eq!(bed.until_ended(handle), JobState::Ended { exit_code: 0 });
    }
    assert_eq!(bed.calls("sbatch"), 1);
}

#[test]
fn an_array_that_waits_is_cancelled_as_a_whole() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let conf = std::env::var("SLURM_CONF").unwrap();
    bed.replace_tool("sbatch", conf.as_ref(), "$real --begin=now+600 \"$@\"");
    let handles: Vec<_> = (0..40).map(|_| bed.submit("true")).collect();
    while bed.calls("sbatch") == 0 {
        bed.wait();
    }
    for handle in &handles {
        bed.orchestrator().cancel(handle).unwrap();
    }
    for handle in &handles {
        assert_eq!(bed.until_ended(handle), JobState::Cancelled);
    }
    assert!(bed.calls("scancel") <= 4, "{}", bed.calls("scancel"));
}

#[test]
fn a_prologue_prepares_and_may_refuse() {
    let prologue = "export COLOUR='dark red'; cd /";
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1, "prologue": prologue })) else {
        return;
    };
    let handle = bed.submit("test \"$COLOUR\" = 'dark red' && test $PWD = /");
    assert_eq!(bed.until_ended(&handle), JobState::Ended { exit_code: 0 });
    for (prologue, says) in [
        ("echo no disk here >&2\nfalse", "its prologue failed (exit code 1)"),
        ("exit 9", "its prologue ended the script (exit code 9)"),
    ] {
        let mut bed = Bed::new(json!({ "poll_interval": 1, "prologue": prologue })).unwrap();
        let handle = bed.submit("true");
        let (reason, _) = bed.until_lost(&handle);
        assert!(reason.contains(says), "{reason}");
    }
    let mut bed = Bed::new(json!({ "poll_interval": 1, "modules": ["no-such-module/1"] })).unwrap();
    let handle = bed.submit("true");
    let (reason, _) = bed.until_lost(&handle);
    assert!(reason.contains("the module `no-such-module/1` cannot be loaded"), "{reason}");
}

#[test]
fn what_a_job_used_is_told() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1, "accounting": true })) else { return };
    // Half a second of a processor, and 40 MB for longer than it takes to look.
    let work = "x=$(head -c 40000000 /dev/zero | tr '\\0' a); i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 2";
    let handle = bed.submit_with(work, |job| {
        job.resources.insert("memory".to_owned(), 300.0 * MIB);
    });
    let change = bed.end(&handle);
    assert_eq!(change.state, JobState::Ended { exit_code: 0 });
    let usage = change.usage;
    assert!(usage.cpu_ms.is_some_and(|cpu| cpu > 100), "{usage:?}");
    assert!(usage.memory.is_some_and(|memory| memory > 20_000_000), "{usage:?}");
    assert!(usage.job.is_some(), "{usage:?}");
}

#[test]
fn a_secret_is_seen_by_nobody_else() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    // Not a literal of this file, which the compiler's command lines might show.
    let secret = format!("s3cr3t-{}-{}", std::process::id(), "x".repeat(3));
    let handle = bed.submit_with("test -n \"$TOKEN\" && exec sleep 600", |job| {
        job.environment.insert("TOKEN".to_owned(), secret.clone());
    });
    bed.until_running(&handle);
    let id = bed.id(&handle);
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(&secret), "{line}");
    }
    assert!(!bed.ask("scontrol", &["show", "job", "-dd", &id]).contains(&secret));
    assert!(!bed.ask("scontrol", &["write", "batch_script", &id, "-"]).contains(&secret));
    let batch = bed.work().join(handle.0.split('.').next().unwrap());
    let job = batch.join("job.0");
    assert!(std::fs::read_to_string(&job).unwrap().contains(&secret), "this is where it is");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&job), mode(&batch)), (0o600, 0o700));
    bed.orchestrator().cancel(&handle).unwrap();
    bed.until_ended(&handle);
    assert!(!job.exists(), "it goes with the job");
}

#[test]
fn a_configuration_that_cannot_work_is_told_by_a_check() {
    for (config, says) in [
        (
            json!({ "partition": "nowhere" }),
            "there is no partition `nowhere` here, but main, short",
        ),
        (json!({ "account": "nobody" }), "account"),
        (json!({ "qos": "none-such" }), "qos"),
        (json!({ "array_size": 9999 }), "MaxArraySize"),
        (json!({ "options": ["--constraint=no-such-feature"] }), "feature"),
    ] {
        let Some(bed) = Bed::new(config.clone()) else { return };
        let error = bed.orchestrator().check().expect_err(&config.to_string());
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert!(error.message().to_lowercase().contains(&says.to_lowercase()), "{config}: {error}");
    }
    let good =
        json!({ "partition": "main", "account": "lab", "qos": "patient", "time_limit": "5" });
    let Some(bed) = Bed::new(good) else { return };
    bed.orchestrator().check().unwrap();
}

#[test]
fn a_wide_fan_out_is_few_calls() {
    const JOBS: usize = 200;
    let Some(mut bed) = Bed::new(json!({})) else { return };
    let began = Instant::now();
    let handles: Vec<_> =
        (0..JOBS).map(|number| bed.submit(&format!("exit {}", u8::from(number == 7)))).collect();
    for (number, handle) in handles.iter().enumerate() {
        assert_eq!(bed.until_ended(handle), JobState::Ended { exit_code: i32::from(number == 7) });
    }
    let seconds = began.elapsed().as_secs() as usize;
    assert!(bed.calls("sbatch") <= 3, "{} arrays", bed.calls("sbatch"));
    // Four in ten seconds at most, and some at the end.
    assert!(
        bed.calls("squeue") <= 5 + seconds / 2,
        "{} questions in {seconds} s",
        bed.calls("squeue")
    );
    assert_eq!(bed.calls("sacct") + bed.calls("scontrol") + bed.calls("scancel"), 0);
}
