//! The passages that ground an answer.

use std::{collections::HashSet, sync::Arc, time::Duration};

use domain::{AnswerMode, Chatbot, ChatbotId, ChatbotSettings, Citation, Error, Result};
use futures::future::BoxFuture;
use llm::{Mark, NO_PASSAGE, Source, passage_sentences, statements};
use retrieval::{CosineRange, Exchange, Indexed, Language, Passage, QuestionVector, Segment, Vector, is_same_question};

use crate::{App, BillingContext, Generation, ai::auxiliary::excerpt, documents::manifests::DocumentHead};

/// Passages whose sentences are compared with a question, the best ones.
const MOST_COMPARED: usize = 3;
/// Sentences that are compared with a question: they take a core some 20 ms each.
const MOST_SENTENCES: usize = 24;
/// Passages that a reranking model orders: more of them hardly ever answer.
const RERANKED: usize = 40;
/// How long an answer waits for them to be ordered.
const RERANK_LIMIT: Duration = Duration::from_millis(2_500);
/// Characters of a question that a provider's model is given: more has no one meaning.
const MOST_OF_QUESTION: usize = 2_000;
/// How long an answer waits for the vector of its question from a provider.
const VECTOR_LIMIT: Duration = Duration::from_secs(4);

/// A passage that a question finds.
#[derive(Debug, Clone)]
pub struct FoundPassage {
    /// The passage.
    pub passage: Passage,
    /// Whether the model would be given it.
    pub is_used: bool,
}

/// The passages of a chatbot's documents that match a question.
#[derive(Debug, Default)]
pub(crate) struct Grounding {
    /// `None` if the chatbot has no documents.
    passages: Option<Vec<Passage>>,
    /// Citations in the first part of a continued answer: their numbers stay, and those of the passages follow.
    earlier: Vec<Citation>,
    unread: usize,
    documents: usize,
    /// The answer, if no model is to write one.
    prescribed: Option<String>,
}

/// Returns the answer that a chatbot's settings prescribe for a question.
fn fixed_answer(settings: &ChatbotSettings, question: &str) -> Option<String> {
    let mut fixed = settings.fixed_answers.iter();
    let found = fixed.find(|fixed| is_same_question(&fixed.question, question))?;
    Some(found.answer.clone())
}

impl App {
    /// Searches the indexed documents of `bot` for an answer of `model`; `before` is the conversation before the question,
    /// newest first.
    pub(crate) async fn ground(
        &self,
        (bot, model): (&Chatbot, &str),
        billing: &BillingContext,
        question: &str,
        before: &[Exchange<'_>],
    ) -> Result<Grounding> {
        if let Some(answer) = fixed_answer(&bot.settings, question) {
            return Ok(Grounding {
                prescribed: Some(answer),
                ..Grounding::default()
            });
        }
        if bot.documents.is_empty() {
            return Ok(Grounding::default().refused_without_passages(&bot.settings));
        }
        let limit = bot.settings.top_k as usize;
        let searched = self.search_documents(bot, billing, limit, async |languages: &[Language]| {
            self.search_question(bot, billing, question, before, languages).await
        });
        let (mut grounding, vectors) = searched.await?;
        if let Some(passages) = &mut grounding.passages {
            passages.retain(|passage| passage.relevance >= bot.settings.min_relevance);
            if let Some(vector) = vectors.iter().find(|vector| self.is_built_in(vector))
                && self.is_answered_by_local_model(model).await?
            {
                self.compare_sentences(passages, vector).await;
            }
        }
        Ok(grounding.refused_without_passages(&bot.settings))
    }

    /// Returns the passages of a chatbot's documents that a question finds, best first.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn search_chatbot<'a>(
        &'a self,
        billing: BillingContext,
        id: &'a ChatbotId,
        question: &'a str,
        limit: Option<u32>,
    ) -> BoxFuture<'a, Result<Vec<FoundPassage>>> {
        Box::pin(async move {
            let bot = self.chatbot(&billing.org, id).await?;
            let billing = billing.with_chatbot(&bot);
            self.passages_of(&bot, &billing, question, limit).await
        })
    }

    /// Returns the passages of [`App::search_chatbot`] for a chatbot that was read already.
    pub(crate) async fn passages_of(
        &self,
        bot: &Chatbot,
        billing: &BillingContext,
        question: &str,
        limit: Option<u32>,
    ) -> Result<Vec<FoundPassage>> {
        let given = bot.settings.top_k;
        let limit = limit.unwrap_or(given) as usize;
        let (found, _) = self
            .search_documents(bot, billing, limit, async |_: &[Language]| question.to_owned())
            .await?;
        let passages = found.passages.into_iter().flatten().zip(0_u32..);
        let passages = passages.map(|(passage, rank)| FoundPassage {
            is_used: rank < given && passage.relevance >= bot.settings.min_relevance,
            passage,
        });
        Ok(passages.collect())
    }

    /// Searches the indexed documents of `bot` for a query in their languages. Also returns the vectors of the query, if
    /// it was searched by its meaning.
    async fn search_documents(
        &self,
        bot: &Chatbot,
        billing: &BillingContext,
        limit: usize,
        query: impl AsyncFnOnce(&[Language]) -> String,
    ) -> Result<(Grounding, Vec<QuestionVector>)> {
        self.reject_stale_epoch().await;
        let documents = self.documents_to_search(bot).await?;
        let unread = documents.iter().filter(|document| document.is_unread).count();
        let (ready, keys): (Vec<&DocumentHead>, Vec<String>) = documents
            .iter()
            .filter_map(|document| Some((document, document.segment.clone()?)))
            .unzip();
        let segments = self.segments_of(bot, keys).await?;
        let indexed: Vec<Indexed<'_>> = ready
            .iter()
            .zip(&segments)
            .filter_map(|(document, segment)| {
                let segment = segment.as_deref()?;
                Some(Indexed {
                    document_id: document.id.as_str(),
                    name: &document.name,
                    segment,
                })
            })
            .collect();
        let languages = retrieval::languages(&indexed);
        let query = query(&languages).await;
        // Boxed, as most searches need neither a provider's vector nor its order.
        let vectors = Box::pin(self.question_vectors(billing, &segments, &query)).await;
        let passages = match &bot.settings.rerank_model {
            None => retrieval::hybrid_search(&indexed, &query, &vectors, limit),
            Some(model) => {
                let found = retrieval::hybrid_search(&indexed, &query, &vectors, limit.max(RERANKED));
                let mut found = Box::pin(self.reranked(billing, model, &query, found)).await;
                found.truncate(limit);
                found
            }
        };
        let grounding = Grounding {
            passages: Some(passages),
            earlier: Vec::new(),
            unread,
            documents: documents.len(),
            prescribed: None,
        };
        Ok((grounding, vectors))
    }
}

impl App {
    /// Returns passages in the order of a reranking model, charged as `retrieval`. If it fails or takes too long, they stay
    /// in the order that they have.
    async fn reranked(
        &self,
        billing: &BillingContext,
        model: &str,
        query: &str,
        mut found: Vec<Passage>,
    ) -> Vec<Passage> {
        if found.len() < 2 {
            return found;
        }
        let rest = found.split_off(found.len().min(RERANKED));
        let text = |passage: &Passage| match passage.place.heading() {
            Some(heading) => format!("{heading}\n{}", passage.text),
            None => passage.text.clone(),
        };
        let texts: Vec<String> = found.iter().map(text).collect();
        let question = excerpt(query, MOST_OF_QUESTION).to_owned();
        let ordered = self.rerank(billing.clone().without_model(), model, question, texts);
        let ordered = match tokio::time::timeout(RERANK_LIMIT, ordered).await {
            Ok(Ok(order)) => {
                let mut passages: Vec<Option<Passage>> = found.into_iter().map(Some).collect();
                order
                    .into_iter()
                    .filter_map(|place| passages.get_mut(place).and_then(Option::take))
                    .collect()
            }
            Ok(Err(error)) => {
                tracing::warn!(model, %error, "search.not_reranked");
                found
            }
            Err(_) => {
                tracing::warn!(model, "search.not_reranked_in_time");
                found
            }
        };
        ordered.into_iter().chain(rest).collect()
    }

    /// Returns the vectors of a query by the embedders of the segments: the built-in model, and the organization's. To
    /// another one, which the organization had chosen earlier, the query is not sent. Without a vector, the search still
    /// finds words.
    async fn question_vectors(
        &self,
        billing: &BillingContext,
        segments: &[Option<Arc<Segment>>],
        query: &str,
    ) -> Vec<QuestionVector> {
        let embedders = segments.iter().flatten().filter_map(|segment| segment.vectors());
        let embedders: HashSet<&str> = embedders.map(|vectors| vectors.embedder().id.as_str()).collect();
        let built_in = self.config.embedding.name().filter(|name| embedders.contains(name));
        let is_of_provider = |id: &str| Some(id) != built_in && embedders.contains(id);
        let by_built_in = async {
            match built_in {
                Some(_) => self.built_in_vector(query).await,
                None => Ok(None),
            }
        };
        let by_provider = async {
            if embedders.len() == usize::from(built_in.is_some()) {
                return Ok(None);
            }
            let query = excerpt(query, MOST_OF_QUESTION);
            let vector = self.question_vector_of_provider(billing, is_of_provider, query);
            let vector = tokio::time::timeout(VECTOR_LIMIT, vector).await;
            let vector = vector.map_err(|_| Error::unavailable("the vector of a question was not made in time"))??;
            Ok::<_, Error>(vector.map(|(embedder, vector)| QuestionVector {
                embedder,
                vector,
                likeness: None,
            }))
        };
        let (by_built_in, by_provider) = tokio::join!(by_built_in, by_provider);
        let found = |vector: Result<Option<QuestionVector>>| {
            vector.unwrap_or_else(|error| {
                tracing::warn!(%error, "search.without_vector");
                None
            })
        };
        [by_built_in, by_provider].into_iter().filter_map(found).collect()
    }

    async fn built_in_vector(&self, query: &str) -> Result<Option<QuestionVector>> {
        let Some(model) = self.config.embedding.load(&self.objects).await? else {
            return Ok(None);
        };
        let vector = model.question(query.to_owned()).await?;
        Ok(vector.map(|vector| QuestionVector {
            embedder: model.embedder.clone(),
            vector,
            likeness: Some(CosineRange::MULTILINGUAL_E5_SMALL),
        }))
    }

    fn is_built_in(&self, vector: &QuestionVector) -> bool {
        self.config.embedding.name() == Some(vector.embedder.id.as_str())
    }
}

impl App {
    /// Compares the sentences of the best passages with a question by their meaning, for the built-in model, which quotes
    /// them. Without that it judges them by their words.
    async fn compare_sentences(&self, passages: &mut [Passage], question: &QuestionVector) {
        let mut sentences: Vec<Vec<String>> = passages.iter().take(MOST_COMPARED).map(passage_sentences).collect();
        let mut left = MOST_SENTENCES;
        for of_passage in &mut sentences {
            of_passage.truncate(left);
            left -= of_passage.len();
        }
        let compared = async {
            let model = self.config.embedding.load(&self.objects).await?;
            match model.filter(|model| model.embedder == question.embedder) {
                Some(model) => model.passages(sentences.concat()).await,
                None => Ok(Vec::new()),
            }
        };
        let vectors = match compared.await {
            Ok(vectors) => vectors,
            Err(error) => {
                tracing::warn!(%error, "search.sentences_not_compared");
                return;
            }
        };
        let cosine = |vector: Option<Vector>| vector.map_or(0.0, |vector| vector.cosine(&question.vector));
        let mut cosines = vectors.into_iter().map(cosine);
        for (passage, of_passage) in passages.iter_mut().zip(&sentences) {
            passage.sentence_cosines = cosines.by_ref().take(of_passage.len()).collect();
        }
    }
}

impl Grounding {
    /// Returns the same with the refusal as the answer if the chatbot only answers from passages and there is none.
    fn refused_without_passages(mut self, settings: &ChatbotSettings) -> Self {
        let has_passages = self.passages.as_ref().is_some_and(|found| !found.is_empty());
        if settings.mode == AnswerMode::Query && !has_passages {
            self.passages = None;
            self.prescribed = Some(settings.refusal_text.clone().unwrap_or_else(|| NO_PASSAGE.to_owned()));
        }
        self
    }

    /// Returns whether no model writes the answer.
    pub(crate) fn is_prescribed(&self) -> bool {
        self.prescribed.is_some()
    }

    /// Returns the generation of an answer, without a model if its text is prescribed.
    pub(crate) fn prescribed(&self, generation: Generation) -> Generation {
        match &self.prescribed {
            Some(text) => generation.prescribe(text.clone()),
            None => generation,
        }
    }

    /// Returns the same for a continued answer that already has these citations.
    pub(crate) fn behind(self, earlier: Vec<Citation>) -> Self {
        Self { earlier, ..self }
    }

    /// Returns the passages with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (u32, &Passage)> {
        let taken = self.earlier.iter().map(|citation| citation.number).max().unwrap_or(0);
        (taken + 1..).zip(self.passages.iter().flatten())
    }

    /// Returns the passages as given to the model, numbered from 1.
    pub(crate) fn sources(&self) -> Option<Vec<Source>> {
        let earlier = self.earlier.iter().map(|citation| Source {
            number: citation.number,
            name: citation.name.clone(),
            place: citation
                .page
                .map(|page| format!("page {page}"))
                .or_else(|| citation.heading.clone()),
            text: citation.excerpt.clone(),
            before: String::new(),
            after: String::new(),
            language: Language::Unknown,
            score: citation.score,
            relevance: 1.0,
            likeness: None,
            sentence_cosines: Vec::new(),
        });
        let found = self.numbered().map(|(number, passage)| Source::of(number, passage));
        let all = earlier.chain(found).collect();
        self.passages.as_ref().map(|_| all)
    }

    /// Returns the numbers that an answer may cite, or `None` if it is not grounded in documents.
    pub(crate) fn numbers(&self) -> Option<Vec<u32>> {
        if self.passages.is_none() && self.earlier.is_empty() {
            return None;
        }
        let earlier = self.earlier.iter().map(|citation| citation.number);
        Some(earlier.chain(self.numbered().map(|(number, _)| number)).collect())
    }

    /// Returns the citations at `marks`, in order of first use, after those that the answer already had.
    pub(crate) fn citations(&self, marks: &[Mark], question: &str, answer: &str) -> Vec<Citation> {
        let mut cited = HashSet::new();
        let first = marks.iter().filter(|mark| cited.insert(mark.number));
        let of_passages = first.filter_map(|mark| {
            let (_, passage) = self.numbered().find(|(given, _)| *given == mark.number)?;
            let statements = statements(answer, marks, mark.number);
            let found = retrieval::Citation::of(mark.number, passage, question, &statements);
            Some(Citation {
                number: mark.number,
                document_id: found.document_id,
                name: found.name,
                page: found.page,
                heading: found.heading,
                excerpt: found.excerpt,
                score: found.score,
            })
        });
        self.earlier.iter().cloned().chain(of_passages).collect()
    }

    /// Returns the notice for the user if documents are missing from the answer.
    pub(crate) fn notice(&self) -> Option<String> {
        let Self { unread, documents, .. } = self;
        (*unread > 0).then(|| {
            let verb = if *unread == 1 { "is" } else { "are" };
            format!(
                "Note: {unread} of {documents} documents {verb} still being indexed and are not part of this answer."
            )
        })
    }
}
