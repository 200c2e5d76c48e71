//! Whether the sources of a run are still what they were when it began.

use crate::run::sources::{KeptSource, KeptSources, sample};
use crate::sources::NamedSource;
use crate::text::figures;
use anyhow::Result;

/// How a source differs from what it was when the run began.
pub enum Change {
    /// Only its date differs.
    Copy,
    Other(String),
}

/// The first source that is no longer the same, or else the first that is a copy. A source with the same size and date is
/// not read.
///
/// # Errors
/// A source that cannot be read.
pub fn change<'a>(
    kept: &KeptSources,
    now: &'a [NamedSource],
) -> Result<Option<(&'a NamedSource, Change)>> {
    let mut first = None;
    for (then, now) in kept.source.iter().zip(now) {
        match change_of(then, now)? {
            Some(other @ Change::Other(_)) => return Ok(Some((now, other))),
            Some(copy) => first = first.or(Some((now, copy))),
            None => {}
        }
    }
    Ok(first)
}

/// Whether a source is no longer the same, and not a copy either.
///
/// # Errors
/// A source that cannot be read.
pub fn is_other(kept: &KeptSources, now: &[NamedSource]) -> Result<bool> {
    Ok(matches!(change(kept, now)?, Some((_, Change::Other(_)))))
}

fn change_of(then: &KeptSource, now: &NamedSource) -> Result<Option<Change>> {
    if then.inside != now.inside {
        let column = |inside: &Option<String>| match inside {
            Some(name) => format!("':{name}'"),
            None => "no column".to_owned(),
        };
        let (then, now) = (column(&then.inside), column(&now.inside));
        let how = format!("{then} was named then, and {now} now");
        return Ok(Some(Change::Other(how)));
    }
    let (Some(then), Some((path, stamp))) = (&then.file, now.source.file()) else {
        return Ok(None);
    };
    if (then.bytes, then.modified) == (stamp.bytes, stamp.modified) {
        return Ok(None);
    }
    if then.bytes != stamp.bytes {
        let [then, now] = [then.bytes, stamp.bytes].map(figures::count);
        let how = format!("it had {then} bytes, and has {now} now");
        return Ok(Some(Change::Other(how)));
    }
    Ok(Some(match then.sample == sample(path, stamp.bytes)? {
        true => Change::Copy,
        false => Change::Other("it was written again".to_owned()),
    }))
}
