//! Members of organizations: roles, leaving, and handing over.

use serde_json::{Value, json};

use crate::api::orgs::{audited, join, org, team_plan};
use crate::support::{Caller, Test};

pub(crate) fn roles(members: &Value) -> Vec<(String, String, String)> {
    let of = |member: &Value, field: &str| member[field].as_str().unwrap_or_default().to_owned();
    let members = members.as_array().unwrap().iter();
    members
        .map(|member| (of(member, "email"), of(member, "role"), of(member, "status")))
        .collect()
}

pub(crate) fn row(email: &str, role: &str, status: &str) -> (String, String, String) {
    (format!("{email}@example.com"), role.to_owned(), status.to_owned())
}

#[tokio::test]
async fn roles_are_owner_admin_member_as_the_permission_table_says() {
    let t = Test::new().await;
    let (owner, admin, member) = (t.user("owner").await, t.user("admin").await, t.user("member").await);
    let path = org(&owner, "acme").await;
    team_plan(&t, &path).await;
    join(&t, &owner, &path, &admin, "admin").await;
    join(&t, &owner, &path, &member, "member").await;
    let members = format!("{path}/members");
    for reader in [&owner, &admin, &member] {
        reader.get(&path).await.ok();
        reader.get(&format!("{path}/invitations")).await.ok();
        let listed = reader.get(&members).await.ok().json();
        let expected = [
            row("member", "member", "active"),
            row("admin", "admin", "active"),
            row("owner", "owner", "active"),
        ];
        assert_eq!(roles(&listed), expected);
    }
    let of = |caller: &Caller| format!("{members}/{}", caller.id());
    let role = |role: &str| json!({ "role": role });
    let invite = |role: &str| json!({"email": "new@example.com", "role": role});
    for answer in [
        member.patch(&path, json!({"name": "Mine"})).await,
        member.post(&format!("{path}/invite"), invite("member")).await,
        member.patch(&of(&member), role("owner")).await,
        member.delete(&of(&admin)).await,
        member.delete(&path).await,
        admin.delete(&path).await,
        admin
            .post(&format!("{path}/transfer"), json!({"user_id": admin.id()}))
            .await,
    ] {
        answer.problem(403, "role_required");
    }
    for answer in [
        admin.patch(&of(&admin), role("owner")).await,
        admin.patch(&of(&member), role("owner")).await,
        admin.patch(&of(&owner), role("member")).await,
        admin.delete(&of(&owner)).await,
        admin.post(&format!("{path}/invite"), invite("owner")).await,
    ] {
        answer.problem(403, "owner_required");
    }
    admin.patch(&path, json!({"name": "Acme"})).await.ok();
    let changed = admin.patch(&of(&member), role("admin")).await.ok().json();
    assert_eq!(
        (&changed["role"], &changed["user_id"]),
        (&"admin".into(), &member.id().into())
    );
    member.patch(&path, json!({"name": "Ours"})).await.ok();
    admin.patch(&of(&member), role("member")).await.ok();
    member
        .patch(&path, json!({"name": "Mine"}))
        .await
        .problem(403, "role_required");
    owner.patch(&of(&admin), role("owner")).await.ok();
    admin.patch(&of(&owner), role("member")).await.ok();
    owner.delete(&path).await.problem(403, "role_required");
    admin.delete(&of(&member)).await.expect(204);
    member.get(&path).await.problem(404, "not_found");
    admin.delete(&of(&member)).await.problem(404, "not_found");
}

/// The API keys of the organization, as a member lists them.
async fn keys_of_acme(caller: &Caller) -> Value {
    let inside = caller.with_header("x-current-org", "acme");
    inside.get("/api/v1/apikeys").await.ok().json()
}

#[tokio::test]
async fn the_keys_of_a_member_who_left_are_revoked_and_those_of_a_new_time_are_not() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    let inside = bob.with_header("x-current-org", "acme");
    join(&t, &ada, &path, &bob, "admin").await;
    let first = inside
        .api_key(json!({"name": "First", "scopes": ["chats:read"]}))
        .await
        .text("id");
    t.advance_seconds(1);
    ada.delete(&format!("{path}/members/{}", bob.id())).await.expect(204);
    join(&t, &ada, &path, &bob, "admin").await;
    let second = inside
        .api_key(json!({"name": "Second", "scopes": ["chats:read"]}))
        .await
        .text("id");
    // The job finds Bob back.
    t.drain().await;
    let keys = keys_of_acme(&ada).await;
    let keys = keys.as_array().unwrap().iter();
    let states: Vec<_> = keys
        .map(|key| (key["id"].as_str().unwrap(), key["status"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [(&*second, "active"), (&*first, "revoked")]);
}

#[tokio::test]
async fn no_key_of_somebody_stays_who_is_removed_while_they_make_it() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "admin").await;
    let inside = bob.with_header("x-current-org", "acme");
    let makers = (0..16).map(|_| inside.post("/api/v1/apikeys", json!({"name": "Race", "scopes": ["chats:read"]})));
    let member = format!("{path}/members/{}", bob.id());
    let (made, removed) = futures::join!(futures::future::join_all(makers), ada.delete(&member));
    removed.expect(204);
    assert!(made.iter().all(|answer| [201, 404].contains(&answer.status.as_u16())));
    t.drain().await;
    let keys = keys_of_acme(&ada).await;
    let keys = keys.as_array().unwrap();
    assert!(keys.iter().all(|key| key["status"] == "revoked"), "{keys:?}");
}

#[tokio::test]
async fn keys_in_organizations_that_somebody_left_lose_their_name_with_the_account() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "admin").await;
    let inside = bob.with_header("x-current-org", "acme");
    inside
        .api_key(json!({"name": "Laptop of Bob", "scopes": ["chats:read"]}))
        .await;
    ada.delete(&format!("{path}/members/{}", bob.id())).await.expect(204);
    t.drain().await;
    let listed = async || keys_of_acme(&ada).await;
    assert_eq!(listed().await[0]["name"], "Laptop of Bob");
    bob.delete("/api/v1/users/me").await.ok();
    t.drain().await;
    assert_eq!(listed().await[0]["name"], "Key of a deleted account");
}

#[tokio::test]
async fn a_removed_member_is_out_on_the_next_request_and_a_role_counts_on_it() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "member").await;
    let inside = bob.with_header("x-current-org", "acme");
    inside.post("/api/v1/chatbots", json!({"name": "Bot"})).await.created();
    ada.delete(&format!("{path}/members/{}", bob.id())).await.expect(204);
    inside.get("/api/v1/chatbots").await.problem(404, "not_found");
    let listed = bob.get("/api/v1/orgs").await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "only the personal one is left");
    assert_eq!(ada.get(&path).await.ok().json()["seats"]["used"], 1);
}

#[tokio::test]
async fn a_member_leaves_and_the_last_owner_stays() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "admin").await;
    let me = format!("{path}/members/me");
    ada.post(&format!("{path}/leave"), json!({}))
        .await
        .problem(409, "last_owner");
    ada.delete(&me).await.problem(409, "last_owner");
    ada.patch(&me, json!({"role": "admin"}))
        .await
        .problem(409, "last_owner");
    let (account, system) = (user_of(&t, &ada).await, domain::Actor::system());
    assert!(
        t.stack.app().leave_all_orgs(&account, &system).await.is_err(),
        "an account that owns something alone is not deleted"
    );
    bob.post(&format!("{path}/leave"), json!({})).await.expect(204);
    bob.get(&path).await.problem(404, "not_found");
    join(&t, &ada, &path, &bob, "owner").await;
    t.stack.app().leave_all_orgs(&account, &system).await.unwrap();
    ada.get(&path).await.problem(404, "not_found");
    assert_eq!(bob.get(&path).await.ok().json()["seats"]["used"], 1);
    bob.post(&format!("{path}/leave"), json!({}))
        .await
        .problem(409, "last_owner");
}

/// The account of a caller, as the product has it.
async fn user_of(t: &Test, caller: &Caller) -> domain::User {
    let token = domain::Secret::new(caller.token.clone());
    t.stack.app().authenticate(&token).await.unwrap().user
}

#[tokio::test]
async fn the_ownership_is_handed_over_in_one_step() {
    let t = Test::new().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "member").await;
    let transfer = format!("{path}/transfer");
    ada.post(&transfer, json!({"user_id": eve.id()}))
        .await
        .problem(404, "not_found");
    let answer = ada.post(&transfer, json!({"user_id": bob.id()})).await.ok().json();
    assert_eq!(answer["role"], "admin");
    assert_eq!(ada.get(&path).await.ok().json(), answer);
    assert_eq!(bob.get(&path).await.ok().text("role"), "owner");
    ada.post(&transfer, json!({"user_id": bob.id()}))
        .await
        .problem(403, "role_required");
    bob.post(&format!("{path}/leave"), json!({}))
        .await
        .problem(409, "last_owner");
    bob.patch(&format!("{path}/members/{}", ada.id()), json!({"role": "owner"}))
        .await
        .ok();
    bob.post(&transfer, json!({"user_id": ada.id()}))
        .await
        .problem(409, "already_owner");
    bob.post(&format!("{path}/leave"), json!({})).await.expect(204);
}

#[tokio::test]
async fn members_are_paged_newest_first_with_the_invited_ones_among_them() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    team_plan(&t, &path).await;
    t.advance_seconds(1);
    join(&t, &ada, &path, &bob, "admin").await;
    let mut expected = vec![row("ada", "owner", "active"), row("bob", "admin", "active")];
    for name in ["c", "d", "e"] {
        t.advance_seconds(1);
        let invite = json!({"email": format!("{name}@example.com")});
        ada.post(&format!("{path}/invite"), invite).await.created();
        expected.push(row(name, "member", "invited"));
    }
    expected.reverse();
    for limit in [1, 2, 4, 5, 100] {
        let (mut next, mut pages) = (format!("{path}/members?limit={limit}"), Vec::new());
        while !next.is_empty() {
            let page = ada.get(&next).await.ok();
            pages.extend(roles(&page.json()));
            next = page.next().unwrap_or_default();
        }
        assert_eq!(pages, expected, "in pages of {limit}");
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_without_names_and_addresses() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    ada.patch(&path, json!({"name": "Marker Ltd", "slug": "marker"}))
        .await
        .ok();
    join(&t, &ada, &path, &bob, "member").await;
    let member = format!("{path}/members/{}", bob.id());
    ada.patch(&member, json!({"role": "admin"})).await.ok();
    ada.patch(&member, json!({"role": "admin"})).await.ok();
    ada.post(&format!("{path}/transfer"), json!({"user_id": bob.id()}))
        .await
        .ok();
    bob.delete(&format!("{path}/members/{}", ada.id())).await.expect(204);
    let invite = json!({"email": "eve@example.com"});
    let invited = bob
        .post(&format!("{path}/invite"), invite.clone())
        .await
        .created()
        .text("id");
    bob.post(&format!("{path}/invite"), invite).await.created();
    bob.delete(&format!("{path}/invitations/{invited}")).await.expect(204);
    bob.delete(&path).await.expect(204);
    let (actions, log) = audited(&t, &path).await;
    let expected = [
        "org.created",
        "org.updated",
        "member.invited",
        "member.joined",
        "member.role_changed",
        "org.transferred",
        "member.removed",
        "member.invited",
        "invitation.renewed",
        "invitation.revoked",
        "org.deleted",
    ];
    assert_eq!(actions, expected);
    assert!(log.contains(ada.id()) && log.contains(bob.id()));
    for personal in ["example.com", "Marker", "marker", "acme", "inv_"] {
        assert!(!log.contains(personal), "{personal} is in the audit log");
    }
}
