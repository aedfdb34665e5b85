//! Where settings come from: `--set`, environment, file. Gives entries in the order in which later ones win.

use std::{ffi::OsString, fmt, path::PathBuf};

use super::{
    file,
    own::{self, SCOPES, Whose},
    problem::{Origin, Problem},
    raw::{Member, Raw, clip},
    setting::Setting,
    table::{SECTIONS, settings},
};

const PREFIX: &str = "GRID_";
/// Read elsewhere, and not settings.
const RESERVED: [&str; 8] = [
    "GRID_ENVIRONMENT",
    "GRID_ENDPOINT",
    "GRID_ADMIN_ENDPOINT",
    "GRID_TOKEN_FILE",
    "GRID_CA_FILE",
    "GRID_CERT_FILE",
    "GRID_KEY_FILE",
    "GRID_CONFIG",
];

/// What a process was given.
#[derive(Clone, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--set`, each `section.key=value`.
    pub set: Vec<String>,
    /// The environment.
    pub env: Vec<(String, OsString)>,
    /// Read where neither `--config` nor GRID_CONFIG names a file, if it is there.
    pub usual_file: PathBuf,
}

/// One value as it was written.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) setting: &'static Setting,
    /// Where it is not said for all.
    pub(crate) whose: Option<Whose>,
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

impl Sources {
    /// This process's environment and working directory.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, set: Vec<String>) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { file, set, env, usual_file: PathBuf::from("grid.toml") }
    }

    /// GRID_ENVIRONMENT says production.
    pub(crate) fn is_production(&self) -> bool {
        let marks = ["production", "prod"];
        self.variable("GRID_ENVIRONMENT")
            .and_then(|value| value.to_str())
            .is_some_and(|value| marks.contains(&value.trim().to_ascii_lowercase().as_str()))
    }

    /// The file that is read, if any.
    #[must_use]
    pub fn chosen_file(&self) -> Option<PathBuf> {
        self.file
            .clone()
            .or_else(|| self.variable("GRID_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from))
            .or_else(|| Some(self.usual_file.clone()).filter(|file| file.is_file()))
    }

    /// Everything that was written, least important first; what names no setting is a problem.
    pub(crate) fn entries(&self, problems: &mut Vec<Problem>, hints: &mut Vec<Problem>) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.add_file(&mut entries, problems);
        self.add_env(&mut entries, problems, hints);
        self.add_flags(&mut entries, problems);
        entries
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn add_file(&self, entries: &mut Vec<Entry>, problems: &mut Vec<Problem>) {
        let Some(path) = self.chosen_file() else {
            return;
        };
        let members = match file::read(&path) {
            Ok(members) => members,
            Err(faults) => return problems.extend(faults),
        };
        let origin = |line| Origin::File { path: path.clone(), line };
        for Member { name, value, line } in members {
            let is_section = SECTIONS.iter().any(|section| section.name == name);
            match value {
                Raw::Table(members) if is_section => {
                    for (key, Member { value, line, .. }) in keyed(&name, members) {
                        accept(key, value, origin(line), entries, problems);
                    }
                }
                value if is_section => problems.push(Problem::new(
                    origin(line),
                    &name,
                    format!(
                        "found {}; `{name}` is a section, so write `[{name}]` and its settings below",
                        value.found()
                    ),
                )),
                Raw::Table(_) => problems.push(unknown_section(origin(line), &name)),
                value if name.contains('.') => problems.push(Problem::new(
                    origin(line),
                    &name,
                    format!("found {} under a name with a dot; write the setting within its section", value.found()),
                )),
                value => accept(name, value, origin(line), entries, problems),
            }
        }
    }

    fn add_env(&self, entries: &mut Vec<Entry>, problems: &mut Vec<Problem>, hints: &mut Vec<Problem>) {
        for (name, value) in &self.env {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if RESERVED.contains(&name.as_str()) {
                continue;
            }
            let key = rest.replace("__", ".").to_ascii_lowercase();
            let origin = Origin::Env(name.clone());
            if rest.contains("__") || lookup(&key).is_some() {
                match value.to_str() {
                    Some(text) => {
                        accept(key, Raw::Loose(text.to_owned()), origin, entries, problems);
                    }
                    None => problems.push(Problem::new(origin, key, "is not UTF-8; give plain text")),
                }
            } else if let Some(meant) = settings().find(|setting| setting.env().replace("__", "_") == *name) {
                let message = format!("is not a setting and is ignored; write `{}`", meant.env());
                hints.push(Problem::new(origin, meant.key, message));
            }
        }
    }

    fn add_flags(&self, entries: &mut Vec<Entry>, problems: &mut Vec<Problem>) {
        for flag in &self.set {
            match flag.split_once('=') {
                Some((key, value)) => {
                    accept(key.trim().to_owned(), Raw::Loose(value.to_owned()), Origin::Flag, entries, problems)
                }
                None => problems.push(Problem::new(
                    Origin::Flag,
                    "",
                    format!("`{}` has no value; write `section.key=value`", clip(flag)),
                )),
            }
        }
    }
}

impl fmt::Debug for Sources {
    /// Values are left out, for there may be a password among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.chosen_file()).finish_non_exhaustive()
    }
}

/// The settings of a section by their keys; those of scopes and names in it are tables of their own.
fn keyed(section: &str, members: Vec<Member>) -> Vec<(String, Member)> {
    let mut all = Vec::new();
    for Member { name, value, line } in members {
        let is_scope = section == own::SECTION && SCOPES.iter().any(|(scope, _)| *scope == name);
        let key = format!("{section}.{name}");
        match value {
            Raw::Table(members) if is_scope => {
                for Member { name, value, line } in members {
                    let key = format!("{key}.{name}");
                    match value {
                        Raw::Table(members) => {
                            all.extend(members.into_iter().map(|member| (format!("{key}.{}", member.name), member)));
                        }
                        value => all.push((key, Member { name, value, line })),
                    }
                }
            }
            value => all.push((key, Member { name, value, line })),
        }
    }
    all
}

fn lookup(key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.key == key)
}

fn accept(key: String, raw: Raw, origin: Origin, entries: &mut Vec<Entry>, problems: &mut Vec<Problem>) {
    match (lookup(&key), own::lookup(&key)) {
        (Some(setting), _) => entries.push(Entry { setting, whose: None, raw, origin }),
        (None, Ok((setting, whose))) => entries.push(Entry { setting, whose: Some(whose), raw, origin }),
        (None, Err(Some(advice))) => {
            problems.push(Problem::new(origin, clip(&key), format!("is not a setting; {advice}")));
        }
        (None, Err(None)) => {
            let advice = match nearest(&key) {
                Some(near) if matches!(origin, Origin::Env(_)) => {
                    format!("did you mean `{}`?", near.env())
                }
                Some(near) => format!("did you mean `{}`?", near.key),
                None => "`grid config dump` shows all settings".to_owned(),
            };
            let message = format!("is not a setting; {advice}");
            // Nobody who misspells `mode` has chosen a mode, so the code is the general one.
            problems.push(Problem::new(origin, clip(&key), message));
        }
    }
}

fn unknown_section(origin: Origin, name: &str) -> Problem {
    let advice = SECTIONS
        .iter()
        .map(|section| (strsim::damerau_levenshtein(section.name, name), section))
        .filter(|(distance, section)| *distance <= 1 + section.name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map_or_else(
            || "`grid config dump` shows all sections".to_owned(),
            |(_, section)| format!("did you mean `{}`?", section.name),
        );
    Problem::new(origin, clip(name), format!("is not a section; {advice}"))
}

/// The setting that was most likely meant: nearly the same key, or the same name in another section.
fn nearest(key: &str) -> Option<&'static Setting> {
    let name = key.rsplit('.').next().unwrap_or(key);
    let allowed = 1 + name.chars().count() / 4;
    settings()
        .map(|setting| (strsim::damerau_levenshtein(setting.key, key), setting))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, setting)| setting)
        .or_else(|| settings().find(|setting| setting.parts().1 == name))
}
