//! The child process: reads one file and writes one result.

use std::{
    io::{self, Read as _, Write as _},
    ops::ControlFlow,
    process::ExitCode,
    time::Duration,
};

use retrieval::{ExtractError, IndexedFile, Kind, PageText};

use crate::{
    Failure, PageImage,
    answer::{Frame, parse_pages},
    limits,
};

/// The first argument of a child. Hidden, because users have no use for it.
pub const SUBCOMMAND: &str = "read-document";

/// Reads a document if this process was started for that, and returns its exit code. Call it before anything else in
/// `main`: what was allocated or opened before escapes the limits.
pub fn run_if_child() -> Option<ExitCode> {
    sandbox::run_if_child(SUBCOMMAND, run)
}

/// The parent's request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) kind: Kind,
    /// Size of the pages of earlier runs, which precede the file, in bytes.
    pub(crate) pages_size: u64,
    /// Size of the file in bytes.
    pub(crate) size: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_seconds: u64,
    pub(crate) run_ms: u64,
    /// Pages of which the images are requested, in place of the text of all.
    pub(crate) images: Vec<u32>,
}

impl Job {
    pub(crate) fn arguments(&self) -> [String; 8] {
        [
            SUBCOMMAND.to_owned(),
            self.kind.to_string(),
            self.pages_size.to_string(),
            self.size.to_string(),
            self.memory_bytes.to_string(),
            self.cpu_seconds.to_string(),
            self.run_ms.to_string(),
            self.images.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
        ]
    }

    fn parse(arguments: &[String]) -> Option<Self> {
        let [kind, pages_size, size, memory_bytes, cpu_seconds, run_ms, images] = arguments else {
            return None;
        };
        Some(Self {
            kind: Kind::from_name(kind)?,
            pages_size: pages_size.parse().ok()?,
            size: size.parse().ok()?,
            memory_bytes: memory_bytes.parse().ok()?,
            cpu_seconds: cpu_seconds.parse().ok()?,
            run_ms: run_ms.parse().ok()?,
            images: (images.split(',').filter(|number| !number.is_empty()))
                .map(|number| number.parse().ok())
                .collect::<Option<_>>()?,
        })
    }
}

fn run(arguments: &[String]) -> io::Result<()> {
    let job = Job::parse(arguments)
        .ok_or_else(|| io::Error::other("KIND PAGES_SIZE SIZE MEMORY_BYTES CPU_SECONDS RUN_MS IMAGES are missing"))?;
    limits::apply(job.memory_bytes, job.cpu_seconds)?;
    let pages = read_input(job.pages_size)?;
    let pages = parse_pages(&pages).ok_or_else(|| io::Error::other("the pages of earlier runs are no such lines"))?;
    let file = read_input(job.size)?;
    sandbox::exit_with_parent()?;
    if !job.images.is_empty() {
        return say(&read_images(&job, &file)?.line()?);
    }
    let (frame, segment) = match read_file(&job, &file, pages)? {
        Some(Ok(IndexedFile { segment, pages, chunks })) => (Frame::Indexed { pages, chunks }, segment),
        Some(Err(error)) => (Frame::Refused(Failure::from(&error)), Vec::new()),
        None => (Frame::Unfinished, Vec::new()),
    };
    say(&frame.line()?)?;
    say(&segment)
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn read_input(size: u64) -> io::Result<Vec<u8>> {
    let mut input = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    io::stdin().lock().read_exact(&mut input)?;
    Ok(input)
}

/// Reads and indexes the file; returns `None` if its pages take more CPU time than one run has. Each page that is read is
/// reported at once, so that it is not lost if a later one ends this process.
fn read_file(
    job: &Job,
    file: &[u8],
    mut pages: Vec<PageText>,
) -> io::Result<Option<Result<IndexedFile, ExtractError>>> {
    let last = pages.last().map(|page| (page.number, page.of));
    let budget = Duration::from_millis(job.run_ms);
    let (mut fault, mut is_unfinished) = (None, false);
    let mut sink = |page: PageText| {
        let is_last = page.number >= page.of;
        let reported = Frame::Page(page.clone()).line().map_err(io::Error::other);
        let reported = reported
            .and_then(|line| say(&line))
            .and_then(|()| limits::allow(job.cpu_seconds));
        pages.push(page);
        is_unfinished = !is_last && sandbox::cpu_used() >= budget;
        fault = reported.err();
        if is_unfinished || fault.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let has_pages = match last {
        Some((number, of)) if number >= of => Ok(true),
        Some((number, _)) => retrieval::extract_pages(file, job.kind, number + 1, &mut sink),
        None => retrieval::extract_pages(file, job.kind, 1, &mut sink),
    };
    if let Some(fault) = fault {
        return Err(fault);
    }
    Ok(match has_pages {
        Err(error) => Some(Err(error)),
        Ok(_) if is_unfinished => None,
        Ok(true) => {
            limits::allow(job.cpu_seconds)?;
            Some(retrieval::assemble_pages(pages).and_then(retrieval::index_extracted))
        }
        Ok(false) => Some(retrieval::index_file(file, job.kind)),
    })
}

/// Reports the image of each requested page at once, so that it is not lost if a later one ends this process.
fn read_images(job: &Job, file: &[u8]) -> io::Result<Frame> {
    let mut fault = None;
    let read = retrieval::page_images(file, &job.images, &mut |page, jpeg| {
        let reported = Frame::Image(PageImage { page, jpeg })
            .line()
            .map_err(io::Error::other)
            .and_then(|line| say(&line))
            .and_then(|()| limits::allow(job.cpu_seconds));
        fault = reported.err();
        if fault.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    match (fault, read) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Ok(Frame::Refused(Failure::from(&error))),
        (None, Ok(())) => Ok(Frame::Unfinished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_what_its_arguments_say() {
        let job = Job {
            kind: Kind::Docx,
            pages_size: 3,
            size: 17,
            memory_bytes: 1_000_000,
            cpu_seconds: 60,
            run_ms: 45_000,
            images: vec![2, 17],
        };
        let [command, arguments @ ..] = job.arguments();
        assert_eq!(command, SUBCOMMAND);
        assert_eq!(Job::parse(&arguments), Some(job));
        assert_eq!(Job::parse(&arguments[1..]), None);
    }
}
