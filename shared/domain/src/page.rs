//! Pages of a list.

/// The requested part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Maximum number of items in the response.
    pub limit: u16,
    /// Sort key to continue after, from a cursor. It never contains a partition key.
    pub after: Option<String>,
}

impl PageRequest {
    /// Page size if the request does not specify one.
    pub const DEFAULT_LIMIT: u16 = 50;
    /// Maximum page size that a request can ask for.
    pub const MAX_LIMIT: u16 = 100;
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            after: None,
        }
    }
}

/// Part of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Sort key after which the next page starts; `None` on the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Returns the same page with every item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
        }
    }

    /// Returns the same page with every item converted.
    ///
    /// # Errors
    /// Returns the error of the first item that cannot be converted.
    pub fn try_map<U, E>(self, convert: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            items: self.items.into_iter().map(convert).collect::<Result<_, E>>()?,
            next: self.next,
        })
    }
}
