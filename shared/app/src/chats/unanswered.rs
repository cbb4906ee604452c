//! Questions that a chatbot did not answer, as its editors read them: questions with the same words are one.

use std::collections::HashMap;

use domain::{
    Chatbot, ChatbotId, ConversationId, Error, FixedAnswer, Membership, MessageId, OrgId, Page, PageRequest, Result,
    Timestamp, UnansweredQuestion,
};
use futures::future::BoxFuture;
use retrieval::{is_same_question, question_words};
use sha2::{Digest as _, Sha256};
use store::{FixedAnswered, OptimisticRetry};

use crate::{App, chatbots::NO_CHATBOT};

/// Most rows whose turns a page reads: a question whose chat sessions were all deleted has no text.
const MOST_READ: usize = 200;

const NO_QUESTION: Error = Error::NotFound("question");
const NOT_ITS_EDITOR: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the creator of this chatbot, or an owner or admin of the organization, can see which questions it did \
             not answer.",
};

/// A question that a chatbot did not answer, however often it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedQuestion {
    /// The newest refusal.
    pub answer: MessageId,
    /// The question, as it was asked last.
    pub question: String,
    /// How often it was asked, with the same words in any order and inflection.
    pub times: usize,
    /// When it was asked last.
    pub at: Timestamp,
    /// The chat session in which it was asked last.
    pub conversation: ConversationId,
}

/// Returns a hash of the words of a question to a chatbot.
pub(crate) fn hash_of_words(chatbot: &ChatbotId, question: &str) -> String {
    let words = format!("{chatbot} {}", question_words(question));
    hex::encode(&Sha256::digest(words)[..16])
}

impl App {
    /// Returns the questions of the last 90 days that a chatbot did not answer, newest first, among the last 1,000. A
    /// page may be shorter than requested, and followed by another one.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`.
    pub fn unanswered_questions<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a ChatbotId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<AskedQuestion>>> {
        Box::pin(async move {
            self.own_chatbot(member, id).await?;
            let groups = self.groups_of_unanswered(&member.org, id).await?;
            let is_left = |group: &Vec<UnansweredQuestion>| {
                let newest = group.first().map(|newest| newest.answer.as_str());
                page.after.as_deref().is_none_or(|after| newest < Some(after))
            };
            let (mut items, mut read, mut last) = (Vec::new(), 0, None);
            for group in groups.into_iter().filter(is_left) {
                if items.len() >= usize::from(page.limit) || read >= MOST_READ {
                    return Ok(Page { items, next: last });
                }
                last = group.first().map(|newest| newest.answer.0.clone());
                let times = group.len();
                for asked in group {
                    read += 1;
                    if let Some(question) = self.text_of(&member.org, &asked).await? {
                        items.push(AskedQuestion {
                            question,
                            times,
                            answer: asked.answer,
                            at: asked.at,
                            conversation: asked.conversation,
                        });
                        break;
                    }
                    if read >= MOST_READ {
                        break;
                    }
                }
            }
            Ok(Page { items, next: None })
        })
    }

    /// Removes a question from the list of those that a chatbot did not answer, however often it was asked.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`.
    pub fn dismiss_unanswered_question<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a ChatbotId,
        answer: &'a MessageId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.changeable_chatbot(member, id).await?;
            let question = self.unanswered_question(&member.org, id, answer).await?;
            self.remove_unanswered(&member.org, &question).await
        })
    }

    /// Gives a chatbot a fixed answer to a question that it did not answer, in these words or in those in which it was
    /// asked, and removes the question from the list.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`, [`Error::Invalid`] at `/question` if it is too
    /// long for a fixed answer, and at `/answer` if the chatbot has too many of them.
    pub fn answer_unanswered_question<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a ChatbotId,
        answer: &'a MessageId,
        (words, text): (Option<String>, String),
    ) -> BoxFuture<'a, Result<Chatbot>> {
        Box::pin(async move {
            let mut chatbot = self.changeable_chatbot(member, id).await?;
            let asked = self.unanswered_question(&member.org, id, answer).await?;
            let question = match words {
                Some(words) => words,
                None => self.text_of(&member.org, &asked).await?.ok_or(NO_QUESTION)?,
            };
            if question.chars().count() > FixedAnswer::MAX_QUESTION {
                let most = FixedAnswer::MAX_QUESTION;
                let detail = format!("must have at most {most} characters; name a shorter wording of the question");
                return Err(Error::invalid("/question", detail));
            }
            let fixed = FixedAnswer { question, answer: text };
            let questions = self.store.unanswered_questions(&member.org);
            let mut retry = OptimisticRetry::to_change("a chatbot");
            loop {
                retry.next().await?;
                let before = chatbot.settings.fixed_answers;
                let after = with_fixed_answer(before.clone(), fixed.clone())?;
                match questions.answer(&asked, (&before, &after), self.clock.now()).await? {
                    FixedAnswered::Done => break,
                    FixedAnswered::Gone => return Err(NO_QUESTION),
                    FixedAnswered::Overtaken => chatbot = self.changeable_chatbot(member, id).await?,
                }
            }
            self.remove_unanswered(&member.org, &asked).await?;
            self.chatbot(&member.org, id).await
        })
    }

    /// Returns a chatbot whose reports the member may read.
    async fn own_chatbot(&self, member: &Membership, id: &ChatbotId) -> Result<Chatbot> {
        let chatbot = self.store.chatbots(&member.org).get(id).await?.ok_or(NO_CHATBOT)?;
        if member.may_change(&chatbot.created_by) {
            Ok(chatbot)
        } else {
            Err(NOT_ITS_EDITOR)
        }
    }

    async fn unanswered_question(&self, org: &OrgId, id: &ChatbotId, answer: &MessageId) -> Result<UnansweredQuestion> {
        let questions = self.store.unanswered_questions(org);
        questions.get(id, answer, self.clock.now()).await?.ok_or(NO_QUESTION)
    }

    /// Returns the unanswered questions of a chatbot by their words, newest first.
    async fn groups_of_unanswered(&self, org: &OrgId, id: &ChatbotId) -> Result<Vec<Vec<UnansweredQuestion>>> {
        let newest = self
            .store
            .unanswered_questions(org)
            .newest(id, self.clock.now())
            .await?;
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<Vec<UnansweredQuestion>> = Vec::new();
        for question in newest {
            let place = *places.entry(question.words.clone()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(question),
                None => groups.push(vec![question]),
            }
        }
        Ok(groups)
    }

    /// Removes a question and those with the same words.
    async fn remove_unanswered(&self, org: &OrgId, question: &UnansweredQuestion) -> Result<()> {
        let questions = self.store.unanswered_questions(org);
        let mut same = questions.newest(&question.chatbot, self.clock.now()).await?;
        same.retain(|other| other.words == question.words && other.answer != question.answer);
        same.push(question.clone());
        questions.remove(same).await
    }

    /// Returns the text of a question, unless it or its chat session was deleted.
    async fn text_of(&self, org: &OrgId, question: &UnansweredQuestion) -> Result<Option<String>> {
        let conversations = self.conversations(org, &question.user);
        if conversations.get(&question.conversation).await?.is_none() {
            return Ok(None);
        }
        let turn = conversations
            .turn(&question.conversation, &question.answer.turn())
            .await?;
        Ok(turn.map(|turn| turn.question))
    }
}

/// Returns fixed answers with another one, in the place of one to the same question.
fn with_fixed_answer(mut all: Vec<FixedAnswer>, new: FixedAnswer) -> Result<Vec<FixedAnswer>> {
    match all
        .iter_mut()
        .find(|old| is_same_question(&old.question, &new.question))
    {
        Some(old) => *old = new,
        None => all.push(new),
    }
    if all.len() > FixedAnswer::MAX {
        let most = FixedAnswer::MAX;
        let detail = format!("is one more than the {most} fixed answers that a chatbot can have; remove one first");
        return Err(Error::invalid("/answer", detail));
    }
    let bytes: usize = all.iter().map(|fixed| fixed.question.len() + fixed.answer.len()).sum();
    if bytes > FixedAnswer::MAX_BYTES {
        let most = FixedAnswer::MAX_BYTES / 1024;
        let detail = format!("makes the fixed answers longer than {most} KB together; shorten it, or remove one");
        return Err(Error::invalid("/answer", detail));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(question: &str, answer: &str) -> FixedAnswer {
        FixedAnswer {
            question: question.to_owned(),
            answer: answer.to_owned(),
        }
    }

    #[test]
    fn a_fixed_answer_replaces_one_to_the_same_question_and_respects_the_limits() {
        let one = with_fixed_answer(Vec::new(), fixed("Do you ship abroad?", "No.")).unwrap_or_default();
        let two = with_fixed_answer(one, fixed("do you ship abroad", "Yes.")).unwrap_or_default();
        assert_eq!(two, [fixed("do you ship abroad", "Yes.")]);
        let full: Vec<FixedAnswer> = (0..FixedAnswer::MAX)
            .map(|at| fixed(&format!("Is it {at}?"), "Yes."))
            .collect();
        assert!(with_fixed_answer(full.clone(), fixed("Is it free?", "No.")).is_err());
        assert!(with_fixed_answer(full, fixed("Is it 7?", "No.")).is_ok());
        let long = vec![fixed("Is it long?", &"x".repeat(FixedAnswer::MAX_BYTES - 40))];
        assert!(with_fixed_answer(long, fixed("Is it longer than that?", &"x".repeat(40))).is_err());
    }

    #[test]
    fn the_same_words_have_one_hash_for_each_chatbot() {
        let (one, other) = (ChatbotId("a".to_owned()), ChatbotId("b".to_owned()));
        let hash = hash_of_words(&one, "Do you ship orders to Norway?");
        assert_eq!(hash, hash_of_words(&one, "do you ship order to norway"));
        assert_ne!(hash, hash_of_words(&one, "Do you ship orders to Sweden?"));
        assert_ne!(hash, hash_of_words(&other, "Do you ship orders to Norway?"));
    }
}
