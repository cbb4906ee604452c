//! Decompression of bodies, which some providers compress without being asked.

use std::io::Write as _;

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The most that one piece may decompress to, in bytes: a few kilobytes can contain gigabytes.
const MAX_PIECE: usize = 32 << 20;
/// The first bytes of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 4 << 10;

/// A decoder of `Content-Encoding`: bytes in, bytes out, as far as they are known.
pub(super) enum Inflate {
    /// No byte has arrived.
    Unknown(String),
    Plain,
    Gzip(MultiGzDecoder<Out>),
    Zlib(ZlibDecoder<Out>),
    Deflate(DeflateDecoder<Out>),
    Brotli(Box<DecompressorWriter<Out>>),
}

/// The decompressed bytes.
#[derive(Default)]
pub(super) struct Out(Vec<u8>);

impl std::io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PIECE {
            return Err(std::io::Error::other("the decompressed size exceeds the limit"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Inflate {
    pub(super) fn new(encoding: Option<&str>) -> Self {
        Self::Unknown(encoding.unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// Takes the next bytes and returns what they decompress to.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        if let Self::Unknown(encoding) = self {
            let Some(first) = bytes.first() else {
                return Ok(Vec::new());
            };
            // Some proxies omit the header, and some retain it after decompressing.
            let is_gzip = bytes.starts_with(&GZIP) || (bytes.len() == 1 && *first == GZIP[0]);
            *self = match encoding.as_str() {
                _ if is_gzip => Self::Gzip(MultiGzDecoder::new(Out::default())),
                "" | "identity" | "gzip" | "x-gzip" => Self::Plain,
                "deflate" if matches!(first, b'd' | b'e' | b':' | b'{') => Self::Plain,
                "deflate" if first & 0x0f == 8 => Self::Zlib(ZlibDecoder::new(Out::default())),
                "deflate" => Self::Deflate(DeflateDecoder::new(Out::default())),
                "br" => Self::Brotli(Box::new(DecompressorWriter::new(Out::default(), BUFFER))),
                other => return Err(format!("the response has the unsupported encoding {other}")),
            };
        }
        let decompressed = match self {
            Self::Unknown(_) | Self::Plain => return Ok(bytes.to_vec()),
            Self::Gzip(decoder) => decoder
                .write_all(bytes)
                .and_then(|()| decoder.flush())
                .map(|()| decoder.get_mut()),
            Self::Zlib(decoder) => decoder
                .write_all(bytes)
                .and_then(|()| decoder.flush())
                .map(|()| decoder.get_mut()),
            Self::Deflate(decoder) => decoder
                .write_all(bytes)
                .and_then(|()| decoder.flush())
                .map(|()| decoder.get_mut()),
            Self::Brotli(decoder) => decoder
                .write_all(bytes)
                .and_then(|()| decoder.flush())
                .map(|()| decoder.get_mut()),
        };
        decompressed
            .map(|out| std::mem::take(&mut out.0))
            .map_err(|error| format!("the response cannot be decompressed: {error}"))
    }
}
