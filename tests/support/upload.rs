//! An upload that goes straight to the bucket.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Answer, Caller};

/// An upload that was begun.
pub(crate) struct BegunUpload {
    caller: Caller,
    /// Its id.
    pub(crate) id: String,
    /// What was answered.
    pub(crate) body: Value,
}

impl Caller {
    /// Announces a file of this size under its name.
    pub(crate) async fn begin_upload(&self, file_name: &str, size: usize) -> BegunUpload {
        let new = json!({"file_name": file_name, "size": size});
        BegunUpload::of(self, self.post("/api/v1/documents/uploads", new).await.created().json())
    }
}

impl BegunUpload {
    /// What this answer says.
    pub(crate) fn of(caller: &Caller, body: Value) -> Self {
        Self {
            caller: caller.clone(),
            id: body["id"].as_str().unwrap().to_owned(),
            body,
        }
    }

    /// The request that puts the file, but for the file.
    pub(crate) fn request(&self) -> RequestBuilder {
        let method = Method::from_bytes(self.body["method"].as_str().unwrap().as_bytes()).unwrap();
        let request = self.caller.http.request(method, self.body["url"].as_str().unwrap());
        let headers = self.body["headers"].as_object().unwrap().iter();
        // A client sends the length of what it sends.
        let headers = headers.filter(|(name, _)| *name != "content-length");
        headers.fold(request, |request, (name, value)| {
            request.header(name, value.as_str().unwrap())
        })
    }

    /// Puts a file.
    pub(crate) async fn put(&self, file: Vec<u8>) -> Answer {
        Answer::of(self.request().body(file).send().await.unwrap()).await
    }

    /// Where it is completed.
    pub(crate) fn complete_path(&self) -> String {
        format!("/api/v1/documents/uploads/{}/complete", self.id)
    }

    /// Completes it.
    pub(crate) async fn complete(&self) -> Answer {
        self.caller.post(&self.complete_path(), json!({})).await
    }

    /// The document that it became.
    pub(crate) async fn document(&self) -> Value {
        let path = format!("/api/v1/documents/{}", self.id);
        self.caller.get(&path).await.ok().json()
    }
}
