//! The one state behind all mounts: what programs see, what they have done since a moment at which all was durable, and
//! when the power goes.

use crate::crash::{Reached, Record, digest};
use crate::tree::{Call, Ino, Tree};
use fuser::Errno;
use std::collections::HashMap;

#[derive(Debug)]
pub struct Store {
    pub tree: Tree,
    base: Tree,
    calls: Vec<Call>,
    saved: HashMap<String, Tree>,
    kept: Option<Record>,
    /// The power goes during this call, counted from 1.
    cut_at: Option<usize>,
    is_cut: bool,
    last_ino: Ino,
}

impl Store {
    pub fn new() -> Self {
        Self {
            tree: Tree::new(),
            base: Tree::new(),
            calls: Vec::new(),
            saved: HashMap::new(),
            kept: None,
            cut_at: None,
            is_cut: false,
            last_ino: crate::tree::ROOT,
        }
    }

    pub fn new_ino(&mut self) -> Ino {
        self.last_ino += 1;
        self.last_ino
    }

    /// # Errors
    /// EIO once the power is gone.
    pub fn look(&self) -> Result<&Tree, Errno> {
        match self.is_cut {
            true => Err(Errno::EIO),
            false => Ok(&self.tree),
        }
    }

    /// Does a call, and counts it.
    ///
    /// # Errors
    /// As [`Store::look`]; the power goes during the call.
    pub fn call(&mut self, call: Call) -> Result<(), Errno> {
        self.look()?;
        self.calls.push(call);
        if self.cut_at == Some(self.calls.len()) {
            self.is_cut = true;
            return Err(Errno::EIO);
        }
        if let Some(call) = self.calls.last() {
            self.tree.apply(call);
        }
        Ok(())
    }

    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Has the power go during call `number`; never, where it is 0.
    pub fn cut_at(&mut self, number: usize) {
        self.cut_at = (number > 0).then_some(number);
    }

    /// Takes the cut back: nothing was forgotten, and what was done is as durable as it was.
    pub fn revive(&mut self) {
        if std::mem::take(&mut self.is_cut) {
            self.calls.pop();
        }
        self.cut_at = None;
    }

    /// Keeps what is seen now under a name.
    pub fn save(&mut self, name: &str) {
        self.saved.insert(name.into(), self.tree.clone());
    }

    /// Goes back to what was saved; false where nothing was. All of it is durable.
    pub fn load(&mut self, name: &str) -> bool {
        let saved = self.saved.get(name).cloned();
        saved.map(|tree| self.begin(&tree)).is_some()
    }

    /// Keeps what happened until now, for [`Store::crash`].
    pub fn keep(&mut self) {
        let answered = self.calls.len() - usize::from(self.is_cut);
        self.kept = Some(Record {
            base: self.base.clone(),
            calls: self.calls.clone(),
            answered,
        });
    }

    /// Begins with what a power cut leaves of what was kept; a number that tells it from other states.
    pub fn crash(&mut self, reached: Reached) -> Option<u64> {
        let left = self.kept.as_ref()?.after(reached);
        self.begin(&left);
        Some(digest(&self.tree))
    }

    pub fn kept(&self) -> Option<&Record> {
        self.kept.as_ref()
    }

    fn begin(&mut self, tree: &Tree) {
        self.tree = tree.renumbered(&mut self.last_ino);
        self.base = self.tree.clone();
        self.calls = Vec::new();
        (self.cut_at, self.is_cut) = (None, false);
    }
}
