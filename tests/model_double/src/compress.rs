//! Bodies that are compressed piece by piece, as proxies do it to streams.

use std::io::Write as _;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the names of HTTP")]
pub enum Encoding {
    Gzip,
    Deflate,
    Brotli,
}

impl Encoding {
    /// Its name in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }
}

/// A compressor whose output can be read as far as it has been written to.
pub(crate) enum Compressor {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Deflate(flate2::write::ZlibEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

impl Compressor {
    pub(crate) fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Gzip => Self::Gzip(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast())),
            Encoding::Deflate => {
                Self::Deflate(flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast()))
            }
            Encoding::Brotli => Self::Brotli(Box::new(brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20))),
        }
    }

    /// The bytes, compressed, with all that can be said of them by now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        // Writing into memory does not fail.
        match self {
            Self::Gzip(encoder) => {
                let _ = encoder.write_all(bytes).and_then(|()| encoder.flush());
                std::mem::take(encoder.get_mut())
            }
            Self::Deflate(encoder) => {
                let _ = encoder.write_all(bytes).and_then(|()| encoder.flush());
                std::mem::take(encoder.get_mut())
            }
            Self::Brotli(encoder) => {
                let _ = encoder.write_all(bytes).and_then(|()| encoder.flush());
                std::mem::take(encoder.get_mut())
            }
        }
    }
}
