//! Blobs in an S3-compatible bucket, through `object_store`. One object a blob, on 256 shelves below the prefix.
//!
//! A put is durable when the server has answered. Never lists or touches what lies outside its prefix; never shows its secret.

use std::fmt;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};

use super::blobs::S3;

/// A server that is down is not waited for: whoever hands in comes again.
const CONNECT: Duration = Duration::from_secs(5);
const WITHIN: Duration = Duration::from_secs(60);
const RETRIES: usize = 2;
const RETRY_WITHIN: Duration = Duration::from_secs(10);

/// A bucket, and what lies below a prefix of it.
pub(super) struct Bucket {
    objects: AmazonS3,
    name: String,
    prefix: String,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({})", self.name)
    }
}

impl Bucket {
    /// Connects to nothing yet.
    pub fn open(place: &S3) -> Result<Bucket, String> {
        let rest = place.url.strip_prefix("s3://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT)
            .with_timeout(WITHIN)
            .with_allow_http(place.endpoint.starts_with("http://"));
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_WITHIN, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new();
        if let Some(secret) = &place.secret {
            builder = builder.with_access_key_id(&place.key_id).with_secret_access_key(secret);
        }
        if !place.endpoint.is_empty() {
            builder = builder.with_endpoint(&place.endpoint);
        }
        let builder = builder.with_bucket_name(bucket).with_region(&place.region);
        let objects =
            builder.with_client_options(client).with_retry(retry).build().map_err(|error| error.to_string())?;
        Ok(Bucket { objects, name: place.url.clone(), prefix: prefix.trim_matches('/').to_owned() })
    }

    /// As the settings name it.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub async fn put(&self, hash: &str, bytes: &[u8]) -> Result<(), object_store::Error> {
        if self.size(hash).await? == Some(bytes.len() as u64) {
            return Ok(());
        }
        self.objects.put(&self.path(hash), PutPayload::from(bytes.to_vec())).await.map(|_| ())
    }

    /// `None`: it is not there.
    pub async fn size(&self, hash: &str) -> Result<Option<u64>, object_store::Error> {
        there(self.objects.head(&self.path(hash)).await.map(|meta| meta.size))
    }

    /// `None`: it is not there.
    pub async fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, object_store::Error> {
        let Some(found) = there(self.objects.get(&self.path(hash)).await)? else { return Ok(None) };
        Ok(Some(found.bytes().await?.into()))
    }

    pub async fn delete(&self, hash: &str) -> Result<(), object_store::Error> {
        there(self.objects.delete(&self.path(hash)).await).map(|_| ())
    }

    /// The names on a shelf that were last put before `until`, unix milliseconds.
    pub async fn before(&self, until: i64, shelf: &str) -> Result<Vec<String>, object_store::Error> {
        let shelf = self.below(shelf);
        let listed = self.objects.list(Some(&shelf));
        let old = listed.try_filter_map(async |meta| {
            let name = meta.location.filename().map(str::to_owned);
            Ok(name.filter(|_| meta.last_modified.timestamp_millis() < until))
        });
        old.try_collect().await
    }

    fn path(&self, hash: &str) -> Path {
        self.below(hash.get(..2).unwrap_or("xx")).join(hash)
    }

    fn below(&self, shelf: &str) -> Path {
        Path::from(format!("{}/{shelf}", self.prefix))
    }
}

fn there<T>(answer: Result<T, object_store::Error>) -> Result<Option<T>, object_store::Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
