//! The batch script, which is the same for all jobs of a component, and what a job of it reads.

use std::path::Path;

use sundae_plugin_api::orchestrator::JobDescription;
use sundae_plugin_api::{Error, ErrorKind};

use crate::SlurmConfig;
use crate::files::MARKS;

/// The script of a batch in this folder.
///
/// It goes to sbatch by its standard input, and Slurm keeps it where others may read it: so there is nothing of a job in it.
pub(crate) fn of_batch(config: &SlurmConfig, folder: &Path) -> String {
    // Where modules are defined only the files of a login shell know.
    let shell = if config.modules.is_empty() { "#!/bin/bash" } else { "#!/bin/bash -l" };
    let folder = quoted(&folder.display().to_string());
    let mut script = format!(
        r#"{shell}
# Written by Sundae for one or more steps of a pipeline.
folder={folder}
number=${{SLURM_ARRAY_TASK_ID:-0}}
self=$SLURM_JOB_ID
[ -z "$SLURM_ARRAY_JOB_ID" ] || self=${{SLURM_ARRAY_JOB_ID}}_$number
marks=$folder/{MARKS}

# leave EXIT_CODE [WHY THE COMMAND WAS NOT STARTED]
leave() {{
    trap '' USR1
    trap - EXIT
    {{ printf '%s\n%s\n' "$1" "$2" && times; }} > "$marks/.end.$number.$self" \
        && mv -f "$marks/.end.$number.$self" "$marks/end.$number"
    rm -f "$folder/job.$number"
    exit "$1"
}}

# The host asks by USR1: once for an end in good order, twice for an end at once. TERM comes from Slurm, to all processes of the
# job: the command has it already.
asked=0
told=0
worker=
tell() {{
    [ -n "$worker" ] || return 0
    while [ "$told" -lt "$asked" ]; do
        told=$((told + 1))
        if [ "$told" = 1 ]; then kill -TERM "$worker"; else kill -KILL -- "-$worker"; fi
    done
}} 2> /dev/null
trap 'asked=$((asked + 1)); tell' USR1
trap : TERM

# Should the same work have been submitted twice, it is done by who comes first.
if ! said=$(ln -s "$self" "$marks/owner.$number" 2>&1); then
    owner=$(readlink "$marks/owner.$number")
    [ -n "$owner" ] || leave 1 "it cannot write to the work folder: $said"
    [ "$owner" = "$self" ] || exit 0
fi
rm -f "$marks/end.$number"
[ ! -e "$marks/stop.$number" ] || leave 143
trap 'leave $? "its prologue ended the script"' EXIT
"#
    );
    for module in &config.modules {
        let told = quoted(&format!("the module `{module}` cannot be loaded"));
        script.push_str(&format!("module load {} || leave 127 {told}\n", quoted(module)));
    }
    if let Some(prologue) = &config.prologue {
        // A function of its own, so that its last command tells how it went, and still in this shell.
        script.push_str(&format!(
            "sundae_prologue() {{\n:\n{prologue}\n}}\nsundae_prologue || leave \"$?\" 'its prologue failed'\n"
        ));
    }
    script.push_str(
        r#"
. "$folder/job.$number" || leave 127 'what it is to do cannot be read'
# In a process group of its own: what it has started can be ended with it.
set -m
"${command[@]}" < /dev/null &
worker=$!
set +m
[ ! -e "$marks/stop.$number" ] || [ "$asked" -gt 0 ] || asked=1
tell
while :; do
    wait "$worker"
    code=$?
    # A signal ends the waiting, too.
    kill -0 "$worker" 2> /dev/null || break
done
wait "$worker" 2> /dev/null
code=$?
leave "$code"
"#,
    );
    script
}

/// What one job is to do: variables, and the command as `command`.
///
/// # Errors
/// There is no command, or something in it cannot be written for a shell.
pub(crate) fn of_job(job: &JobDescription) -> Result<String, Error> {
    let refused = |why: String| Err(Error::new(ErrorKind::Unsupported, why));
    if job.worker.is_empty() {
        return refused("the job has no command that a node could run".to_owned());
    }
    let mut text = String::new();
    for (name, value) in &job.environment {
        let is_letter = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
        let is_name = !name.starts_with(|first: char| first.is_ascii_digit()) && !name.is_empty();
        if !is_name || !name.chars().all(is_letter) {
            return refused(format!("`{name}` is no name of a variable that a shell takes"));
        }
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    let words: Vec<_> = job.worker.iter().map(|word| quoted(word)).collect();
    text.push_str(&format!("command=({})\n", words.join(" ")));
    if text.contains('\0') {
        return refused("a zero byte cannot be handed to a job".to_owned());
    }
    Ok(text)
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_says_what_it_was_given_whatever_that_is() {
        let mut job = JobDescription::new("a", "b");
        job.worker = vec!["printf".to_owned(), "%s".to_owned(), "it's $HOME\n`x`".to_owned()];
        job.environment.insert("TOKEN".to_owned(), "a'b\"$(rm)".to_owned());
        let text =
            format!("{}\n\"${{command[@]}}\"; printf '%s' \"$TOKEN\"", of_job(&job).unwrap());
        let output = std::process::Command::new("bash").args(["-c", &text]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's $HOME\n`x`a'b\"$(rm)");
    }

    #[test]
    fn what_no_shell_takes_is_refused() {
        let mut job = JobDescription::new("a", "b");
        of_job(&job).unwrap_err();
        job.worker = vec!["true".to_owned()];
        of_job(&job).unwrap();
        for name in ["", "1a", "a b", "a=b", "a\n"] {
            let mut job = job.clone();
            job.environment.insert(name.to_owned(), String::new());
            of_job(&job).unwrap_err();
        }
        job.worker.push("a\0b".to_owned());
        of_job(&job).unwrap_err();
    }
}
