//! The elementary functions of the encoder, without branches, so that the compiler turns them into vector instructions.

/// Returns e to the power of `x`, within 3e-7 of it; `x` is 88 at most.
#[inline(always)]
#[expect(
    clippy::excessive_precision,
    reason = "the coefficients of the Cephes library (expf)"
)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let (power, bits) = round(x * std::f32::consts::LOG2_E);
    let rest = x - power * 0.693_359_375 + power * 2.121_944_4e-4;
    let series = 1.987_569_15e-4;
    let series = series * rest + 1.398_199_95e-3;
    let series = series * rest + 8.333_451_9e-3;
    let series = series * rest + 4.166_579_6e-2;
    let series = series * rest + 1.666_666_55e-1;
    let series = series * rest + 5.000_000_1e-1;
    let value = series * rest * rest + rest + 1.0;
    value * f32::from_bits(((bits + 127) << 23).cast_unsigned())
}

/// Returns the nearest integer to `x`, the even one of two, in both forms; `x` is between -4,000,000 and 4,000,000. Adding
/// this number leaves no digits behind the point, and needs neither a call nor a check for what does not fit.
#[inline(always)]
pub(crate) fn round(x: f32) -> (f32, i32) {
    const SHIFT: f32 = 12_582_912.0;
    let shifted = x + SHIFT;
    let integer = shifted.to_bits().wrapping_sub(SHIFT.to_bits());
    (shifted - SHIFT, integer.cast_signed())
}

/// Returns the error function of `x`, within 5e-7 of it (Abramowitz and Stegun, 7.1.26).
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let positive = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * positive);
    let series = 1.061_405_4;
    let series = series * t - 1.453_152;
    let series = series * t + 1.421_413_8;
    let series = series * t - 0.284_496_74;
    let series = series * t + 0.254_829_6;
    let value = 1.0 - series * t * exp(-positive * positive);
    value.copysign(x)
}

/// Loops over numbers, which a [`Path`](crate::Path) compiles for its instructions: a type rather than a closure, because
/// only a function can be told to be part of its caller.
pub(crate) trait Loops {
    /// Runs them.
    fn run(self);
}

/// Replaces each value by its GELU.
pub(crate) struct Gelu<'a>(pub(crate) &'a mut [f32]);

impl Loops for Gelu<'_> {
    #[inline(always)]
    fn run(self) {
        for value in self.0 {
            *value = 0.5 * *value * (1.0 + erf(*value * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// Adds `more` to each row, and normalizes it.
pub(crate) struct AddAndNormalize<'a> {
    pub(crate) rows: &'a mut [f32],
    pub(crate) more: Option<&'a [f32]>,
    pub(crate) norm: &'a Norm,
    pub(crate) epsilon: f32,
}

impl Loops for AddAndNormalize<'_> {
    #[inline(always)]
    fn run(self) {
        let Self {
            rows,
            more,
            norm,
            epsilon,
        } = self;
        let width = norm.weight.len();
        if let Some(more) = more {
            for (value, more) in rows.iter_mut().zip(more) {
                *value += more;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a width of a few hundred")]
        let count = width as f32;
        for row in rows.chunks_exact_mut(width) {
            let mean = sum(row, |value| value) / count;
            let variance = sum(row, |value| (value - mean) * (value - mean)) / count;
            let factor = 1.0 / (variance + epsilon).sqrt();
            for ((value, weight), bias) in row.iter_mut().zip(&norm.weight).zip(&norm.bias) {
                *value = (*value - mean) * factor * weight + bias;
            }
        }
    }
}

/// The weights of a layer normalization.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Returns the sum of a function of the values: eight sums at the same time.
#[inline(always)]
pub(crate) fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (parts, rest) = values.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += of(*value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|value| of(*value)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest_even_integer() {
        for (x, expected) in [
            (0.5, 0),
            (1.5, 2),
            (-0.5, 0),
            (-1.5, -2),
            (126.6, 127),
            (-126.51, -127),
            (0.0, 0),
        ] {
            let (float, integer) = round(x);
            assert_eq!(integer, expected, "{x}");
            assert!((f64::from(float) - f64::from(expected)).abs() < 1e-9, "{x}");
        }
    }

    #[test]
    fn exponential_and_error_function_are_exact_to_six_digits() {
        for (x, expected) in [
            (-87.0, 1.645_811_4e-38),
            (-1.0, 0.367_879_44),
            (0.0, 1.0),
            (1.0, std::f32::consts::E),
            (20.0, 4.851_652e8),
        ] {
            assert!((exp(x) / expected - 1.0).abs() < 1e-4, "{x}: {}", exp(x));
        }
        for step in -40_i16..=40 {
            let x = f32::from(step) / 8.0;
            assert!((f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs() < 1e-6);
        }
        for (x, expected) in [
            (0.0, 0.0),
            (0.25, 0.276_326_4),
            (-0.5, -0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (-9.0, -1.0),
        ] {
            assert!((erf(x) - expected).abs() < 1e-6, "{x}: {}", erf(x));
        }
    }
}
