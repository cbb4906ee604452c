//! Pages of a list.

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items in the answer.
    pub limit: u16,
    /// Sort key after which to go on, taken from a cursor. It never carries a partition key.
    pub after: Option<String>,
}

impl PageRequest {
    /// Items in a page when the request does not say.
    pub const DEFAULT_LIMIT: u16 = 50;
    /// Most items a request may ask for.
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
    /// Sort key after which the next page begins; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with every item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
        }
    }

    /// The same page with every item converted, or the first error.
    ///
    /// # Errors
    /// That of the first item that cannot be converted.
    pub fn try_map<U, E>(self, convert: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            items: self.items.into_iter().map(convert).collect::<Result<_, E>>()?,
            next: self.next,
        })
    }
}
