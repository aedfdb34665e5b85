//! Whether enough witnesses saw a checkpoint: the check that needs no witness to be there.

use crate::{Checkpoint, Cosignature, Unproved, VerifyingKey};

/// A checkpoint that its log signed and enough witnesses cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// What all of them signed.
    pub checkpoint: Checkpoint,
    /// Who cosigned, in the order in which the keys were given, and when.
    pub by: Vec<(VerifyingKey, Cosignature)>,
}

/// Checks a signed note: `log` signed it, and at least `quorum` of `witnesses` cosigned it. A witness that is not on
/// the note only does not count; a line that claims to be of one and does not hold refuses the whole note. Keys that
/// differ in their name alone are one witness, because a cosignature does not say the name.
///
/// # Errors
/// [`Unproved`]; [`Unproved::Quorum`] where too few cosigned.
pub fn witnessed(
    note: &str,
    log: &VerifyingKey,
    witnesses: &[VerifyingKey],
    quorum: usize,
) -> Result<Witnessed, Unproved> {
    let (checkpoint, note) = Checkpoint::open(note, log)?;
    let mut by: Vec<(VerifyingKey, Cosignature)> = Vec::new();
    for key in witnesses {
        match note.cosigned(key) {
            Ok(cosignature) if by.iter().all(|(other, _)| !other.is_same_pair(key)) => {
                by.push((key.clone(), cosignature));
            }
            Ok(_) | Err(Unproved::NotSigned(_)) => {}
            Err(bad) => return Err(bad),
        }
    }
    if by.len() < quorum {
        return Err(Unproved::Quorum { needed: quorum, found: by.len() });
    }
    Ok(Witnessed { checkpoint, by })
}
