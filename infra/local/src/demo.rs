//! `make demo`: from files to a streamed, cited answer, through the public API of a running server.

use std::{
    error::Error,
    io::{Write as _, stdout},
    time::Duration,
};

use futures::StreamExt as _;
use reqwest::{Client, RequestBuilder, multipart};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How often the progress is polled.
const LOOK: Duration = Duration::from_millis(100);
/// Number of polls after which indexing is considered stuck: two minutes.
const LOOKS: usize = 1200;

/// Number of polls after which a document without vectors is taken for one that gets none.
const LOOKS_WITHOUT_MODEL: usize = 20;
/// A question about the English documents.
const IN_GERMAN: &str = "Wie viele Wochen kann ich mein Abonnement pausieren?";

/// Questions about the sample store that need no model.
const ABOUT_DATA: [&str; 5] = [
    "How many orders are there per channel?",
    "What is the total amount per segment in 2025?",
    "How many completed orders per month in 2025?",
    "What is the average salary per department?",
    "Top 5 products by unit price",
];

/// Signs up, and asks questions about the sample store.
///
/// # Errors
/// The first failure, as a sentence.
pub async fn run_sql(url: &str) -> Result<()> {
    let mut demo = Demo::new(url)?;
    demo.sign_up().await?;
    for question in ABOUT_DATA {
        let asked = demo.post("/api/v1/query").json(&json!({"question": question}));
        let answer = checked(asked.send().await?).await?;
        println!("\n> {question}\n{}", text(&answer, "explanation"));
        println!("  {}", text(&answer, "sql"));
        println!("{}", text(&answer, "answer"));
        for row in answer["rows"].as_array().into_iter().flatten().take(5) {
            println!("  {row}");
        }
        match answer["chart"]["mark"].as_str() {
            Some(mark) => println!("  with a {mark} chart (Vega-Lite)"),
            None => println!("  without a chart"),
        }
    }
    Ok(())
}

/// Signs up, uploads three documents, waits for their indexing, creates a chatbot over them, and asks questions.
///
/// # Errors
/// The first failure, as a sentence.
pub async fn run(url: &str) -> Result<()> {
    let mut demo = Demo::new(url)?;
    demo.sign_up().await?;
    let files = [
        (samples::HANDBOOK, "application/pdf", samples::handbook_pdf()),
        (
            samples::PRODUCT,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            samples::product_docx(),
        ),
        (samples::FAQ, "text/plain", samples::faq_txt()),
    ];
    let mut documents = Vec::new();
    for (name, kind, bytes) in files {
        documents.push(demo.upload(name, kind, bytes).await?);
    }
    for document in &documents {
        demo.watch(document).await?;
    }
    let chatbot = demo.create_chatbot(&documents).await?;
    let session = demo.open_session(&chatbot).await?;
    for question in samples::questions() {
        demo.ask(&session, question.text).await?;
    }
    if demo.have_vectors(&documents).await? {
        let session = demo.open_session(&chatbot).await?;
        demo.ask(&session, IN_GERMAN).await?;
    } else {
        println!(
            "\nWith an embedding model (`make model`, then start the server again) it also answers questions in German."
        );
    }
    Ok(())
}

struct Demo {
    http: Client,
    url: String,
    token: String,
}

impl Demo {
    fn new(url: &str) -> Result<Self> {
        Ok(Self {
            http: Client::builder().connect_timeout(Duration::from_secs(2)).build()?,
            url: url.trim_end_matches('/').to_owned(),
            token: String::new(),
        })
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn sign_up(&mut self) -> Result<()> {
        let email = format!("demo-{}@example.com", hex::encode(domain::id::random_bytes::<4>()?));
        let account = json!({"email": email, "password": "correct horse battery", "name": "Demo"});
        let registered = self.post("/api/v1/auth/register").json(&account).send().await;
        let registered =
            registered.map_err(|_| format!("no server answers at {}; start one with `make dev`", self.url))?;
        let registered = checked(registered).await?;
        self.token = text(&registered, "access_token");
        println!("registered {email}");
        Ok(())
    }

    async fn upload(&self, name: &str, kind: &str, bytes: Vec<u8>) -> Result<String> {
        let size = bytes.len();
        let file = multipart::Part::bytes(bytes)
            .file_name(name.to_owned())
            .mime_str(kind)?;
        let form = multipart::Form::new().part("file", file).text("name", name.to_owned());
        let uploaded = checked(self.post("/api/v1/documents/upload").multipart(form).send().await?).await?;
        println!("uploaded   {name} ({size} bytes): {}", text(&uploaded, "status"));
        Ok(text(&uploaded, "id"))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a person watches; this is a client, not a function"
    )]
    async fn watch(&self, document: &str) -> Result<()> {
        let mut seen = String::new();
        for _ in 0..LOOKS {
            let path = format!("{}/api/v1/documents/{document}", self.url);
            let state = checked(self.http.get(path).bearer_auth(&self.token).send().await?).await?;
            let (status, name) = (text(&state, "status"), text(&state, "name"));
            let now = format!("{status} {}%", state["progress"]);
            if now != seen {
                println!(
                    "indexing   {name}: {now}{}",
                    match &state["chunks"] {
                        Value::Null => String::new(),
                        chunks => format!(", {chunks} passages"),
                    }
                );
                seen = now;
            }
            match status.as_str() {
                "ready" => return Ok(()),
                "failed" => return Err(format!("{name} could not be indexed: {}", text(&state, "error")).into()),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
        Err("indexing takes longer than two minutes".into())
    }

    /// Waits until passages can be found by their meaning; returns `false` if there is no embedding model.
    #[expect(
        clippy::disallowed_methods,
        reason = "a person watches; this is a client, not a function"
    )]
    async fn have_vectors(&self, documents: &[String]) -> Result<bool> {
        for document in documents {
            let path = format!("{}/api/v1/documents/{document}", self.url);
            for look in 0..LOOKS {
                let state = checked(self.http.get(&path).bearer_auth(&self.token).send().await?).await?;
                let vectors = &state["vectors"];
                if vectors.is_null() && look >= LOOKS_WITHOUT_MODEL {
                    return Ok(false);
                }
                if !vectors.is_null() && vectors["done"] == vectors["total"] {
                    println!("embedded   {}: {} passages", text(&state, "name"), vectors["total"]);
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(true)
    }

    async fn create_chatbot(&self, documents: &[String]) -> Result<String> {
        let bot = json!({"name": "Meridian assistant", "documents": documents});
        let bot = checked(self.post("/api/v1/chatbots").json(&bot).send().await?).await?;
        println!(
            "created    chatbot {} over {} documents",
            text(&bot, "name"),
            documents.len()
        );
        Ok(text(&bot, "id"))
    }

    async fn open_session(&self, chatbot: &str) -> Result<String> {
        let session = json!({"chatbotId": chatbot});
        let session = checked(self.post("/api/chat/sessions").json(&session).send().await?).await?;
        Ok(text(&session, "id"))
    }

    async fn ask(&self, session: &str, question: &str) -> Result<()> {
        println!("\n> {question}\n");
        let message = json!({"content": question, "stream": true});
        let answer = self
            .post(&format!("/api/chat/sessions/{session}/messages"))
            .json(&message)
            .send()
            .await?;
        if !answer.status().is_success() {
            checked(answer).await?;
            return Ok(());
        }
        let mut stream = answer.bytes_stream();
        let mut pending = Vec::new();
        while let Some(bytes) = stream.next().await {
            pending.extend_from_slice(&bytes?);
            while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = pending.drain(..end + 2).collect();
                show(&String::from_utf8_lossy(&frame))?;
            }
        }
        Ok(())
    }
}

/// Prints one event: text as it arrives, and the citations at the end.
fn show(frame: &str) -> Result<()> {
    let failed = frame.lines().any(|line| line == "event: error");
    let Some(data) = frame
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
    else {
        return Ok(());
    };
    let event: Value = serde_json::from_str(data)?;
    if failed {
        return Err(text(&event, "detail").into());
    }
    print!("{}", text(&event, "content"));
    stdout().flush()?;
    let Some(sources) = event["sources"].as_array() else {
        return Ok(());
    };
    println!("\n");
    for source in sources {
        let place = match (&source["page"], &source["heading"]) {
            (Value::Number(page), _) => format!(", page {page}"),
            (_, Value::String(heading)) => format!(", {heading}"),
            _ => String::new(),
        };
        println!(
            "  [{}] {}{place}: \"{}\"",
            source["number"],
            text(source, "name"),
            text(source, "excerpt")
        );
    }
    Ok(())
}

async fn checked(response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let body: Value = response.json().await?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{status}: {}", text(&body, "detail")).into())
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
