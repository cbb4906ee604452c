//! Multipart uploads: they are assembled in the staging area under a name derived from bucket and key, so that an
//! upload ID is valid for its object only. The name also contains the checksum algorithm: parts must use that of their
//! upload.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::guard::{Guarded, Staged};
use super::objects::STAGING;

impl Guarded {
    pub(super) async fn begin_upload(
        &self,
        mut request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        self.check(&bucket, &key)?;
        STAGING.clone_into(&mut request.input.bucket);
        let algorithm = request.input.checksum_algorithm.as_ref();
        request.input.key = assembly(&bucket, &key, algorithm.map_or("", |algorithm| algorithm.as_str()));
        let mut response = self.files.create_multipart_upload(request).await?;
        response.output.bucket = Some(bucket);
        response.output.key = Some(key);
        Ok(response)
    }

    /// The staged key of the upload with this id, which was begun for this object and is neither finished nor
    /// abandoned, and the algorithm of its checksums; empty for none.
    pub(super) fn upload(&self, bucket: &str, key: &str, upload_id: &str) -> S3Result<(String, &'static str)> {
        self.check(bucket, key)?;
        let is_known =
            |staged: &str| uuid::Uuid::try_parse(upload_id).is_ok() && self.objects.has_upload(staged, upload_id);
        let found = ALGORITHMS.iter().find_map(|algorithm| {
            let staged = assembly(bucket, key, algorithm);
            is_known(&staged).then_some((staged, *algorithm))
        });
        found.ok_or_else(|| s3_error!(NoSuchUpload, "The specified multipart upload does not exist."))
    }

    pub(super) async fn add_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = &mut request.input;
        let (staged, declared) = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let sent = sent_checksums(input);
        let given = ALGORITHMS[1..].iter().zip(&sent);
        let given = given
            .filter(|(_, sent)| sent.is_some())
            .map(|(algorithm, _)| *algorithm)
            .next();
        // One that follows the body is only named before it.
        let named = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        if let Some(sent) = named.or(given)
            && sent != declared
        {
            let expected = if declared.is_empty() { "null" } else { declared };
            return Err(s3_error!(
                InvalidRequest,
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                expected.to_lowercase(),
                sent.to_lowercase()
            ));
        }
        STAGING.clone_into(&mut input.bucket);
        input.key = staged;
        // `s3s-fs` looks at the checksums of whole objects only.
        let hasher = Arc::new(Mutex::new(hasher(declared)));
        if let Some(body) = input.body.take() {
            let hasher = Arc::clone(&hasher);
            input.body = Some(StreamingBlob::wrap(body.map(move |piece| {
                let piece = piece.map_err(io::Error::other)?;
                hasher.lock().unwrap_or_else(PoisonError::into_inner).update(&piece);
                Ok::<_, io::Error>(piece)
            })));
        }
        let trailers = request.trailing_headers.clone();
        let mut response = self.files.upload_part(request).await?;
        let computed = std::mem::take(&mut *hasher.lock().unwrap_or_else(PoisonError::into_inner)).finalize();
        let computed = [
            computed.checksum_crc32,
            computed.checksum_crc32c,
            computed.checksum_crc64nvme,
            computed.checksum_sha1,
            computed.checksum_sha256,
        ];
        let trailers = trailers.and_then(|trailers| trailers.take()).unwrap_or_default();
        for ((algorithm, computed), sent) in ALGORITHMS[1..].iter().zip(&computed).zip(&sent) {
            let trailer = trailers.get(format!("x-amz-checksum-{}", algorithm.to_lowercase()));
            let trailer = trailer.and_then(|value| value.to_str().ok());
            if let (Some(computed), Some(sent)) = (computed, sent.as_deref().or(trailer))
                && computed != sent
            {
                return Err(s3_error!(
                    BadDigest,
                    "The {algorithm} you specified did not match the calculated checksum."
                ));
            }
        }
        let output = &mut response.output;
        [
            output.checksum_crc32,
            output.checksum_crc32c,
            output.checksum_crc64nvme,
            output.checksum_sha1,
            output.checksum_sha256,
        ] = computed;
        Ok(response)
    }

    pub(super) async fn finish_upload(
        &self,
        mut request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &mut request.input;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let (if_match, if_none_match) = (input.if_match.take(), input.if_none_match.take());
        let _completing = self.completing.lock().await;
        let (staged, declared) = self.upload(&bucket, &key, &input.upload_id)?;
        let parts = input
            .multipart_upload
            .iter()
            .flat_map(|upload| upload.parts.iter().flatten());
        let bare = parts.clone().find(|part| checksum(part, declared).is_none());
        if let Some(part) = bare.filter(|_| !declared.is_empty()) {
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a {} checksum. The complete request must include the checksum for each part. It \
                 was missing for part {} in the request.",
                declared.to_lowercase(),
                part.part_number.unwrap_or_default()
            ));
        }
        let staged = Staged {
            objects: &self.objects,
            key: staged,
        };
        STAGING.clone_into(&mut input.bucket);
        input.key.clone_from(&staged.key);
        let mut response = self.files.complete_multipart_upload(request).await?;
        // s3s-fs keeps the last fields back in a future, to show how a slow answer could be kept alive.
        if let Some(rest) = response.output.future.take() {
            response.output = rest.await?;
        }
        self.commit(staged, &bucket, &key, if_match.as_ref(), if_none_match.as_ref())
            .await?;
        response.output.bucket = Some(bucket);
        response.output.key = Some(key);
        Ok(response)
    }

    pub(super) async fn abandon_upload(
        &self,
        mut request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = &mut request.input;
        (input.key, _) = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        STAGING.clone_into(&mut input.bucket);
        self.files.abort_multipart_upload(request).await
    }
}

/// The checksums in the headers of a part, in the order of [`ALGORITHMS`].
fn sent_checksums(part: &UploadPartInput) -> [Option<String>; 5] {
    [
        part.checksum_crc32.clone(),
        part.checksum_crc32c.clone(),
        part.checksum_crc64nvme.clone(),
        part.checksum_sha1.clone(),
        part.checksum_sha256.clone(),
    ]
}

/// What computes the checksum of an algorithm.
fn hasher(algorithm: &str) -> ChecksumHasher {
    let mut hasher = ChecksumHasher::default();
    match algorithm {
        "CRC32" => hasher.crc32 = Some(Crc32::default()),
        "CRC32C" => hasher.crc32c = Some(Crc32c::default()),
        "CRC64NVME" => hasher.crc64nvme = Some(Crc64Nvme::default()),
        "SHA1" => hasher.sha1 = Some(Sha1::default()),
        "SHA256" => hasher.sha256 = Some(Sha256::default()),
        _ => {}
    }
    hasher
}

/// The checksum of a part by the algorithm.
fn checksum<'a>(part: &'a CompletedPart, algorithm: &str) -> Option<&'a String> {
    match algorithm {
        "CRC32" => part.checksum_crc32.as_ref(),
        "CRC32C" => part.checksum_crc32c.as_ref(),
        "CRC64NVME" => part.checksum_crc64nvme.as_ref(),
        "SHA1" => part.checksum_sha1.as_ref(),
        "SHA256" => part.checksum_sha256.as_ref(),
        _ => None,
    }
}

/// Algorithms of checksums that an upload may be begun with; none is one of them.
const ALGORITHMS: [&str; 6] = ["", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

/// A short name for any bucket and key: the metadata of an upload has a longer file name than that of an object.
fn assembly(bucket: &str, key: &str, algorithm: &str) -> String {
    use s3s::crypto::{Checksum as _, Md5};
    hex::encode(Md5::checksum(format!("{bucket}/{key}\n{algorithm}").as_bytes()))
}
