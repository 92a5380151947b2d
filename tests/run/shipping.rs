//! What goes along to where steps run: the program, its plugin, and the project's files. On a real Slurm cluster, whose nodes
//! are told that they do not see the project.

use std::fs;
use std::path::PathBuf;

use super::cluster;
use super::sandbox::{Sandbox, step, until};

/// One whose project has the stack `cluster`, with a cluster that does not see the project's folder. `None`: there is no cluster.
fn sandbox() -> Option<Sandbox> {
    let sandbox = cluster::sandbox(&["--shared_files=false"])?;
    sandbox.sundae(&["stack", "set", "cluster"]).ended(0);
    Some(sandbox)
}

/// The only bundle that was laid.
fn bundle(sandbox: &Sandbox) -> PathBuf {
    let bundles = fs::read_dir(sandbox.outside("jobs/bundles")).unwrap().flatten();
    let bundles: Vec<_> = bundles.map(|entry| entry.path()).collect();
    assert_eq!(bundles.len(), 1, "{bundles:?}");
    bundles[0].clone()
}

fn objects(sandbox: &Sandbox) -> usize {
    let folder = sandbox.outside("store/objects");
    walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|one| one.file_type().is_file())
        .count()
}

#[test]
fn steps_find_the_projects_files_where_its_folder_is_not() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.write("lib/count.sh", "wc -w < \"$1\"\n");
    sandbox.write("words.txt", "one two three\n");
    sandbox.write(".gitignore", "large\n");
    sandbox.write("large", "stays\n");
    sandbox.write(
        "p.toml",
        "name = 'p'\n[[steps]]\nname = 'count'\ncode = ['words.txt']\n\
         run = 'pwd; ! ls | grep larg && sh lib/count.sh words.txt > {out.n}'\noutputs = ['n']\n\
         [[steps]]\nname = 'below'\nworkdir = 'lib'\nrun = 'ls; cat {in.n}'\ninputs = { n = 'count.n' }\n",
    );
    sandbox.run(&["p.toml"]);
    let logs = |name| sandbox.sundae(&["runs", "logs", "p-1", name]).ended(0).out;
    assert!(!logs("count").contains(&sandbox.work().display().to_string()), "{}", logs("count"));
    assert_eq!(logs("below").split_whitespace().collect::<Vec<_>>(), ["count.sh", "3"]);
    // What did not change is not sent again.
    let before = objects(&sandbox);
    sandbox.run(&["p.toml"]);
    assert_eq!(objects(&sandbox), before);
    bundle(&sandbox);
}

#[test]
fn code_that_would_not_be_there_is_told_before_the_step_is_handed_over() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.write(".gitignore", "made/\n");
    sandbox.write("made/steps.sh", "echo made\n");
    sandbox.write("p.toml", "name = 'p'\n[[steps]]\nname = 's'\nrun = 'sh made/steps.sh'\n");
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(3)
        .telling("its code `made/steps.sh` is not sent to where it runs")
        .telling("a line `!made/steps.sh` in `.sundaeignore` sends it");
    sandbox.write(".sundaeignore", "!made/\n!made/steps.sh\n");
    sandbox.sundae(&["runs", "resume"]).ended(0);
    assert_eq!(sandbox.sundae(&["runs", "logs", "p-1", "s"]).ended(0).out, "made\n");
}

#[test]
fn code_that_is_changed_meanwhile_does_not_run_as_what_it_was() {
    let Some(sandbox) = sandbox() else { return };
    let (begun, go) = (sandbox.outside("begun"), sandbox.outside("go"));
    sandbox.write("second.sh", "echo old\n");
    sandbox.write(
        "p.toml",
        &format!(
            "name = 'p'\n[[steps]]\nname = 'first'\nrun = 'touch {}; until test -e {}; do sleep 0.1; done'\n\
             [[steps]]\nname = 'second'\nafter = ['first']\nrun = 'sh second.sh'\n",
            begun.display(),
            go.display()
        ),
    );
    let running = sandbox.start(&["run", "p.toml"]);
    until("the first step has begun", || begun.exists().then_some(()));
    sandbox.write("second.sh", "echo new\n");
    fs::write(go, "").unwrap();
    running.wait().ended(3).telling("its code `second.sh` was changed after");
    sandbox.sundae(&["runs", "resume"]).ended(0);
    assert_eq!(sandbox.sundae(&["runs", "logs", "p-1", "second"]).ended(0).out, "new\n");
}

#[test]
fn a_bundle_that_is_damaged_is_told_in_the_run() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.write("p.toml", "name = 'p'\n[[steps]]\nname = 's'\nrun = 'true'\ncache = false\n");
    sandbox.run(&["p.toml"]);
    let bundle = bundle(&sandbox);
    let plugin = fs::read_dir(bundle.join("plugins")).unwrap().flatten().next().unwrap().path();
    let mut image = fs::read(&plugin).unwrap();
    let middle = image.len() / 2;
    image[middle] ^= 1;
    fs::write(&plugin, image).unwrap();
    let run = sandbox.sundae(&["run", "p.toml", "--output", "json"]).ended(3).json();
    let reason = step(&run, "s")["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("it could not begin: the bundle "), "{reason}");
    assert!(reason.contains("has another content than it had; remove that folder"), "{reason}");
    fs::remove_dir_all(&bundle).unwrap();
    sandbox.sundae(&["runs", "resume"]).ended(0);
}

#[test]
fn a_node_that_cannot_run_the_program_says_so_in_the_run() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.write("p.toml", "name = 'p'\n[[steps]]\nname = 's'\nrun = 'true'\ncache = false\n");
    sandbox.run(&["p.toml"]);
    let program = bundle(&sandbox).join("sundae");
    // Of the same size, so that the host does not make it anew: what a node sees that has another processor.
    let size = fs::metadata(&program).unwrap().len();
    fs::write(&program, b"\x7fELF\x02\x01\x01").unwrap();
    fs::File::options().write(true).open(&program).unwrap().set_len(size).unwrap();
    let run = sandbox.sundae(&["run", "p.toml", "--output", "json"]).ended(3).json();
    let reason = step(&run, "s")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("cannot run this `sundae`: it is of another kind"), "{reason}");
}

#[test]
fn an_interpreter_that_a_node_has_not_is_told_in_the_run() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.write(
        "p.toml",
        "name = 'p'\n[[steps]]\nname = 'program'\nrun = ['python9', '-c', '1']\n[[steps]]\nname = 'shell'\nrun = 'python9 -c 1'\n",
    );
    let run = sandbox.sundae(&["run", "p.toml", "--output", "json"]).ended(3).json();
    let reason = |name| step(&run, name)["reason"].as_str().unwrap().to_owned();
    assert!(
        reason("program").contains("the program `python9` was not found"),
        "{}",
        reason("program")
    );
    assert!(
        reason("shell").contains("exit code 127: a program that it runs was not found"),
        "{}",
        reason("shell")
    );
    let log = sandbox.sundae(&["runs", "logs", "p-1", "shell"]).ended(0).out;
    assert!(log.contains("python9"), "{log}");
}
