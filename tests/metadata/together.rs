//! Several processes at once.

use std::process::Child;

use crate::{Sundae, complaint};

const PROCESSES: usize = 12;

/// Starts all of them before waiting for any.
fn all_at_once(sundae: &Sundae, words: impl Fn(usize) -> String) -> Vec<std::process::Output> {
    let children: Vec<Child> = (0..PROCESSES)
        .map(|number| {
            let mut command = sundae.command(&words(number));
            command
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

#[test]
fn the_first_commands_of_a_user_may_come_all_at_once() {
    let sundae = Sundae::new();
    let outputs = all_at_once(&sundae, |_| "stack list --output json".to_owned());
    for output in &outputs {
        assert!(output.status.success(), "{}", complaint(output));
        assert_eq!(output.stdout, outputs[0].stdout, "they made one database");
    }
}

#[test]
fn different_names_are_all_registered() {
    let sundae = Sundae::new();
    let register = |number| format!("artifact-store register s{number:02} --flavor=local");
    for output in all_at_once(&sundae, register) {
        assert!(output.status.success(), "{}", complaint(&output));
    }
    let expected = (0..PROCESSES).map(|number| format!("s{number:02}"));
    let expected: Vec<_> = std::iter::once("default".to_owned()).chain(expected).collect();
    assert_eq!(sundae.stores(), expected);
}

#[test]
fn of_one_name_one_is_registered_and_the_others_are_told() {
    let sundae = Sundae::new();
    let outputs =
        all_at_once(&sundae, |_| "artifact-store register same --flavor=local".to_owned());
    let (done, refused): (Vec<_>, Vec<_>) =
        outputs.iter().partition(|output| output.status.success());
    assert_eq!(done.len(), 1);
    for output in refused {
        assert_eq!(output.status.code(), Some(1));
        let said = complaint(output);
        assert!(said.contains("error: there is an artifact-store `same` already"), "{said}");
    }
    assert_eq!(sundae.stores(), ["default", "same"]);
}

#[test]
fn a_stack_never_loses_a_component_to_a_delete_at_the_same_time() {
    let sundae = Sundae::new();
    for number in 0..4 {
        sundae.said(&format!("artifact-store register s{number} --flavor=local"));
    }
    let outputs = all_at_once(&sundae, |number| match number % 2 {
        0 => format!("stack register t{number} -o default -a s{}", number / 2 % 4),
        _ => format!("artifact-store delete s{}", number / 2 % 4),
    });
    for output in &outputs {
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", complaint(output));
    }
    let stacks: Vec<serde_json::Value> =
        serde_json::from_str(&sundae.said("stack list --output json")).unwrap();
    for stack in stacks {
        assert_eq!(
            stack["components"]["artifact-store"].as_array().map(Vec::len),
            Some(1),
            "{stack}"
        );
    }
}
