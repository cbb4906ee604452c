//! Organizations and their members.

pub(crate) mod abuse;
pub(crate) mod invitations;
pub(crate) mod members;
pub(crate) mod org_races;
pub(crate) mod plan_limits;

use serde_json::{Value, json};

use crate::api::orgs::members::{roles, row};
use crate::support::{Caller, Test};

/// A new organization of `owner`; answers its path.
pub(crate) async fn org(owner: &Caller, slug: &str) -> String {
    let new = json!({"name": slug, "slug": slug});
    let id = owner.post("/api/v1/orgs", new).await.created().text("id");
    format!("/api/v1/orgs/{id}")
}

/// `caller` gets a place in the organization by invitation.
pub(crate) async fn join(t: &Test, owner: &Caller, org: &str, caller: &Caller, role: &str) {
    let email = caller.account["email"].as_str().unwrap();
    let invitation = json!({"email": email, "role": role});
    owner.post(&format!("{org}/invite"), invitation).await.created();
    let token = t.invitation_token(email).await;
    caller
        .post("/api/v1/invitations/accept", json!({ "token": token }))
        .await
        .ok();
}

/// Makes the plan of an organization a larger one, as billing will.
pub(crate) async fn team_plan(t: &Test, org: &str) {
    let id = org.rsplit('/').next().unwrap();
    t.set_plan(id, "TEAM").await;
}

/// The actions in the audit log of an organization, in their order, and the whole log as text.
pub(crate) async fn audited(t: &Test, org: &str) -> (Vec<String>, String) {
    let id = org.rsplit('/').next().unwrap();
    let log = t.items("parlance-audit").await.into_iter();
    let log: Vec<String> = log
        .filter(|((pk, _), _)| pk.contains(id))
        .map(|(_, item)| item.replace('\\', ""))
        .collect();
    let action = |item: &String| {
        item.split("\"action\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    (log.iter().map(action).collect(), log.concat())
}

#[tokio::test]
async fn an_organization_is_created_read_changed_and_deleted() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let surface = "/api/v1";
    for zone in ["time_zone", "timeZone"] {
        let made = ada
            .post(
                &format!("{surface}/orgs"),
                json!({"name": " My Company ", "slug": "my-company"}),
            )
            .await
            .created();
        let org = made.json();
        assert_eq!(
            (&org["name"], &org["slug"], &org["role"], &org["plan"], &org["personal"]),
            (
                &"My Company".into(),
                &"my-company".into(),
                &"owner".into(),
                &"FREE".into(),
                &false.into()
            )
        );
        assert_eq!(org["seats"], json!({"used": 1, "limit": 3}));
        for name in [made.text("id"), "my-company".to_owned(), made.text("id").to_uppercase()] {
            let path = format!("{surface}/orgs/{name}");
            assert_eq!(ada.get(&path).await.ok().json(), org, "{path}");
        }
        let path = format!("{surface}/orgs/my-company");
        let change = json!({"name": "Better", "slug": "better", zone: "europe/berlin"});
        let changed = ada.patch(&path, change).await.ok().json();
        assert_eq!(
            (
                &changed["name"],
                &changed["slug"],
                &changed["time_zone"],
                &changed["id"]
            ),
            (&"Better".into(), &"better".into(), &"Europe/Berlin".into(), &org["id"])
        );
        ada.get(&path).await.problem(404, "not_found");
        let path = format!("{surface}/orgs/better");
        assert_eq!(
            ada.patch(&path, json!({})).await.ok().json(),
            changed,
            "nothing to change"
        );
        ada.delete(&path).await.expect(204);
        for path in [path, format!("{surface}/orgs/{}", made.text("id"))] {
            ada.get(&path).await.problem(404, "not_found");
            ada.delete(&path).await.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_slug_is_unique_and_made_of_the_name_when_left_out() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let first = ada.post("/api/v1/orgs", json!({"name": "Müller & Co"})).await.created();
    assert_eq!(first.text("slug"), "muller-co");
    let second = eve.post("/api/v1/orgs", json!({"name": "Muller Co"})).await.created();
    assert!(second.text("slug").starts_with("muller-co-"), "{}", second.text("slug"));
    let taken = json!({"name": "Mine", "slug": "muller-co"});
    eve.post("/api/v1/orgs", taken.clone()).await.problem(409, "slug_taken");
    let path = format!("/api/v1/orgs/{}", second.text("id"));
    eve.patch(&path, taken).await.problem(409, "slug_taken");
    assert_eq!(
        eve.get(&path).await.ok().json(),
        second.json(),
        "all of the change or nothing"
    );
    ada.patch(
        &format!("/api/v1/orgs/{}", first.text("id")),
        json!({"slug": "elsewhere"}),
    )
    .await
    .ok();
    eve.patch(&path, json!({"slug": "muller-co"})).await.ok();
    ada.get("/api/v1/orgs/muller-co").await.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_no_organization_is_refused_with_pointers() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let create = |body| async { ada.post("/api/v1/orgs", body).await };
    assert_eq!(create(json!({})).await.invalid(), ["/name"]);
    assert_eq!(create(json!({"name": " "})).await.invalid(), ["/name"]);
    assert_eq!(create(json!({"name": "x".repeat(101)})).await.invalid(), ["/name"]);
    let both = create(json!({"name": "x", "slug": "No Slug", "timeZone": "Mars/Olympus"})).await;
    assert_eq!(both.invalid(), ["/slug", "/timeZone"]);
    let id = json!({"name": "x", "slug": "01890a5d-ac96-774b-bcce-b302099a8057"});
    assert_eq!(create(id).await.invalid(), ["/slug"]);
    let path = org(&ada, "acme").await;
    assert_eq!(
        ada.patch(&path, json!({"time_zone": "+02:00"})).await.invalid(),
        ["/time_zone"]
    );
    let role = ada.patch(&format!("{path}/members/me"), json!({"role": "king"})).await;
    assert_eq!(role.invalid(), ["/role"]);
    let self_transfer = ada
        .post(&format!("{path}/transfer"), json!({"user_id": ada.id()}))
        .await;
    assert_eq!(self_transfer.invalid(), ["/user_id"]);
}

#[tokio::test]
async fn fields_that_are_not_the_callers_to_set_are_ignored() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let protected = json!({
        "name": "Acme", "slug": "acme", "id": "x", "org_id": "x", "plan": "TEAM", "personal": true, "owners": 9,
        "seats": 0, "role": "member", "deleted_at": "2020-01-01T00:00:00Z", "created_at": "2020-01-01T00:00:00Z",
    });
    let made = ada.post("/api/v1/orgs", protected.clone()).await.created().json();
    let plain = |org: &Value| {
        let fields = ["id", "plan", "personal", "role", "seats", "created_at"];
        fields.map(|field| org[field].clone())
    };
    assert_eq!(made["plan"], "FREE");
    assert_eq!(made["role"], "owner");
    let path = format!("/api/v1/orgs/{}", made["id"].as_str().unwrap());
    let changed = ada.patch(&path, protected).await.ok().json();
    assert_eq!(plain(&changed), plain(&made));
}

#[tokio::test]
async fn the_own_organizations_are_listed_newest_first_with_the_callers_role() {
    let t = Test::new().await;
    let (bob, ada) = (t.user("bob").await, t.user("ada").await);
    let oldest = org(&bob, "oldest").await;
    let ada_later = t.user("ada2").await;
    for slug in ["one", "two", "three"] {
        org(&ada_later, slug).await;
    }
    join(&t, &bob, &oldest, &ada_later, "admin").await;
    let listed = ada_later.get("/api/v1/orgs").await.ok().json();
    let of = |listed: &Value| -> Vec<(String, String)> {
        let orgs = listed.as_array().unwrap().iter();
        orgs.map(|org| {
            let text = |field: &str| org[field].as_str().unwrap().to_owned();
            (text("slug"), text("role"))
        })
        .collect()
    };
    let row = |slug: &str, role: &str| (slug.to_owned(), role.to_owned());
    let expected = [
        row("three", "owner"),
        row("two", "owner"),
        row("one", "owner"),
        row(ada_later.org(), "owner"),
        row("oldest", "admin"),
    ];
    assert_eq!(of(&listed), expected);
    for limit in 1..=5 {
        let (mut path, mut pages) = (format!("/api/v1/orgs?limit={limit}"), Vec::new());
        while !path.is_empty() {
            let page = ada_later.get(&path).await.ok();
            assert!(page.json().as_array().unwrap().len() <= limit);
            pages.extend(of(&page.json()));
            path = page.next().unwrap_or_default();
        }
        assert_eq!(pages, expected, "in pages of {limit}");
    }
    let alone = ada.get("/api/v1/orgs").await.ok().json();
    assert_eq!(of(&alone), [row(ada.org(), "owner")]);
    let stale = ada.with_header("x-current-org", "no-such-org");
    assert_eq!(
        stale.get("/api/v1/orgs").await.ok().json(),
        alone,
        "the way back from a deleted one"
    );
}

#[tokio::test]
async fn the_path_decides_on_the_organization_and_not_the_header() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (one, two) = (org(&ada, "one").await, org(&ada, "two").await);
    for header in ["two", "no-such-org", ada.org()] {
        let named = ada.with_header("x-current-org", header).get(&one).await.ok();
        assert_eq!(named.text("slug"), "one");
    }
    assert_eq!(ada.get(&two).await.ok().text("slug"), "two");
}

#[tokio::test]
async fn an_organization_of_others_is_not_found_whatever_is_asked() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let path = org(&ada, "acme").await;
    let invite = json!({"email": "bob@example.com"});
    let invitation = ada
        .post(&format!("{path}/invite"), invite.clone())
        .await
        .created()
        .text("id");
    let before = (t.items("parlance-identity").await, t.items("parlance-audit").await);
    for org in [path, "/api/v1/orgs/acme".to_owned()] {
        let member = format!("{org}/members/{}", ada.id());
        let sent = format!("{org}/invitations/{invitation}");
        for answer in [
            eve.get(&org).await,
            eve.patch(&org, json!({"name": "Mine"})).await,
            eve.delete(&org).await,
            eve.get(&format!("{org}/members")).await,
            eve.patch(&member, json!({"role": "member"})).await,
            eve.delete(&member).await,
            eve.post(&format!("{org}/leave"), json!({})).await,
            eve.post(&format!("{org}/transfer"), json!({"user_id": eve.id()})).await,
            eve.post(&format!("{org}/invite"), invite.clone()).await,
            eve.get(&format!("{org}/invitations")).await,
            eve.post(&format!("{sent}/resend"), json!({})).await,
            eve.delete(&sent).await,
        ] {
            answer.problem(404, "not_found");
        }
    }
    let after = (t.items("parlance-identity").await, t.items("parlance-audit").await);
    assert!(after == before, "nothing was written");
    let own = org(&eve, "own").await;
    eve.post(&format!("{own}/invitations/{invitation}/resend"), json!({}))
        .await
        .problem(404, "not_found");
    eve.delete(&format!("{own}/invitations/{invitation}"))
        .await
        .problem(404, "not_found");
    eve.delete(&format!("{own}/members/{}", ada.id()))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_deleted_organization_is_gone_for_everybody_at_once_and_its_removal_is_promised() {
    let t = Test::new().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "admin").await;
    ada.post(&format!("{path}/invite"), json!({"email": "eve@example.com"}))
        .await
        .created();
    let token = t.invitation_token("eve@example.com").await;
    let inside = bob.with_header("x-current-org", "acme");
    inside.get("/api/v1/documents").await.ok();
    // Without its queue the removal stays promised until the relay comes.
    let purge = t.sqs().delete_queue().queue_url(t.queue_url("purge"));
    purge.send().await.unwrap();
    ada.delete(&path).await.expect(204);
    for caller in [&ada, &bob] {
        caller.get(&path).await.problem(404, "not_found");
        let listed = caller.get("/api/v1/orgs").await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), 1);
    }
    inside.get("/api/v1/documents").await.problem(404, "not_found");
    assert_eq!(eve.get("/api/v1/invitations").await.ok().json(), json!([]));
    eve.post("/api/v1/invitations/accept", json!({ "token": token }))
        .await
        .problem(404, "not_found");
    let id = path.rsplit('/').next().unwrap();
    let promised = t.items("parlance-app").await.into_keys();
    let promised: Vec<_> = promised.filter(|(pk, _)| pk == "PURGE").collect();
    assert_eq!(
        promised.iter().map(|(_, sk)| sk.as_str()).collect::<Vec<_>>(),
        [format!("org.{id}")]
    );
    org(&eve, "acme").await;
    bob.with_header("x-current-org", "acme")
        .get("/api/v1/documents")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_personal_organization_is_one_persons_for_as_long_as_the_account() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = format!("/api/v1/orgs/{}", ada.org());
    let personal = ada.get(&path).await.ok().json();
    assert_eq!(
        (&personal["personal"], &personal["role"]),
        (&true.into(), &"owner".into())
    );
    assert_eq!(personal["seats"], json!({"used": 1, "limit": 3}));
    ada.delete(&path).await.problem(409, "personal_org");
    ada.post(&format!("{path}/leave"), json!({}))
        .await
        .problem(409, "personal_org");
    let invite = json!({"email": "bob@example.com"});
    ada.post(&format!("{path}/invite"), invite)
        .await
        .problem(409, "personal_org");
    ada.post(&format!("{path}/transfer"), json!({"user_id": bob.id()}))
        .await
        .problem(409, "personal_org");
    ada.patch(&path, json!({"slug": "ada-lovelace"}))
        .await
        .problem(409, "personal_org");
    let me = format!("{path}/members/me");
    ada.patch(&me, json!({"role": "member"}))
        .await
        .problem(409, "personal_org");
    ada.delete(&me).await.problem(409, "personal_org");
    let change = json!({"name": "Study", "time_zone": "Europe/London"});
    let changed = ada.patch(&path, change).await.ok().json();
    assert_eq!(
        (&changed["name"], &changed["time_zone"]),
        (&"Study".into(), &"Europe/London".into())
    );
    assert_eq!(
        roles(&ada.get(&format!("{path}/members")).await.ok().json()),
        [row("ada", "owner", "active")]
    );
}
