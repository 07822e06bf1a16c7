//! What the writer does when another program deleted or replaced the file or its log: it
//! acknowledges nothing that is in a file without a name, saves what it can, and opens the files
//! again.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;

use crate::connection;
use crate::error::{Error, Result};
use crate::query::compile::InsertPlans;
use crate::sqlite::opened_files::{Moved, OpenedFiles};
use crate::sqlite::vfs::file_locks;
use crate::sqlite::{opened_files, sqlite_error};

use super::maintenance::Checkpointed;
use super::Writer;

/// How long the log of a lost name may take to be moved into the file, if others read.
const RESCUE: Duration = Duration::from_secs(2);

/// While others keep the files from being opened again, it is tried this often at most.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Files that lost their names.
#[derive(Clone, Copy)]
pub struct Lost {
    /// Which.
    moved: Moved,
    /// Whether all of the log is in the file nevertheless.
    rescued: bool,
    /// When others were found to have them open.
    in_use: Option<Instant>,
}

impl Lost {
    fn new(moved: Moved, rescued: bool) -> Lost {
        Lost {
            moved,
            rescued,
            in_use: None,
        }
    }
}

/// The other connections to the same files: those of the readers.
pub struct Others {
    /// Closes them for good.
    pub close: Box<dyn Fn() + Send>,
    /// Closes them and lets none be opened. Returns whether all are closed.
    pub suspend: Box<dyn Fn() -> bool + Send>,
    /// Lets them open again, or refuses them with an error.
    pub resume: Box<dyn Fn(Option<Error>) + Send>,
}

impl Writer {
    /// After a commit: whether what it wrote has a name. If not, the commit is not acknowledged,
    /// unless all of the log could be moved into the file.
    pub(super) fn check_files(&mut self) -> Result<()> {
        match self.find_lost() {
            Some((files, moved)) => Err(files.error_of_a_write(moved)),
            None => Ok(()),
        }
    }

    /// Looks whether the files have lost their names, and what was written with them.
    fn find_lost(&mut self) -> Option<(Arc<OpenedFiles>, Moved)> {
        let moved = self.files.as_ref()?.moved()?;
        let files = self.files.clone()?;
        if self.lost.is_some() {
            // It is known, and nothing was written since.
            return Some((files, moved));
        }
        let rescued = moved == Moved::Log && self.rescue();
        self.lost = Some(Lost::new(moved, rescued));
        (!rescued).then_some((files, moved))
    }

    /// A checkpoint, unless the log has no name: others may have written to the file since.
    pub(super) fn checkpoint_if_named(&mut self, mode: &str) -> Result<Checkpointed> {
        let lost = self.find_lost();
        self.recover()?;
        match lost {
            Some((files, moved)) => Err(files.error(moved)),
            None => self.checkpoint(mode),
        }
    }

    /// Checks the files for a read.
    pub(super) fn look_at_files(&mut self) {
        self.shared.watch.answered();
        let Some(files) = &self.files else { return };
        if let (None, Some(moved)) = (self.lost, files.moved()) {
            self.lost = Some(Lost::new(moved, false));
        }
        // The next write gets the error, if this fails.
        let _ = self.recover();
    }

    /// Opens the files again if they were lost.
    pub(super) fn recover(&mut self) -> Result<()> {
        let (Some(lost), Some(files)) = (self.lost, self.files.clone()) else {
            return Ok(());
        };
        let Lost { moved, rescued, .. } = lost;
        if self.is_back() {
            self.found(None);
            return Ok(());
        }
        if lost.in_use.is_some_and(|at| at.elapsed() < TRY_EVERY) {
            return Err(files.error_in_use(moved));
        }
        let rescued = rescued || self.rescue();
        self.lost = Some(Lost::new(moved, rescued));
        let result = match (self.others.suspend)() {
            true => self.reopen(&files, moved),
            false => Err(files.error(moved)),
        };
        if let Err(error) = result {
            self.found(Some(error.clone()));
            return Err(error);
        }
        self.found(None);
        self.shared
            .counters
            .reopened
            .fetch_add(1, Ordering::Relaxed);
        self.shared.report(&files.report(moved, rescued));
        Ok(())
    }

    /// Lets readers continue, or refuses them with an error.
    pub(super) fn found(&mut self, error: Option<Error>) {
        self.shared.watch.set_lost(error.is_some());
        if error.is_none() {
            self.lost = None;
        }
        (self.others.resume)(error);
    }

    /// Closes everything.
    pub(super) fn end(mut self) {
        (self.others.close)();
        let synced = self.settle(Instant::now() + RESCUE);
        if self.shared.queue.is_replaced() || synced.is_err() {
            // The next copy of the library finds the log: to move it would keep everybody waiting. And a
            // log that could not be synced must not be moved.
            let kept = self
                .link
                .conn
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            // Then the log is moved after all.
            drop(kept);
        }
        if let Some(files) = self.files.clone() {
            if files.moved().is_some() && !self.rescue() {
                // What cannot be cleaned up stays.
                let _ = self.let_go(&files);
            }
        }
    }

    /// Whether a file that was moved away is in its place again.
    fn is_back(&self) -> bool {
        self.connected
            && self
                .files
                .as_ref()
                .is_some_and(|files| files.moved().is_none())
    }

    /// Checkpoints a log that has no name any more, if no process can have started another one.
    fn rescue(&mut self) -> bool {
        let Some(files) = self.files.clone() else {
            return false;
        };
        if !self.connected || !files.only_the_log_is_gone() {
            return false;
        }
        // A process that opens the file from here on waits. One that opened it since the log lost
        // its name would have created another log, and one that had it open before shares our log
        // and index.
        let Some(_alone) = file_locks::keep_newcomers_out(files.path()) else {
            return false;
        };
        if !files.only_the_log_is_gone() {
            return false;
        }
        self.link.interrupt.begin_work(Instant::now() + RESCUE);
        self.checkpoint("TRUNCATE")
            .is_ok_and(|done| done.moved_all())
    }

    fn reopen(&mut self, files: &OpenedFiles, moved: Moved) -> Result<()> {
        // As long as it is open, the content of a file without a name can be copied.
        if files.database_is_gone() {
            return Err(files.error(Moved::Database).with_message(format!(
                "the file of the database ({}) was deleted or moved away while it was open; put it back. Until this process ends, its content can be copied from /proc",
                files.path().display()
            )));
        }
        let others = files.others(usize::from(self.file_use.is_some()));
        if others != opened_files::Others::None {
            self.lost.iter_mut().for_each(|lost| {
                lost.in_use = Some(Instant::now());
            });
            if others == opened_files::Others::Ours {
                // They have what we have, and the last of them is the one to open it again.
                self.let_go(files)?;
            }
            return Err(files.error_in_use(moved));
        }
        self.let_go(files)?;
        let mut config = self.shared.config.clone();
        config.create = false;
        let mut link = connection::open_writer(files.path(), &config, Arc::default())?;
        self.shared.watch_log(&mut link)?;
        let log = self.shared.log_of(&link)?;
        self.shared.catalog().reload(&link.conn)?;
        self.shared.look_at_journal(&link);
        self.files = OpenedFiles::of(&link.conn).map(Arc::new);
        self.file_use = self.files.as_ref().map(|files| files.begin_use());
        self.shared.watch.set(self.files.clone());
        self.link = link;
        self.connected = true;
        self.plans = InsertPlans::default();
        self.upkeep.forget();
        self.log = log;
        Ok(())
    }

    /// Closes the connection to files without names.
    fn let_go(&mut self, files: &OpenedFiles) -> Result<()> {
        if !self.connected {
            return Ok(());
        }
        if files.only_the_database_moved() {
            // SQLite would take the log for the new file's.
            self.link.interrupt.begin_work(Instant::now() + RESCUE);
            if !self.checkpoint("TRUNCATE").is_ok_and(|done| done.is_cut()) {
                return Err(files.error(Moved::Database));
            }
        }
        // The old log must not be checkpointed into the new file, and the new one must not be deleted.
        // Where there is no new one, and no other user, SQLite checkpoints the old one.
        let leave = !files.only_the_log_is_gone();
        self.link
            .conn
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave)
            .map_err(sqlite_error::map)?;
        self.draft = None;
        self.formless = None;
        self.link = connection::unconnected()?;
        self.connected = false;
        self.file_use = None;
        Ok(())
    }
}
