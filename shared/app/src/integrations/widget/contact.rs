//! Visitors who leave their address, or ask for a person.

use std::fmt::Write as _;

use domain::{
    Error, Mail, MailMessage, Network, Result,
    integrations::visitor::Visitor,
    rate_limit::{WIDGET_CONTACTS, WIDGET_NETWORK_CONTACTS},
};
use futures::future::BoxFuture;
use store::{OptimisticRetry, keys};

use super::{Visit, session::EXPIRED};
use crate::App;

/// What a visitor left.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Their name.
    pub name: Option<String>,
    /// Their address.
    pub email: String,
    /// What they want.
    pub note: Option<String>,
}

/// A visitor who asks for a person.
#[derive(Debug, Clone)]
pub struct Handover {
    /// Where to write to, if they say so.
    pub email: Option<String>,
    /// What they want.
    pub note: Option<String>,
}

impl App {
    /// Keeps what a visitor left with their conversation, and sends it to the creator of the integration.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the integration asks for no addresses, and [`Error::TooMany`]
    /// `too_many_messages`.
    pub fn leave_contact<'a>(
        &'a self,
        visit: &'a Visit,
        network: Option<&'a Network>,
        contact: Contact,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if !visit.website.integration.website.lead_form {
                return Err(Error::NotFound("lead form"));
            }
            let visitor = |before: &Visitor| Visitor {
                name: contact.name.clone().or_else(|| before.name.clone()),
                email: Some(contact.email.clone()),
                note: contact.note.clone().or_else(|| before.note.clone()),
                ..before.clone()
            };
            self.tell_creator(visit, network, visitor, "A visitor left their address")
                .await
        })
    }

    /// Tells the creator of the integration that a visitor asks for a person.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the integration offers no person, and [`Error::TooMany`] `too_many_messages`.
    pub fn ask_for_person<'a>(
        &'a self,
        visit: &'a Visit,
        network: Option<&'a Network>,
        handover: Handover,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if !visit.website.integration.website.handover {
                return Err(Error::NotFound("person"));
            }
            let visitor = |before: &Visitor| Visitor {
                email: handover.email.clone().or_else(|| before.email.clone()),
                note: handover.note.clone().or_else(|| before.note.clone()),
                asked_for_person: true,
                ..before.clone()
            };
            self.tell_creator(visit, network, visitor, "A visitor asks for a person")
                .await
        })
    }

    /// Stores what a visitor said about themselves, and promises the email about it in the same transaction.
    async fn tell_creator(
        &self,
        visit: &Visit,
        network: Option<&Network>,
        change: impl Fn(&Visitor) -> Visitor,
        subject: &str,
    ) -> Result<()> {
        let (code, detail) = (
            "too_many_messages",
            "You sent several messages. Please wait for a reply.",
        );
        let key = keys::widget_contacts(&visit.conversation.id);
        self.count_against(&key, WIDGET_CONTACTS, code, detail).await?;
        if let Some(network) = network {
            let key = keys::widget_network_contacts(&visit.website.integration.id, network);
            self.count_against(&key, WIDGET_NETWORK_CONTACTS, code, detail).await?;
        }
        let conversations = self.conversations(&visit.conversation.org, &visit.payer.id);
        let mut retry = OptimisticRetry::to_change("a conversation");
        loop {
            retry.next().await?;
            let read = conversations.get(&visit.conversation.id).await?.ok_or(EXPIRED)?;
            let visitor = change(&read.visitor.clone().unwrap_or_default());
            let mail = MailMessage::Mail(Mail {
                id: self.ids.make()?,
                to: visit.payer.email.clone(),
                subject: format!("{subject}: {}", visit.website.chatbot.name),
                text: text(&visitor, visit, &self.config.public_url),
                about: None,
                org_id: Some(visit.conversation.org.clone()),
                branding: None,
            });
            let mails = [(visit.payer.id.clone(), mail)];
            if conversations
                .set_visitor(&read, &visitor, &mails, self.clock.now())
                .await?
            {
                self.queue_promised(&mails.map(|(_, mail)| mail)).await;
                return Ok(());
            }
        }
    }
}

/// Returns the text of the email.
fn text(visitor: &Visitor, visit: &Visit, public_url: &str) -> String {
    let mut text = format!(
        "Someone wrote to the chatbot {} on {}.\n\n",
        visit.website.chatbot.name, visit.website.origin
    );
    for (label, value) in [
        ("Name", &visitor.name),
        ("Email", &visitor.email),
        ("Signed in there as", &visitor.id),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{label}: {value}");
        }
    }
    if visitor.asked_for_person {
        text.push_str("They ask for a person.\n");
    }
    if let Some(note) = &visitor.note {
        let _ = write!(text, "\nThey wrote:\n\n");
        // Quoted, so that nobody takes a visitor's words for ours.
        for line in note.lines() {
            let _ = writeln!(text, "> {line}");
        }
    }
    let session = &visit.conversation.id;
    let _ = write!(text, "\nThe conversation:\n{public_url}/chats/{session}\n");
    text
}
