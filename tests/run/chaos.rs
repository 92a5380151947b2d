//! Runs that are killed again and again, at random moments, and resumed until they are done.
//!
//! The host is killed alone, with its reaper, or with everything that it has started. Afterwards all must be as if nothing had
//! happened: the same artifacts, nothing done twice that had been recorded as done, nothing left running, nothing half-written.
//!
//! `CHAOS_KILLS=2000 CHAOS_SEED=7 cargo nextest run -p sundae --test run chaos` kills more often, and in another way.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use rustix::process::{Pid, Signal, kill_process};

use super::killed::{is_whole, left_behind};
use super::sandbox::{Running, Sandbox, digests, until};

/// How often a host is killed, where nobody says otherwise.
const KILLS: u64 = 200;

/// The longest time that a host is left alone: as long as some steps take.
const LONGEST_MS: u64 = 250;

const LAYERS: usize = 8;

/// The steps of a layer.
const WIDTH: usize = 6;

/// How many items the fan-out has, and how many steps there are with it: what it comes from, itself, and what takes all of it.
const ITEMS: usize = 6;
const AROUND_ITEMS: usize = 3;

const FAN_OUT: &str = r#"
[[steps]]
name = "parts"
inputs = { x = "s2-0.x" }
outputs = ["x"]
run = '''
echo {param.salt} parts >> COUNTS
mkdir {out.x}
for part in 1 2 3 4 5 6; do echo $part {param.salt} > {out.x}/$part; sleep 0.003; done
'''
[[steps]]
name = "each"
foreach = { part = "parts.x" }
outputs = ["x"]
cache = false
run = '''
echo {param.salt} $SUNDAE_STEP >> COUNTS
sleep 600 &
cat {in.part} > {out.x}
sleep 0.01
echo {param.part} >> {out.x}
'''
[[steps]]
name = "sum"
inputs = { all = "each.x" }
outputs = ["x"]
run = "echo {param.salt} sum >> COUNTS; cat {in.all}/* > {out.x}"
"#;

/// Layers of steps, each of which takes what two of the layer before have made. They write slowly, in two parts; some make folders,
/// some are never taken from the cache, and all start something that would go on for ever. Beside them there is a step that has items.
fn pipeline(sandbox: &Sandbox) -> String {
    let counts = sandbox.outside("counts").display().to_string();
    let mut file = "name = \"p\"\n[params]\nsalt = 0\n".to_owned();
    for (layer, place) in (0..LAYERS).flat_map(|layer| (0..WIDTH).map(move |place| (layer, place)))
    {
        let name = format!("s{layer}-{place}");
        let read = match layer {
            0 => "echo {param.salt}",
            _ => "cat $(find {in.left} {in.right} -type f | sort)",
        };
        let (make, first, second) = match place % 3 {
            0 => ("mkdir {out.x}", "{out.x}/first", "{out.x}/second"),
            _ => ("true", "{out.x}", "{out.x}"),
        };
        file.push_str(&format!(
            r#"
[[steps]]
name = "{name}"
outputs = ["x"]
cache = {}
run = '''
echo {{param.salt}} {name} >> {counts}
sleep 600 &
{make}
{read} > {first}
sleep 0.01
echo {name} >> {second}
'''
"#,
            place % 2 == 0
        ));
        if let Some(before) = layer.checked_sub(1) {
            let next = (place + 1) % WIDTH;
            file.push_str(&format!(
                "inputs = {{ left = \"s{before}-{place}.x\", right = \"s{before}-{next}.x\" }}\n"
            ));
        }
    }
    file + &FAN_OUT.replace("COUNTS", &counts)
}

/// Numbers that are the same for the same seed. SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Who dies with the host.
#[derive(Debug, Clone, Copy)]
enum With {
    Nobody,
    /// Then nobody is left to end its steps.
    ItsReaper,
    Everything,
}

/// The parent of each process.
fn parents() -> BTreeMap<i32, i32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let parent = |folder: std::path::PathBuf| {
        let pid = folder.file_name()?.to_str()?.parse().ok()?;
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    processes.filter_map(|process| parent(process.path())).collect()
}

fn descendants(of: i32) -> Vec<i32> {
    let parents = parents();
    let mut found = vec![of];
    let mut looked = 0;
    while let Some(parent) = found.get(looked).copied() {
        found.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(child, _)| *child));
        looked += 1;
    }
    found.split_off(1)
}

fn is_reaper(pid: i32) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).nth(1) == Some(b"reaper")
}

/// Kills a host that may have ended.
fn kill(host: &Running, with: With) {
    // It starts nothing more while we look what it has started.
    kill_process(host.pid(), Signal::STOP).ok();
    let started = descendants(host.pid().as_raw_nonzero().get());
    let die = started.into_iter().filter(|pid| match with {
        With::Nobody => false,
        With::ItsReaper => is_reaper(*pid),
        With::Everything => true,
    });
    for pid in die.filter_map(Pid::from_raw) {
        kill_process(pid, Signal::KILL).ok();
    }
    kill_process(host.pid(), Signal::KILL).ok();
}

/// What is recorded of the run with this salt: its name, its status, and the steps that are done.
fn recorded(sandbox: &Sandbox, salt: u64) -> Option<(String, String, Vec<String>)> {
    let path = sandbox.home().join("sundae.db");
    // It may not have been made, or be half-made.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    let sql = "SELECT id, name, status FROM run WHERE params ->> 'salt' = ?1";
    let columns = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let run = connection.prepare(sql).ok()?.query_row([salt], columns).optional().unwrap();
    let (id, name, status): (String, String, String) = run?;
    let sql = "SELECT name FROM step_run WHERE run = ?1 AND status IN ('completed', 'cached')";
    let mut steps = connection.prepare(sql).unwrap();
    let done = steps.query_map([id], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    Some((name, status, done))
}

/// How often each step of the run with this salt has begun.
fn begun(sandbox: &Sandbox, salt: u64) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(sandbox.outside("counts")).unwrap_or_default();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        if let Some((of, step)) = line.split_once(' ')
            && of == salt.to_string()
        {
            *counts.entry(step.to_owned()).or_default() += 1;
        }
    }
    counts
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been() {
    let kills = number("CHAOS_KILLS").unwrap_or(KILLS);
    let seed = number("CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("CHAOS_SEED={seed}");
    let mut random = Random(seed);
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", &pipeline(&sandbox));
    let mut killed = 0;
    let mut salts = 0;
    while killed < kills {
        salts += 1;
        killed += end_despite_kills(&sandbox, salts, &mut random);
    }
    eprintln!("{killed} kills in {salts} runs");

    until("all that was started has ended", || {
        let left = descendants_by_environment(&sandbox);
        left.is_empty().then_some(())
    });
    // The last one may have been killed when its end was recorded already: the next run sweeps.
    sandbox.run(&["p.toml"]);
    is_whole(&sandbox);
    assert_eq!(left_behind(&sandbox), [""; 0]);

    let undisturbed = Sandbox::new();
    undisturbed.write("p.toml", &pipeline(&undisturbed));
    for salt in 1..=salts {
        let (name, ..) = recorded(&sandbox, salt).unwrap();
        let run = sandbox.sundae(&["runs", "describe", &name, "--output", "json"]).ended(0).json();
        let expected = undisturbed.run(&["p.toml", "-p", &format!("salt={salt}")]);
        assert_eq!(digests(&run), digests(&expected), "run {name}");
    }
}

/// Runs the pipeline with this salt, kills it and resumes it until it is done. Returns how often it was killed.
fn end_despite_kills(sandbox: &Sandbox, salt: u64, random: &mut Random) -> u64 {
    let param = format!("salt={salt}");
    let mut done_at: BTreeMap<String, usize> = BTreeMap::new();
    let without_cache = random.below(3) == 0;
    let mut kills = 0;
    loop {
        let before = recorded(sandbox, salt);
        let host = match &before {
            Some((_, status, done)) if status == "completed" => {
                assert_eq!(done.len(), LAYERS * WIDTH + AROUND_ITEMS + ITEMS);
                return kills;
            }
            Some((name, ..)) => sandbox.start(&["runs", "resume", name]),
            None if without_cache => sandbox.start(&["run", "p.toml", "-p", &param, "--no-cache"]),
            None => sandbox.start(&["run", "p.toml", "-p", &param]),
        };
        std::thread::sleep(Duration::from_millis(random.below(LONGEST_MS)));
        let with = [With::Nobody, With::ItsReaper, With::Everything][random.below(3) as usize];
        kill(&host, with);
        let said = host.wait();
        // What had ended by itself has ended well, or was refused for a good reason.
        assert!(matches!(said.code, None | Some(0)), "{said:?}");
        kills += u64::from(said.code.is_none());

        let Some((name, _, done)) = recorded(sandbox, salt) else { continue };
        let begun = begun(sandbox, salt);
        for step in done {
            // A step that has items begins nothing itself.
            let now = begun.get(&step).copied().unwrap_or_default();
            let then = *done_at.entry(step.clone()).or_insert(now);
            assert_eq!(then, now, "`{step}` of `{name}` was done, and ran again; {with:?}");
        }
    }
}

/// The processes that are part of a step in this sandbox.
fn descendants_by_environment(sandbox: &Sandbox) -> Vec<i32> {
    let marker = format!("SUNDAE_CONTEXT={}/", sandbox.home().display());
    let is_of_step = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&marker)
    };
    parents().into_keys().filter(is_of_step).collect()
}
