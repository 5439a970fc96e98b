//! What planning has to tell the client beside the result.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Notice, NoticeSeverity};

/// Notices of one statement, shared by all that plans for it; each is told once.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Vec<Notice>>>);

impl Told {
    /// What would have been an error in the client's own text.
    pub fn warn(&self, error: Error) {
        self.tell(Notice {
            severity: NoticeSeverity::Warning,
            state: error.state(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
        });
    }

    pub fn tell(&self, notice: Notice) {
        let mut told = self.0.lock();
        if !told.contains(&notice) {
            told.push(notice);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.0.lock())
    }
}
