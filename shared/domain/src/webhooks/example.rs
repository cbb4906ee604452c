//! An example of each event, for the `OpenAPI` document.

use super::{
    data::{
        ApiKeyEvent, ChatbotEvent, CrawlEvent, DocumentError, DocumentEvent, FeedbackEvent, IntegrationErrorEvent,
        InvoiceEvent, LimitEvent, LimitOwner, MemberEvent, MessageEvent, RoleEvent, SubscriptionEvent, TestEvent,
    },
    event::{EventData, EventType},
};
use crate::{CrawlStatus, IntegrationType, OrgRole, Permission, Plan, Rating, SubscriptionStatus, Timestamp};

const ID: &str = "0193a5d0-7c1e-7d3a-9f52-1c2b3a4d5e6f";
const USER: &str = "0193a5d0-7c1e-7d3a-9f52-000000000001";

impl EventType {
    /// Returns an example of its data.
    pub fn example(self) -> EventData {
        let (id, user_id) = (ID.to_owned(), USER.to_owned().into());
        let end = Timestamp::from_second(1_798_675_200).ok();
        match self {
            Self::DocumentReady => EventData::DocumentReady(document(false)),
            Self::DocumentFailed => EventData::DocumentFailed(document(true)),
            Self::DocumentDeleted => EventData::DocumentDeleted(document(false)),
            Self::MessageCreated => EventData::MessageCreated(MessageEvent {
                message_id: id.clone().into(),
                prompt_id: id.clone().into(),
                session_id: id.clone().into(),
                user_id,
                chatbot_id: Some(id.into()),
                model: "gpt-4o-mini".to_owned(),
                finish_reason: Some("stop".to_owned()),
                total_tokens: 431,
                content: None,
            }),
            Self::MessageFeedback => EventData::MessageFeedback(FeedbackEvent {
                message_id: id.clone().into(),
                prompt_id: id.clone().into(),
                session_id: id.into(),
                user_id,
                rating: Some(Rating::Up),
                content: None,
            }),
            Self::LimitThreshold => EventData::LimitThreshold(LimitEvent {
                scope: LimitOwner::Org,
                user_id: None,
                percent: 80,
                used: 8_123,
                limit: 10_000,
                day: "2026-11-30".to_owned(),
            }),
            Self::SubscriptionUpdated => EventData::SubscriptionUpdated(SubscriptionEvent {
                plan: Plan::Pro,
                status: Some(SubscriptionStatus::Active),
                current_period_end: end,
                cancel_at: None,
            }),
            Self::InvoicePaid => EventData::InvoicePaid(InvoiceEvent {
                amount_cents: 2_900,
                currency: "usd".to_owned(),
                plan: Plan::Pro,
                status: Some(SubscriptionStatus::Active),
                grace_until: None,
            }),
            Self::InvoicePaymentFailed => EventData::InvoicePaymentFailed(InvoiceEvent {
                amount_cents: 2_900,
                currency: "usd".to_owned(),
                plan: Plan::Pro,
                status: Some(SubscriptionStatus::PastDue),
                grace_until: end,
            }),
            Self::MemberAdded => EventData::MemberAdded(member(user_id)),
            Self::MemberRemoved => EventData::MemberRemoved(member(user_id)),
            Self::MemberRoleChanged => EventData::MemberRoleChanged(RoleEvent {
                user_id,
                role: OrgRole::Admin,
                previous_role: OrgRole::Member,
            }),
            Self::ApiKeyCreated => EventData::ApiKeyCreated(api_key()),
            Self::ApiKeyRevoked => EventData::ApiKeyRevoked(api_key()),
            Self::ChatbotPublished => EventData::ChatbotPublished(ChatbotEvent {
                chatbot_id: id.into(),
                name: "Help desk".to_owned(),
            }),
            Self::CrawlCompleted => EventData::CrawlCompleted(CrawlEvent {
                crawl_id: id.into(),
                status: CrawlStatus::Finished,
                documents: 42,
            }),
            Self::IntegrationError => EventData::IntegrationError(IntegrationErrorEvent {
                integration_id: id.into(),
                integration_type: IntegrationType::Slack,
                code: "token_revoked".to_owned(),
                detail: "The app was removed from the Slack workspace. Install it again.".to_owned(),
            }),
            Self::WebhookTest => EventData::WebhookTest(TestEvent { webhook_id: id.into() }),
        }
    }
}

fn document(has_failed: bool) -> DocumentEvent {
    DocumentEvent {
        document_id: ID.to_owned().into(),
        name: "handbook.pdf".to_owned(),
        version: 1,
        error: has_failed.then(|| DocumentError {
            code: "encrypted".to_owned(),
            detail: "The file is protected with a password. Remove the protection and upload it again.".to_owned(),
        }),
        created_by: USER.to_owned().into(),
    }
}

fn member(user_id: crate::UserId) -> MemberEvent {
    MemberEvent {
        user_id,
        role: OrgRole::Member,
    }
}

fn api_key() -> ApiKeyEvent {
    ApiKeyEvent {
        api_key_id: ID.to_owned().into(),
        prefix: "pk_live_3fA9".to_owned(),
        scopes: vec![Permission::ReadChats, Permission::WriteChats],
        user_id: USER.to_owned().into(),
        expires_at: None,
    }
}
