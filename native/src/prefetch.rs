//! Loads memory ahead of its use; Python has no counterpart.
//!
//! The state of agents is scattered, and agents alternate: nearly all of it comes from slow memory.
//! A prefetch a few events ahead hides that delay. Without it, each access waits.

/// Bytes of one cache line.
const LINE: usize = 64;

/// Prefetch the memory of a value, or of all values of a list, without a wait.
#[inline]
pub fn prefetch<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for at in (0..size_of_val(value)).step_by(LINE) {
        hint(start.wrapping_add(at));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn hint(at: *const u8) {
    use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
    // SAFETY: a hint reads nothing that the program would see, and never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn hint(_: *const u8) {}
