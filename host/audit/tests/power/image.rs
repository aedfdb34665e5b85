//! A file system with everything that a loss of power may take from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::{Component, Path},
};

use crate::content::Content;

pub type Id = usize;
const ROOT: Id = 0;

#[derive(Debug, Clone)]
pub struct Image {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    File(Content),
    Directory(Names),
}

#[derive(Debug, Clone, Default)]
struct Names {
    now: BTreeMap<OsString, Id>,
    disk: BTreeMap<OsString, Id>,
    /// Since the last sync, oldest first.
    changes: Vec<Change>,
}

/// Each is kept or lost as a whole.
#[derive(Debug, Clone)]
enum Change {
    Made { name: OsString, id: Id },
    Renamed { from: OsString, to: OsString, id: Id },
    Removed { name: OsString },
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<OsString, Id>) {
        match self {
            Self::Made { name, id } => {
                names.insert(name.clone(), *id);
            }
            Self::Renamed { from, to, id } => {
                // Where its making was lost and this was kept, there is nothing to take away.
                if names.get(from) == Some(id) {
                    names.remove(from);
                }
                names.insert(to.clone(), *id);
            }
            Self::Removed { name } => {
                names.remove(name);
            }
        }
    }
}

impl Names {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }

    fn survivor(&self, keep: &mut dyn FnMut() -> bool) -> Self {
        let mut disk = self.disk.clone();
        self.changes.iter().filter(|_| keep()).for_each(|change| change.apply(&mut disk));
        Self { now: disk.clone(), disk, changes: Vec::new() }
    }
}

impl Image {
    /// An empty root.
    pub fn new() -> Self {
        Self { nodes: vec![Node::Directory(Names::default())] }
    }

    pub fn find(&self, path: &Path) -> io::Result<Id> {
        let mut id = ROOT;
        for part in path.components() {
            if let Component::Normal(name) = part {
                id = *self.names(id)?.now.get(name).ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(id)
    }

    pub fn make_file(&mut self, path: &Path) -> io::Result<Id> {
        self.make(path, Node::File(Content::default()))
    }

    pub fn make_directory(&mut self, path: &Path) -> io::Result<Id> {
        self.make(path, Node::Directory(Names::default()))
    }

    fn make(&mut self, path: &Path, node: Node) -> io::Result<Id> {
        let (above, name) = self.place(path)?;
        if self.names(above)?.now.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.nodes.len();
        self.nodes.push(node);
        self.names_mut(above)?.change(Change::Made { name, id });
        Ok(id)
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        let ((above, from), (other, to)) = (self.place(from)?, self.place(to)?);
        assert_eq!(above, other, "the port renames within a directory only");
        self.names_mut(above)?.change(Change::Renamed { from, to, id });
        Ok(())
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        self.content(id)?;
        let (above, name) = self.place(path)?;
        self.names_mut(above)?.change(Change::Removed { name });
        Ok(())
    }

    pub fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        if !self.names(id)?.now.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let (above, name) = self.place(path)?;
        self.names_mut(above)?.change(Change::Removed { name });
        Ok(())
    }

    pub fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        Ok(self.names(self.find(directory)?)?.now.keys().cloned().collect())
    }

    pub fn sync_dir(&mut self, directory: &Path) -> io::Result<()> {
        let id = self.find(directory)?;
        let names = self.names_mut(id)?;
        names.disk = names.now.clone();
        names.changes.clear();
        Ok(())
    }

    pub fn content(&mut self, id: Id) -> io::Result<&mut Content> {
        match &mut self.nodes[id] {
            Node::File(content) => Ok(content),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    /// Bytes of all files that have a name or still have one on the disk.
    pub fn used(&self, of: impl Fn(&Content) -> usize) -> usize {
        let mut named: BTreeSet<Id> = BTreeSet::new();
        for node in &self.nodes {
            if let Node::Directory(names) = node {
                named.extend(names.now.values().chain(names.disk.values()));
            }
        }
        let contents = self.nodes.iter().enumerate().filter(|(id, _)| named.contains(id));
        contents.map(|(_, node)| if let Node::File(content) = node { of(content) } else { 0 }).sum()
    }

    /// Reading shows no longer what no disk has.
    pub fn evict(&mut self) {
        for node in &mut self.nodes {
            if let Node::File(content) = node {
                content.evict();
            }
        }
    }

    /// What a loss of power leaves: what was synced, and of the rest each piece for which `keep` says so. Writes
    /// come in pieces that end at multiples of `grain`; lengths and names are pieces of their own.
    pub fn survivor(&self, grain: usize, keep: &mut dyn FnMut() -> bool) -> Self {
        let nodes = self.nodes.iter().map(|node| match node {
            Node::File(content) => Node::File(content.survivor(grain, keep)),
            Node::Directory(names) => Node::Directory(names.survivor(keep)),
        });
        Self { nodes: nodes.collect() }
    }

    /// How often `survivor` would ask.
    pub fn unsynced(&self, grain: usize) -> u32 {
        let mut asked = 0;
        self.survivor(grain, &mut || {
            asked += 1;
            true
        });
        asked
    }

    fn place(&self, path: &Path) -> io::Result<(Id, OsString)> {
        let above = self.find(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((above, name.to_owned()))
    }

    fn names(&self, id: Id) -> io::Result<&Names> {
        match &self.nodes[id] {
            Node::Directory(names) => Ok(names),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn names_mut(&mut self, id: Id) -> io::Result<&mut Names> {
        match &mut self.nodes[id] {
            Node::Directory(names) => Ok(names),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}
