//! Memory that an input takes: an allocator that counts, thread by thread.
//!
//! A length in a few bytes of input must not buy gigabytes. What a thread asks for counts, whether it touches it or not.
#![allow(unsafe_code)] // an allocator cannot be written without; each call goes straight to the system's

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// More than this at once is refused, which ends the process: the machine must not be taken down with it.
const HARD_BYTES: usize = 2 << 30;

thread_local! {
    // Constant and without a destructor: touching them allocates nothing, at any time of a thread's life.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
#[derive(Debug)]
pub struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn add(bytes: isize) {
    let live = LIVE.get().wrapping_add(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

// SAFETY: every call is the system allocator's with the same arguments; refusing with null is what the contract allows.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > HARD_BYTES {
            return std::ptr::null_mut();
        }
        add(signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > HARD_BYTES {
            return std::ptr::null_mut();
        }
        add(signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > HARD_BYTES {
            return std::ptr::null_mut();
        }
        add(signed(size).wrapping_sub(signed(layout.size())));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs something and gives the most bytes that this thread held above what it held before.
pub fn measured<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = run();
    (result, usize::try_from(PEAK.get().wrapping_sub(before)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_counts_even_when_it_is_gone() {
        let (length, most) = measured(|| Vec::<u8>::with_capacity(1 << 20).capacity());
        assert!(most >= length && most < 2 << 20, "{most}");
        let (_, none) = measured(|| 1);
        assert_eq!(none, 0);
    }
}
