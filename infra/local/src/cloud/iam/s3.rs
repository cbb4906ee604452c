//! The accesses of a request to the bucket. The service has already verified its signature, even that of a presigned
//! URL. <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use std::sync::Arc;

use form_urlencoded::parse;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{Credentials, S3Auth, SecretKey};
use s3s::dto::{CopyObjectInput, CopySource, DeleteObjectsInput, GetObjectInput, HeadObjectInput};
use s3s::path::S3Path;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::super::s3::Objects;
use super::{Access, AccessDenied, Iam, function_of};

/// Checks requests of functions.
pub(crate) struct Gate {
    pub(crate) iam: Arc<Iam>,
    pub(crate) objects: Objects,
}

/// The developer's access keys, and those of the functions.
pub(crate) struct KnownKeys(pub(crate) Arc<Iam>);

#[async_trait::async_trait]
impl S3Auth for KnownKeys {
    async fn get_secret_key(&self, access_key_id: &str) -> S3Result<SecretKey> {
        let reason = "The AWS Access Key Id you provided does not exist in our records.";
        let secret = self.0.secret_of(access_key_id).map(SecretKey::from);
        secret.ok_or_else(|| s3_error!(InvalidAccessKeyId, "{reason}"))
    }
}

impl Gate {
    fn check_one(&self, credentials: Option<&Credentials>, access: Access) -> S3Result<()> {
        match credentials.and_then(|credentials| function_of(&credentials.access_key)) {
            Some(function) => self
                .iam
                .authorize(function, &[access])
                .map_err(|denied| refusal(&denied)),
            None => Ok(()),
        }
    }

    /// A caller that may not list a bucket must not learn what is not in it.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_Permissions>
    fn check_absent(&self, credentials: Option<&Credentials>, bucket: &str, key: &str) -> S3Result<()> {
        if self.objects.object(bucket, key).is_file() {
            return Ok(());
        }
        self.check_one(credentials, Access::new("s3:ListBucket", bucket_arn(bucket)))
    }
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        // As without this gate: every call is signed.
        let Some(credentials) = context.credentials() else {
            return Err(s3_error!(AccessDenied, "Signature is required"));
        };
        let operation = context.s3_op().name();
        let action = match operation {
            "HeadObject" => "GetObject",
            "PostObject" | "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
                "PutObject"
            }
            "ListParts" => "ListMultipartUploadParts",
            "ListMultipartUploads" => "ListBucketMultipartUploads",
            "ListObjects" | "ListObjectsV2" | "HeadBucket" => "ListBucket",
            "ListBuckets" => "ListAllMyBuckets",
            // Checked below for each of its objects.
            "DeleteObjects" => return Ok(()),
            other => other,
        };
        let mut access = Access::new(format!("s3:{action}"), arn(context.s3_path()));
        if action == "ListBucket" {
            let query = context.uri().query().unwrap_or_default();
            let prefix = parse(query.as_bytes()).find(|(name, _)| name == "prefix");
            access = access.with(
                "s3:prefix",
                prefix.map(|(_, value)| value.into_owned()).into_iter().collect(),
            );
        }
        self.check_one(Some(credentials), access)?;
        // A conditional write reveals what exists.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        if action == "PutObject" && context.headers().contains_key("if-match") {
            let access = Access::new("s3:GetObject", arn(context.s3_path()));
            self.check_one(Some(credentials), access)?;
        }
        Ok(())
    }

    async fn get_object(&self, request: &mut S3Request<GetObjectInput>) -> S3Result<()> {
        let input = &request.input;
        self.check_absent(request.credentials.as_ref(), &input.bucket, &input.key)
    }

    async fn head_object(&self, request: &mut S3Request<HeadObjectInput>) -> S3Result<()> {
        let input = &request.input;
        self.check_absent(request.credentials.as_ref(), &input.bucket, &input.key)
    }

    /// AWS denies the objects individually; this denies all if one is denied.
    async fn delete_objects(&self, request: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        let bucket = &request.input.bucket;
        for object in &request.input.delete.objects {
            let access = Access::new("s3:DeleteObject", object_arn(bucket, &object.key));
            self.check_one(request.credentials.as_ref(), access)?;
        }
        Ok(())
    }

    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        let CopySource::Bucket { bucket, key, .. } = &request.input.copy_source else {
            return Ok(());
        };
        let access = Access::new("s3:GetObject", object_arn(bucket, key));
        self.check_one(request.credentials.as_ref(), access)?;
        self.check_absent(request.credentials.as_ref(), bucket, key)
    }
}

fn arn(path: &S3Path) -> String {
    match path {
        S3Path::Root => "*".to_owned(),
        S3Path::Bucket { bucket } => bucket_arn(bucket),
        S3Path::Object { bucket, key } => object_arn(bucket, key),
    }
}

fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

fn object_arn(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

/// S3 puts the resource in quotation marks.
fn refusal(denied: &AccessDenied) -> S3Error {
    let AccessDenied {
        session,
        action,
        resource,
        ..
    } = denied;
    let reason = denied.reason();
    s3_error!(
        AccessDenied,
        "User: {session} is not authorized to perform: {action} on resource: \"{resource}\" {reason}"
    )
}
