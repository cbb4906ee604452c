//! The instructions that are printed when the stack runs.

use std::path::Path;

use crate::cloud::Data;

/// The default port of the demo.
const USUAL_PORT: u16 = 8000;

/// Returns the instructions as lines of text.
pub(crate) fn guide(port: u16, stage: Option<&str>, data: &Data) -> String {
    let host = format!("http://localhost:{port}");
    let api = stage.map_or_else(|| host.clone(), |stage| format!("{host}/{stage}"));
    let demo = match (port, stage) {
        (USUAL_PORT, None) => "make demo".to_owned(),
        _ => format!("make demo ARGS=\"--url {api}\""),
    };
    let data = match data {
        Data::Ephemeral => "nothing is kept".to_owned(),
        Data::Folder(folder) => absolute(folder),
    };
    format!(
        "  operations  {api}/docs\n  demo        {demo}\n  mail        {host}/_local/outbox\n  data        {data}\n"
    )
}

fn absolute(folder: &Path) -> String {
    let path = std::path::absolute(folder);
    path.unwrap_or_else(|_| folder.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_names_the_port_that_was_taken_and_the_whole_path_of_the_data() {
        let usual = guide(8000, None, &Data::Ephemeral);
        assert!(usual.contains("http://localhost:8000/docs\n"), "{usual}");
        assert!(
            usual.contains("demo        make demo\n") && usual.contains("nothing is kept"),
            "{usual}"
        );
        let other = guide(9001, None, &Data::Folder("some/data".into()));
        assert!(
            other.contains("make demo ARGS=\"--url http://localhost:9001\"\n"),
            "{other}"
        );
        let staged = guide(8000, Some("live"), &Data::Ephemeral);
        assert!(staged.contains("--url http://localhost:8000/live\"\n"), "{staged}");
        let data = other
            .lines()
            .find_map(|line| line.trim().strip_prefix("data"))
            .map(str::trim);
        assert!(
            data.is_some_and(|data| data.starts_with('/') && data.ends_with("/some/data")),
            "{other}"
        );
    }
}
