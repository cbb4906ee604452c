//! Permissions of members and API keys: one table, with the least privileged role that has each.
//!
//! The names are also the scopes of API keys. An operation names its permission in its handler's signature
//! (`http_api::May<WriteDocuments>`), so that this table is the only place where roles are compared.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::OrgRole;

/// A permission as a type, for use in a signature.
pub trait Grant: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $role:ident;)*) => {
        /// A permission.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// All permissions.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as in an API key's `scopes`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The least privileged role that has it.
            pub const fn role(self) -> OrgRole {
                match self {
                    $(Self::$name => OrgRole::$role,)*
                }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl Grant for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )*
    };
}

permissions! {
    /// View one's own account, settings and quota.
    ReadAccount = "account:read", Member;
    /// Change one's own name, settings and quota. This requires a person: keys are rejected even with this scope.
    WriteAccount = "account:write", Member;
    /// View the organization.
    ReadOrg = "org:read", Member;
    /// Change the organization.
    WriteOrg = "org:write", Admin;
    /// Delete the organization, or transfer its ownership.
    OwnOrg = "org:own", Owner;
    /// View the members of the organization.
    ReadMembers = "members:read", Member;
    /// Invite and remove members, and change their roles.
    WriteMembers = "members:write", Admin;
    /// View API keys, never their secrets.
    ReadKeys = "keys:read", Member;
    /// Create, change and revoke API keys.
    WriteKeys = "keys:write", Admin;
    /// View documents.
    ReadDocuments = "documents:read", Member;
    /// Upload documents; change and delete one's own.
    WriteDocuments = "documents:write", Member;
    /// View chatbots.
    ReadChatbots = "chatbots:read", Member;
    /// Create chatbots; change and delete one's own.
    WriteChatbots = "chatbots:write", Member;
    /// View integrations, never their secrets.
    ReadIntegrations = "integrations:read", Member;
    /// Create integrations; change and delete one's own.
    WriteIntegrations = "integrations:write", Member;
    /// Read one's own conversations.
    ReadChats = "chats:read", Member;
    /// Hold conversations.
    WriteChats = "chats:write", Member;
    /// View the platform's prompts, prompts shared by members, and one's own.
    ReadPrompts = "prompts:read", Member;
    /// Create prompts; change, share and delete one's own.
    WritePrompts = "prompts:write", Member;
    /// View data sources and their tables.
    ReadDataSources = "data_sources:read", Member;
    /// Query data sources, and read one's own history.
    QueryDataSources = "data_sources:query", Member;
    /// Create, change and delete data sources, which all members can query.
    WriteDataSources = "data_sources:write", Admin;
    /// Read the audit log.
    ReadAudit = "audit:read", Member;
    /// Read all entries of the organization's audit log.
    ReadOrgAudit = "audit:org", Admin;
    /// Add one's own entries to the audit log.
    WriteAudit = "audit:write", Member;
    /// View the model usage of all members of the organization.
    ReadOrgUsage = "usage:org", Admin;
    /// Change the organization's plan, and open the pages on which it pays.
    WriteBilling = "billing:write", Admin;
    /// View webhooks, never their secrets, and the log of their deliveries.
    ReadWebhooks = "webhooks:read", Admin;
    /// Create, change, test, replay and delete webhooks.
    WriteWebhooks = "webhooks:write", Admin;
}

impl Permission {
    /// Returns whether `role` has this permission.
    pub fn is_granted_to(self, role: OrgRole) -> bool {
        role >= self.role()
    }

    /// Returns whether an API key with this scope needs a user with a verified address, because it reaches beyond the
    /// content that every member works with.
    pub fn needs_verified_address(self) -> bool {
        self.role() > OrgRole::Member || self == Self::WriteAccount
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_is_the_reviewed_one() {
        let of = |role| {
            let granted = Permission::ALL
                .iter()
                .filter(|permission| permission.is_granted_to(role));
            granted.map(|permission| permission.name()).collect::<Vec<_>>()
        };
        let member = [
            "account:read",
            "account:write",
            "org:read",
            "members:read",
            "keys:read",
            "documents:read",
            "documents:write",
            "chatbots:read",
            "chatbots:write",
            "integrations:read",
            "integrations:write",
            "chats:read",
            "chats:write",
            "prompts:read",
            "prompts:write",
            "data_sources:read",
            "data_sources:query",
            "audit:read",
            "audit:write",
        ];
        assert_eq!(of(OrgRole::Member), member);
        let more = |role| {
            let less: &[&str] = if role == OrgRole::Admin {
                &member
            } else {
                &of(OrgRole::Admin)
            };
            of(role)
                .into_iter()
                .filter(|name| !less.contains(name))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            more(OrgRole::Admin),
            [
                "org:write",
                "members:write",
                "keys:write",
                "data_sources:write",
                "audit:org",
                "usage:org",
                "billing:write",
                "webhooks:read",
                "webhooks:write"
            ]
        );
        assert_eq!(more(OrgRole::Owner), ["org:own"]);
    }

    #[test]
    fn a_permission_is_read_and_written_by_its_name() {
        for permission in Permission::ALL {
            let text = serde_json::to_string(permission).unwrap_or_default();
            assert_eq!(text, format!("{:?}", permission.name()));
            assert_eq!(serde_json::from_str::<Permission>(&text).ok(), Some(*permission));
        }
    }

    #[test]
    fn what_reaches_beyond_content_needs_a_verified_address() {
        let needing = Permission::ALL.iter().filter(|it| it.needs_verified_address());
        let names: Vec<_> = needing.map(|it| it.name()).collect();
        let administering = [
            "account:write",
            "org:write",
            "org:own",
            "members:write",
            "keys:write",
            "data_sources:write",
        ];
        assert_eq!(
            names,
            [
                &administering[..],
                &[
                    "audit:org",
                    "usage:org",
                    "billing:write",
                    "webhooks:read",
                    "webhooks:write"
                ]
            ]
            .concat()
        );
    }
}
