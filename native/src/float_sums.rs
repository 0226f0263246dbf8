//! Sums and quotients of floats that equal those of Python to the last bit.

/// `math.fsum`: the exact sum, rounded once.
pub fn exact_sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut partials: Vec<f64> = Vec::with_capacity(8);
    for value in values {
        let (mut x, mut kept) = (value, 0);
        for at in 0..partials.len() {
            let mut y = partials[at];
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                partials[kept] = low;
                kept += 1;
            }
            x = high;
        }
        partials.truncate(kept);
        partials.push(x);
    }
    let Some(mut high) = partials.pop() else { return 0.0 };
    let mut low = 0.0;
    while let Some(y) = partials.pop() {
        let x = high;
        high = x + y;
        low = y - (high - x);
        if low != 0.0 {
            break;
        }
    }
    // Half to even, over all of the partials.
    if let Some(&rest) = partials.last() {
        if (low < 0.0 && rest < 0.0) || (low > 0.0 && rest > 0.0) {
            let twice = low * 2.0;
            let rounded = high + twice;
            if twice == rounded - high {
                high = rounded;
            }
        }
    }
    high
}

/// `x // y` of floats, `y` above 0.
pub fn floor_division(x: f64, y: f64) -> f64 {
    let rest = x % y;
    let whole = (x - rest) / y - if rest < 0.0 { 1.0 } else { 0.0 };
    let floor = whole.floor();
    if whole - floor > 0.5 {
        floor + 1.0
    } else {
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rounded_on_the_way() {
        assert_eq!(exact_sum([1e100, 1.0, -1e100].into_iter()), 1.0);
        assert_eq!(exact_sum([0.1; 10].into_iter()), 1.0);
        assert_eq!(exact_sum(std::iter::empty()), 0.0);
    }

    #[test]
    fn quotients_are_rounded_down() {
        assert_eq!(floor_division(7.5, 2.0), 3.0);
        assert_eq!(floor_division(-7.5, 2.0), -4.0);
        assert_eq!(floor_division(8.0, 2.0), 4.0);
    }
}
