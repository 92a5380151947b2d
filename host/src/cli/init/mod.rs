//! `sundae init`

mod template;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Failure;
use super::context::Context;
use super::table::key_values;
use crate::nearest::suggestion;
use crate::project::{self, Project};
use template::{TEMPLATES, Template, in_the_way, write_all};

/// Make a project of a folder
///
/// A project is a folder with `sundae.toml` in it. It has an active stack of its own, once `sundae stack set` was given in it.
/// With a template the folder gets pipelines to start from. Nothing that is there is overwritten.
///
/// Example: sundae init my_project --template starter
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; made if it does not exist
    #[arg(default_value = ".", hide_default_value = true)]
    folder: PathBuf,

    /// Start from this template
    #[arg(long, value_name = "NAME")]
    template: Option<String>,

    /// Ask nothing, and take the default for everything; so it is without a terminal anyway
    #[arg(long)]
    template_with_defaults: bool,

    /// List the templates
    #[arg(long, conflicts_with = "template")]
    list_templates: bool,

    /// What the project is called [default: the name of the folder]
    #[arg(long)]
    name: Option<String>,
}

/// The commands to give in a project that was made without a template.
const NEXT: &[&str] = &["sundae status", "sundae run --help"];

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    name: String,
    folder: String,
    template: Option<String>,
    files: Vec<String>,
}

/// A template, as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    template: &'static str,
    summary: &'static str,
}

impl Init {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        if self.list_templates {
            return list(context);
        }
        let template = match &self.template {
            Some(name) => Some(Template::named(name).ok_or_else(|| unknown(name))?),
            None => None,
        };
        let folder = normal(&context.absolute(&self.folder));
        let name = match (&self.name, template) {
            (Some(name), _) => name.clone(),
            (None, Some(_)) if !self.template_with_defaults => asked(&project::name_of(&folder))?,
            _ => project::name_of(&folder),
        };
        let files = files(template, &name);
        refuse_what_is_there(&folder, &self.folder, &files)?;
        write_all(&folder, &files).map_err(|(path, error)| {
            Failure::new(format!("cannot write {}: {error}", path.display()))
                .hint("nothing was left behind; mend that, and give the command again")
        })?;
        let files: Vec<_> = files.into_iter().map(|(path, _)| path.to_owned()).collect();
        self.tell(context, &folder, template, &files);
        if !context.wants_json() {
            return Ok(());
        }
        let template = template.map(|template| template.name.to_owned());
        context.ui.json(&Made { name, folder: folder.display().to_string(), template, files })
    }

    fn tell(
        &self,
        context: &Context,
        folder: &Path,
        template: Option<&Template>,
        files: &[String],
    ) {
        let ui = context.ui;
        let noun = if files.len() == 1 { "file" } else { "files" };
        ui.say(format_args!("Made a project in {}, of {} {noun}:", folder.display(), files.len()));
        for file in files {
            ui.say(format_args!("  {file}"));
        }
        ui.say("\nWhat comes next:\n");
        if folder != normal(&context.folder) {
            ui.say(format_args!("  cd {}", self.folder.display()));
        }
        for command in template.map_or(NEXT, Template::next_commands) {
            ui.say(format_args!("  {command}"));
        }
    }
}

/// The files of a project; every project has its `sundae.toml`.
fn files(template: Option<&Template>, name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = template.map(|template| template.files_for(name)).unwrap_or_default();
    if !files.iter().any(|(path, _)| *path == project::FILE) {
        files.insert(0, (project::FILE, Project::file_text(name).into_bytes()));
    }
    files
}

fn refuse_what_is_there(
    folder: &Path,
    shown: &Path,
    files: &[(&str, Vec<u8>)],
) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::new(format!("{} is a file, not a folder", shown.display())));
    }
    let there = in_the_way(folder, files.iter().map(|(path, _)| *path));
    if there.is_empty() {
        return Ok(());
    }
    if there == [project::FILE] && files.len() == 1 {
        return Err(Failure::new(format!("{} is a project already", folder.display()))
            .hint("`sundae status` in it shows what it works with"));
    }
    Err(Failure::new(format!("these files would be overwritten: {}", there.join(", ")))
        .hint("name another folder: `sundae init FOLDER`, or move them away"))
}

/// The project's name, from whoever sits at the terminal; the default where nobody does.
fn asked(default: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(default.to_owned());
    }
    let mut answer = String::new();
    write!(anstream::stderr().lock(), "What is the project called? [{default}] ")
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| Failure::new(format!("cannot ask for the project's name: {error}")))?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
}

fn unknown(name: &str) -> Failure {
    let names = TEMPLATES.iter().map(|template| template.name);
    Failure::usage(format!("there is no template `{name}`")).hint_if_any(suggestion(
        name,
        "templates",
        names,
    ))
}

fn list(context: &Context) -> Result<(), Failure> {
    let listed = |template: &'static Template| Listed {
        template: template.name,
        summary: template.summary(),
    };
    let templates: Vec<_> = TEMPLATES.iter().map(listed).collect();
    if context.wants_json() {
        return context.ui.json(&templates);
    }
    if templates.is_empty() {
        context.ui.say("This program was built without templates.");
        return Ok(());
    }
    let lines: Vec<_> =
        templates.iter().map(|one| (one.template, one.summary.to_owned())).collect();
    context.ui.data(key_values(&lines))
}

/// The path without `.` and `..`, whether it exists or not.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}
