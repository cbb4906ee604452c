//! An organization with everything in it, and everybody who could want something of it.

use std::collections::BTreeMap;

use domain::Permission;
use http_api::Operation;
use serde_json::json;

use super::{
    super::orgs::{join, org, team_plan},
    SCRAPE_TOKEN, SERVICE_KEY,
};
use crate::support::{Caller, Test};

/// What the requests of the matrix name: things of the member, or of their organization.
pub(super) struct Things {
    pub(super) user: String,
    pub(super) org: String,
    pub(super) document: String,
    /// Whose file is there.
    pub(super) upload: String,
    pub(super) crawl: String,
    pub(super) chatbot: String,
    /// Of the member, with Slack.
    pub(super) integration: String,
    /// Of the owner.
    pub(super) data_source: String,
    pub(super) query: String,
    pub(super) chat_session: String,
    /// A message that refuses a question.
    pub(super) unanswered: String,
    pub(super) sign_in_session: String,
    pub(super) invitation: String,
    pub(super) invitation_token: String,
    /// Of the admin.
    pub(super) api_key: String,
    pub(super) log: String,
    /// Of the admin.
    pub(super) webhook: String,
    /// Whose event was not accepted yet.
    pub(super) delivery: String,
    pub(super) prompt: String,
    /// An answer, and the turn it belongs to.
    pub(super) message: String,
    pub(super) turn: String,
    /// Of the platform.
    pub(super) system_prompt: String,
    /// Of somebody else, so that using them changes nothing for those who call.
    pub(super) reset_token: String,
    pub(super) verification_token: String,
    pub(super) restore_token: String,
    pub(super) refresh_token: String,
    /// The address of a web page.
    pub(super) page: String,
}

pub(super) struct Fixtures {
    pub(super) things: Things,
    /// The owner of another organization.
    pub(super) foreign: Caller,
    callers: BTreeMap<&'static str, Caller>,
    /// Keys of the owner: with one permission only, and with all but it.
    keys: BTreeMap<&'static str, (Caller, Caller)>,
    /// The permission that an operation asks for, by method and path.
    permissions: BTreeMap<(String, String), &'static str>,
}

impl Fixtures {
    pub(super) async fn set(t: &Test) -> Self {
        let (owner, admin) = (t.user("owner").await, t.user("admin").await);
        let (member, peer) = (t.user("member").await, t.user("peer").await);
        let (foreign, bystander) = (t.user("foreign").await, t.user("bystander").await);
        let verification_token = t.mailed_token("bystander@example.com", "Confirm").await;
        let restore_token = readdressed(t).await;
        let expired = owner.clone();

        t.advance_seconds(901);
        let path = {
            let owner = owner.sign_in_again().await;
            org(&owner, "acme").await
        };
        let id = path.rsplit('/').next().unwrap().to_owned();
        let inside = async |caller: &Caller| caller.sign_in_again().await.with_header("x-current-org", &id);
        let (owner, admin) = (inside(&owner).await, inside(&admin).await);
        let (member, peer) = (inside(&member).await, inside(&peer).await);
        let foreign = foreign.sign_in_again().await;
        let gone = owner.sign_in_again().await;
        gone.post("/api/v1/auth/logout", json!({})).await.ok();
        team_plan(t, &path).await;
        for (caller, role) in [(&admin, "admin"), (&member, "member"), (&peer, "member")] {
            join(t, &owner, &path, caller, role).await;
        }
        let callers = BTreeMap::from([
            ("anonymous", t.anonymous()),
            ("expired", expired.with_header("x-current-org", &id)),
            ("signed_out", gone),
            ("forged", t.anonymous().with_token(&format!("{}A", owner.token))),
            ("revoked_key", revoked_key(&owner).await),
            ("invited", t.user("friend").await.with_header("x-current-org", &id)),
            ("outsider", foreign.with_header("x-current-org", &id)),
            ("foreign", foreign.clone()),
            ("peer", peer),
            ("member", member.clone()),
            ("admin", admin.clone()),
            ("owner", owner.clone()),
            ("platform_admin", t.admin().await.with_header("x-current-org", &id)),
            ("service", t.anonymous().with_header("x-api-key", SERVICE_KEY)),
            ("scraper", t.anonymous().with_token(SCRAPE_TOKEN)),
        ]);
        let tokens = [verification_token, restore_token];
        let things = seed(t, &path, [&owner, &admin, &member, &bystander], tokens).await;
        Self {
            foreign,
            things,
            callers,
            keys: keys(&owner).await,
            permissions: permissions(),
        }
    }

    /// The caller of a kind, as fits the operation.
    pub(super) fn caller(&self, kind: &str, operation: &Operation) -> Caller {
        let permission = self
            .permissions
            .get(&(operation.method.clone(), operation.path.clone()));
        // Where no permission is enough, a key has all of them or none.
        let (with, without) = &self.keys[permission.copied().unwrap_or("")];
        match kind {
            "key_with" => with.clone(),
            "key_without" => without.clone(),
            kind => self.callers[kind].clone(),
        }
    }
}

/// The token of a link that gives somebody their address back.
async fn readdressed(t: &Test) -> String {
    let mover = t.user("mover").await;
    mover.verify().await;
    mover.move_to("moved@example.com").await;
    t.mailed_token("mover@example.com", "address was changed").await
}

async fn seed(t: &Test, path: &str, of: [&Caller; 4], tokens: [String; 2]) -> Things {
    let [verification_token, restore_token] = tokens;
    let [owner, admin, member, bystander] = of;
    let document = member.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    t.drain().await;
    let upload = member.begin_upload("a.txt", 4).await;
    upload.put(b"text".to_vec()).await.ok();
    // Nobody fetches it: its message is lost.
    let site = json!({"url": "https://www.example.com/", "crawl": {"depth": 1}});
    let crawl = t.without_queue("fetch_pages", member.post("/api/v1/documents/url", site));
    let crawl = crawl.await.created().text("id");
    let chatbot = member.chatbot(&[&document]).await;
    let slack = json!({"name": "Slack", "chatbot_id": chatbot});
    let slack = member.post("/api/v1/integrations/slack", slack).await;
    // Its visitors are pages of this origin, which no caller is.
    let website =
        json!({"name": "Shop", "chatbot_id": chatbot, "config": {"allowed_origins": ["https://shop.example"]}});
    member.post("/api/v1/integrations/website", website).await.created();
    let new = json!({"chatbotId": chatbot});
    let session = member.post("/api/chat/sessions", new).await.created().text("id");
    let answer = member.ask(&session, "Can I pause my subscription?").await.ok();
    let table = [("a.csv", &b"a,b\n1,2\n"[..])];
    let data_source = owner.new_data_source(&table, &[]).await.created().text("id");
    t.drain().await;
    let query = member.sql("SELECT 1").await.ok().text("query_id");
    // Its file stays on the disk of the function when an operation deletes the organization's objects.
    let source = format!("/api/v1/data_sources/{data_source}/test");
    owner.post(&source, json!({})).await.ok();
    let new = json!({"chatbotId": chatbot});
    let other = member.post("/api/chat/sessions", new).await.created().text("id");
    let unanswered = member.ask(&other, "Who painted the ceiling of the chapel?").await.ok();
    let friend = json!({"email": "friend@example.com"});
    let invited = owner.post(&format!("{path}/invite"), friend).await.created();
    let log = member
        .post("/api/v1/audit_logs", json!({"action": "seen"}))
        .await
        .created();
    let text = json!({"prompt_text": "Summarize {{text}}."});
    let prompt = member.post("/api/v1/user_prompts", text.clone()).await.created();
    let label = format!("/api/v1/user_prompts/{}/labels/live", prompt.text("prompt_id"));
    member.put(&label, json!({"version": 1})).await.ok();
    let platform = t.admin().await.post("/api/v1/system_prompts", text).await.created();
    let other = member.sign_in_again().await;
    let sessions = other.get("/api/v1/auth/sessions").await.ok().json();
    let other = sessions
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == true);
    let credentials = json!({"email": "bystander@example.com", "password": crate::support::PASSWORD});
    // Nothing is sent while others look: the message is lost, and the webhook disabled.
    let receiver = json!({"url": "https://receiver.invalid/", "events": ["integration.error"]});
    let webhook = admin.post("/api/v1/webhooks", receiver).await.created().text("id");
    let of_webhook = format!("/api/v1/webhooks/{webhook}");
    let attempt = format!("{of_webhook}/test");
    let tested = t.without_queue("deliver_webhooks", admin.post(&attempt, json!({})));
    let delivery = tested.await.expect(202).text("id");
    admin.patch(&of_webhook, json!({"status": "disabled"})).await.ok();
    let fresh = t.anonymous().post("/api/v1/auth/login", credentials).await.ok();
    let reset = json!({"email": bystander.account["email"]});
    t.anonymous().post("/api/v1/auth/reset-password", reset).await.ok();
    Things {
        user: member.id().to_owned(),
        org: path.rsplit('/').next().unwrap().to_owned(),
        chat_session: session,
        sign_in_session: other.unwrap()["id"].as_str().unwrap().to_owned(),
        invitation: invited.text("id"),
        invitation_token: t.invitation_token("friend@example.com").await,
        api_key: admin.api_key(json!({"name": "Admin"})).await.text("id"),
        log: log.text("log_id"),
        webhook,
        delivery,
        prompt: prompt.text("prompt_id"),
        message: answer.text("id"),
        unanswered: unanswered.text("id"),
        turn: answer.text("parentId"),
        system_prompt: platform.text("prompt_id"),
        reset_token: t.mailed_token("bystander@example.com", "new password").await,
        refresh_token: fresh.text("refresh_token"),
        verification_token,
        restore_token,
        document,
        upload: upload.id,
        crawl,
        chatbot,
        integration: slack.created().text("id"),
        data_source,
        query,
        page: String::new(),
    }
}

async fn revoked_key(owner: &Caller) -> Caller {
    let key = owner.api_key(json!({"name": "Revoked"})).await;
    owner
        .delete(&format!("/api/v1/apikeys/{}", key.text("id")))
        .await
        .expect(204);
    owner.with_token(&key.text("key"))
}

async fn keys(owner: &Caller) -> BTreeMap<&'static str, (Caller, Caller)> {
    let key = async |scopes: Vec<&str>| {
        let made = owner.api_key(json!({"name": "Key", "scopes": scopes})).await;
        owner.with_token(&made.text("key"))
    };
    let all = || Permission::ALL.iter().map(|permission| permission.name());
    let mut keys = BTreeMap::from([("", (key(all().collect()).await, key(Vec::new()).await))]);
    for wanted in all() {
        let others = all().filter(|name| *name != wanted).collect();
        keys.insert(wanted, (key(vec![wanted]).await, key(others).await));
    }
    keys
}

/// What the `OpenAPI` document says about permissions.
fn permissions() -> BTreeMap<(String, String), &'static str> {
    let document = local::functions::openapi();
    let mut found = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut schemes = operation["security"].as_array().into_iter().flatten();
            let named = schemes.find_map(|scheme| scheme["bearer"][0].as_str());
            let known = Permission::ALL.iter().map(|permission| permission.name());
            let known = named.map(|named| known.into_iter().find(|known| *known == named).unwrap());
            found.extend(known.map(|known| ((method.to_uppercase(), path.clone()), known)));
        }
    }
    assert!(found.len() > 20, "the document names permissions: {found:?}");
    found
}
