import { createContext, type ComponentChildren } from "preact";
import { useContext, useMemo } from "preact/hooks";
import { api, currentOrg, ok, page, setCurrentOrg, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { ProblemError } from "../../api/problem";
import { endSession, readSession } from "../../api/session";
import { ErrorNote } from "../../ui/errors";
import { Loading } from "../../ui/page";

/** Permissions that members do not have: those of administrators, and of owners. */
const ADMIN = ["org:write", "members:write", "keys:write", "data_sources:write", "audit:org", "usage:org", "billing:write", "webhooks:read"] as const;
export type Permission = (typeof ADMIN)[number] | "org:own";

export interface Account {
  user: Api<"User">;
  orgs: Api<"OrgView">[];
  org: Api<"OrgView">;
  /** Whether the role in the organization has a permission. The API decides; this only hides what it would refuse. */
  can: (permission: Permission) => boolean;
  switchOrg: (id: string) => void;
  reload: () => Promise<void>;
}

const Context = createContext<Account | null>(null);

export function useAccount(): Account {
  const account = useContext(Context);
  if (!account) throw new Error("no account in this part of the application");
  return account;
}

async function allOrgs(): Promise<Api<"OrgView">[]> {
  const orgs: Api<"OrgView">[] = [];
  for (let cursor: string | undefined; ; ) {
    const found = await page(api.GET("/api/v1/orgs", { params: { query: { limit: 100, cursor } } }));
    orgs.push(...found.items);
    if (!found.next) return orgs;
    cursor = found.next;
  }
}

async function load(): Promise<Pick<Account, "user" | "orgs" | "org">> {
  const requests = Promise.all([ok(api.GET("/api/v1/users/me")), allOrgs()]);
  const [user, orgs] = await requests.catch((error: unknown) => {
    // The remembered organization is gone, or that of another account.
    if (!(error instanceof ProblemError) || error.status !== 404 || currentOrg() === null) throw error;
    setCurrentOrg(null);
    return Promise.all([ok(api.GET("/api/v1/users/me")), allOrgs()]);
  });
  const chosen = currentOrg();
  const org = orgs.find((each) => each.id === chosen) ?? orgs.find((each) => each.id === user.default_org_id) ?? orgs[0];
  if (!org) throw new ProblemError(404, "no_organization", "");
  setCurrentOrg(org.id);
  return { user, orgs, org };
}

/** Loads who is signed in and their organizations; the current one is remembered. */
export function AccountProvider({ children }: { children: ComponentChildren }) {
  const loaded = useLoad(load);
  const { data, set, reload } = loaded;
  const account = useMemo<Account | null>(() => data && {
    ...data,
    can: (permission) => data.org.role === "owner" || (data.org.role === "admin" && permission !== "org:own"),
    switchOrg: (id) => {
      const org = data.orgs.find((each) => each.id === id);
      if (!org) return;
      setCurrentOrg(id);
      set({ ...data, org });
    },
    reload,
  }, [data]);
  if (!account) {
    // A session whose account is gone, or that was ended elsewhere, leads to signing in.
    if (loaded.error instanceof ProblemError && loaded.error.status === 401 && readSession()) endSession();
    return <div class="content">{loaded.error !== null ? <ErrorNote error={loaded.error} retry={reload} /> : <Loading />}</div>;
  }
  // Everything below belongs to one organization: another one starts afresh.
  return <Context.Provider value={account} key={account.org.id}>{children}</Context.Provider>;
}

/** Ends the session here and at the API. */
export async function signOut(): Promise<void> {
  await api.POST("/api/v1/auth/logout").catch(() => undefined);
  setCurrentOrg(null);
  endSession();
}
