//! Emails that would have been sent, stored with the data.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use app::{BoxFuture, Mailer};
use domain::{Clock, Email, Error, MailBranding, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::cloud::{
    ACCOUNT, Data, FileError, REGION, StartError,
    iam::{Access, Iam},
};

/// Name of the file in the data folder: one email per line.
const FILE: &str = "outbox.jsonl";

/// An email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) created_at: Timestamp,
    /// Name of the sender and look of the organization that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) branding: Option<MailBranding>,
    /// Author of text in the email, if it is not its recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<UserId>,
}

/// All emails. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    mails: Arc<Mutex<Mails>>,
    clock: Clock,
}

#[derive(Debug)]
struct Mails {
    /// Oldest first.
    all: Vec<Mail>,
    file: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
}

impl Mails {
    /// Rewrites the file. If the process is killed meanwhile, it is truncated: these emails were sent long ago.
    fn rewrite(&mut self) -> Result<(), FileError> {
        let Some(OpenFile { file, path }) = &mut self.file else {
            return Ok(());
        };
        let text: io::Result<Vec<_>> = self.all.iter().map(line).collect();
        let written = text.and_then(|lines| {
            file.set_len(0)?;
            file.write_all(&lines.concat())
        });
        written.map_err(FileError::writing(path))
    }
}

fn line(mail: &Mail) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(mail)?;
    line.push(b'\n');
    Ok(line)
}

impl Outbox {
    /// Opens the file in the data folder; emails sent from now on are appended.
    ///
    /// # Errors
    /// If the file cannot be read or written, or has a line that is not an email.
    pub(crate) fn open(data: &Data, clock: Clock) -> Result<Self, StartError> {
        let (all, file) = match data {
            Data::Ephemeral => (Vec::new(), None),
            Data::Folder(folder) => {
                let path = folder.join(FILE);
                let text = match fs::read_to_string(&path) {
                    Ok(text) => text,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                    Err(error) => return Err(FileError::reading(&path)(error).into()),
                };
                let file = File::options().create(true).append(true).open(&path);
                let file = file.map_err(FileError::writing(&path))?;
                // A process that was killed while writing left half a line: that email is sent again.
                let whole = text.rfind('\n').map_or(0, |end| end + 1);
                let cut = file.set_len(u64::try_from(whole).unwrap_or(u64::MAX));
                cut.map_err(FileError::writing(&path))?;
                let mails = text[..whole].lines().zip(1..).map(|(line, number)| {
                    serde_json::from_str(line).map_err(|_| StartError::Damaged {
                        path: path.clone(),
                        reason: format!("line {number} is no mail"),
                    })
                });
                (mails.collect::<Result<_, _>>()?, Some(OpenFile { file, path }))
            }
        };
        Ok(Self {
            mails: Arc::new(Mutex::new(Mails { all, file })),
            clock,
        })
    }

    /// Returns the emails, newest first.
    pub(crate) fn newest_first(&self) -> Vec<Mail> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.all.iter().rev().cloned().collect()
    }

    /// Returns the mailer of a function, which has to be allowed to send from this domain.
    pub(crate) fn of_function(&self, function: &str, domain: &str, iam: Arc<Iam>) -> FunctionMailer {
        let identity = format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{domain}");
        FunctionMailer {
            outbox: self.clone(),
            function: function.to_owned(),
            send: Access::new("ses:SendEmail", identity),
            iam,
        }
    }

    fn add(&self, mail: Mail) -> Result<(), FileError> {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(OpenFile { file, path }) = &mut mails.file {
            let written = line(&mail).and_then(|line| file.write_all(&line));
            written.map_err(FileError::writing(path))?;
        }
        mails.all.push(mail);
        Ok(())
    }
}

impl Mailer for Outbox {
    fn send<'a>(&'a self, mail: &'a domain::Mail) -> BoxFuture<'a, domain::Result<()>> {
        let mail = Mail {
            to: mail.to.to_string(),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            created_at: self.clock.now(),
            branding: mail.branding.clone(),
            about: mail.about.clone(),
        };
        Box::pin(async move { self.add(mail).map_err(Error::unavailable) })
    }

    fn forget<'a>(&'a self, person: &'a UserId, addresses: &'a [Email]) -> BoxFuture<'a, domain::Result<()>> {
        Box::pin(async move {
            // Regardless of the case in which it was written then.
            let of_person: HashSet<_> = addresses.iter().map(Email::fingerprint).collect();
            let is_to_person = |to: &str| Email::parse(to).is_ok_and(|to| of_person.contains(&to.fingerprint()));
            let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
            mails
                .all
                .retain(|mail| mail.about.as_ref() != Some(person) && !is_to_person(&mail.to));
            mails.rewrite().map_err(Error::unavailable)
        })
    }
}

/// Puts the emails of a function into the outbox.
pub(crate) struct FunctionMailer {
    outbox: Outbox,
    function: String,
    send: Access,
    iam: Arc<Iam>,
}

impl Mailer for FunctionMailer {
    fn send<'a>(&'a self, mail: &'a domain::Mail) -> BoxFuture<'a, domain::Result<()>> {
        match self.iam.authorize(&self.function, std::slice::from_ref(&self.send)) {
            Ok(()) => self.outbox.send(mail),
            Err(denied) => Box::pin(std::future::ready(Err(Error::unavailable(denied)))),
        }
    }

    fn forget<'a>(&'a self, person: &'a UserId, addresses: &'a [Email]) -> BoxFuture<'a, domain::Result<()>> {
        self.outbox.forget(person, addresses)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn mail(subject: &str) -> Mail {
        Mail {
            to: "ada@example.com".to_owned(),
            subject: subject.to_owned(),
            text: "line\nline".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            branding: None,
            about: None,
        }
    }

    #[tokio::test]
    async fn mails_to_a_person_who_is_erased_are_gone_from_the_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Folder(folder.path().to_owned());
        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        outbox.add(mail("hers")).unwrap();
        let other = Mail {
            to: "bob@example.com".to_owned(),
            ..mail("his")
        };
        outbox.add(other.clone()).unwrap();
        let ada = UserId("ada".to_owned());
        let by_ada = Mail {
            about: Some(ada.clone()),
            ..other.clone()
        };
        outbox.add(by_ada).unwrap();
        let address = Email::parse("ADA@example.com").unwrap();
        outbox.forget(&ada, &[address]).await.unwrap();
        assert_eq!(outbox.newest_first(), std::slice::from_ref(&other));
        outbox.add(mail("new")).unwrap();
        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        assert_eq!(outbox.newest_first(), [mail("new"), other]);
    }

    #[test]
    fn mails_outlive_the_process_and_half_a_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Folder(folder.path().to_owned());
        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        outbox.add(mail("first")).unwrap();
        outbox.add(mail("second")).unwrap();
        let file = folder.path().join(FILE);
        let cut = fs::read_to_string(&file).unwrap() + r#"{"to":"ada@exam"#;
        fs::write(&file, cut).unwrap();

        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        assert_eq!(outbox.newest_first(), [mail("second"), mail("first")]);
        outbox.add(mail("third")).unwrap();
        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        assert_eq!(outbox.newest_first().len(), 3);
    }

    #[test]
    fn a_line_that_is_no_mail_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Folder(folder.path().to_owned());
        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        outbox.add(mail("first")).unwrap();
        let file = folder.path().join(FILE);
        let damaged = fs::read_to_string(&file).unwrap() + "hunter2\n";
        fs::write(&file, damaged).unwrap();
        let refused = Outbox::open(&data, Clock::default()).unwrap_err().to_string();
        let named = format!("cannot read {} in the data folder: line 2 is no mail", file.display());
        assert!(refused.starts_with(&named) && !refused.contains("hunter2"), "{refused}");
    }

    /// Linux has a file that behaves like a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn on_a_full_disk_a_mail_is_not_sent_and_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Folder(folder.path().to_owned());
        let outbox = Outbox::open(&data, Clock::default()).unwrap();
        let full = OpenFile {
            file: File::options().append(true).open("/dev/full").unwrap(),
            path: folder.path().join(FILE),
        };
        outbox.mails.lock().unwrap().file = Some(full);
        let refused = outbox.add(mail("lost")).unwrap_err().to_string();
        assert!(
            refused.contains(FILE) && refused.contains("Free some space"),
            "{refused}"
        );
        assert_eq!(outbox.newest_first(), []);
    }
}
