//! 256-bit registers of x86-64.
#![expect(
    unsafe_code,
    reason = "vector instructions: called where they exist, on arrays of the size of a register"
)]

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi16, _mm256_add_ps, _mm256_and_si256, _mm256_cvtepi32_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi8,
    _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_srli_epi16,
    _mm256_storeu_ps, _mm256_sub_epi32,
};

use super::Group;
use crate::activations::Row;
use crate::functions::Loops;
use crate::matrix::ROWS;

/// Runs loops compiled for AVX2.
pub(super) fn run(loops: impl Loops) {
    #[target_feature(enable = "avx2,fma")]
    fn compiled(loops: impl Loops) {
        loops.run();
    }
    // SAFETY: `Path::Avx2` is only made where both were found.
    unsafe { compiled(loops) }
}

#[inline]
pub(super) fn products<const N: usize>(group: &Group<'_>, tokens: &[Row<'_>; N]) -> [[f32; ROWS]; N] {
    // SAFETY: `Path::Avx2` is only made where both were found.
    unsafe { multiply(group, tokens) }
}

/// A block of 32 products needs one conversion to floats: products of weights from 0 to 15 and inputs from -127 to 127,
/// added in pairs and eight times, are at most 30,480 and fit into 16 bits.
#[target_feature(enable = "avx2,fma")]
fn multiply<const N: usize>(group: &Group<'_>, tokens: &[Row<'_>; N]) -> [[f32; ROWS]; N] {
    let low_half = _mm256_set1_epi8(0x0f);
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_ps(); N];
    for (block, (weights, scales)) in group.weights.iter().zip(group.scales).enumerate() {
        let mut pairs = [_mm256_setzero_si256(); N];
        for (quarter, bytes) in weights.as_chunks::<32>().0.iter().enumerate() {
            let bytes = load(bytes);
            let low = _mm256_and_si256(bytes, low_half);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low_half);
            for (pair, token) in pairs.iter_mut().zip(tokens) {
                let words = &token.words[block];
                let first = _mm256_maddubs_epi16(low, _mm256_set1_epi32(words[quarter]));
                let second = _mm256_maddubs_epi16(high, _mm256_set1_epi32(words[quarter + 4]));
                *pair = _mm256_add_epi16(*pair, _mm256_add_epi16(first, second));
            }
        }
        let scales = load_floats(scales);
        for ((sum, pair), token) in sums.iter_mut().zip(pairs).zip(tokens) {
            let total = _mm256_sub_epi32(_mm256_madd_epi16(pair, ones), _mm256_set1_epi32(token.offsets[block]));
            let scale = _mm256_mul_ps(scales, _mm256_set1_ps(token.scales[block]));
            *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total), scale, *sum);
        }
    }
    let bias = load_floats(group.bias);
    sums.map(|sum| store(_mm256_add_ps(sum, bias)))
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is to 32 bytes, and the instruction needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn load_floats(values: &[f32; ROWS]) -> __m256 {
    // SAFETY: the reference is to eight floats, and the instruction needs no alignment.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn store(register: __m256) -> [f32; ROWS] {
    let mut values = [0.0; ROWS];
    // SAFETY: the reference is to eight floats, and the instruction needs no alignment.
    unsafe { _mm256_storeu_ps(values.as_mut_ptr(), register) };
    values
}
