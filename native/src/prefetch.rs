//! Loads memory ahead of its use; Python has no counterpart.
//!
//! What agents know lies far apart, and agents take turns: nearly all of it comes from slow memory.
//! Asked for a few events ahead it is there in time; where judging meets one piece after the other,
//! each is waited for.

/// Bytes that come from memory at once.
const LINE: usize = 64;

/// Ask for the memory of a value, or of all values of a list; nobody waits for it.
#[inline]
pub fn ask<T: ?Sized>(value: &T) {
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
