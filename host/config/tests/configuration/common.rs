//! A folder with a configuration file and a manifest in it.

use std::{fs, path::PathBuf};

use grid_config::{Config, Problem, Reading, Sources, read};
use tempfile::TempDir;

pub struct Place {
    pub folder: TempDir,
    pub sources: Sources,
}

impl Place {
    /// An empty folder and an empty environment.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { usual_file: folder.path().join("grid.toml"), ..Sources::default() };
        Self { folder, sources }
    }

    /// With a manifest, which is all that a strict host needs.
    pub fn strict() -> Self {
        let place = Self::empty();
        let manifest = place.path("manifest.json");
        fs::write(&manifest, "{}").unwrap();
        place.env("GRID_MANIFEST__PATH", manifest.to_str().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(mut self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        self.sources.file = Some(path);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.env.push((name.to_owned(), value.into()));
        self
    }

    pub fn set(mut self, flag: &str) -> Self {
        self.sources.set.push(flag.to_owned());
        self
    }

    pub fn read(&self) -> Reading {
        read(&self.sources)
    }

    pub fn config(&self) -> Config {
        self.read().settle().unwrap()
    }

    pub fn problems(&self) -> Vec<Problem> {
        self.read().problems().cloned().collect()
    }

    /// The only problem, as it is printed, without the folder.
    pub fn only(&self) -> String {
        let problems = self.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        self.shown(&problems[0])
    }

    /// Every problem, as it is printed, without the folder.
    pub fn all(&self) -> Vec<String> {
        self.problems().iter().map(|problem| self.shown(problem)).collect()
    }

    pub fn shown(&self, problem: &Problem) -> String {
        let folder = format!("{}/", self.folder.path().display());
        problem.to_string().replace(&folder, "")
    }
}
