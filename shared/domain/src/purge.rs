//! Erasure: what is to be removed, recorded before it is done.

use serde::{Deserialize, Serialize};

use crate::{Actor, ChatbotId, CrawlId, DataSourceId, DocumentId, IntegrationId, MailId, OrgId, Timestamp, UserId};

/// What is to be removed, which is also the body of a message in the `purge` queue. It was made inaccessible before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Purge {
    /// A user, including their personal organization.
    User {
        /// The user's ID.
        user_id: UserId,
        /// Other organizations they were a member of.
        orgs: Vec<OrgId>,
    },
    /// An organization and everything in it.
    Org {
        /// The organization's ID.
        org_id: OrgId,
    },
    /// What a user owned alone in an organization that they left.
    Member {
        /// The organization.
        org_id: OrgId,
        /// The person.
        user_id: UserId,
    },
    /// The files of a document, and its place in chatbots.
    Document {
        /// The organization that owned it.
        org_id: OrgId,
        /// The document.
        document_id: DocumentId,
    },
    /// What was stored for a chatbot.
    Chatbot {
        /// The organization that owned it.
        org_id: OrgId,
        /// The chatbot.
        chatbot_id: ChatbotId,
    },
    /// What was stored for an integration.
    Integration {
        /// The organization that owned it.
        org_id: OrgId,
        /// The integration.
        integration_id: IntegrationId,
    },
    /// The files of a data source, and what was said of its tables.
    DataSource {
        /// The organization that owned it.
        org_id: OrgId,
        /// The data source.
        data_source_id: DataSourceId,
    },
    /// What was stored for a crawl.
    Crawl {
        /// The organization that owned it.
        org_id: OrgId,
        /// The crawl.
        crawl_id: CrawlId,
        /// The caller who deletes its documents too; `None` if they stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with_documents: Option<Actor>,
    },
    /// What an account's credentials left behind after all of them ended; its owner is notified.
    Credentials {
        /// The account.
        user_id: UserId,
        /// When they ended.
        ended_at: Timestamp,
        /// ID of the notification email.
        mail_id: MailId,
    },
}

impl Purge {
    /// Returns the same ID for the same purge, so that recording it twice has no effect.
    pub fn id(&self) -> String {
        match self {
            Self::User { user_id, .. } => format!("user.{user_id}"),
            Self::Org { org_id } => format!("org.{org_id}"),
            Self::Member { org_id, user_id } => format!("member.{org_id}.{user_id}"),
            Self::Document { org_id, document_id } => format!("document.{org_id}.{document_id}"),
            Self::Chatbot { org_id, chatbot_id } => format!("chatbot.{org_id}.{chatbot_id}"),
            Self::Integration { org_id, integration_id } => format!("integration.{org_id}.{integration_id}"),
            Self::DataSource { org_id, data_source_id } => format!("data_source.{org_id}.{data_source_id}"),
            Self::Crawl { org_id, crawl_id, .. } => format!("crawl.{org_id}.{crawl_id}"),
            Self::Credentials { user_id, mail_id, .. } => format!("credentials.{user_id}.{mail_id}"),
        }
    }
}
