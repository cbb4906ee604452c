use std::time::Duration;

/// Why a page could not be fetched, as a sentence for the user who named its address. No sentence contains what the
/// DNS or a server answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The text is no address of a page.
    #[error("This is not the address of a web page. Enter a complete address such as https://example.com/page.")]
    InvalidUrl,
    /// Another scheme than `http` and `https`.
    #[error("Only web pages can be read. Enter an address that begins with https:// or http://.")]
    SchemeNotAllowed,
    /// A user name or password in the address.
    #[error(
        "The address contains a user name or password. Remove it; only pages that are open to everyone can be read."
    )]
    CredentialsNotAllowed,
    /// A port of another service.
    #[error("This port is not one of a web site. Use port 80 or 443, or one above 1023 that browsers accept.")]
    PortNotAllowed,
    /// The host has an address that is not public.
    #[error(
        "This address belongs to a private network. Only pages on the public internet can be read; save the page as a file and upload that."
    )]
    AddressNotAllowed,
    /// The DNS knows no such host.
    #[error("The web site was not found. Check the address for typing errors.")]
    HostNotFound,
    /// The host refused the connection, or ended it before it answered.
    #[error("The web site could not be reached. Try again later.")]
    ConnectionFailed,
    /// The certificate is not valid for the host, or the site offers no TLS.
    #[error(
        "No secure connection to the web site is possible, for example because its certificate has expired. Open the page in a browser, save it and upload the file."
    )]
    CertificateInvalid,
    /// 404 or 410.
    #[error("The web site has no page at this address. Check the address, or open it in a browser.")]
    NotFound,
    /// 401, 402, 403, 407 or 451.
    #[error(
        "The web site does not let us read this page. It may need a sign-in: save the page as a file and upload that."
    )]
    AccessDenied,
    /// 429, or 503 with the time from which the site answers again.
    #[error("The web site does not answer more requests at the moment. Try again later.")]
    RateLimited {
        /// How long the site asks to wait (`Retry-After`, RFC 9110, section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// Another status that is no success.
    #[error("The web site reported an error (HTTP {status}). Try again later, or open the page in a browser.")]
    SiteError {
        /// Its status.
        status: u16,
    },
    /// The answer is no valid HTTP, was cut off, or cannot be decompressed.
    #[error(
        "The web site sent an invalid or incomplete response. Try again later, or save the page as a file and upload that."
    )]
    InvalidResponse,
    /// More bytes than allowed, before or after decompression.
    #[error("The page is too large: at most {} MB can be read. Save the part that you need as a file and upload that.", limit.div_ceil(1_000_000))]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The time limit is over.
    #[error("The web site did not answer in time. Try again later, or save the page as a file and upload that.")]
    TooSlow,
    /// A type of content that cannot be indexed.
    #[error(
        "This address leads to {found}, which cannot be indexed. Enter the address of a web page, text, PDF or Office document."
    )]
    UnsupportedType {
        /// What it is, with its article.
        found: &'static str,
    },
    /// Redirects lead in a circle, there are more than [`Fetcher::MAX_REDIRECTS`](crate::Fetcher::MAX_REDIRECTS), or one leads nowhere.
    #[error("The page redirects without end. Open it in a browser and enter the address that the browser shows.")]
    RedirectLoop,
    /// A page without a byte.
    #[error("The page is empty.")]
    Empty,
    /// The client itself failed.
    #[error("The page could not be read because of an internal error. Try again later.")]
    Internal,
}

impl FetchError {
    /// Returns the stable code of the failure, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid_url",
            Self::SchemeNotAllowed => "scheme_not_allowed",
            Self::CredentialsNotAllowed => "credentials_not_allowed",
            Self::PortNotAllowed => "port_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::HostNotFound => "host_not_found",
            Self::ConnectionFailed => "connection_failed",
            Self::CertificateInvalid => "certificate_invalid",
            Self::NotFound => "not_found",
            Self::AccessDenied => "access_denied",
            Self::RateLimited { .. } => "rate_limited",
            Self::SiteError { .. } => "site_error",
            Self::InvalidResponse => "invalid_response",
            Self::TooLarge { .. } => "too_large",
            Self::TooSlow => "too_slow",
            Self::UnsupportedType { .. } => "unsupported_type",
            Self::RedirectLoop => "redirect_loop",
            Self::Empty => "empty",
            Self::Internal => "internal",
        }
    }

    /// Returns whether the address itself is refused, whatever its host would answer.
    pub const fn is_about_address(&self) -> bool {
        matches!(
            self,
            Self::InvalidUrl
                | Self::SchemeNotAllowed
                | Self::CredentialsNotAllowed
                | Self::PortNotAllowed
                | Self::AddressNotAllowed
        )
    }

    /// Returns how long the site asks to wait before the next request.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// Returns whether a later attempt may succeed.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::ConnectionFailed
            | Self::RateLimited { .. }
            | Self::InvalidResponse
            | Self::TooSlow
            | Self::Internal => true,
            Self::SiteError { status } => *status >= 500 || *status == 408,
            _ => false,
        }
    }
}
