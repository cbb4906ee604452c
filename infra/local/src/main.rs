//! `parlance`: the whole product on this machine.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use local::{Options, Stack, cloud::Data};

/// The whole product on this machine: the API on one port, embedded AWS services on another.
#[derive(Parser)]
#[command(name = "parlance", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Port of the API on 127.0.0.1
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Port of the embedded AWS services on 127.0.0.1
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Folder that keeps the data
    #[arg(long, default_value = ".parlance")]
    data_dir: PathBuf,
    /// Keep nothing
    #[arg(long)]
    ephemeral: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Upload sample documents to a running server and ask three questions
    Demo {
        /// The server
        #[arg(long, default_value = "http://localhost:8000")]
        url: String,
    },
    /// Look after the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Print the OpenAPI document of all functions
    Openapi,
    /// Measure the API of a stack in this process that keeps nothing
    Bench,
    /// Write the sample documents into a folder
    #[command(hide = true)]
    Samples {
        /// The folder
        folder: PathBuf,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Recompute every hash chain, and name the first broken link of each
    Verify {
        /// Table of the AWS account in the environment; without it a running local stack is asked
        #[arg(long)]
        table: Option<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        None => serve(arguments).await,
        Some(Command::Demo { url }) => local::demo::run(&url).await.map_err(|error| error.to_string()),
        Some(Command::Audit(Audit::Verify { table })) => verify(table, arguments.aws_port).await,
        Some(Command::Openapi) => print_openapi(),
        Some(Command::Bench) => local::bench::run().await.map_err(|error| error.to_string()),
        Some(Command::Samples { folder }) => local::sample_files::write(&folder).map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("parlance: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    runtime::log::init_text();
    let options = Options {
        port: arguments.port,
        aws_port: arguments.aws_port,
        data: if arguments.ephemeral {
            Data::Ephemeral
        } else {
            Data::Folder(arguments.data_dir)
        },
        timers: true,
        environment: std::env::vars().collect(),
    };
    let stack = Stack::start(options).await.map_err(|error| error.to_string())?;
    println!("listening on {}", stack.url());
    ended().await.map_err(|error| error.to_string())?;
    stack.stop().await;
    Ok(())
}

/// Waits for Ctrl-C or a polite kill.
async fn ended() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

async fn verify(table: Option<String>, aws_port: u16) -> Result<(), String> {
    let place = table.map_or(local::audit::Place::Local(aws_port), local::audit::Place::Aws);
    let verified = local::audit::verify(place).await;
    let verified = verified.map_err(|error| format!("the audit log cannot be read: {error}"))?;
    println!("{}", local::audit::report(&verified)?);
    Ok(())
}

fn print_openapi() -> Result<(), String> {
    let document = serde_json::to_string_pretty(&local::functions::openapi()).map_err(|error| error.to_string())?;
    println!("{document}");
    Ok(())
}
