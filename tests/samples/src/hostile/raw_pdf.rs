//! PDF files (ISO 32000-2, 7.5) of objects that no proper writer would write.

/// Objects 1 to n, in their order; the first one is the catalog.
pub(super) struct RawPdf {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl RawPdf {
    pub(super) fn new() -> Self {
        Self {
            bytes: b"%PDF-1.7\n".to_vec(),
            offsets: Vec::new(),
        }
    }

    /// A file with one page, whose objects 1 to 4 are these: catalog, page tree, page, font. The page's content is
    /// object 5, which is to follow; its resources have the font `F` and what `resources` adds.
    pub(super) fn with_page(resources: &str) -> Self {
        Self::new()
            .object("<</Type/Catalog/Pages 2 0 R>>")
            .object("<</Type/Pages/Kids[3 0 R]/Count 1>>")
            .object(&format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>{resources}>>>>"
            ))
            .object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    }

    /// Adds an object.
    pub(super) fn object(mut self, body: &str) -> Self {
        self.begin();
        self.bytes.extend(body.as_bytes());
        self.end()
    }

    /// Adds a stream with these entries in its dictionary, `/Length` aside.
    pub(super) fn stream(mut self, entries: &str, data: &[u8]) -> Self {
        self.begin();
        self.bytes
            .extend(format!("<<{entries}/Length {}>>stream\n", data.len()).as_bytes());
        self.bytes.extend(data);
        self.bytes.extend(b"\nendstream");
        self.end()
    }

    fn begin(&mut self) {
        self.offsets.push(self.bytes.len());
        let number = self.offsets.len();
        self.bytes.extend(format!("{number} 0 obj\n").as_bytes());
    }

    fn end(mut self) -> Self {
        self.bytes.extend(b"\nendobj\n");
        self
    }

    /// The file, with a table of its objects; `trailer` is added to the trailer.
    pub(super) fn finish(mut self, trailer: &str) -> Vec<u8> {
        let start = self.bytes.len();
        let size = self.offsets.len() + 1;
        let entries = self
            .offsets
            .iter()
            .map(|offset| format!("{offset:010} 00000 n \n"))
            .collect::<Vec<_>>()
            .concat();
        let end = format!(
            "xref\n0 {size}\n0000000000 65535 f \n{entries}trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n"
        );
        self.bytes.extend(end.as_bytes());
        self.bytes
    }

    /// The file, with its last object as the stream that lists the objects: `dictionary` and `data` are that stream's.
    pub(super) fn finish_with_xref_stream(mut self, dictionary: &str, data: &[u8]) -> Vec<u8> {
        let start = self.bytes.len();
        let size = self.offsets.len() + 2;
        self = self.stream(&format!("/Type/XRef/Size {size}/Root 1 0 R{dictionary}"), data);
        self.bytes.extend(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        self.bytes
    }

    /// The entries of a cross-reference stream with `/W [1 4 2]` for the objects so far, and for one that stands in the
    /// object stream `container` under the next number.
    pub(super) fn xref_entries(&self, compressed_in: Option<u32>) -> Vec<u8> {
        let mut entries = vec![0, 0, 0, 0, 0, 0xff, 0xff];
        for offset in &self.offsets {
            entries.push(1);
            entries.extend(u32::try_from(*offset).unwrap_or(0).to_be_bytes());
            entries.extend([0, 0]);
        }
        if let Some(container) = compressed_in {
            entries.push(2);
            entries.extend(container.to_be_bytes());
            entries.extend([0, 0]);
        }
        entries
    }
}

/// Drawing instructions that show a text.
pub(super) fn show(text: &str) -> Vec<u8> {
    format!("BT /F 12 Tf 72 700 Td ({text}) Tj ET\n").into_bytes()
}
