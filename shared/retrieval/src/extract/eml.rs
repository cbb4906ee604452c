//! Email messages (RFC 5322, MIME): who wrote to whom about what, the text, and the names of the attachments.

use mail_parser::{Address, MessageParser, MimeHeaders as _};

use super::outline::Outline;
use super::{ExtractError, Extracted, TOO_MUCH_TEXT, clean, markup, txt};

/// More names than this do not tell more.
const MOST_NAMES: usize = 50;

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let Some(message) = MessageParser::default().parse(bytes) else {
        return txt::extract(bytes);
    };
    let mut outline = Outline::default();
    let fields = [
        ("Subject", message.subject().map(str::to_owned)),
        ("From", message.from().map(names)),
        ("To", message.to().map(names)),
        ("Cc", message.cc().map(names)),
        ("Date", message.date().map(mail_parser::DateTime::to_rfc3339)),
    ];
    for (field, value) in fields {
        let value = clean::collapse(&clean::normalize(&value.unwrap_or_default()));
        if !value.is_empty() {
            outline.block(&format!("{field}: {value}"));
        }
    }
    let mut has_body = false;
    for index in 0..message.text_body_count() {
        let part = message
            .text_body
            .get(index)
            .and_then(|id| message.parts.get(*id as usize));
        match part.map(|part| &part.body) {
            Some(mail_parser::PartType::Html(page)) => {
                markup::read(page, &mut outline)?;
                has_body = true;
            }
            Some(mail_parser::PartType::Text(text)) => {
                outline.line("");
                for line in clean::normalize(text).lines() {
                    outline.line(line);
                }
                outline.line("");
                has_body = true;
            }
            _ => {}
        }
    }
    if !has_body && let Some(page) = message.body_html(0) {
        markup::read(&page, &mut outline)?;
    }
    let attachments: Vec<String> = message
        .attachments()
        .filter_map(|part| part.attachment_name())
        .map(|name| clean::collapse(&clean::normalize(name)))
        .take(MOST_NAMES)
        .collect();
    if !attachments.is_empty() {
        outline.block(&format!("Attachments: {}", attachments.join(", ")));
    }
    let sections = outline.finish().map_err(|_| TOO_MUCH_TEXT)?;
    if sections.is_empty() {
        // Text under the name of an email.
        return txt::extract(bytes);
    }
    Ok(Extracted { sections, pages: None })
}

fn names(address: &Address<'_>) -> String {
    let one = |address: &mail_parser::Addr<'_>| match (address.name(), address.address()) {
        (Some(name), Some(mail)) => format!("{name} <{mail}>"),
        (Some(name), None) => name.to_owned(),
        (None, mail) => mail.unwrap_or_default().to_owned(),
    };
    address.iter().take(MOST_NAMES).map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &str) -> String {
        let message = message.replace('\n', "\r\n");
        let [section] = extract(message.as_bytes())
            .expect("text")
            .sections
            .try_into()
            .expect("one");
        section.text
    }

    #[test]
    fn fields_body_and_attachments_are_read() {
        let got = text(
            "From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\nTo: Ada <ada@example.com>, bob@example.com\n\
             Subject: =?iso-8859-1?q?Pr=FCfung?=\n  of the lamp\nDate: Mon, 31 Mar 2025 10:00:00 +0200\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain; charset=iso-8859-1\n\
             Content-Transfer-Encoding: quoted-printable\n\nThe lamp costs 5 =A3 and weighs two kilograms more than\n\
             the last one.\n--x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"plan.pdf\"\n\n\
             JVBERi0=\n--x--\n",
        );
        assert_eq!(
            got,
            "Subject: Prüfung of the lamp\nFrom: Jürgen <j@example.com>\nTo: Ada <ada@example.com>, bob@example.com\n\
             Date: 2025-03-31T10:00:00+02:00\nThe lamp costs 5 £ and weighs two kilograms more than the last one.\n\
             Attachments: plan.pdf"
        );
    }

    #[test]
    fn a_message_of_html_only_is_read_without_its_markup() {
        let got = text(
            "From: a@example.com\nSubject: Hello\nMIME-Version: 1.0\nContent-Type: text/html\n\n<html><style>p{}</style>\
             <p>Dear Ada,</p><p>the lamp &amp; the bulb are here.</p></html>\n",
        );
        assert_eq!(
            got,
            "Subject: Hello\nFrom: a@example.com\nDear Ada,\nthe lamp & the bulb are here."
        );
    }
}
