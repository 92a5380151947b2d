//! A cluster that breaks under a run: nodes die, the controller is away, the controller forgets. The run goes on, says once what
//! was wrong, does nothing again that was done, and ends with what an undisturbed run has.
//!
//! Each on a cluster of its own, which `tests/backends/slurm.sh` starts for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Duration;

use super::backends::OwnCluster;
use super::cluster;
use super::sandbox::{Running, Sandbox, digests, step, until_within};

/// A node that dies is missed after some twenty seconds, and what a controller has forgotten is given up after thirty.
const PATIENCE: Duration = Duration::from_secs(150);

/// Three nodes, of which each step has one for itself; and a project whose steps run there.
struct World {
    sandbox: Sandbox,
    cluster: OwnCluster,
}

impl World {
    /// `None`: there is no Slurm here.
    fn new() -> Option<Self> {
        let cluster = OwnCluster::start()?;
        let mut sandbox = cluster::sandbox(&["--tool_timeout=3", "--options=--exclusive"])?;
        sandbox.set("SLURM_CONF", cluster.config());
        Some(Self { sandbox, cluster })
    }

    fn path(&self, name: &str) -> String {
        self.sandbox.outside(name).display().to_string()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.outside(name)).unwrap_or_default()
    }

    fn touch(&self, name: &str) {
        fs::write(self.sandbox.outside(name), "").unwrap();
    }

    /// A step that takes the output of others, tells that it has begun, and waits for a file if it is to.
    fn step(&self, name: &str, takes: &[&str], waits_for: Option<&str>) -> String {
        let inputs: Vec<_> = takes.iter().map(|step| format!("{step} = '{step}.x'")).collect();
        let read: String = takes.iter().map(|step| format!("cat {{in.{step}}}; ")).collect();
        let wait =
            waits_for.map(|file| format!("until test -e {}; do sleep 0.1; done", self.path(file)));
        format!(
            r#"
[[steps]]
name = '{name}'
inputs = {{ {inputs} }}
outputs = ['x']
run = '''
for process in $(grep -s '^{name} ' {tally} | cut -d ' ' -f 3); do
    test ! -d /proc/$process || echo {name} >> {overlaps}
done
echo {name} $(printenv SLURMD_NODENAME || echo here) $$ >> {tally}
{wait}
({read}echo {name}) > {{out.x}}
'''
"#,
            inputs = inputs.join(", "),
            tally = self.path("tally"),
            overlaps = self.path("overlaps"),
            wait = wait.unwrap_or_default(),
        )
    }

    /// Starts the run of a pipeline. What it says is in the file `said`.
    fn start(&self, steps: &[String]) -> Running {
        self.sandbox.write("p.toml", &format!("name = 'p'\n{}", steps.concat()));
        let said = File::create(self.sandbox.outside("said")).unwrap();
        let words = ["run", "p.toml", "--stack", "cluster", "--verbose"];
        Running::of(self.sandbox.command(&words).stderr(said).spawn().unwrap())
    }

    fn until_said(&self, text: &str) {
        until_within(PATIENCE, text, || self.read("said").contains(text).then_some(()));
    }

    fn warnings(&self) -> Vec<String> {
        let said = self.read("said");
        said.lines().filter_map(|line| line.strip_prefix("warning: ")).map(str::to_owned).collect()
    }

    /// On which nodes each step has begun; those that ran here do not count.
    fn begun(&self) -> BTreeMap<String, Vec<String>> {
        let mut begun: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in self.read("tally").lines() {
            let [step, node, _] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            if node != "here" {
                begun.entry(step.to_owned()).or_default().push(node.to_owned());
            }
        }
        begun
    }

    /// Waits until a step has begun so often, and says on which node.
    fn until_begun(&self, step: &str, times: usize) -> String {
        until_within(PATIENCE, &format!("{step} begins for the {times}. time"), || {
            assert!(!self.read("said").contains("error: "), "{}", self.read("said"));
            self.begun().get(step)?.get(times - 1).cloned()
        })
    }

    /// The steps that have begun more than once.
    fn repeated(&self) -> Vec<String> {
        let mut begun = self.begun();
        begun.retain(|_, nodes| nodes.len() > 1);
        begun.into_keys().collect()
    }

    /// The run has completed with the outputs of an undisturbed one on this machine. No step ran twice at the same time, and
    /// nothing is left of what jobs were told.
    fn has_completed(&self, run: Running) {
        let said = run.wait();
        assert_eq!(said.code, Some(0), "{}", self.read("said"));
        let run = self.sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
        assert_eq!(run["status"], "completed", "{run}");
        assert_eq!(self.read("overlaps"), "");
        let files = ["jobs", "store/attempts"].map(|name| self.sandbox.outside(name));
        let files = files.iter().flat_map(walkdir::WalkDir::new).map(|entry| entry.unwrap());
        let names = files.map(|file| file.file_name().to_str().unwrap().to_owned());
        let is_told = |name: &String| name.starts_with("job.") || name == "spec.json";
        assert_eq!(names.filter(is_told).collect::<Vec<_>>(), [""; 0]);
        let here = self.sandbox.run(&["p.toml", "--stack", "default", "--no-cache"]);
        assert_eq!(digests(&run), digests(&here));
    }
}

#[test]
fn a_node_that_dies_takes_no_more_with_it_than_what_ran_there() {
    let Some(world) = World::new() else { return };
    let run = world.start(&[
        world.step("before", &[], None),
        world.step("long", &["before"], Some("go")),
        world.step("beside", &["before"], Some("go")),
        world.step("after", &["long", "beside"], None),
    ]);
    let node = world.until_begun("long", 1);
    world.until_begun("beside", 1);
    world.cluster.script(&["kill-node", &node]);
    assert_ne!(world.until_begun("long", 2), node);
    world.touch("go");
    world.has_completed(run);
    assert_eq!(world.repeated(), ["long"]);
    let lost =
        format!("step `long`: it was lost: its node {node} failed (NODE_FAIL); it is tried again");
    assert_eq!(world.warnings(), [lost]);
}

#[test]
fn a_run_waits_for_a_controller_that_is_away() {
    let Some(world) = World::new() else { return };
    let run = world.start(&[
        world.step("long", &[], Some("go")),
        world.step("short", &[], Some("go-short")),
        world.step("next", &["short"], None),
        world.step("last", &["long", "next"], None),
    ]);
    world.until_begun("long", 1);
    world.until_begun("short", 1);
    world.cluster.script(&["stop-controller"]);
    world.until_said("the orchestrator cannot be asked now");
    // One ends, and what follows it is to be handed over: the first is known without the controller, the second waits for it.
    world.touch("go-short");
    world.until_said("`sbatch` did not answer");
    world.cluster.script(&["start-controller"]);
    world.until_begun("next", 1);
    world.touch("go");
    world.has_completed(run);
    let warning = "the orchestrator cannot be asked now: `squeue` did not answer within 3 seconds; it is asked again until it can be";
    assert_eq!(world.warnings(), [warning]);
    assert_eq!(world.repeated(), [""; 0]);
}

#[test]
fn what_a_controller_has_forgotten_runs_again_when_it_has_ended() {
    let Some(world) = World::new() else { return };
    // There are three nodes: one of the four waits.
    let run = world.start(&[
        world.step("before", &[], None),
        world.step("short", &["before"], Some("go-short")),
        world.step("long", &["before"], Some("go")),
        world.step("other", &["before"], Some("go")),
        world.step("waiting", &["before"], Some("go")),
        world.step("last", &["short", "long", "other", "waiting"], None),
    ]);
    for step in ["short", "long", "other"] {
        world.until_begun(step, 1);
    }
    world.cluster.script(&["stop-controller"]);
    world.touch("go-short");
    world.until_said("short: completed");
    world.cluster.script(&["start-empty-controller"]);
    world.until_begun("long", 2);
    world.until_begun("other", 2);
    world.touch("go");
    world.has_completed(run);
    // What had begun and not ended, and nothing else.
    assert_eq!(world.repeated(), ["long", "other"]);
    let forgotten = world.warnings().into_iter().filter(|said| said.starts_with("step `"));
    let forgotten: Vec<_> = forgotten.collect();
    for (step, how) in [
        ("waiting", "it had not begun"),
        ("long", "how it ended is not known"),
        ("other", "how it ended is not known"),
    ] {
        let start = format!("step `{step}`: it was lost: Slurm does not know its job ");
        let end = format!(" any more, and {how}; it is tried again");
        let is_meant = |said: &&String| said.starts_with(&start) && said.ends_with(&end);
        assert_eq!(forgotten.iter().filter(is_meant).count(), 1, "{step}: {forgotten:?}");
    }
    assert_eq!(forgotten.len(), 3, "{forgotten:?}");
    let run = world.sandbox.sundae(&["runs", "describe", "p-1", "--output", "json"]).ended(0);
    assert_eq!(step(&run.json(), "short")["attempts"], 1);
}
