//! What must be true of approvals: each is asked for once, decided once by somebody else than who asked, and used at most
//! once, by an admission of the very call that it was for.

use std::collections::{HashMap, HashSet};

use crate::record::Peek;

/// Needs some 300 bytes for every approval that is open or given, and 16 for every one that is over.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    asked: HashMap<u128, Asked>,
    given: HashMap<u128, Asked>,
    over: HashSet<u128>,
}

#[derive(Debug)]
struct Asked {
    index: u64,
    tenant: Box<str>,
    principal: Box<str>,
    contract: Box<str>,
    args: Box<str>,
}

impl Asked {
    /// It is about the same call; who is another matter.
    fn fits(&self, peek: &Peek<'_>) -> bool {
        peek.tenant == Some(&self.tenant)
            && peek.contract == Some(&self.contract)
            && peek.args_digest == Some(&self.args)
    }

    fn is_by(&self, peek: &Peek<'_>) -> bool {
        peek.principal == Some(&self.principal)
    }
}

impl Approvals {
    pub(crate) fn requested(&mut self, index: u64, peek: &Peek<'_>) -> Result<(), &'static str> {
        let approval = peek.approval.ok_or("it asks for an approval that has no id")?;
        let (Some(tenant), Some(principal), Some(contract), Some(args)) =
            (peek.tenant, peek.principal, peek.contract, peek.args_digest)
        else {
            return Err("it asks for an approval without saying of what call, or whose");
        };
        if self.over.contains(&approval) || self.given.contains_key(&approval) {
            return Err("it asks for an approval that was decided before");
        }
        let [tenant, principal, contract, args] = [tenant, principal, contract, args].map(Box::from);
        match self.asked.insert(approval, Asked { index, tenant, principal, contract, args }) {
            None => Ok(()),
            Some(_) => Err("it asks for an approval that was asked for before"),
        }
    }

    /// False where it was never asked for.
    pub(crate) fn decided(&mut self, peek: &Peek<'_>) -> Result<bool, &'static str> {
        let approval = peek.approval.ok_or("it decides an approval that has no id")?;
        let by_a_person = match peek.verdict {
            Some("allow" | "deny") => true,
            Some("expired" | "void") => false,
            _ => return Err("it decides an approval without saying how"),
        };
        if self.over.contains(&approval) || self.given.contains_key(&approval) {
            return Err("it decides an approval that was decided before");
        }
        let Some(asked) = self.asked.remove(&approval) else { return Ok(false) };
        if !asked.fits(peek) {
            return Err("it decides another call than the one that was asked about");
        }
        if by_a_person && asked.is_by(peek) {
            return Err("it lets a principal decide a call of its own");
        }
        if peek.verdict == Some("allow") {
            self.given.insert(approval, asked);
        } else {
            self.over.insert(approval);
        }
        Ok(true)
    }

    /// An admission, with an approval or without. False where that was never given.
    pub(crate) fn used(&mut self, peek: &Peek<'_>) -> Result<bool, &'static str> {
        let Some(approval) = peek.approval else { return Ok(true) };
        if self.over.contains(&approval) {
            return Err("it admits a call under an approval that was denied, over or used");
        }
        if self.asked.contains_key(&approval) {
            return Err("it admits a call under an approval that nobody has given");
        }
        let Some(asked) = self.given.remove(&approval) else { return Ok(false) };
        if !asked.fits(peek) || !asked.is_by(peek) {
            return Err("it admits another call than the one that was approved");
        }
        self.over.insert(approval);
        Ok(true)
    }

    /// Where those were asked for that are not decided, in order.
    pub(crate) fn open(&self) -> Vec<u64> {
        let mut open: Vec<u64> = self.asked.values().map(|asked| asked.index).collect();
        open.sort_unstable();
        open
    }
}
