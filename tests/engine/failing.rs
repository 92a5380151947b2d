//! Steps that fail, and what becomes of the others.

use sundae::engine::event::{Event, RunStatus};

use super::support::Bed;

#[test]
fn what_needs_a_failed_step_is_skipped_and_everything_else_finishes() {
    let mut bed = Bed::new();
    let told = bed.run(
        "
        [[steps]]
        name = 'bad'
        run = 'echo why >&2; exit 7'
        outputs = ['x']
        [[steps]]
        name = 'needs-bad'
        run = 'true'
        inputs = { x = 'bad.x' }
        [[steps]]
        name = 'needs-that'
        run = 'true'
        after = ['needs-bad', 'good']
        [[steps]]
        name = 'good'
        run = 'echo 1 > {out.x}'
        outputs = ['x']
        [[steps]]
        name = 'needs-good'
        run = 'cat {in.x}'
        inputs = { x = 'good.x' }
        ",
    );
    assert_eq!(told.status(), RunStatus::Failed);
    assert_eq!(
        told.summary(),
        "bad failed, good completed, needs-bad skipped, needs-good completed, needs-that skipped"
    );
    assert_eq!(told.reason("bad"), "exit code 7");
    assert_eq!(told.reason("needs-bad"), "`bad` failed");
    assert_eq!(told.reason("needs-that"), "`bad` failed");
    assert_eq!(
        (told.report("bad").exit_code, told.report("bad").log_tail.as_str()),
        (Some(7), "why")
    );
    let last = told.events.last().unwrap();
    let reason = Some("`bad` failed".to_owned());
    assert_eq!(*last, Event::RunEnded { status: RunStatus::Failed, reason });
}

/// Runs one step and returns why it failed.
fn reason(step: &str) -> String {
    let mut bed = Bed::new();
    let project = bed.path("").components().as_path().display().to_string();
    bed.write("text", "no program");
    bed.write("script", "#!/no/such/interpreter\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bed.path("script"), mode).unwrap();
    let told = bed.run(&format!("[[steps]]\nname = 'a'\n{step}\n"));
    assert_eq!(told.status(), RunStatus::Failed);
    told.reason("a").replace(&project, "PROJECT")
}

#[test]
fn every_way_to_fail_has_its_sentence() {
    let long = format!("run = ['true', '{}']", "x".repeat(200_000));
    let missing = "run = 'true'\noutputs = ['x']";
    for (step, expected) in [
        ("run = 'exit 3'", "exit code 3"),
        ("run = ['sh', '-c', 'kill -TERM $$']", "killed by signal 15"),
        ("run = 'kill -KILL $$'", "killed by signal 9; was there too little memory?"),
        (
            "run = 'sh -c \"kill -KILL \\$\\$\"; exit $?'",
            "exit code 137: killed by signal 9; was there too little memory?",
        ),
        ("run = ['no-such-program']", "the program `no-such-program` was not found"),
        ("run = ['./no-such-program']", "the program `./no-such-program` was not found"),
        ("run = ['./text']", "`./text` may not be executed"),
        (
            "run = ['./script']",
            "what the first line of `./script` names as its interpreter was not found",
        ),
        ("run = 'true'\nworkdir = 'nowhere'", "the working folder PROJECT/nowhere does not exist"),
        (
            &long,
            "the command line and the environment of `true` are longer than this system allows; hand long values over in \
             files, or let the step read them from the file that `SUNDAE_CONTEXT` names",
        ),
        (missing, "it ended well, but did not write its output `x`"),
        (
            "run = 'mkfifo {out.x}'\noutputs = ['x']",
            "output `x` could not be published: STORE/out/x is neither a file nor a folder",
        ),
        (
            "run = 'mkdir {out.x}; mkfifo {out.x}/pipe'\noutputs = ['x']",
            "output `x` could not be published: cannot read STORE/out/x: STORE/out/x/pipe cannot be part of an artifact: it is \
             neither a file nor a folder nor a link",
        ),
        (
            "run = 'mkdir {out.x}; ln -s /etc {out.x}/etc'\noutputs = ['x']",
            "output `x` could not be published: cannot read STORE/out/x: STORE/out/x/etc cannot be part of an artifact: it is a \
             link that may lead out of the folder; copy what it links to",
        ),
    ] {
        let found = reason(step);
        assert_eq!(without_staging(&found), expected, "{step}");
    }
}

/// The folder of an attempt is another one in every test.
fn without_staging(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once("/.staging/run/a-1") {
        Some((_, rest)) => format!("STORE{rest}"),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_program_that_adds_an_ending_to_the_name_is_found_out() {
    let mut bed = Bed::new();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'echo 1 > {out.x}.npy'\noutputs = ['x']\n");
    assert_eq!(told.reason("a"), "it ended well, but did not write its output `x`");
    assert_eq!(
        told.report("a").log_tail,
        "sundae: instead of output `x` it wrote `x.npy`; the path must be kept as it is given"
    );
}

#[test]
fn of_a_long_log_the_last_lines_are_quoted_and_all_is_kept() {
    let mut bed = Bed::new();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'seq 1 5000; exit 1'\n");
    let report = told.report("a");
    let expected: Vec<_> = (4981..=5000).map(|number| number.to_string()).collect();
    assert_eq!(report.log_tail, expected.join("\n"));
    let log = bed.content(report.outcome.log.as_ref().unwrap());
    assert_eq!(log.lines().count(), 5000);
}

#[test]
fn a_metric_of_a_failed_step_is_recorded_too() {
    let mut bed = Bed::new();
    let told = bed.run(
        r#"
        [[steps]]
        name = 'a'
        run = '''
            echo '{{"metric": "loss", "value": 1e9}}' >> $SUNDAE_MESSAGES
            echo 'no message' >> $SUNDAE_MESSAGES
            exit 1
        '''
        "#,
    );
    let report = told.report("a");
    assert_eq!(report.outcome.metrics["loss"], 1e9);
    assert!(report.log_tail.starts_with("sundae: line 2 of the messages is none: "));
}
