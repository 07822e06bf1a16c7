//! Starts threads in the place of the host's.
//!
//! A thread that starts another one keeps something of it to its own end, which the standard library
//! has the system remember: as long as it does, the code of this library cannot be unmapped. The
//! host's threads never end. So on Linux, where the code can be replaced in a running program, one
//! that ends at once starts it.

/// Runs something on a thread of the system's own that ends with it, and waits. `None` if the system
/// refuses a thread, or the work panicked.
#[cfg(target_os = "linux")]
pub fn aside<T: Send, F: FnOnce() -> T + Send>(work: F) -> Option<T> {
    use std::mem::MaybeUninit;
    use std::ptr;

    let mut task = Task {
        work: Some(work),
        result: None,
    };
    let mut thread = MaybeUninit::uninit();
    // SAFETY: `run` takes the task that is passed, which lives until the thread was joined below.
    let refused = unsafe {
        libc::pthread_create(
            thread.as_mut_ptr(),
            ptr::null(),
            run::<T, F>,
            (&raw mut task).cast(),
        )
    };
    if refused != 0 {
        return None;
    }
    // SAFETY: the thread was made, and is joined here and nowhere else.
    unsafe { libc::pthread_join(thread.assume_init(), ptr::null_mut()) };
    task.result
}

#[cfg(target_os = "linux")]
struct Task<T, F> {
    work: Option<F>,
    result: Option<T>,
}

#[cfg(target_os = "linux")]
extern "C" fn run<T, F: FnOnce() -> T>(task: *mut std::ffi::c_void) -> *mut std::ffi::c_void {
    use std::panic::{catch_unwind, AssertUnwindSafe};

    // SAFETY: `aside` passed its task of these types, and waits for this thread.
    let task = unsafe { &mut *task.cast::<Task<T, F>>() };
    if let Some(work) = task.work.take() {
        // Nothing may unwind into the system.
        task.result = catch_unwind(AssertUnwindSafe(work)).ok();
    }
    std::ptr::null_mut()
}

/// Elsewhere it runs right here.
#[cfg(not(target_os = "linux"))]
pub fn aside<T: Send, F: FnOnce() -> T + Send>(work: F) -> Option<T> {
    Some(work())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_done_on_another_thread_and_its_panic_is_no_answer() {
        let here = std::thread::current().id();
        let there = aside(|| std::thread::current().id());
        assert!(there.is_some_and(|there| cfg!(not(target_os = "linux")) || there != here));
        #[cfg(target_os = "linux")]
        assert_eq!(aside(|| -> u8 { panic!("expected") }), None);
    }
}
