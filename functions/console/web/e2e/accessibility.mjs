// Every view, wide and narrow, light and dark: axe finds nothing serious, nothing is cut, nothing moves.
import assert from "node:assert/strict";
import { overflow, Person, shoot, violations } from "./support.mjs";
import { upgrade } from "./journey.mjs";

const HANDBOOK = `Meridian lamp: handbook

Warranty
The Meridian lamp has a warranty of three years from the day of purchase. The warranty covers the driver and the LEDs.

Returns
Returns are free within 30 days. Send the lamp in its original box.
`;

/** Views without a session. */
const OUTSIDE = {
  "sign-in": "/sign-in", "sign-up": "/sign-up", "forgot-password": "/forgot-password", "reset-password": "/reset-password?token=x",
  "invitation": "/invitations?token=x", "restore-email": "/restore-email?token=x", "verify-email": "/verify-email",
};

/** Views of a new account, which has nothing yet. */
const EMPTY = {
  "home-empty": "/", "documents-empty": "/documents", "chatbots-empty": "/chatbots", "chats-empty": "/chats", "prompts-empty": "/prompts",
  "keys-empty": "/api-keys", "integrations-empty": "/integrations", "webhooks-empty": "/webhooks", "usage-empty": "/usage", "members-personal": "/members",
};

const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 375, height: 740 } };

export const tests = {
  async "views without a session"(t) {
    const { browser, url } = t;
    const stranger = await Person.create(browser, url);
    await visit(stranger.page, url, OUTSIDE, t.shots);
    await stranger.context.close();
  },

  async "views of a new account"(t) {
    await t.ada.signUp("Ada Lovelace");
    await visit(t.ada.page, t.url, EMPTY, t.shots);
  },

  async "views of an organization in use"(t) {
    const { ada } = t;
    const views = await furnish(ada);
    await visit(ada.page, t.url, views, t.shots);
  },

  async "views of a platform admin"(t) {
    const admin = await Person.create(t.browser, t.url);
    await admin.signIn("root@example.com");
    const { default_org_id } = await admin.api("GET", "/users/me");
    await visit(admin.page, t.url, {
      "admin-users": "/admin/users", "admin-system": "/admin/system", "admin-usage": "/admin/usage", "admin-logs": "/admin/logs", "admin-org": `/admin/orgs/${default_org_id}`,
    }, t.shots);
    assert.deepEqual(admin.problems, []);
    await admin.context.close();
  },

  async "dialogs"(t) {
    const { page } = t.ada;
    const found = [];
    const dialogs = { "/chatbots": "New chatbot", "/api-keys": "New key", "/webhooks": "New webhook", "/documents": "Add web pages", "/integrations": "Website", "/prompts": "New prompt", "/members": "Invite", "/data": "New data source" };
    for (const [path, button] of Object.entries(dialogs)) {
      await t.ada.go(path);
      await page.getByRole("button", { name: button, exact: true }).first().click();
      await page.getByRole("dialog").waitFor();
      found.push(...(await violations(page)).map((each) => `${path}: ${each}`), ...(await overflow(page)).map((each) => `${path}: ${each}`));
      if (t.shots) await shoot(page, t.shots, `dialog-${path.slice(1)}`);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      // The focus returns to the button that opened the dialog.
      assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), new RegExp(button));
    }
    assert.deepEqual(found, []);
  },

  async "the menu of a narrow screen opens, closes by keyboard, and leads on"({ ada }) {
    const { page } = ada;
    await page.setViewportSize(SIZES.narrow);
    await ada.go("/documents");
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Chatbots" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Chatbots" }).waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Chatbots" }).click();
    await page.getByRole("heading", { level: 1, name: "Chatbots" }).waitFor();
    await page.setViewportSize(SIZES.wide);
  },

  async "the console is interactive within a second, and its first load is at most 120 KB"({ browser, url }) {
    const fresh = await Person.create(browser, url);
    let size = 0;
    const session = await fresh.context.newCDPSession(fresh.page);
    await session.send("Network.enable");
    session.on("Network.loadingFinished", ({ encodedDataLength }) => { size += encodedDataLength; });
    const began = performance.now();
    await fresh.go("/sign-in");
    await fresh.page.getByLabel("Email address").fill("a@example.com");
    const took = performance.now() - began;
    await fresh.context.close();
    assert.ok(size < 120 * 1024, `${size} bytes`);
    assert.ok(took < 1000, `${took} ms`);
    return `${Math.round(took)} ms, ${(size / 1024).toFixed(1)} KB`;
  },
};

/** Looks at each view in both sizes and themes. */
async function visit(page, url, views, shots) {
  const found = [];
  for (const [name, path] of Object.entries(views)) {
    await page.goto(url + path);
    await page.locator("h1").first().waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "hidden" }).catch(() => found.push(`${name}: still loads`));
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      for (const theme of ["light", "dark"]) {
        await page.evaluate((theme) => {
          document.documentElement.dataset.theme = theme;
          dispatchEvent(new Event("themechange"));
        }, theme);
        const problems = size === "wide" || theme === "light" ? await violations(page) : [];
        found.push(...[...problems, ...(await overflow(page))].map((each) => `${name} ${size} ${theme}: ${each}`));
        if (shots) await shoot(page, shots, `${name}-${size}-${theme}`);
      }
    }
    await page.evaluate(() => delete document.documentElement.dataset.theme);
  }
  await page.setViewportSize(SIZES.wide);
  assert.deepEqual([...new Set(found)], []);
}

/** Fills an organization, so that each view has something to show. Returns the views. */
async function furnish(ada) {
  const org = await ada.api("POST", "/orgs", { name: "Lamp works" });
  await ada.page.evaluate((id) => localStorage.setItem("parlance.org", id), org.id);
  await upgrade(ada, "TEAM");
  const document = await ada.upload("handbook.txt", HANDBOOK);
  await ada.upload("broken.pdf", "%PDF-1.4 broken");
  for (let number = 1; number <= 6; number += 1) await ada.upload(`report-with-a-rather-long-name-that-needs-room-${number}.txt`, `Report ${number}. Lamps sold: ${number * 7}.`);
  const chatbot = await ada.api("POST", "/chatbots", {
    name: "Help desk", description: "Answers about the Meridian lamp", documents: [document.id], settings: { suggested_questions: ["How long is the warranty?", "Are returns free?"] },
  });
  await ada.api("POST", `/chatbots/${chatbot.id}/publish`);
  const session = await ada.api("POST", "/chat/sessions", { chatbot_id: chatbot.id });
  for (const content of ["How long is the warranty?", "Are returns free?", "Who is the president of Chile?"]) {
    await ada.api("POST", `/chat/sessions/${session.id}/messages`, { content, generate: true });
  }
  const prompt = await ada.api("POST", "/user_prompts", { name: "Greeting", prompt_text: "Dear {{customer}}, welcome.", shared: true });
  await ada.api("POST", "/apikeys", { name: "Crawler" });
  const website = await ada.api("POST", "/integrations/website", { name: "Shop", chatbot_id: chatbot.id, config: { allowed_origins: ["https://www.example.com"] } });
  const slack = await ada.api("POST", "/integrations/slack", { name: "Slack", chatbot_id: chatbot.id });
  const webhook = await ada.api("POST", "/webhooks", { url: "https://hooks.example.com/parlance" });
  await ada.api("POST", `/webhooks/${webhook.id}/test`);
  const query = await ada.api("POST", "/query", { question: "How many orders are there by status?" });
  return {
    home: "/", documents: "/documents", document: `/documents/${document.id}?text=The+Meridian+lamp+has+a+warranty`, chatbots: "/chatbots", chatbot: `/chatbots/${chatbot.id}`,
    "chatbot-documents": `/chatbots/${chatbot.id}/documents`, "chatbot-unanswered": `/chatbots/${chatbot.id}/unanswered`, "chatbot-evaluate": `/chatbots/${chatbot.id}/evaluate`,
    "chatbot-website": `/chatbots/${chatbot.id}/website`, chats: "/chats", chat: `/chats/${session.id}`, data: "/data", query: `/data/queries/${query.query_id}`,
    source: "/data/sources/sample", prompts: "/prompts", prompt: `/prompts/${prompt.prompt_id}`, keys: "/api-keys", integrations: "/integrations", website: `/integrations/${website.id}`,
    slack: `/integrations/${slack.id}`, webhooks: "/webhooks", webhook: `/webhooks/${webhook.id}`, usage: "/usage", limits: "/limits", billing: "/billing",
    members: "/members", audit: "/audit", organization: "/organization", profile: "/profile", "not-found": "/nowhere",
  };
}
