//! The descriptors that SQLite has open, by the file that they lead to: which one holds the locks
//! of a file, and which may be closed.

use std::collections::HashMap;
use std::ffi::{c_int, CStr};
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Locks below this place are those of a log's index, which SQLite takes and releases through one
/// descriptor; from here on they are those of a database file (`PENDING_BYTE`).
const DATABASE_LOCKS: i64 = 0x4000_0000;
/// A byte that no program locks.
const UNUSED_PLACE: i64 = i64::MAX - 1;

/// How the locks of a descriptor are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As locks of the process, by the descriptor itself.
    Classic,
    /// As locks of the open file of this descriptor.
    Through(RawFd),
}

/// The ways of descriptors with small numbers, found without the lock: 0 is one that is not
/// known, 1 a classic one, else the holder's number plus 2.
static WAYS: [AtomicI32; 65_536] = [const { AtomicI32::new(0) }; 65_536];

/// Device and inode.
type File = (u64, u64);

/// The descriptors of a file. Its holder is one of them.
#[derive(Default)]
struct Descriptors {
    /// SQLite has them open.
    open: Vec<RawFd>,
    /// SQLite has closed them, the system has not.
    kept: Vec<RawFd>,
    /// The one that holds the locks of a database file.
    holder: Option<RawFd>,
    /// The file system has no locks of open files.
    classic: bool,
}

#[derive(Default)]
struct Registry {
    files: HashMap<File, Descriptors>,
    of: HashMap<RawFd, File>,
    /// Files that SQLite has closed, and of which descriptors are kept.
    left: Vec<File>,
}

fn registry() -> MutexGuard<'static, Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    REGISTRY
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Notes a descriptor that was opened.
pub fn opened(descriptor: RawFd) {
    if let Some(file) = file_of(descriptor) {
        let mut registry = registry();
        registry.close_what_is_left();
        registry.note(descriptor, file);
    }
}

/// A kept descriptor of the file that a path leads to, for one that is to be opened.
pub fn reuse(path: &CStr, flags: c_int) -> Option<RawFd> {
    if flags & (libc::O_EXCL | libc::O_TRUNC) != 0 {
        return None;
    }
    let mut registry = registry();
    registry.close_what_is_left();
    // SAFETY: all zeros are a value of this plain structure.
    let mut data: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with NUL, and the structure outlives the call.
    if unsafe { libc::lstat(path.as_ptr(), &mut data) } != 0 {
        return None;
    }
    let file = (data.st_dev, data.st_ino);
    let kept = &mut registry.files.get_mut(&file)?.kept;
    let access = flags & libc::O_ACCMODE;
    let place = kept.iter().position(|kept| access_of(*kept) == access)?;
    let descriptor = kept.swap_remove(place);
    registry.left.retain(|left| *left != file);
    registry.note(descriptor, file);
    Some(descriptor)
}

/// Closes a descriptor, now or when that drops no locks of other descriptors.
pub fn close(descriptor: RawFd) -> c_int {
    if let Some(way) = slot(descriptor) {
        way.store(0, Ordering::Release);
    }
    let mut registry = registry();
    registry.close_what_is_left();
    registry.close(descriptor)
}

/// How a descriptor's locks are taken, by the place of the first of them.
pub fn way(descriptor: RawFd, place: i64) -> Way {
    match slot(descriptor).map_or(0, |way| way.load(Ordering::Acquire)) {
        0 => {
            let way = registry().way(descriptor, place);
            if let Some(slot) = slot(descriptor) {
                let code = match way {
                    Way::Classic => 1,
                    Way::Through(holder) => holder.saturating_add(2),
                };
                slot.store(code, Ordering::Release);
            }
            way
        }
        1 => Way::Classic,
        code => Way::Through(code - 2),
    }
}

/// The descriptor that holds the locks of a database file which is open.
pub fn holder_of(database: &Path) -> Option<RawFd> {
    let data = std::fs::metadata(database).ok()?;
    registry().files.get(&(data.dev(), data.ino()))?.holder
}

/// Whether another user has a lock on a log's index that SQLite has open here: every user has one.
/// Its locks are taken through one descriptor for all of this library.
pub fn others_lock(file: File) -> bool {
    let registry = registry();
    let Some(found) = registry.files.get(&file) else {
        return false;
    };
    let command = match found.classic {
        true => libc::F_GETLK,
        false => libc::F_OFD_GETLK,
    };
    found.open.iter().all(|descriptor| {
        let mut lock = whole(libc::F_WRLCK);
        // SAFETY: the descriptor is open, and the lock outlives the call.
        let code = unsafe { libc::fcntl(*descriptor, command, &mut lock) };
        code == 0 && i32::from(lock.l_type) != libc::F_UNLCK
    }) && !found.open.is_empty()
}

/// Locks the bytes that every process locks first when it opens a database, or releases them.
pub fn lock_first(holder: RawFd, kind: c_int) -> bool {
    let mut lock = whole(kind);
    lock.l_start = DATABASE_LOCKS;
    lock.l_len = 1;
    // SAFETY: the holder is open as long as the database is, and the lock outlives the call.
    unsafe { libc::fcntl(holder, libc::F_OFD_SETLK, &mut lock) == 0 }
}

fn slot(descriptor: RawFd) -> Option<&'static AtomicI32> {
    WAYS.get(usize::try_from(descriptor).ok()?)
}

impl Registry {
    fn note(&mut self, descriptor: RawFd, file: File) {
        self.of.insert(descriptor, file);
        self.files.entry(file).or_default().open.push(descriptor);
    }

    fn way(&mut self, descriptor: RawFd, place: i64) -> Way {
        if !self.of.contains_key(&descriptor) {
            // It was opened, and perhaps locked, before the system calls were replaced.
            let Some(file) = file_of(descriptor) else {
                return Way::Classic;
            };
            self.note(descriptor, file);
            if let Some(file) = self.files.get_mut(&file) {
                file.classic = file.holder.is_none();
            }
        }
        let found = self.of.get(&descriptor);
        let Some(file) = found.and_then(|file| self.files.get_mut(file)) else {
            return Way::Classic;
        };
        if file.classic {
            return Way::Classic;
        }
        if let (Some(holder), true) = (file.holder, place >= DATABASE_LOCKS) {
            return Way::Through(holder);
        }
        if !has_locks_of_open_files(descriptor) {
            file.classic = true;
            return Way::Classic;
        }
        if place < DATABASE_LOCKS {
            return Way::Through(descriptor);
        }
        let holder = match access_of(descriptor) {
            libc::O_RDWR => descriptor,
            // It may be the holder for others, which write.
            _ => match open_for_writing(descriptor) {
                Some(holder) => {
                    file.kept.push(holder);
                    holder
                }
                None => descriptor,
            },
        };
        file.holder = Some(holder);
        Way::Through(holder)
    }

    fn close(&mut self, descriptor: RawFd) -> c_int {
        let Some(key) = self.of.remove(&descriptor) else {
            return close_now(descriptor);
        };
        let Some(file) = self.files.get_mut(&key) else {
            return close_now(descriptor);
        };
        file.open.retain(|open| *open != descriptor);
        if file.classic {
            if file.open.is_empty() {
                self.files.remove(&key);
            }
            return close_now(descriptor);
        }
        file.kept.push(descriptor);
        // The others of a database need its holder. What they leave is used again.
        if file.open.is_empty() || file.holder.is_none() {
            self.close_kept(key);
        }
        0
    }

    fn close_what_is_left(&mut self) {
        for file in std::mem::take(&mut self.left) {
            self.close_kept(file);
        }
    }

    /// Closes the kept descriptors of a file, unless that would drop locks of the process.
    fn close_kept(&mut self, key: File) {
        let Some(file) = self.files.get_mut(&key) else {
            return;
        };
        let last = file.open.is_empty();
        // The log's index is closed with a lock on it.
        for kept in &file.kept {
            lock_whole(*kept, libc::F_UNLCK);
        }
        // While this one is locked no other one can take a lock that would be dropped.
        let guard = file
            .kept
            .iter()
            .position(|kept| lock_whole(*kept, libc::F_WRLCK));
        if guard.is_none() && is_locked(&file.kept) && others_have(key, file) {
            if last && !self.left.contains(&key) {
                self.left.push(key);
            }
            return;
        }
        let guard = guard.map(|place| file.kept.swap_remove(place));
        for descriptor in file.kept.drain(..).chain(guard) {
            close_now(descriptor);
        }
        if last {
            self.files.remove(&key);
        }
    }
}

/// Whether this process has descriptors of a file that are not SQLite's here: locks of the process
/// need one.
fn others_have(key: File, file: &Descriptors) -> bool {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return true;
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok())
        .filter(|other| !file.open.contains(other) && !file.kept.contains(other))
        .any(|other| file_of(other) == Some(key))
}

/// Whether somebody has a lock on the file of these descriptors that is not theirs.
fn is_locked(descriptors: &[RawFd]) -> bool {
    descriptors.first().is_none_or(|descriptor| {
        let mut lock = whole(libc::F_WRLCK);
        // SAFETY: the descriptor is open, and the lock outlives the call.
        let code = unsafe { libc::fcntl(*descriptor, libc::F_OFD_GETLK, &mut lock) };
        code != 0 || i32::from(lock.l_type) != libc::F_UNLCK
    })
}

/// The regular file that a descriptor leads to.
fn file_of(descriptor: RawFd) -> Option<File> {
    // SAFETY: all zeros are a value of this plain structure.
    let mut data: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the structure outlives the call, which refuses what is no descriptor.
    let code = unsafe { libc::fstat(descriptor, &mut data) };
    let regular = code == 0 && data.st_mode & libc::S_IFMT == libc::S_IFREG;
    regular.then_some((data.st_dev, data.st_ino))
}

fn access_of(descriptor: RawFd) -> c_int {
    // SAFETY: the descriptor is open, and the command takes no argument.
    unsafe { libc::fcntl(descriptor, libc::F_GETFL) & libc::O_ACCMODE }
}

/// Opens the file of a descriptor once more, to read and write.
fn open_for_writing(descriptor: RawFd) -> Option<RawFd> {
    use std::os::fd::IntoRawFd;
    let again = std::fs::File::options()
        .read(true)
        .write(true)
        .open(format!("/proc/self/fd/{descriptor}"));
    again.ok().map(IntoRawFd::into_raw_fd)
}

fn close_now(descriptor: RawFd) -> c_int {
    // SAFETY: SQLite gave the descriptor to be closed, and it is closed once.
    unsafe { libc::close(descriptor) }
}

/// Locks the whole file of a descriptor, or releases what it has locked.
fn lock_whole(descriptor: RawFd, kind: c_int) -> bool {
    let mut lock = whole(kind);
    // SAFETY: the descriptor is open, and the lock outlives the call.
    unsafe { libc::fcntl(descriptor, libc::F_OFD_SETLK, &mut lock) == 0 }
}

fn whole(kind: c_int) -> libc::flock {
    // SAFETY: all zeros are a value of this plain structure: the whole file, from its beginning.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = i16::try_from(kind).unwrap_or_default();
    lock
}

/// Whether the system and the file system know locks of open files.
fn has_locks_of_open_files(descriptor: RawFd) -> bool {
    let mut lock = whole(libc::F_RDLCK);
    lock.l_start = UNUSED_PLACE;
    lock.l_len = 1;
    // SAFETY: the descriptor is open, and the lock outlives the calls.
    unsafe {
        if libc::fcntl(descriptor, libc::F_OFD_SETLK, &mut lock) != 0 {
            let error = *libc::__errno_location();
            return error == libc::EAGAIN || error == libc::EACCES;
        }
        lock.l_type = i16::try_from(libc::F_UNLCK).unwrap_or_default();
        libc::fcntl(descriptor, libc::F_OFD_SETLK, &mut lock) == 0
    }
}

/// Sets what the calling thread finds as the reason of a call that failed.
pub fn set_errno(error: c_int) {
    // SAFETY: the place belongs to this thread.
    unsafe { *libc::__errno_location() = error };
}
