//! The disk under one database, and the faults that it is to have.

use std::collections::BTreeMap;
use std::ffi::{c_int, OsStr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::ffi;

use crate::image::{Image, Kept, Random};
use crate::vfs;

/// What changes a file or makes a change last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A write.
    Write,
    /// A sync.
    Sync,
    /// A truncation.
    Truncate,
}

/// A fault of the disk.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What fails; `None`: whatever comes.
    pub event: Option<Event>,
    /// The number that succeed before.
    pub after: u64,
    /// The number that fail then.
    pub times: u64,
    /// The disk is full, and half of a write is done; else it fails to write at all.
    pub full: bool,
}

/// How an event goes.
pub(crate) enum Verdict {
    Well,
    Fails { code: c_int, half: bool },
}

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, Image>,
    events: u64,
    cut_after: Option<u64>,
    off: bool,
    faults: Vec<Fault>,
    faults_met: u64,
    /// Syncs wait.
    held: bool,
    /// How many do.
    waiting: u64,
}

/// What the disk knows, shared with the files that are open on it.
#[derive(Default)]
pub(crate) struct Medium {
    state: Mutex<State>,
    changed: Condvar,
}

impl Medium {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let state = self.changed.wait(state);
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// A file was opened; what it holds before its first change is on the medium.
    pub(crate) fn opened(&self, path: &Path) {
        let mut state = self.lock();
        if !state.files.contains_key(path) {
            let base = std::fs::read(path).unwrap_or_default();
            state.files.insert(path.to_owned(), Image::new(base));
        }
    }

    /// A file is to be deleted. Returns whether it may.
    pub(crate) fn delete(&self, path: &Path) -> bool {
        let mut state = self.lock();
        if state.off {
            return false;
        }
        state.files.remove(path);
        true
    }

    /// Runs a write, of which `run` does the given number of bytes.
    pub(crate) fn write(
        &self,
        path: &Path,
        at: usize,
        bytes: &[u8],
        run: impl FnOnce(usize) -> c_int,
    ) -> c_int {
        let mut state = self.lock();
        let off = state.off;
        let (length, code) = match state.verdict(Event::Write) {
            Verdict::Well => (bytes.len(), ffi::SQLITE_OK),
            Verdict::Fails { code, half: true } => (bytes.len() / 2, code),
            Verdict::Fails { code, half: false } => (0, code),
        };
        // The write during which the power goes may be on the medium, or a part of it.
        let noted = if state.off && !off {
            bytes.len()
        } else {
            length
        };
        if let (Some(image), Some(bytes)) = (state.files.get_mut(path), bytes.get(..noted)) {
            image.write(at, bytes);
        }
        let done = run(length);
        if done == ffi::SQLITE_OK {
            code
        } else {
            done
        }
    }

    /// Runs a truncation.
    pub(crate) fn truncate(&self, path: &Path, size: usize, run: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.lock();
        match state.verdict(Event::Truncate) {
            Verdict::Fails { code, .. } => code,
            Verdict::Well => {
                if let Some(image) = state.files.get_mut(path) {
                    image.truncate(size);
                }
                run()
            }
        }
    }

    /// A sync. The real file need not be synced: the medium that counts is this one.
    pub(crate) fn sync(&self, path: &Path) -> c_int {
        let mut state = self.lock();
        if state.held {
            state.waiting += 1;
            self.changed.notify_all();
            while state.held {
                state = self.wait(state);
            }
            state.waiting -= 1;
        }
        let verdict = state.verdict(Event::Sync);
        let off = state.off;
        let Some(image) = state.files.get_mut(path) else {
            return ffi::SQLITE_IOERR_FSYNC;
        };
        match verdict {
            Verdict::Well => {
                image.sync(true);
                ffi::SQLITE_OK
            }
            Verdict::Fails { code, .. } => {
                if !off {
                    image.sync(false);
                }
                code
            }
        }
    }
}

impl State {
    fn verdict(&mut self, event: Event) -> Verdict {
        let failed = match event {
            Event::Write => ffi::SQLITE_IOERR_WRITE,
            Event::Sync => ffi::SQLITE_IOERR_FSYNC,
            Event::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        };
        self.events += 1;
        self.off |= self.cut_after.is_some_and(|limit| self.events > limit);
        if self.off {
            return Verdict::Fails {
                code: failed,
                half: false,
            };
        }
        let mut verdict = Verdict::Well;
        for fault in &mut self.faults {
            if fault.event.is_some_and(|wanted| wanted != event) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                self.faults_met += 1;
                let half = fault.full && event == Event::Write;
                let code = if half { ffi::SQLITE_FULL } else { failed };
                verdict = Verdict::Fails { code, half };
            }
        }
        verdict
    }
}

/// The disk under one database. It is watched until this is dropped.
pub struct Disk {
    path: PathBuf,
    medium: Arc<Medium>,
}

impl Disk {
    /// Watches the database at `path`, which nobody has open. What its files hold now is on
    /// the medium.
    ///
    /// # Errors
    /// What SQLite says when it takes no VFS, or the operating system of the path.
    pub fn watch(path: &Path) -> Result<Disk, Box<dyn std::error::Error>> {
        vfs::register()?;
        let folder = path.parent().ok_or("a path of a file")?.canonicalize()?;
        let path = folder.join(path.file_name().ok_or("a path of a file")?);
        let medium = Arc::new(Medium::default());
        vfs::watch(&path, &medium);
        Ok(Disk { path, medium })
    }

    /// Cuts the power after this many more events.
    pub fn cut_power_after(&self, events: u64) {
        let mut state = self.medium.lock();
        state.cut_after = Some(state.events + events);
    }

    /// Cuts the power.
    pub fn cut_power(&self) {
        self.medium.lock().off = true;
    }

    /// Adds a fault, which counts events from now on.
    pub fn fail(&self, fault: Fault) {
        self.medium.lock().faults.push(fault);
    }

    /// From now on syncs do not end before [`Disk::release_syncs`].
    pub fn hold_syncs(&self) {
        self.medium.lock().held = true;
    }

    /// Lets the syncs end that are held.
    pub fn release_syncs(&self) {
        self.medium.lock().held = false;
        self.medium.changed.notify_all();
    }

    /// Waits until a sync is held. Returns whether one was in that time.
    pub fn wait_for_sync(&self, longest: Duration) -> bool {
        let until = Instant::now() + longest;
        let mut state = self.medium.lock();
        while state.waiting == 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let wait = self.medium.changed.wait_timeout(state, left);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Ends all faults. Returns how many events they made fail.
    pub fn heal(&self) -> u64 {
        let mut state = self.medium.lock();
        state.faults.clear();
        state.faults_met
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.medium.lock().events
    }

    /// Writes the files as they are found after a power loss into another folder, which must
    /// exist. Returns the path of the database there.
    ///
    /// # Errors
    /// Those of writing there.
    pub fn after_power_loss(
        &self,
        folder: &Path,
        kept: Kept,
        seed: u64,
    ) -> std::io::Result<PathBuf> {
        let state = self.medium.lock();
        let mut random = Random::new(seed);
        for (path, image) in &state.files {
            let found = image.after_power_loss(kept, &mut random);
            std::fs::write(folder.join(name(path)), found)?;
        }
        Ok(folder.join(name(&self.path)))
    }
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

impl Drop for Disk {
    fn drop(&mut self) {
        vfs::forget(&self.path);
    }
}
