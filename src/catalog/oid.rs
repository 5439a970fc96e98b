//! Where new OIDs come from: a high-water mark that the store keeps.
//!
//! An OID is taken as soon as a draft needs one, so drafts never collide. Every commit stores the mark as it
//! stands, so an OID that was published is never given again, also after a restart; those of drafts that were
//! rolled back may be.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::error::{Result, message};
use crate::pg_type::Oid;

/// Set in the version of every snapshot that is not committed.
const UNCOMMITTED: u64 = 1 << 63;

/// Gives each new object its OID and each uncommitted snapshot its version.
#[derive(Debug)]
pub struct Issuer {
    next_oid: AtomicU32,
    next_draft: AtomicU64,
}

impl Issuer {
    pub fn new(next_oid: Oid) -> Self {
        Self { next_oid: AtomicU32::new(next_oid), next_draft: AtomicU64::new(UNCOMMITTED) }
    }

    /// The OID that will be given next; all that were given are smaller.
    pub fn next_oid(&self) -> Oid {
        self.next_oid.load(Ordering::SeqCst)
    }

    /// A new OID; 54000 when all are used up.
    pub fn take_oid(&self) -> Result<Oid> {
        self.next_oid
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |next| next.checked_add(1))
            .map_err(|_| message::oids_exhausted())
    }

    pub fn take_draft_version(&self) -> u64 {
        self.next_draft.fetch_add(1, Ordering::Relaxed) | UNCOMMITTED
    }
}
