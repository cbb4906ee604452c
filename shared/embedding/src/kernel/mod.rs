//! The products of matrices, with the vector instructions that the processor has.
//!
//! The only `unsafe` code of the workspace. It is sound because
//! - a function for instructions of a kind is called only after they were found at run time ([`Path::detect`]), and
//! - memory is read and written through references to arrays of exactly the size of a register.

mod portable;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;

use crate::activations::{Activations, Row};
use crate::functions::Loops;
use crate::matrix::{GROUP_BYTES, Matrix, ROWS};

/// Which instructions compute the products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Any processor.
    Portable,
    /// x86-64 with AVX2 and FMA: every one that AWS Lambda has.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Every 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Path {
    /// Returns the fastest one of this processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Self::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            return Self::Neon;
        }
        Self::Portable
    }

    /// Runs loops that the compiler may turn into these instructions.
    pub(crate) fn run(self, loops: impl Loops) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::run(loops),
            _ => loops.run(),
        }
    }

    /// Writes the products of a matrix and the inputs of each token, plus the bias, to `out`: a row for each token.
    pub(crate) fn multiply(self, matrix: &Matrix, inputs: &Activations, out: &mut [f32]) {
        let tokens: Vec<Row<'_>> = inputs.rows().collect();
        let mut results: Vec<&mut [f32]> = out.chunks_exact_mut(matrix.rows()).collect();
        for (number, (weights, scales, bias)) in matrix.groups().enumerate() {
            let group = Group { weights, scales, bias };
            let (fours, rest) = tokens.as_chunks::<TOKENS>();
            let (out_of_fours, out_of_rest) = results.split_at_mut(fours.len() * TOKENS);
            for (four, out) in fours.iter().zip(out_of_fours.as_chunks_mut::<TOKENS>().0) {
                for (products, out) in self.products(&group, four).iter().zip(out) {
                    store(products, out, number);
                }
            }
            for (token, out) in rest.iter().zip(out_of_rest) {
                let [products] = self.products(&group, &[*token]);
                store(&products, out, number);
            }
        }
    }

    #[inline]
    fn products<const N: usize>(self, group: &Group<'_>, tokens: &[Row<'_>; N]) -> [[f32; ROWS]; N] {
        match self {
            Self::Portable => portable::products(group, tokens),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::products(group, tokens),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::products(group, tokens),
        }
    }
}

/// Number of tokens that share what was read of the weights: as many as there are registers for.
const TOKENS: usize = 4;

/// Eight rows of a matrix.
struct Group<'a> {
    weights: &'a [[u8; GROUP_BYTES]],
    scales: &'a [[f32; ROWS]],
    bias: &'a [f32; ROWS],
}

#[inline]
fn store(products: &[f32; ROWS], out: &mut [f32], group: usize) {
    if let Some(out) = out.as_chunks_mut::<ROWS>().0.get_mut(group) {
        *out = *products;
    }
}

#[cfg(test)]
mod tests;
