//! The sentences that users read: those of errors, notices, mails and the built-in model, by crate. A change of one is
//! reviewed in `sentences.txt`; `PARLANCE_UPDATE_NAMES=1` writes it anew. Summaries and descriptions of operations are
//! in the `OpenAPI` document.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use proc_macro2::{TokenStream, TokenTree};
use regex::Regex;
use syn::visit::{self, Visit};

use super::sources;

/// Crates whose text reaches users.
const CRATES: [&str; 7] = [
    "shared/app",
    "shared/domain",
    "shared/http",
    "shared/llm",
    "shared/reading",
    "shared/retrieval",
    "functions",
];
/// Calls whose text stays here: they are for logs, or describe operations.
const NOT_SHOWN: [&str; 13] = [
    "expect",
    "internal",
    "unavailable",
    "to_change",
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "error",
    "new_error",
    "contains",
    "split",
];
/// Code for tests, and lists of words that are recognized in the text of others.
const NOT_PROSE: [&str; 6] = [
    "/tests",
    "/testing.rs",
    "/benches/",
    "/llm/src/local/question",
    "/retrieval/src/segment/",
    "/retrieval/src/sentences",
];
/// Macros whose text is shown.
const SHOWN_MACROS: [&str; 3] = ["format", "concat", "write"];

/// Two words of prose.
static PROSE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z`]{2,}[,;:]? [a-z`{]{2,}").unwrap());

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or_else(|| tests.to_owned(), Path::to_owned)
}

#[derive(Default)]
struct Sentences(BTreeSet<String>);

impl Sentences {
    fn add(&mut self, text: &str) {
        let is_markup = text.contains("charset=") || text.contains("</") || text.contains(";\n");
        if PROSE.is_match(text) && !is_markup {
            self.0.insert(text.replace('\n', "\\n"));
        }
    }

    fn add_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.add(&text.value());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

impl<'a> Visit<'a> for Sentences {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        if let Ok(list) = attribute.meta.require_list()
            && list.path.is_ident("error")
        {
            self.add_tokens(list.tokens.clone());
        }
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        let name = match &*call.func {
            syn::Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        if !name.is_some_and(|name| NOT_SHOWN.contains(&name.as_str())) {
            visit::visit_expr_call(self, call);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        if !NOT_SHOWN.contains(&call.method.to_string().as_str()) {
            call.args.iter().for_each(|argument| self.visit_expr(argument));
        }
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        let name = called.path.segments.last().map(|segment| segment.ident.to_string());
        if name.is_some_and(|name| SHOWN_MACROS.contains(&name.as_str())) {
            self.add_tokens(called.tokens.clone());
        }
    }

    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.add(&text.value());
    }
}

#[test]
fn sentences_that_users_read_are_those_of_the_snapshot() {
    let mut lines = Vec::new();
    for name in CRATES {
        let mut found = Sentences::default();
        for path in sources(&root().join(name)) {
            let place = path.to_string_lossy();
            if NOT_PROSE.iter().any(|part| place.contains(part)) {
                continue;
            }
            let code = fs::read_to_string(&path).unwrap();
            found.visit_file(&syn::parse_file(&code).unwrap_or_else(|error| panic!("{place}: {error}")));
        }
        // Phrases by which errors of providers are recognized.
        let is_phrase = |text: &str| text.chars().all(|each| each.is_ascii_lowercase() || each == ' ');
        let shown = found
            .0
            .into_iter()
            .filter(|text| name != "shared/llm" || !is_phrase(text));
        lines.extend(shown.map(|text| format!("{name}\t{text}")));
    }
    let (file, text) = (root().join("tests/drift/sentences.txt"), lines.join("\n") + "\n");
    if std::env::var_os("PARLANCE_UPDATE_NAMES").is_some() {
        fs::write(file, text).unwrap();
        return;
    }
    let reviewed = fs::read_to_string(file).unwrap_or_default();
    let reviewed: BTreeSet<&str> = reviewed.lines().collect();
    let found: BTreeSet<&str> = text.lines().collect();
    let (gone, new): (Vec<_>, Vec<_>) = (
        reviewed.difference(&found).collect(),
        found.difference(&reviewed).collect(),
    );
    assert!(
        gone.is_empty() && new.is_empty(),
        "sentences that users read changed; review them, then update the snapshot with PARLANCE_UPDATE_NAMES=1. Gone: \
         {gone:#?}, new: {new:#?}"
    );
}
