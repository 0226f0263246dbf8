//! Arithmetic of floats that equals that of Python to the last bit.

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

/// `max(a, b)`: the first one, unless the second is larger.
#[inline]
pub fn larger(a: f64, b: f64) -> f64 {
    if b > a {
        b
    } else {
        a
    }
}

/// `min(a, b)`: the first one, unless the second is smaller.
#[inline]
pub fn smaller(a: f64, b: f64) -> f64 {
    if b < a {
        b
    } else {
        a
    }
}

/// `x // y` of two floats.
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

mod library {
    extern "C" {
        pub fn pow(base: f64, exponent: f64) -> f64;
    }
}

/// `base ** exponent` by the function that Python calls.
#[inline(never)]
pub fn power(base: f64, exponent: f64) -> f64 {
    // SAFETY: a function of the C library on two numbers.
    unsafe { library::pow(std::hint::black_box(base), exponent) }
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
    fn the_first_of_two_equal_numbers_counts() {
        assert!(larger(0.0, -0.0).is_sign_positive());
        assert!(smaller(-0.0, 0.0).is_sign_negative());
        assert_eq!((larger(1.0, 2.0), smaller(1.0, 2.0)), (2.0, 1.0));
    }

    #[test]
    fn division_rounds_down() {
        assert_eq!(floor_division(7.5, 2.0), 3.0);
        assert_eq!(floor_division(-7.5, 2.0), -4.0);
        assert_eq!(floor_division(8.0, 2.0), 4.0);
    }

    #[test]
    fn powers_are_those_of_the_library() {
        assert_eq!(power(2.0, 0.5), std::f64::consts::SQRT_2);
    }
}
