//! What a page says about itself, and where it leads.

use super::dom::{Attribute, Dom, NodeId};
use super::tag::Tag;
use crate::extract::{ExtractError, clean};

/// More links of a page are not returned.
const MAX_LINKS: usize = 5_000;
/// Longer titles are cut, in characters.
const MAX_TITLE: usize = 300;

/// What a web page says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HtmlPage {
    /// Its title: that of the window, else its first heading.
    pub title: Option<String>,
    /// A summary of it.
    pub description: Option<String>,
    /// Its canonical address, as written: it may be relative to `base`.
    pub canonical: Option<String>,
    /// Its language, as a BCP 47 tag: `de-AT`.
    pub language: Option<String>,
    /// What its addresses are relative to, if not its own one; may itself be relative to that.
    pub base: Option<String>,
    /// Its links, as written, without those that it asks not to follow.
    pub links: Vec<String>,
    /// It asks not to be indexed.
    pub is_noindex: bool,
    /// It asks not to follow its links.
    pub is_nofollow: bool,
}

impl HtmlPage {
    /// Reads a page.
    ///
    /// # Errors
    /// Returns [`ExtractError::TooLarge`] for a page of too many elements.
    pub fn parse(bytes: &[u8]) -> Result<Self, ExtractError> {
        let dom = Dom::parse(&super::decode(bytes)?)?;
        let mut page = Self {
            language: dom.attribute(Dom::ROOT, Attribute::Lang).map(str::to_owned),
            ..Self::default()
        };
        let mut opengraph_title = None;
        let mut opengraph_url = None;
        for node in dom.elements(Tag::Meta) {
            let Some(content) = dom.attribute(node, Attribute::Content) else {
                continue;
            };
            let name = [Attribute::Name, Attribute::Property, Attribute::HttpEquiv]
                .into_iter()
                .find_map(|attribute| dom.attribute(node, attribute));
            match name.unwrap_or_default().to_ascii_lowercase().as_str() {
                "description" | "og:description" => fill(&mut page.description, content),
                "og:title" => fill(&mut opengraph_title, content),
                "og:url" => fill(&mut opengraph_url, content),
                "content-language" => fill(&mut page.language, content),
                "robots" | "parlancebot" => page.robots(content),
                _ => {}
            }
        }
        for node in dom.elements(Tag::Link) {
            let rel = dom.attribute(node, Attribute::Rel).unwrap_or_default();
            if rel
                .split_ascii_whitespace()
                .any(|rel| rel.eq_ignore_ascii_case("canonical"))
                && let Some(href) = dom.attribute(node, Attribute::Href)
            {
                fill(&mut page.canonical, href);
            }
        }
        page.canonical = page.canonical.or(opengraph_url);
        let first_text = |tag| {
            dom.elements(tag)
                .map(|node| text_of(&dom, node))
                .find(|text| !text.is_empty())
        };
        // A title within a drawing is that of the drawing.
        let in_svg = |node: NodeId| {
            std::iter::successors(dom.parent(node), |at| dom.parent(*at)).any(|at| dom.tag(at) == Some(Tag::Svg))
        };
        let title = dom
            .elements(Tag::Title)
            .filter(|node| !in_svg(*node))
            .map(|node| text_of(&dom, node));
        page.title = title
            .into_iter()
            .find(|text| !text.is_empty())
            .or(opengraph_title)
            .or_else(|| first_text(Tag::H1));
        page.base = dom
            .elements(Tag::Base)
            .find_map(|node| dom.attribute(node, Attribute::Href))
            .map(str::to_owned);
        page.language = page
            .language
            .map(|language| language.trim().to_owned())
            .filter(|language| is_language(language));
        page.links = links(&dom);
        Ok(page)
    }

    fn robots(&mut self, content: &str) {
        for word in content.split(',') {
            match word.trim().to_ascii_lowercase().as_str() {
                "noindex" => self.is_noindex = true,
                "nofollow" => self.is_nofollow = true,
                "none" => (self.is_noindex, self.is_nofollow) = (true, true),
                _ => {}
            }
        }
    }
}

fn fill(field: &mut Option<String>, text: &str) {
    let text = clean::collapse(&clean::normalize(text));
    if field.is_none() && !text.is_empty() {
        *field = Some(text);
    }
}

/// Returns the text of a short element on one line.
fn text_of(dom: &Dom, node: NodeId) -> String {
    let mut text = String::new();
    let mut next = vec![node];
    while let Some(node) = next.pop() {
        if text.len() > MAX_TITLE * 4 {
            break;
        }
        if let Some(more) = dom.text(node) {
            text.push_str(more);
        }
        let children: Vec<NodeId> = dom.children(node).collect();
        next.extend(children.into_iter().rev());
    }
    clean::collapse(&clean::normalize(&text))
        .chars()
        .take(MAX_TITLE)
        .collect()
}

fn links(dom: &Dom) -> Vec<String> {
    let links = dom.elements(Tag::A).chain(dom.elements(Tag::Area)).filter(|node| {
        let rel = dom.attribute(*node, Attribute::Rel).unwrap_or_default();
        !rel.split_ascii_whitespace()
            .any(|rel| rel.eq_ignore_ascii_case("nofollow"))
    });
    let links = links
        .filter_map(|node| dom.attribute(node, Attribute::Href))
        .map(str::trim);
    links
        .filter(|href| !href.is_empty() && !href.starts_with('#'))
        .take(MAX_LINKS)
        .map(str::to_owned)
        .collect()
}

fn is_language(tag: &str) -> bool {
    (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
