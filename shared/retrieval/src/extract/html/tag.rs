//! The elements that matter to text, and what the HTML standard says of them.

macro_rules! tags {
    ($($tag:ident $name:literal)*) => {
        /// An element by its name; names in any letter case are the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Tag {
            $($tag,)*
            /// Any other element, of unknown meaning: it is transparent.
            Other,
        }

        impl Tag {
            /// `name` is in lower case.
            pub(super) fn from_name(name: &[u8]) -> Self {
                $(if name == $name.as_bytes() { return Self::$tag; })*
                Self::Other
            }
        }
    };
}

tags! {
    A "a" Div "div" Span "span" P "p" Li "li" Td "td" Tr "tr" Br "br" Img "img" Code "code" Th "th"
    Address "address" Annotation "annotation" Area "area" Article "article" Aside "aside" Audio "audio" B "b" Base "base"
    Blockquote "blockquote" Body "body" Button "button" Canvas "canvas" Caption "caption" Center "center" Col "col"
    Colgroup "colgroup" Datalist "datalist" Dd "dd" Del "del" Details "details" Dialog "dialog" Dl "dl" Dt "dt" Em "em"
    Embed "embed" Fieldset "fieldset" Figcaption "figcaption" Figure "figure" Font "font" Footer "footer" Form "form"
    Frame "frame" H1 "h1" H2 "h2" H3 "h3" H4 "h4" H5 "h5" H6 "h6" Head "head" Header "header" Hgroup "hgroup" Hr "hr"
    Html "html" I "i" Iframe "iframe" Input "input" Legend "legend" Link "link" Main "main" Math "math" Menu "menu"
    Meta "meta" Nav "nav" Noembed "noembed" Noframes "noframes" Noscript "noscript" Object "object" Ol "ol"
    Optgroup "optgroup" Option "option" Param "param" Plaintext "plaintext" Pre "pre" Q "q" Rp "rp" Rt "rt" S "s"
    Script "script" Search "search" Section "section" Select "select" Small "small" Source "source" Strong "strong"
    Style "style" Sub "sub" Summary "summary" Sup "sup" Svg "svg" Table "table" Tbody "tbody" Template "template"
    Textarea "textarea" Tfoot "tfoot" Thead "thead" Title "title" Track "track" U "u" Ul "ul" Video "video" Wbr "wbr"
    Xmp "xmp"
}

impl Tag {
    /// The number of values, for tables by element.
    pub(super) const COUNT: usize = Self::Other as usize + 1;

    /// Returns whether it has no content (<https://html.spec.whatwg.org/#void-elements>).
    pub(super) const fn is_void(self) -> bool {
        matches!(
            self,
            Self::Area
                | Self::Base
                | Self::Br
                | Self::Col
                | Self::Embed
                | Self::Frame
                | Self::Hr
                | Self::Img
                | Self::Input
                | Self::Link
                | Self::Meta
                | Self::Param
                | Self::Source
                | Self::Track
                | Self::Wbr
        )
    }

    /// Returns whether its text is on lines of its own.
    pub(super) const fn is_block(self) -> bool {
        self.closes_paragraph()
            || matches!(
                self,
                Self::Body
                    | Self::Caption
                    | Self::Dd
                    | Self::Dt
                    | Self::Html
                    | Self::Legend
                    | Self::Li
                    | Self::Option
                    | Self::Tbody
                    | Self::Td
                    | Self::Tfoot
                    | Self::Th
                    | Self::Thead
                    | Self::Tr
            )
    }

    /// Returns whether its start tag ends an open paragraph (<https://html.spec.whatwg.org/#the-p-element>).
    pub(super) const fn closes_paragraph(self) -> bool {
        self.heading_level().is_some()
            || matches!(
                self,
                Self::Address
                    | Self::Article
                    | Self::Aside
                    | Self::Blockquote
                    | Self::Center
                    | Self::Details
                    | Self::Dialog
                    | Self::Div
                    | Self::Dl
                    | Self::Fieldset
                    | Self::Figcaption
                    | Self::Figure
                    | Self::Footer
                    | Self::Form
                    | Self::Header
                    | Self::Hgroup
                    | Self::Hr
                    | Self::Main
                    | Self::Menu
                    | Self::Nav
                    | Self::Ol
                    | Self::P
                    | Self::Plaintext
                    | Self::Pre
                    | Self::Search
                    | Self::Section
                    | Self::Summary
                    | Self::Table
                    | Self::Ul
                    | Self::Xmp
            )
    }

    /// Returns the level of a heading, 1 to 6.
    pub(super) const fn heading_level(self) -> Option<usize> {
        Some(match self {
            Self::H1 => 1,
            Self::H2 => 2,
            Self::H3 => 3,
            Self::H4 => 4,
            Self::H5 => 5,
            Self::H6 => 6,
            _ => return None,
        })
    }

    /// Returns whether it may be in the head of a page.
    pub(super) const fn is_metadata(self) -> bool {
        matches!(
            self,
            Self::Base
                | Self::Head
                | Self::Html
                | Self::Link
                | Self::Meta
                | Self::Noscript
                | Self::Script
                | Self::Style
                | Self::Template
                | Self::Title
                | Self::Other
        )
    }

    /// Returns whether an end tag within it does not close what is around it, except for elements of tables.
    pub(super) const fn is_scope(self) -> bool {
        matches!(
            self,
            Self::Caption | Self::Html | Self::Object | Self::Table | Self::Td | Self::Template | Self::Th
        )
    }

    /// Returns whether it is an element of tables.
    pub(super) const fn is_table_part(self) -> bool {
        matches!(
            self,
            Self::Caption | Self::Table | Self::Tbody | Self::Td | Self::Tfoot | Self::Th | Self::Thead | Self::Tr
        )
    }
}
