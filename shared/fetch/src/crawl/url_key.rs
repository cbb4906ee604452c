//! Which addresses are the same page.

use reqwest::Url;

/// Query parameters that say where a reader came from, and change nothing in the page.
const TRACKING: [&str; 11] = [
    "fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "yclid", "_ga", "_gl", "ref_src",
];

/// Returns a key that is equal for addresses of the same page: without scheme, fragment, tracking parameters, session
/// ids in the path, and the slash at the end of the path.
pub fn url_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().split(";jsessionid=").next().unwrap_or_default();
    let path = path.strip_suffix("/index.html").unwrap_or(path).trim_end_matches('/');
    let query = url.query().unwrap_or_default();
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !name.starts_with("utm_") && !TRACKING.contains(&name)
    };
    let query: Vec<&str> = query.split('&').filter(is_kept).collect();
    if query.is_empty() {
        format!("{host}{port}{path}")
    } else {
        format!("{host}{port}{path}?{}", query.join("&"))
    }
}
