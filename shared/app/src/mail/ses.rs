//! Amazon SES: one signed POST of `SendEmail`
//! (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>). Its SDK would be the largest crate of
//! the workspace, for one call.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Clock, Error, Mail, Result};
use futures::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use crate::{Mailer, auth::signing::Signing};

/// Most bytes of a part of a name, so that it fits into an encoded word.
const MAX_WORD: usize = 45;

/// Email through Amazon SES in the function's region.
pub(crate) struct Ses {
    http: reqwest::Client,
    signing: Signing,
    endpoint: String,
    from: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail<'a> {
    from_email_address: Cow<'a, str>,
    destination: Destination<'a>,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Destination<'a> {
    to_addresses: [&'a str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Content<'a> {
    simple: Simple<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Simple<'a> {
    subject: Text<'a>,
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    text: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Text<'a> {
    data: &'a str,
    charset: &'static str,
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(data: &'a str) -> Self {
        Self { data, charset: "UTF-8" }
    }
}

impl Ses {
    /// Creates a mailer that sends from `from`, an address of an identity verified in SES.
    pub(crate) fn new(sdk: &aws_types::SdkConfig, http: reqwest::Client, from: &str, clock: Clock) -> Self {
        let region = sdk.region().map_or("us-east-1", |region| region.as_ref()).to_owned();
        let domain = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let endpoint = sdk.endpoint_url().map(str::to_owned);
        Self {
            http,
            endpoint: endpoint.unwrap_or_else(|| format!("https://email.{region}.{domain}")),
            signing: Signing::new(sdk, "ses", region, clock),
            from: from.to_owned(),
        }
    }

    async fn post(&self, mail: &Mail) -> Result<()> {
        if self.from.is_empty() {
            return Err(Error::internal("MAIL_FROM is not set"));
        }
        let branding = mail.branding.as_ref();
        let name = branding.and_then(|branding| branding.from_name.as_deref());
        let body = SendEmail {
            from_email_address: name.map_or(Cow::Borrowed(&*self.from), |name| Cow::Owned(named(name, &self.from))),
            destination: Destination {
                to_addresses: [mail.to.as_str()],
            },
            content: Content {
                simple: Simple {
                    subject: mail.subject.as_str().into(),
                    body: Body {
                        text: mail.text.as_str().into(),
                        html: branding.map(|branding| branding.html.as_str().into()),
                    },
                },
            },
        };
        let body = serde_json::to_vec(&body).map_err(Error::internal)?;
        let url = format!("{}/v2/email/outbound-emails", self.endpoint);
        let mut request = self.http.post(&url).header(CONTENT_TYPE, "application/json");
        for (name, value) in self.signing.sign(&url, &body).await? {
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await.map_err(Error::unavailable)?;
        if answer.status().is_success() {
            return Ok(());
        }
        // The body may repeat the address; the error type is sufficient for diagnosis.
        let kind = answer.headers().get("x-amzn-errortype");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Err(Error::unavailable(format!("SES answered {} {kind}", answer.status())))
    }
}

/// Returns the sender's address with another name. As an encoded word (RFC 2047), a name cannot be anything else.
fn named(name: &str, from: &str) -> String {
    let address = from
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(from, |(address, _)| address);
    // An encoded word has at most 75 characters; several are joined by the reader.
    let (mut words, mut word) = (Vec::new(), String::new());
    for letter in name.chars() {
        if word.len() + letter.len_utf8() > MAX_WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)))
        .collect();
    format!("{} <{}>", words.join(" "), address.trim())
}

impl Mailer for Ses {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.post(mail))
    }
}

#[cfg(test)]
mod tests;
