//! Files that people share with the bot: read as documents of the thread.

use std::time::Duration;

use domain::{Conversation, DocumentStatus, Error, SlackQuestion, User, integrations::slack::SlackFile};

use super::{
    Connected,
    reply::{Failed, Reply},
};
use crate::{Delivery, Upload};

/// Largest file that is read, in bytes: it is in memory as a whole.
const MAX_FILE: usize = 25 * 1024 * 1024;
/// Tag of the documents.
const TAG: &str = "slack";
/// Deliveries for which an answer waits until its files are indexed: half a minute. After that it says that they are not.
const WAITS: u32 = 5;

impl Connected<'_> {
    /// Reads the files of a message into the thread's conversation, each once. Returns once they are indexed, or it has
    /// taken too long.
    pub(super) async fn read_files(
        &self,
        question: &SlackQuestion,
        conversation: &Conversation,
        payer: &User,
        delivery: &Delivery,
        reply: &mut Reply<'_>,
    ) -> Result<(), Failed> {
        if !self.integration.slack.read_files {
            return Ok(());
        }
        let (org, known) = (&self.integration.org, reply.state.files);
        for file in question.files.iter().skip(known) {
            match self.read_file(file, payer, delivery).await? {
                Some(document) => reply.state.documents.push(document),
                None => reply.state.unreadable.push(file.name.clone()),
            }
            reply.state.files += 1;
            reply.save().await?;
        }
        if reply.state.documents.is_empty() {
            return Ok(());
        }
        let conversations = self.app.conversations(org, &conversation.user);
        if !conversations
            .add_documents(&conversation.id, &reply.state.documents)
            .await?
        {
            // The thread has as many documents as it may.
            reply.state.unreadable = question.files.iter().map(|file| file.name.clone()).collect();
            reply.state.documents.clear();
            return Ok(());
        }
        let documents = self.app.store.documents(org).get_many(&reply.state.documents).await?;
        let is_waiting = |status| matches!(status, DocumentStatus::Pending | DocumentStatus::Processing);
        if documents.iter().any(|document| is_waiting(document.status)) && delivery.receive_count < WAITS {
            return Err(Failed::App(Error::InProgress {
                detail: "the files of this message are being indexed",
                retry_after: Duration::from_secs(2 << delivery.receive_count.min(4)),
            }));
        }
        for document in documents
            .iter()
            .filter(|document| document.status == DocumentStatus::Failed)
        {
            if !reply.state.unreadable.contains(&document.file_name) {
                reply.state.unreadable.push(document.file_name.clone());
            }
        }
        Ok(())
    }

    /// Returns the document of a file; `None` if it cannot be read.
    async fn read_file(
        &self,
        file: &SlackFile,
        payer: &User,
        delivery: &Delivery,
    ) -> Result<Option<domain::DocumentId>, Failed> {
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        if size > MAX_FILE {
            return Ok(None);
        }
        let downloaded = self.app.slack.download(self.token.expose(), &file.url, MAX_FILE).await;
        let bytes = match downloaded {
            Ok(Some(bytes)) => bytes,
            // Without access, or of another host than Slack's.
            Ok(None) | Err(slack::Error::Refused { .. }) => return Ok(None),
            // A question does not wait for its file for hours.
            Err(error) if delivery.receive_count >= WAITS && !error.is_dead_token() => {
                tracing::warn!(%error, "slack.file_not_read");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let org = &self.integration.org;
        let Some(member) = self.app.store.accounts().membership(org, &payer.id).await? else {
            return Ok(None);
        };
        let upload = Upload {
            name: file.name.clone(),
            description: None,
            tags: vec![TAG.to_owned()],
            file_name: file.name.clone(),
            bytes: bytes.into(),
        };
        match self.app.upload(&member, upload).await {
            Ok(document) => Ok(Some(document.id)),
            Err(Error::UnsupportedMedia(_) | Error::Invalid(_) | Error::Limit(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
