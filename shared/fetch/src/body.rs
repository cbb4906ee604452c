//! The body of a response, decompressed while it arrives and limited before and after.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::FetchError;

/// The encodings that [`Body`] understands, for `Accept-Encoding`.
pub(crate) const ACCEPT_ENCODING: &str = "gzip, deflate, br";

const BUFFER: usize = 16 * 1024;

/// Bytes up to a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: u64,
    is_full: bool,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.limit {
            self.is_full = true;
            return Err(io::Error::other("the decompressed size exceeds the limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Decoder {
    /// `deflate` with or without the zlib header: the first byte shows it.
    UnknownDeflate(Limited),
    Identity(Limited),
    Gzip(MultiGzDecoder<Limited>),
    Zlib(ZlibDecoder<Limited>),
    Deflate(DeflateDecoder<Limited>),
    Brotli(Box<DecompressorWriter<Limited>>),
}

/// Collects a body.
pub(crate) struct Body {
    decoder: Decoder,
    received: u64,
    limits: (u64, u64),
}

impl Body {
    /// `limits`: of received and of decompressed bytes.
    pub(crate) fn new(encoding: &str, limits: (u64, u64)) -> Result<Self, FetchError> {
        let out = Limited {
            bytes: Vec::new(),
            limit: limits.1,
            is_full: false,
        };
        let decoder = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Decoder::Identity(out),
            "gzip" | "x-gzip" => Decoder::Gzip(MultiGzDecoder::new(out)),
            "deflate" => Decoder::UnknownDeflate(out),
            "br" => Decoder::Brotli(Box::new(DecompressorWriter::new(out, BUFFER))),
            _ => return Err(FetchError::InvalidResponse),
        };
        Ok(Self {
            decoder,
            received: 0,
            limits,
        })
    }

    /// Takes the next bytes.
    pub(crate) fn push(mut self, bytes: &[u8]) -> Result<Self, FetchError> {
        self.received += bytes.len() as u64;
        if self.received > self.limits.0 {
            return Err(FetchError::TooLarge { limit: self.limits.0 });
        }
        self.decoder = match (self.decoder, bytes.first()) {
            (Decoder::UnknownDeflate(out), Some(first)) if first & 0x0f == 8 => Decoder::Zlib(ZlibDecoder::new(out)),
            (Decoder::UnknownDeflate(out), Some(_)) => Decoder::Deflate(DeflateDecoder::new(out)),
            (decoder, _) => decoder,
        };
        let written = match &mut self.decoder {
            Decoder::UnknownDeflate(_) => Ok(()),
            Decoder::Identity(out) => out.write_all(bytes),
            Decoder::Gzip(decoder) => decoder.write_all(bytes),
            Decoder::Zlib(decoder) => decoder.write_all(bytes),
            Decoder::Deflate(decoder) => decoder.write_all(bytes),
            Decoder::Brotli(decoder) => decoder.write_all(bytes),
        };
        written.map_err(|_| self.failure())?;
        Ok(self)
    }

    /// Returns the whole body.
    pub(crate) fn finish(self) -> Result<Vec<u8>, FetchError> {
        let limit = self.limits.1;
        if self.received == 0 {
            return Ok(Vec::new());
        }
        let out = match self.decoder {
            Decoder::UnknownDeflate(out) | Decoder::Identity(out) => return Ok(out.bytes),
            Decoder::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => decoder.finish().map_err(|_| FetchError::InvalidResponse)?,
                Err(_) => return Err(failure(decoder.get_ref(), limit)),
            },
            Decoder::Zlib(mut decoder) => match decoder.try_finish() {
                Ok(()) => decoder.finish().map_err(|_| FetchError::InvalidResponse)?,
                Err(_) => return Err(failure(decoder.get_ref(), limit)),
            },
            Decoder::Deflate(mut decoder) => match decoder.try_finish() {
                Ok(()) => decoder.finish().map_err(|_| FetchError::InvalidResponse)?,
                Err(_) => return Err(failure(decoder.get_ref(), limit)),
            },
            Decoder::Brotli(mut decoder) => {
                if decoder.close().is_err() {
                    return Err(failure(decoder.get_ref(), limit));
                }
                decoder.into_inner().unwrap_or_else(|out| out)
            }
        };
        Ok(out.bytes)
    }

    fn failure(&self) -> FetchError {
        let limit = self.limits.1;
        match &self.decoder {
            Decoder::UnknownDeflate(out) | Decoder::Identity(out) => failure(out, limit),
            Decoder::Gzip(decoder) => failure(decoder.get_ref(), limit),
            Decoder::Zlib(decoder) => failure(decoder.get_ref(), limit),
            Decoder::Deflate(decoder) => failure(decoder.get_ref(), limit),
            Decoder::Brotli(decoder) => failure(decoder.get_ref(), limit),
        }
    }
}

fn failure(out: &Limited, limit: u64) -> FetchError {
    if out.is_full {
        FetchError::TooLarge { limit }
    } else {
        FetchError::InvalidResponse
    }
}
