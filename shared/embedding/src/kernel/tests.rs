use super::*;
use crate::activations::Quantize;
use crate::file::{BLOCK, BLOCK_BYTES};

/// Weights and inputs at their limits: 16-bit sums must not overflow.
#[test]
fn products_at_the_limits_are_exact_on_every_path() {
    for (nibbles, input) in [(0xff, 1.0_f32), (0xff, -1.0), (0x00, 1.0), (0x0f, -1.0), (0x8f, 1.0)] {
        let (rows, columns) = (16, 96);
        let mut block = [nibbles; BLOCK_BYTES];
        block[..2].copy_from_slice(&0x3c00_u16.to_le_bytes());
        let blocks: Vec<u8> = block.repeat(rows * columns / BLOCK);
        let bias: Vec<f32> = (0_u8..16).map(f32::from).collect();
        let matrix = Matrix::new(rows, columns, &blocks, &bias).unwrap();
        let mut inputs = Activations::default();
        let tokens = 7;
        Quantize {
            inputs: &mut inputs,
            values: &vec![input; columns * tokens],
            columns,
        }
        .run();
        let per_row = f32::from(nibbles & 0x0f) + f32::from(nibbles >> 4) - 16.0;
        for path in [Path::Portable, Path::detect()] {
            let mut out = vec![0.0; rows * tokens];
            path.multiply(&matrix, &inputs, &mut out);
            for row in out.chunks_exact(rows) {
                for (product, bias) in row.iter().zip(&bias) {
                    let expected = input * per_row * 48.0 + bias;
                    assert!(
                        (product - expected).abs() < 1e-3,
                        "{path:?} {nibbles:#x}: {product} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_matrix_of_another_size_than_its_blocks_is_refused() {
    let blocks = [0; 8 * BLOCK_BYTES];
    assert!(Matrix::new(8, 32, &blocks, &[0.0; 8]).is_ok());
    for (rows, columns, bytes, bias) in [(8, 64, 144, 8), (16, 32, 144, 16), (8, 32, 143, 8), (8, 32, 144, 7)] {
        assert!(Matrix::new(rows, columns, &blocks[..bytes], &vec![0.0; bias]).is_err());
    }
}
