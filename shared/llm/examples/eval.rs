//! Measures search and the built-in model on question sets in the format of `SQuAD`: `make eval ARGS="FILE..."`.
//!
//! ```text
//! eval FILE... [--half tune|report] [--sample N] [--unanswerable FILE] [--documents FILE] [--show refused|wrong|answered]
//!      [--model FILE] [--ask FILE]
//! ```
//! Every second paragraph belongs to the half `tune`, on which constants may be fitted, and the others to `report`.
//! `--documents` asks the questions of FILE about the texts of another file with the same paragraphs, which may be in
//! another language. `--model` adds the vectors of an embedding model (`make model`). `--ask` prints the answers to a JSON
//! list of questions, or of conversations. `--unanswerable` names a JSON list of questions that the texts do not answer.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]
#![expect(clippy::expect_used, reason = "a file that cannot be read ends the measurement")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use llm::{Message, statements};
use retrieval::{
    Chunk, Citation, Exchange, Indexed, Kind, Language, Passage, QuestionVector, Segment, SourceLocation,
    hybrid_search, index_file, languages, standalone,
};
use serde::Deserialize;
use support::{Meaning, answer};

#[derive(Deserialize)]
struct File {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    title: String,
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    answer_start: usize,
}

#[derive(Default)]
struct Options {
    files: Vec<String>,
    half: Option<usize>,
    sample: Option<usize>,
    unanswerable: Option<String>,
    documents: Option<String>,
    show: Option<String>,
    model: Option<String>,
    ask: Option<String>,
}

fn options() -> Options {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value behind the option");
        match argument.as_str() {
            "--half" => options.half = Some(usize::from(value() == "report")),
            "--sample" => options.sample = Some(value().parse().expect("a number")),
            "--unanswerable" => options.unanswerable = Some(value()),
            "--documents" => options.documents = Some(value()),
            "--show" => options.show = Some(value()),
            "--model" => options.model = Some(value()),
            "--ask" => options.ask = Some(value()),
            _ => options.files.push(argument),
        }
    }
    options
}

fn read(path: &str) -> File {
    let bytes = std::fs::read(path).expect("a readable file");
    serde_json::from_slice(&bytes).expect("a file in the format of SQuAD")
}

fn main() {
    let options = options();
    let meaning = Meaning::read(options.model.as_deref());
    for path in &options.files {
        let questions = read(path);
        let texts = read(options.documents.as_deref().unwrap_or(path));
        println!("{path}");
        let paragraphs = paragraphs(&texts, &meaning);
        let articles = Articles::index(&texts, &meaning);
        let mut report = Report::default();
        let all: Vec<(usize, &Paragraph)> = questions
            .data
            .iter()
            .flat_map(|article| &article.paragraphs)
            .enumerate()
            .collect();
        let originals: Vec<&Paragraph> = texts.data.iter().flat_map(|article| &article.paragraphs).collect();
        let asked: Vec<(usize, &Question, &Question)> = all
            .iter()
            .filter(|(at, _)| options.half.is_none_or(|half| at % 2 == half))
            .flat_map(|(at, paragraph)| {
                paragraph
                    .qas
                    .iter()
                    .zip(&originals[*at].qas)
                    .map(|(q, text)| (*at, q, text))
            })
            .collect();
        let step = options
            .sample
            .map_or(1, |sample| asked.len().div_ceil(sample.max(1)).max(1));
        for (at, question, original) in asked.into_iter().step_by(step) {
            report.questions += 1;
            let vector = meaning.of(&question.question);
            report.rank_paragraph(&paragraphs, &question.question, vector.as_slice(), at);
            let gold = Gold::of(&originals[at].context, original);
            let (mut passages, took) = articles.search(&question.question, vector.as_slice(), 10);
            meaning.compare_sentences(&mut passages, vector.as_ref());
            report.searching += took;
            let rank = passages.iter().position(|passage| gold.is_in(&passage.text));
            report.passage_gain += rank.map_or(0.0, gain);
            let top = &passages[..passages.len().min(8)];
            let is_hit = rank.is_some_and(|rank| rank < 8);
            let answer = ask(&question.question, top);
            if is_hit {
                report.hits += 1;
                report.judge(&answer, &gold, &options, question);
            }
            // The same question, when the documents do not answer it.
            let mut without: Vec<Passage> = passages
                .iter()
                .filter(|passage| !gold.is_in(&passage.text))
                .take(8)
                .cloned()
                .collect();
            meaning.compare_sentences(&mut without, vector.as_ref());
            if !ask(&question.question, &without).citations.is_empty() {
                report.answered_without += 1;
            }
        }
        report.print(&articles);
        if let Some(path) = &options.unanswerable {
            let bytes = std::fs::read(path).expect("a readable file");
            let asked: Vec<String> = serde_json::from_slice(&bytes).expect("a list of questions");
            let mut answered = 0;
            for question in &asked {
                let vector = meaning.of(question);
                let mut passages = articles.search(question, vector.as_slice(), 8).0;
                meaning.compare_sentences(&mut passages, vector.as_ref());
                let answer = ask(question, &passages);
                if !answer.citations.is_empty() {
                    answered += 1;
                    println!("  answered: {question}\n    {}", answer.text);
                }
            }
            println!("  unanswerable questions answered: {answered} of {}", asked.len());
        }
        if let Some(path) = &options.ask {
            converse(path, &articles, &meaning);
        }
    }
}

/// Prints the answers to a list of questions, or of conversations.
fn converse(path: &str, articles: &Articles, meaning: &Meaning) {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Asked {
        One(String),
        Chain(Vec<String>),
    }
    let bytes = std::fs::read(path).expect("a readable file");
    let asked: Vec<Asked> = serde_json::from_slice(&bytes).expect("a list of questions");
    for chain in asked {
        let chain = match chain {
            Asked::One(question) => vec![question],
            Asked::Chain(questions) => questions,
        };
        let mut messages: Vec<Message> = Vec::new();
        let mut said: Vec<(String, String)> = Vec::new();
        for question in chain {
            let before: Vec<Exchange<'_>> = said
                .iter()
                .rev()
                .map(|(question, answer)| Exchange { question, answer })
                .collect();
            let known = languages(&indexed(&articles.segments));
            let query = standalone(&question, &before, &known);
            let vector = meaning.of(&query);
            messages.push(Message::user(&question));
            let mut passages = articles.search(&query, vector.as_slice(), 8).0;
            meaning.compare_sentences(&mut passages, vector.as_ref());
            let reply = reply(messages.clone(), &question, &passages);
            println!("  {question}\n    {}", reply.text);
            messages.push(Message::assistant(&reply.text));
            said.push((question, reply.text));
        }
    }
}

/// Returns every paragraph as a document of its own.
fn paragraphs(file: &File, meaning: &Meaning) -> Vec<(String, Segment)> {
    let paragraphs = file.data.iter().flat_map(|article| &article.paragraphs);
    paragraphs
        .enumerate()
        .map(|(at, paragraph)| {
            let whole = index_file(paragraph.context.replace('\n', " ").as_bytes(), Kind::Text).expect("a text");
            let segment = Segment::from_bytes(&whole.segment).expect("a segment");
            let language = segment
                .chunks()
                .next()
                .map_or(Language::Unknown, |chunk| chunk.language);
            let chunk = Chunk {
                place: SourceLocation::Whole,
                text: paragraph.context.clone(),
                overlap: 0,
                language,
            };
            (format!("{at:04}"), meaning.add(Segment::build(&[chunk])))
        })
        .collect()
}

/// The articles as text files.
struct Articles {
    segments: Vec<(String, Segment)>,
    bytes: usize,
    indexing: Duration,
}

impl Articles {
    fn index(file: &File, meaning: &Meaning) -> Self {
        let mut bytes = 0;
        let begun = Instant::now();
        let segments = file
            .data
            .iter()
            .map(|article| {
                let lines: Vec<String> = article
                    .paragraphs
                    .iter()
                    .map(|p| p.context.replace('\n', " "))
                    .collect();
                let text = lines.join("\n\n");
                bytes += text.len();
                let indexed = index_file(text.as_bytes(), Kind::Text).expect("a text");
                let segment = Segment::from_bytes(&indexed.segment).expect("a segment");
                (article.title.clone(), segment)
            })
            .collect::<Vec<_>>();
        let indexing = begun.elapsed();
        Self {
            segments: segments
                .into_iter()
                .map(|(title, segment)| (title, meaning.add(segment)))
                .collect(),
            bytes,
            indexing,
        }
    }

    fn search(&self, question: &str, vectors: &[QuestionVector], limit: usize) -> (Vec<Passage>, Duration) {
        let indexed: Vec<Indexed<'_>> = indexed(&self.segments);
        let begun = Instant::now();
        let found = hybrid_search(&indexed, question, vectors, limit);
        (found, begun.elapsed())
    }
}

fn indexed(segments: &[(String, Segment)]) -> Vec<Indexed<'_>> {
    let indexed = |(id, segment)| Indexed {
        document_id: id,
        name: id,
        segment,
    };
    segments
        .iter()
        .map(|(id, segment)| indexed((id.as_str(), segment)))
        .collect()
}

/// Returns the gain of the only relevant result at a rank counted from 0.
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn gain(rank: usize) -> f64 {
    if rank < 10 {
        1.0 / (rank as f64 + 2.0).log2()
    } else {
        0.0
    }
}

/// Returns a text for comparison: lower case, without white space.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// What answers a question.
struct Gold {
    answers: Vec<String>,
    /// The answers with some text around them, which occurs in one place only.
    windows: Vec<String>,
}

impl Gold {
    fn of(context: &str, question: &Question) -> Self {
        let context: Vec<char> = context.chars().collect();
        let window = |answer: &Answer| {
            let end = answer.answer_start + answer.text.chars().count();
            let ends = |c: &char| matches!(c, '.' | '!' | '?' | '。' | '！' | '？' | '।' | '؟');
            let start = answer.answer_start.saturating_sub(15);
            let before = &context[start..answer.answer_start];
            let start = start + before.iter().rposition(ends).map_or(0, |at| at + 1);
            let after = &context[end..(end + 15).min(context.len())];
            let end = end + after.iter().position(ends).unwrap_or(after.len());
            plain(&context[start..end].iter().collect::<String>())
        };
        Self {
            answers: question.answers.iter().map(|answer| plain(&answer.text)).collect(),
            windows: question.answers.iter().map(window).collect(),
        }
    }

    fn is_in(&self, passage: &str) -> bool {
        let passage = plain(passage);
        self.windows.iter().any(|window| passage.contains(window))
    }

    fn is_said(&self, answer: &str) -> bool {
        let answer = plain(answer);
        self.answers.iter().any(|gold| answer.contains(gold))
    }
}

struct Reply {
    text: String,
    citations: Vec<Citation>,
}

fn ask(question: &str, passages: &[Passage]) -> Reply {
    reply(vec![Message::user(question)], question, passages)
}

fn reply(messages: Vec<Message>, question: &str, passages: &[Passage]) -> Reply {
    let (text, filter) = answer(messages, passages);
    let cited: HashSet<u32> = filter.cited().into_iter().collect();
    let citations = (1..)
        .zip(passages)
        .filter(|(number, _)| cited.contains(number))
        .map(|(number, passage)| {
            let statements = statements(&text, filter.marks(), number);
            Citation::of(number, passage, question, &statements)
        });
    let citations = citations.collect();
    Reply { text, citations }
}

#[derive(Default)]
struct Report {
    questions: usize,
    paragraph_gain: f64,
    passage_gain: f64,
    /// Questions whose passage is among the first eight.
    hits: usize,
    refused: usize,
    right: usize,
    excerpt_holds: usize,
    characters: usize,
    sentences: usize,
    answered_without: usize,
    searching: Duration,
}

impl Report {
    fn rank_paragraph(
        &mut self,
        paragraphs: &[(String, Segment)],
        question: &str,
        vectors: &[QuestionVector],
        at: usize,
    ) {
        let wanted = format!("{at:04}");
        let found = hybrid_search(&indexed(paragraphs), question, vectors, 10);
        let rank = found.iter().position(|passage| passage.document_id == wanted);
        self.paragraph_gain += rank.map_or(0.0, gain);
    }

    fn judge(&mut self, answer: &Reply, gold: &Gold, options: &Options, question: &Question) {
        let is_right = gold.is_said(&answer.text);
        let is_refused = answer.citations.is_empty();
        let kind = match (is_refused, is_right) {
            (true, _) => "refused",
            (false, true) => "right",
            (false, false) => "wrong",
        };
        if options.show.as_deref() == Some(kind) {
            println!(
                "  {}\n    gold: {}\n    {}",
                question.question, question.answers[0].text, answer.text
            );
        }
        if is_refused {
            self.refused += 1;
            return;
        }
        self.characters += answer.text.chars().count();
        self.sentences += answer.text.matches('[').count();
        if is_right {
            self.right += 1;
            let holds = answer.citations.iter().any(|citation| gold.is_in(&citation.excerpt));
            self.excerpt_holds += usize::from(holds);
            if !holds && options.show.as_deref() == Some("excerpt") {
                println!("  {}\n    {}", question.question, answer.text);
                answer
                    .citations
                    .iter()
                    .for_each(|citation| println!("    > {}", citation.excerpt));
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of questions are small")]
    fn print(&self, articles: &Articles) {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let count = self.questions as f64;
        let answered = self.hits - self.refused;
        println!(
            "  {} questions: nDCG@10 {:.3} paragraphs, {:.3} passages; in the first 8: {:.3}",
            self.questions,
            self.paragraph_gain / count,
            self.passage_gain / count,
            share(self.hits, self.questions),
        );
        println!(
            "  passage found: refused {:.3}, answer has the fact {:.3}, right when answered {:.3}, excerpt holds it {:.3}",
            share(self.refused, self.hits),
            share(self.right, self.hits),
            share(self.right, answered),
            share(self.excerpt_holds, self.right),
        );
        println!(
            "  answers: {:.2} sentences, {:.0} characters; without the passage {:.3} are answered",
            share(self.sentences, answered),
            share(self.characters, answered),
            share(self.answered_without, self.questions),
        );
        let chunks: usize = articles.segments.iter().map(|(_, segment)| segment.len()).sum();
        println!(
            "  {chunks} passages; search {:.3} ms, indexing {:.2} MB/s",
            self.searching.as_secs_f64() * 1e3 / count,
            articles.bytes as f64 / 1e6 / articles.indexing.as_secs_f64(),
        );
    }
}
