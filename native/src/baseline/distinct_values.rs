//! The distinct values and states in an agent's rows: part of `models.baseline.frequency_bytes`.

/// State of a value: count, today, vote and published.
pub type State = (u32, u16, u32, i32);

/// The distinct values in order, and the index of each row's value among them.
pub fn values_of(all: impl Iterator<Item = u32>, number: usize) -> (Vec<u32>, Vec<u32>) {
    let rows: Vec<u64> =
        all.enumerate().map(|(at, one)| u64::from(one) << 32 | at as u64).collect();
    let (mut values, mut indices) = (Vec::<u32>::with_capacity(number), vec![0; number]);
    for one in sorted(&rows) {
        let value = (one >> 32) as u32;
        if values.last() != Some(&value) {
            values.push(value);
        }
        indices[one as u32 as usize] = values.len() as u32 - 1;
    }
    (values, indices)
}

/// Sorted hashes: a bucket by first byte, then an insertion sort. A general sort takes a third of
/// the time of a whole profile.
fn sorted(all: &[u64]) -> Vec<u64> {
    let mut ends = [0usize; 256];
    all.iter().for_each(|one| ends[(one >> 56) as usize] += 1);
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut out = vec![0; all.len()];
    for one in all.iter().rev() {
        let end = &mut ends[(one >> 56) as usize];
        *end -= 1;
        out[*end] = *one;
    }
    for at in 1..out.len() {
        let (one, mut index) = (out[at], at);
        while index > 0 && out[index - 1] > one {
            out[index] = out[index - 1];
            index -= 1;
        }
        out[index] = one;
    }
    out
}

/// The distinct states in order of their first row, with a table of indices by hash (0: free).
pub struct States {
    pub all: Vec<State>,
    table: Vec<u32>,
}

impl States {
    pub fn new(capacity: usize) -> Self {
        let size = (2 * capacity).next_power_of_two().max(2);
        States { all: Vec::with_capacity(capacity.min(64)), table: vec![0; size] }
    }

    pub fn index_of(&mut self, state: State) -> u32 {
        let (count, today, vote, published) = state;
        let both = u64::from(count) << 32 | u64::from(vote);
        let more = u64::from(today) << 32 | u64::from(published as u32);
        let mixed = (both ^ more.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let last = self.table.len() - 1;
        let mut at = (mixed >> 32) as usize & last;
        loop {
            match self.table[at] {
                0 => {
                    self.all.push(state);
                    self.table[at] = self.all.len() as u32;
                    return self.table[at] - 1;
                }
                known if self.all[known as usize - 1] == state => return known - 1,
                _ => at = (at + 1) & last,
            }
        }
    }
}
