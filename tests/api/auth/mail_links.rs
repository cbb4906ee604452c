//! The links in mails lead to pages of the local stack that do what the mails say.

use serde_json::{Map, Value, json};

use crate::support::{Answer, Caller, PASSWORD, Test};

/// A page as its script reads it: one form, whose buttons post its fields and the token of the link.
struct Page {
    token: String,
    form: String,
}

/// The values of an attribute, in their order.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let before = format!(" {name}=\"");
    html.split(&*before)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

impl Page {
    /// Opens the newest link below this path in the mails to an address.
    async fn of_mail_to(t: &Test, address: &str, path: &str) -> Self {
        let mails = t.outbox().await;
        // Two mails to one address may be sent in any order.
        let texts = mails.iter().filter(|mail| mail["to"] == address);
        let texts = texts.map(|mail| mail["text"].as_str().unwrap());
        let text = texts
            .into_iter()
            .find(|text| text.contains(&format!("{path}?")))
            .unwrap();
        let link = text.split_whitespace().find(|word| word.contains("?token=")).unwrap();
        let host = t.stack.url().replace("127.0.0.1", "localhost");
        let host = host.trim_end_matches("/live");
        assert!(link.starts_with(&format!("{host}{path}?token=")), "{link}");
        let answer = t.follow(link).await;
        assert_eq!(answer.status(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
        }
        assert_eq!(
            answer.headers()["referrer-policy"],
            "no-referrer",
            "the token is in the address"
        );
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let html = answer.text().await.unwrap();
        assert!(
            !html.contains("//") && !html.contains("<script>") && !html.contains("style="),
            "{html}"
        );
        for file in [attributes(&html, "src"), attributes(&html, "href")].concat() {
            if file != "data:," {
                t.anonymous().get(&format!("{host}{file}")).await.ok();
            }
        }
        Self {
            token: link.split_once("?token=").unwrap().1.to_owned(),
            form: html,
        }
    }

    /// Presses a button, with these fields filled in: as `page.js` does.
    async fn press(&self, caller: &Caller, button: usize, filled: &[(&str, &str)]) -> Answer {
        let fields = attributes(&self.form, "name");
        let mut body: Map<String, Value> = Map::new();
        for (name, value) in filled {
            assert!(fields.iter().any(|field| field == name), "the form has no field {name}");
            body.insert((*name).to_owned(), json!(value));
        }
        let mut caller = caller.clone();
        // The pages are of this process, the operations below the stage of its API.
        let operation = |path: &str| path.strip_prefix("/live").unwrap().to_owned();
        if let Some(sign_in) = attributes(&self.form, "data-sign-in").first() {
            let sign_in = operation(sign_in);
            let way = body.remove("way").unwrap();
            let credentials = json!({"email": body.remove("email"), "password": body.remove("password")});
            let signed_in = caller
                .post(&format!("{sign_in}/{}", way.as_str().unwrap()), credentials)
                .await;
            caller = caller.with_token(&signed_in.text("access_token"));
        }
        body.insert("token".to_owned(), json!(self.token));
        caller
            .post(
                &operation(attributes(&self.form, "data-post")[button]),
                Value::Object(body),
            )
            .await
    }
}

#[tokio::test]
async fn the_link_of_a_new_account_confirms_its_address() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let page = Page::of_mail_to(&t, "ada@example.com", "/verify-email").await;
    page.press(&t.anonymous(), 0, &[]).await.ok();
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["email_verified"], true);
}

#[tokio::test]
async fn the_link_to_a_new_address_gives_it_to_the_account_that_signs_in() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.verify().await;
    let change = json!({"email": "new@example.com", "current_password": PASSWORD});
    ada.put("/api/v1/users/me", change).await.ok();
    let page = Page::of_mail_to(&t, "new@example.com", "/change-email").await;
    let filled = [("way", "login"), ("email", "ada@example.com"), ("password", PASSWORD)];
    page.press(&t.anonymous(), 0, &filled).await.ok();
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["email"], "new@example.com");
}

#[tokio::test]
async fn the_link_of_a_forgotten_password_sets_a_new_one() {
    let t = Test::new().await;
    t.user("ada").await;
    let forgotten = json!({"email": "ada@example.com"});
    t.anonymous().post("/api/v1/auth/reset-password", forgotten).await.ok();
    let page = Page::of_mail_to(&t, "ada@example.com", "/reset-password").await;
    let new = "another horse battery";
    page.press(&t.anonymous(), 0, &[("new_password", new)]).await.ok();
    let credentials = json!({"email": "ada@example.com", "password": new});
    t.anonymous().post("/api/v1/auth/login", credentials).await.ok();
}

#[tokio::test]
async fn the_link_of_an_invitation_is_accepted_by_a_new_account_and_declined_by_an_old_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("acme").await;
    let invite = async |address: &str| {
        let new = json!({"email": address, "role": "member"});
        ada.post(&format!("/api/v1/orgs/{org}/invite"), new).await.created();
        Page::of_mail_to(&t, address, "/invitations").await
    };
    let page = invite("bob@example.com").await;
    let filled = [
        ("way", "register"),
        ("email", "bob@example.com"),
        ("password", PASSWORD),
    ];
    let joined = page.press(&t.anonymous(), 0, &filled).await.ok();
    assert_eq!(joined.text("id"), org);

    t.user("eve").await;
    let page = invite("eve@example.com").await;
    let filled = [("way", "login"), ("email", "eve@example.com"), ("password", PASSWORD)];
    page.press(&t.anonymous(), 1, &filled).await.expect(204);
    let members = ada.get(&format!("/api/v1/orgs/{org}/members")).await.ok().json();
    assert_eq!(members.as_array().unwrap().len(), 2, "{members}");
}

#[tokio::test]
async fn links_lead_where_the_environment_says() {
    let t = Test::with(&[("PUBLIC_URL", "https://app.example.com/")]).await;
    t.user("ada").await;
    let mails = t.outbox().await;
    let text = mails[0]["text"].as_str().unwrap();
    assert!(text.contains("\nhttps://app.example.com/verify-email?token="), "{text}");
}
