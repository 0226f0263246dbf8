//! Reads a little of each line of memory that an event will need.
//!
//! What agents know lies far apart, and agents take turns: nearly all of it comes from slow memory.
//! Asked for at once it comes together; where judging meets one piece after the other, each takes as
//! long as all of them.

const LINE: usize = 64;

/// Something of what each line holds, which is only there to be asked for.
pub fn lines<T>(all: &[T], part: impl Fn(&T) -> u64) -> u64 {
    let step = (LINE / size_of::<T>().max(1)).max(1);
    all.iter().step_by(step).fold(0, |sum, one| sum ^ part(one))
}

/// The same of texts that lie apart each.
pub fn texts<'a>(all: impl Iterator<Item = &'a str>) -> u64 {
    all.fold(0, |sum, text| sum ^ lines(text.as_bytes(), |&byte| u64::from(byte)))
}
