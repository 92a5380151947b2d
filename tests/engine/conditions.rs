//! Steps that run only when something is so.

use sundae::engine::event::RunStatus;

use super::support::Bed;

/// Reports an accuracy, says something of its output, and is followed by steps that look at both.
fn steps(accuracy: &str, when: &str) -> String {
    format!(
        r#"
        [params]
        deploy = true
        [[steps]]
        name = "evaluate"
        outputs = ["x"]
        run = '''
        echo 1 > {{out.x}}
        cat >> $SUNDAE_MESSAGES <<'END'
        {{{{"metric": "accuracy", "value": {accuracy}}}}}
        {{{{"output": "x", "metadata": {{{{"rows": 100, "shape": [3, 4], "of": {{{{"a": "b"}}}}}}}}}}}}
        END
        '''
        [[steps]]
        name = "deploy"
        when = "{when}"
        run = "echo 1 > {{out.y}}"
        outputs = ["y"]
        [[steps]]
        name = "announce"
        inputs = {{ y = "deploy.y" }}
        run = "true"
        [[steps]]
        name = "tidy"
        after = ["deploy"]
        run = "true # tidy"
        "#
    )
    .replace("\n        ", "\n")
}

#[test]
fn a_step_runs_when_its_condition_holds() {
    let mut bed = Bed::new();
    let steps = steps("0.95", "param.deploy and metric.evaluate.accuracy >= 0.9");
    let told = bed.run(&steps);
    assert_eq!(
        told.summary(),
        "announce completed, deploy completed, evaluate completed, tidy completed"
    );
    // The outcome from the cache has the same metrics.
    let told = bed.run(&steps);
    assert_eq!(told.summary(), "announce cached, deploy cached, evaluate cached, tidy cached");
}

#[test]
fn a_step_whose_condition_does_not_hold_is_skipped_and_the_run_completes() {
    let mut bed = Bed::new();
    let steps = steps("0.87", "metric.evaluate.accuracy >= 0.9");
    for evaluate in ["completed", "cached"] {
        let told = bed.run(&steps);
        assert_eq!(told.status(), RunStatus::Completed);
        assert_eq!(
            told.summary(),
            format!("announce skipped, deploy skipped, evaluate {evaluate}, tidy {evaluate}")
        );
        assert_eq!(
            told.reason("deploy"),
            "`when: metric.evaluate.accuracy >= 0.9` is false (0.87)"
        );
        assert_eq!(told.reason("announce"), "`deploy` was skipped");
    }
}

#[test]
fn conditions_look_into_metadata() {
    for (when, deploys) in [
        ("metadata.evaluate.x.rows == 100", true),
        ("metadata.evaluate.x.shape.1 == 4", true),
        ("metadata.evaluate.x.of.a == 'b'", true),
        ("metadata.evaluate.x.of.a in ['c']", false),
    ] {
        let told = Bed::new().run(&steps("1", when));
        assert_eq!(told.status(), RunStatus::Completed);
        assert_eq!(told.summary().contains("deploy completed"), deploys, "{when}");
    }
}

#[test]
fn what_is_not_there_is_a_failure() {
    for (when, reason) in [
        (
            "metric.evaluate.acuracy > 0.5",
            "`when: metric.evaluate.acuracy > 0.5` cannot be told: step `evaluate` has reported no metric `acuracy`; \
             did you mean `accuracy`? its metrics: accuracy",
        ),
        (
            "metadata.evaluate.x.row > 1",
            "`when: metadata.evaluate.x.row > 1` cannot be told: the metadata of `evaluate.x` has no `row`; \
             did you mean `rows`? there is: of, rows, shape",
        ),
        (
            "metadata.evaluate.x.of > 1",
            "`when: metadata.evaluate.x.of > 1` cannot be told: `>` cannot compare {\"a\":\"b\"} with 1: \
             a table and a number",
        ),
    ] {
        let told = Bed::new().run(&steps("1", when));
        assert_eq!(told.status(), RunStatus::Failed);
        assert_eq!(
            told.summary(),
            "announce skipped, deploy failed, evaluate completed, tidy skipped"
        );
        assert_eq!(told.reason("deploy"), reason);
    }
}

#[test]
fn a_condition_on_what_did_not_run_is_not_asked() {
    let chain = |first: &str| {
        format!(
            "[[steps]]\nname = 'a'\nrun = '''{first}'''\n\
             [[steps]]\nname = 'b'\nwhen = 'metric.a.m > 1'\nrun = 'true'\n\
             [[steps]]\nname = 'c'\nwhen = 'metric.b.m > 1'\nrun = 'true'\n\
             [[steps]]\nname = 'd'\nafter = ['c']\nrun = 'true # d'\n"
        )
    };
    let told = Bed::new().run(&chain("exit 1"));
    assert_eq!(told.summary(), "a failed, b skipped, c skipped, d skipped");
    assert_eq!(told.reason("c"), "`a` failed");
    let report = r#"echo '{{"metric": "m", "value": 1}}' >> $SUNDAE_MESSAGES"#;
    let told = Bed::new().run(&chain(report));
    assert_eq!(told.summary(), "a completed, b skipped, c skipped, d completed");
    assert_eq!(told.reason("b"), "`when: metric.a.m > 1` is false (1.0)");
    assert_eq!(told.reason("c"), "`b` was skipped");
}

#[test]
fn a_condition_goes_with_a_trigger() {
    let told = Bed::new().run(
        "[params]\nmend = false\n[[steps]]\nname = 'a'\nrun = 'exit 1'\n\
         [[steps]]\nname = 'mend'\ntrigger = 'on-failure'\nwhen = 'param.mend'\nrun = 'true'\n\
         [[steps]]\nname = 'tidy'\ntrigger = 'always'\nwhen = 'not param.mend'\nrun = 'true'\n",
    );
    assert_eq!(told.summary(), "a failed, mend skipped, tidy completed");
    assert_eq!(told.reason("mend"), "`when: param.mend` is false (false)");
}
