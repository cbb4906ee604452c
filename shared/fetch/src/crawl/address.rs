//! What an address tells before it is fetched.

use reqwest::Url;

/// Ends of paths that are no pages. Documents, such as PDF, are.
const NO_PAGES: [&str; 36] = [
    "7z", "apk", "avi", "avif", "bmp", "bz2", "css", "dmg", "eot", "exe", "gif", "gz", "ico", "iso", "jpeg", "jpg",
    "js", "json", "m4a", "mov", "mp3", "mp4", "ogg", "otf", "png", "rar", "svg", "tar", "tif", "tiff", "ttf", "wav",
    "webm", "webp", "woff", "zip",
];

/// Returns host and port of a page, whatever its scheme; `None` if it is not on the web.
pub(super) fn host_of(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

/// Returns the address of the rules for a page.
pub(super) fn robots_of(url: &Url) -> Url {
    let mut robots = url.clone();
    robots.set_path("/robots.txt");
    robots.set_query(None);
    robots
}

/// Returns whether an address looks like that of a sitemap.
pub(super) fn is_sitemap(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [".xml", ".xml.gz", "sitemap.txt"].iter().any(|end| path.ends_with(end))
}

pub(super) fn is_page(url: &Url) -> bool {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.')
        .is_none_or(|(_, extension)| !NO_PAGES.contains(&extension.to_ascii_lowercase().as_str()))
}
