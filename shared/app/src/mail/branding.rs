//! Emails in the name of an organization: its own name, logo, color and support address, while it may use them.

use std::fmt::Write as _;

use domain::{Feature, Mail, MailBranding, OrgId, Result, WhiteLabel, billing::white_label::without_links};

use crate::App;

impl App {
    /// Returns an email as its organization writes it; unchanged if it has no look of its own.
    pub(crate) async fn branded(&self, mail: Mail) -> Result<Mail> {
        let Some(org) = &mail.org_id else { return Ok(mail) };
        let look = self.look_of(org).await?;
        Ok(look.map_or(mail.clone(), |look| brand(mail, &look)))
    }

    /// Returns the white-label settings of an organization, if it may use them.
    pub(crate) async fn look_of(&self, org: &OrgId) -> Result<Option<WhiteLabel>> {
        let Some(found) = self.store.orgs().get(org).await? else {
            return Ok(None);
        };
        if !found.org.entitlements(self.clock.now()).includes(Feature::WhiteLabel) {
            return Ok(None);
        }
        let look = self.store.billing().white_label(org).await?;
        Ok(look.updated_at.is_some().then_some(look))
    }
}

fn brand(mail: Mail, look: &WhiteLabel) -> Mail {
    // Names are free text of the organization: nothing in them may become a link, or end a line of the header.
    let name = look.product_name.as_deref().map(without_links);
    let mut text = mail.text.clone();
    if let Some(support) = &look.support_email {
        let _ = write!(text, "\nQuestions? Write to {support}.\n");
    }
    let html = html(&mail.text, name.as_deref(), look);
    Mail {
        text,
        branding: Some(MailBranding { from_name: name, html }),
        ..mail
    }
}

/// Returns the text as HTML: a line that is nothing but an address becomes a link, and all else is text.
fn html(text: &str, name: Option<&str>, look: &WhiteLabel) -> String {
    let color = look.color.as_deref().unwrap_or("#333333");
    let mut html = format!(
        "<!doctype html><html><body style=\"font-family:sans-serif;color:#222222\">\
         <div style=\"border-top:4px solid {color};padding:16px;max-width:600px\">",
        color = escaped(color),
    );
    let alt = escaped(name.unwrap_or("Logo"));
    match &look.logo_url {
        Some(url) => {
            let _ = write!(
                html,
                "<p><img src=\"{}\" alt=\"{alt}\" height=\"40\"></p>",
                escaped(url)
            );
        }
        None => {
            if let Some(name) = name {
                let _ = write!(html, "<p><strong>{}</strong></p>", escaped(name));
            }
        }
    }
    for paragraph in text.split("\n\n").map(str::trim).filter(|text| !text.is_empty()) {
        let lines: Vec<String> = paragraph.lines().map(|line| line_of(line, color)).collect();
        let _ = write!(html, "<p>{}</p>", lines.join("<br>"));
    }
    if let Some(support) = &look.support_email {
        let address = escaped(support.as_str());
        let _ = write!(
            html,
            "<p>Questions? Write to <a href=\"mailto:{address}\" style=\"color:{}\">{address}</a>.</p>",
            escaped(color)
        );
    }
    html.push_str("</div></body></html>");
    html
}

fn line_of(line: &str, color: &str) -> String {
    let line = line.trim();
    let is_link = (line.starts_with("https://") || line.starts_with("http://"))
        && !line.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    let (text, color) = (escaped(line), escaped(color));
    if is_link {
        format!("<a href=\"{text}\" style=\"color:{color}\">{text}</a>")
    } else {
        text
    }
}

/// Returns a text as it may stand in HTML, also within quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use domain::{Email, MailId, Timestamp};

    use super::*;

    fn mail(text: &str) -> Mail {
        Mail {
            id: MailId("m".to_owned()),
            to: Email::parse("bob@example.com").unwrap(),
            subject: "Hello".to_owned(),
            text: text.to_owned(),
            about: None,
            org_id: Some(OrgId("o".to_owned())),
            branding: None,
        }
    }

    fn look() -> WhiteLabel {
        WhiteLabel {
            product_name: Some("Acme \"<script>\" & Sons".to_owned()),
            logo_url: Some("https://example.com/logo.svg?a=1&b=2".to_owned()),
            color: Some("#00aaff".to_owned()),
            support_email: Some(Email::parse("help@example.com").unwrap()),
            hide_branding: false,
            updated_at: Some(Timestamp::UNIX_EPOCH),
        }
    }

    #[test]
    fn a_mail_has_the_look_of_its_organization_and_nothing_in_it_becomes_markup() {
        let text = "The <b>organization</b> \"x\" wrote.\n\nhttps://app.example.com/invitations?token=a&b\n\n\
                    https://evil.example/ is text here\n";
        let branded = brand(mail(text), &look());
        assert!(branded.text.starts_with(text) && branded.text.contains("Write to help@example.com."));
        let MailBranding { from_name, html } = branded.branding.unwrap();
        assert_eq!(from_name.as_deref(), Some("Acme \" script \" & Sons"));
        for part in [
            "border-top:4px solid #00aaff",
            "<img src=\"https://example.com/logo.svg?a=1&amp;b=2\" alt=\"Acme &quot; script &quot; &amp; Sons\"",
            "The &lt;b&gt;organization&lt;/b&gt; &quot;x&quot; wrote.",
            "<a href=\"https://app.example.com/invitations?token=a&amp;b\"",
            "<p>https://evil.example/ is text here</p>",
            "<a href=\"mailto:help@example.com\"",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("<b>") && !html.contains("<script"), "{html}");
    }

    #[test]
    fn what_is_not_set_is_left_out() {
        let plain = WhiteLabel {
            updated_at: Some(Timestamp::UNIX_EPOCH),
            ..WhiteLabel::default()
        };
        let branded = brand(mail("Hello.\n"), &plain);
        assert_eq!(branded.text, "Hello.\n");
        let html = branded.branding.unwrap().html;
        assert!(
            !html.contains("<img") && !html.contains("mailto:") && html.contains("<p>Hello.</p>"),
            "{html}"
        );
    }
}
