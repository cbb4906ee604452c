//! What of a page is not its content: scripts, hidden elements, navigation, banners.

use super::dom::{Attribute, Dom, NodeId};
use super::measure::Measures;
use super::tag::Tag;

/// Words of `class` and `id` of what is never content.
const NEVER: [&str; 45] = [
    "ad",
    "ads",
    "advert",
    "advertisement",
    "adsbygoogle",
    "breadcrumb",
    "breadcrumbs",
    "catlinks",
    "cookiebanner",
    "cookieconsent",
    "cookie",
    "cookies",
    "consent",
    "copybtn",
    "cybot",
    "disqus",
    "editsection",
    "gdpr",
    "headerlink",
    "jumplink",
    "lightbox",
    "modal",
    "navbox",
    "newsletter",
    "noprint",
    "offcanvas",
    "onetrust",
    "pagination",
    "pager",
    "popup",
    "promo",
    "screenreader",
    "sharing",
    "sharedaddy",
    "share",
    "skip",
    "skiplink",
    "skipnav",
    "social",
    "socials",
    "sponsor",
    "sponsored",
    "subscribe",
    "toast",
    "visuallyhidden",
];

/// Words of what is no content if it consists of links or is short.
const RARELY: [&str; 34] = [
    "aside",
    "banner",
    "comments",
    "footer",
    "header",
    "hero",
    "login",
    "masthead",
    "menu",
    "menubar",
    "meta",
    "nav",
    "navbar",
    "navigation",
    "navigator",
    "prevnext",
    "recommended",
    "recommendations",
    "rail",
    "related",
    "search",
    "searchbox",
    "sidebar",
    "sidenav",
    "signin",
    "signup",
    "sphinxsidebar",
    "submenu",
    "tags",
    "teaser",
    "toc",
    "tableofcontents",
    "toolbar",
    "topbar",
];

/// Roles of elements that are no content (<https://www.w3.org/TR/wai-aria/#landmark_roles> and widgets).
const ROLES: [&str; 15] = [
    "alert",
    "alertdialog",
    "banner",
    "complementary",
    "contentinfo",
    "dialog",
    "menu",
    "menubar",
    "navigation",
    "search",
    "searchbox",
    "status",
    "tablist",
    "toolbar",
    "tooltip",
];

/// How large a part of the text may be that a word excludes, in percent: a page whose frame has the class `menu-open`
/// is content.
const MAX_EXCLUDED: usize = 40;

/// Longer texts are no banners, in characters.
const MAX_BANNER: usize = 1_200;
/// The prose of an article, in characters.
const ARTICLE: usize = 500;

/// What is left out of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Omission {
    /// Nothing that a reader sees.
    Hidden,
    /// That, and what is not content by its element, role or name.
    Boilerplate,
}

/// Returns for each node whether it is left out.
pub(super) fn omitted(dom: &Dom, omission: Omission) -> Vec<bool> {
    let mut omitted = vec![false; dom.len()];
    for node in 0..dom.len() {
        let above = dom.parent(node).and_then(|parent| omitted.get(parent)).copied();
        let is_omitted = above == Some(true) || dom.tag(node).is_some_and(|tag| is_invisible(dom, node, tag));
        if let Some(flag) = omitted.get_mut(node) {
            *flag = is_omitted;
        }
    }
    if omission == Omission::Boilerplate {
        omit_boilerplate(dom, &mut omitted);
    }
    omitted
}

fn is_invisible(dom: &Dom, node: NodeId, tag: Tag) -> bool {
    match tag {
        Tag::Annotation
        | Tag::Audio
        | Tag::Button
        | Tag::Canvas
        | Tag::Datalist
        | Tag::Del
        | Tag::Embed
        | Tag::Head
        | Tag::Iframe
        | Tag::Input
        | Tag::Noembed
        | Tag::Noframes
        | Tag::Noscript
        | Tag::Object
        | Tag::Rp
        | Tag::Rt
        | Tag::Script
        | Tag::Select
        | Tag::Style
        | Tag::Svg
        | Tag::Template
        | Tag::Textarea
        | Tag::Title
        | Tag::Video => true,
        Tag::Dialog => dom.attribute(node, Attribute::Open).is_none(),
        Tag::Html | Tag::Body => false,
        _ => {
            // `until-found` is content that the browser's search finds.
            let is_hidden = dom
                .attribute(node, Attribute::Hidden)
                .is_some_and(|value| !value.eq_ignore_ascii_case("until-found"));
            is_hidden
                || dom.attribute(node, Attribute::AriaHidden) == Some("true")
                || dom.attribute(node, Attribute::Style).is_some_and(hides)
        }
    }
}

/// Returns whether a style hides its element.
fn hides(style: &str) -> bool {
    style.split(';').any(|declaration| {
        let Some((property, value)) = declaration.split_once(':') else {
            return false;
        };
        let value = value.trim().trim_end_matches("!important").trim_end();
        match property.trim() {
            property if property.eq_ignore_ascii_case("display") => value.eq_ignore_ascii_case("none"),
            property if property.eq_ignore_ascii_case("visibility") => value.eq_ignore_ascii_case("hidden"),
            _ => false,
        }
    })
}

fn omit_boilerplate(dom: &Dom, omitted: &mut [bool]) {
    let measures = Measures::new(dom, omitted);
    let all = measures.text(Dom::ROOT);
    // Whether a node is in an article or the main element, where `header` and `footer` belong to it.
    let mut within_article = vec![false; dom.len()];
    let headings = has_heading(dom);
    for node in 0..dom.len() {
        let parent = dom.parent(node);
        let inherited = parent.and_then(|parent| within_article.get(parent)).copied() == Some(true);
        let Some(tag) = dom.tag(node) else { continue };
        let belongs = inherited || matches!(tag, Tag::Article | Tag::Main) || role(dom, node) == Some("main");
        if let Some(flag) = within_article.get_mut(node) {
            *flag = belongs;
        }
        let is_above = parent.and_then(|parent| omitted.get(parent)).copied() == Some(true);
        let by_element = || {
            let has_heading = headings.get(node).copied() == Some(true);
            is_boilerplate(dom, node, tag, inherited, has_heading)
                || (tag == Tag::Aside && measures.linked(node) * 2 > measures.text(node))
        };
        // A single-page site may have all of it in one `header`.
        let is_small = measures.text(node) * 100 <= all * MAX_EXCLUDED;
        let is_omitted = is_above
            || (is_small && (by_element() || is_named_so(dom, node, tag, &measures)))
            || is_discussion(dom, node, tag, &measures);
        if let Some(flag) = omitted.get_mut(node) {
            *flag |= is_omitted;
        }
    }
}

fn is_boilerplate(dom: &Dom, node: NodeId, tag: Tag, in_content: bool, has_heading: bool) -> bool {
    match tag {
        Tag::Nav | Tag::Search | Tag::Menu => return true,
        Tag::Footer | Tag::Aside if !in_content => return true,
        Tag::Header if !in_content && !has_heading => return true,
        _ => {}
    }
    dom.attribute(node, Attribute::AriaModal) == Some("true")
        || role(dom, node)
            .is_some_and(|role| ROLES.contains(&role) && !(in_content && matches!(role, "alert" | "status")))
}

fn role(dom: &Dom, node: NodeId) -> Option<&str> {
    dom.attribute(node, Attribute::Role).map(str::trim)
}

/// Returns whether class or ID say that an element is no content.
fn is_named_so(dom: &Dom, node: NodeId, tag: Tag, measures: &Measures) -> bool {
    if matches!(
        tag,
        Tag::Html | Tag::Body | Tag::Main | Tag::Article | Tag::Code | Tag::Pre | Tag::Td | Tag::Th | Tag::Tr
    ) {
        return false;
    }
    if tag.heading_level().is_some() {
        return false;
    }
    let (mut never, mut rarely) = (false, false);
    for name in names(dom, node) {
        for word in words(name) {
            never |= NEVER.contains(&word.as_str());
            rarely |= RARELY.contains(&word.as_str());
        }
        let lower = name.to_ascii_lowercase();
        never |= [
            "cookie-",
            "cookieb",
            "cookiec",
            "sr-only",
            "visually-hidden",
            "screen-reader",
        ]
        .iter()
        .any(|part| lower.contains(part));
    }
    let (text, linked) = (measures.text(node), measures.linked(node));
    let has_links = linked * 3 > text;
    (never && (has_links || text < MAX_BANNER)) || (rarely && (has_links || text < 80))
}

/// Returns whether an element holds the comments of readers, below an article: without one they are the content.
fn is_discussion(dom: &Dom, node: NodeId, tag: Tag, measures: &Measures) -> bool {
    matches!(tag, Tag::Div | Tag::Section | Tag::Ol | Tag::Ul | Tag::Aside)
        && measures.prose(Dom::ROOT) >= measures.prose(node) + ARTICLE
        && names(dom, node).any(|name| {
            let mut words = words(name).into_iter();
            words.any(|word| matches!(word.as_str(), "comments" | "commentlist" | "commentsection"))
        })
}

/// Returns the class, and the ID unless it is a sentence: those of headings are, and say nothing about their sections.
fn names(dom: &Dom, node: NodeId) -> impl Iterator<Item = &str> {
    let id = dom.attribute(node, Attribute::Id);
    let id = id.filter(|id| id.split(|c: char| !c.is_ascii_alphanumeric()).count() <= 3);
    dom.attribute(node, Attribute::Class).into_iter().chain(id)
}

/// Returns the words of a name in lower case: `mainNav site-menu_2` has `main`, `nav`, `site`, `menu`, and the parts
/// between spaces without separators: `mainnav`, `sitemenu`.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split_ascii_whitespace().take(20) {
        let mut word = String::new();
        let mut was_lower = false;
        for c in part.chars().take(60) {
            if !c.is_ascii_alphabetic() || (was_lower && c.is_ascii_uppercase()) {
                words.push(std::mem::take(&mut word));
            }
            if c.is_ascii_alphabetic() {
                word.push(c.to_ascii_lowercase());
            }
            was_lower = c.is_ascii_lowercase();
        }
        words.push(word);
        words.push(
            part.chars()
                .filter(char::is_ascii_alphabetic)
                .map(|c| c.to_ascii_lowercase())
                .collect(),
        );
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns for each node whether the heading of the page (`h1`) is in it.
fn has_heading(dom: &Dom) -> Vec<bool> {
    let mut has = vec![false; dom.len()];
    for heading in dom.elements(Tag::H1) {
        let mut node = Some(heading);
        while let Some(at) = node.filter(|at| has.get(*at).copied() == Some(false)) {
            if let Some(flag) = has.get_mut(at) {
                *flag = true;
            }
            node = dom.parent(at);
        }
    }
    has
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_divided_into_words() {
        assert_eq!(
            words("mainNav site-menu_2"),
            ["main", "nav", "mainnav", "site", "menu", "sitemenu"]
        );
    }

    #[test]
    fn a_style_that_hides_is_recognized() {
        for style in [
            "display:none",
            "color: red; DISPLAY : none !important",
            "visibility:hidden;",
        ] {
            assert!(hides(style), "{style}");
        }
        for style in ["display:block", "background:url(display:none.png)", ""] {
            assert!(!hides(style), "{style}");
        }
    }
}
