//! 128-bit registers of 64-bit ARM.
#![expect(
    unsafe_code,
    reason = "vector instructions: called where they exist, on arrays of the size of a register"
)]

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int16x8_t, int32x4_t, uint8x16_t, vaddq_f32, vandq_u8, vcvtq_f32_s32, vdupq_n_f32,
    vdupq_n_s8, vdupq_n_s16, vdupq_n_s32, vdupq_n_u8, vfmaq_f32, vget_low_s8, vld1q_f32, vld1q_u8, vmlal_high_s8,
    vmlal_s8, vmulq_n_f32, vpaddlq_s16, vpaddq_s32, vreinterpretq_s8_s32, vreinterpretq_s8_u8, vshrq_n_u8, vst1q_f32,
    vsubq_s8,
};

use super::Group;
use crate::activations::Row;
use crate::matrix::ROWS;

#[inline]
pub(super) fn products<const N: usize>(group: &Group<'_>, tokens: &[Row<'_>; N]) -> [[f32; ROWS]; N] {
    // SAFETY: `Path::Neon` is only made where it was found.
    unsafe { multiply(group, tokens) }
}

/// Products of weights from -8 to 7 and inputs from -127 to 127, eight of them added, fit into 16 bits.
#[target_feature(enable = "neon")]
fn multiply<const N: usize>(group: &Group<'_>, tokens: &[Row<'_>; N]) -> [[f32; ROWS]; N] {
    let mut sums = [[vdupq_n_f32(0.0); 2]; N];
    for (block, (weights, scales)) in group.weights.iter().zip(group.scales).enumerate() {
        // Lanes in pairs: a register has two rows.
        let mut pairs = [[vdupq_n_s16(0); 4]; N];
        for (quarter, bytes) in weights.as_chunks::<32>().0.iter().enumerate() {
            for (half, bytes) in bytes.as_chunks::<16>().0.iter().enumerate() {
                let (low, high) = weights_of(load(bytes));
                for (pairs, token) in pairs.iter_mut().zip(tokens) {
                    let words = &token.words[block];
                    add(&mut pairs[2 * half..], low, words[quarter]);
                    add(&mut pairs[2 * half..], high, words[quarter + 4]);
                }
            }
        }
        for ((sums, pairs), token) in sums.iter_mut().zip(pairs).zip(tokens) {
            for (half, (sum, scales)) in sums.iter_mut().zip(scales.as_chunks::<4>().0).enumerate() {
                let total = total(pairs[2 * half], pairs[2 * half + 1]);
                let scale = vmulq_n_f32(load_floats(scales), token.scales[block]);
                *sum = vfmaq_f32(*sum, vcvtq_f32_s32(total), scale);
            }
        }
    }
    sums.map(|sums| {
        let mut out = [0.0; ROWS];
        let halves = out.as_chunks_mut::<4>().0.iter_mut().zip(group.bias.as_chunks::<4>().0);
        for ((out, bias), sum) in halves.zip(sums) {
            *out = store(vaddq_f32(sum, load_floats(bias)));
        }
        out
    })
}

/// Returns the first and the second half of the weights of four rows.
#[target_feature(enable = "neon")]
#[inline]
fn weights_of(bytes: uint8x16_t) -> (int8x16_t, int8x16_t) {
    let low = vandq_u8(bytes, vdupq_n_u8(0x0f));
    let high = vshrq_n_u8::<4>(bytes);
    let eight = vdupq_n_s8(8);
    (
        vsubq_s8(vreinterpretq_s8_u8(low), eight),
        vsubq_s8(vreinterpretq_s8_u8(high), eight),
    )
}

#[target_feature(enable = "neon")]
#[inline]
fn add(pairs: &mut [int16x8_t], weights: int8x16_t, word: i32) {
    let inputs = vreinterpretq_s8_s32(vdupq_n_s32(word));
    if let [first, second, ..] = pairs {
        *first = vmlal_s8(*first, vget_low_s8(weights), vget_low_s8(inputs));
        *second = vmlal_high_s8(*second, weights, inputs);
    }
}

/// Returns the sums of four rows.
#[target_feature(enable = "neon")]
#[inline]
fn total(first: int16x8_t, second: int16x8_t) -> int32x4_t {
    vpaddq_s32(vpaddlq_s16(first), vpaddlq_s16(second))
}

#[target_feature(enable = "neon")]
#[inline]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the reference is to 16 bytes.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn load_floats(values: &[f32; 4]) -> float32x4_t {
    // SAFETY: the reference is to four floats.
    unsafe { vld1q_f32(values.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn store(register: float32x4_t) -> [f32; 4] {
    let mut values = [0.0; 4];
    // SAFETY: the reference is to four floats.
    unsafe { vst1q_f32(values.as_mut_ptr(), register) };
    values
}
