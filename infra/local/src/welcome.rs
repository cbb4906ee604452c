//! What a developer is told when everything runs.

use std::path::Path;

use crate::cloud::Data;

/// The port that the demo takes when it is told none.
const USUAL_PORT: u16 = 8000;

/// Where to go from here, in lines.
pub fn guide(port: u16, data: &Data) -> String {
    let url = format!("http://localhost:{port}");
    let demo = match port {
        USUAL_PORT => "make demo".to_owned(),
        _ => format!("make demo ARGS=\"--url {url}\""),
    };
    let data = match data {
        Data::Ephemeral => "nothing is kept".to_owned(),
        Data::Folder(folder) => absolute(folder),
    };
    format!("  operations  {url}/docs\n  demo        {demo}\n  mail        {url}/_local/outbox\n  data        {data}\n")
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
        let usual = guide(8000, &Data::Ephemeral);
        assert!(usual.contains("http://localhost:8000/docs\n"), "{usual}");
        assert!(
            usual.contains("demo        make demo\n") && usual.contains("nothing is kept"),
            "{usual}"
        );
        let other = guide(9001, &Data::Folder("some/data".into()));
        assert!(
            other.contains("make demo ARGS=\"--url http://localhost:9001\"\n"),
            "{other}"
        );
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
