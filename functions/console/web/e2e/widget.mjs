// The widget on a customer's page, which is another origin than the API.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Person, shoot, violations } from "./support.mjs";

const HANDBOOK = "The Meridian lamp has a warranty of three years. Returns are free within 30 days.\n";

/** A page of a customer, strict about scripts, that says how it was asked for. */
async function customerPage(html) {
  const server = createServer((request, response) => {
    const dir = new URL(request.url, "http://x").searchParams.get("dir") ?? "ltr";
    const lang = dir === "rtl" ? "ar" : "en";
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><html lang="${lang}" dir="${dir}"><head><title>Lamps</title><meta name="viewport" content="width=device-width">
      <style>* { color: red !important; font-size: 40px !important }</style></head><body><main><h1>Lamps</h1><p>${request.url}</p></main>${html}</body></html>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: server.address().port };
}

const inChat = (page) => page.locator("parlance-chat");

async function open(page, url) {
  await page.goto(url);
  await inChat(page).getByRole("button", { name: "Open chat" }).click();
}

export const tests = {
  async "a published chatbot with a website is ready"(t) {
    const { ada, url } = t;
    await ada.signUp("Widget owner");
    const document = await ada.upload("handbook.txt", HANDBOOK);
    const hostile = await ada.upload("hostile.txt", "The hostile lamp says <img src=x onerror=\"executed('document')\"> and [click](javascript:executed('link')) today.\n");
    const chatbot = await ada.api("POST", "/chatbots", {
      name: "<img src=x onerror=\"executed('name')\">Lamp help", documents: [document.id, hostile.id],
      settings: { suggested_questions: ["How long is the warranty?"], welcome_message: "Hello! Ask me about **lamps**." },
    });
    await ada.api("POST", `/chatbots/${chatbot.id}/publish`);
    t.site = await customerPage(`<script src="${url}/widget.js" data-chatbot="${chatbot.id}" async></script>`);
    await ada.api("POST", "/integrations/website", { name: "Shop", chatbot_id: chatbot.id, config: { allowed_origins: [`http://localhost:${t.site.port}`], lead_form: true, handover: true } });
    t.visitor = await Person.create(t.browser, url);
  },

  async "a visitor gets a streamed answer, and its citation shows what it quotes"({ visitor, site }) {
    const { page } = visitor;
    await open(page, `http://localhost:${site.port}/first`);
    const chat = inChat(page);
    await chat.getByRole("button", { name: "How long is the warranty?" }).click();
    await chat.getByText("three years").first().waitFor();
    await chat.getByRole("button", { name: /^Source 1: handbook/ }).click();
    await chat.locator(".excerpt").getByText("three years").waitFor();
    await chat.getByRole("button", { name: "Helpful", exact: true }).click();
    await chat.getByText("Thank you.").waitFor();
    // The page's own rules do not reach the widget.
    assert.equal(await chat.getByRole("heading", { level: 2 }).evaluate((element) => getComputedStyle(element).fontSize), "16px");
  },

  async "the conversation is there on the next page, and can be begun anew"({ visitor, site }) {
    const { page } = visitor;
    await page.goto(`http://localhost:${site.port}/second`);
    const chat = inChat(page);
    await chat.getByText("three years").first().waitFor();
    await chat.getByRole("button", { name: "New conversation" }).click();
    await chat.getByText("three years").first().waitFor({ state: "hidden" });
    assert.equal(await chat.locator(".user").count(), 0);
  },

  async "it works by keyboard: open, ask, close"({ visitor, site }) {
    const { page } = visitor;
    await page.evaluate(() => localStorage.clear());
    await page.goto(`http://localhost:${site.port}/keys`);
    const chat = inChat(page);
    await chat.getByRole("button", { name: "Open chat" }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.type("Are returns free?");
    await page.keyboard.press("Enter");
    await chat.getByText("30 days").first().waitFor();
    await page.keyboard.press("Escape");
    await chat.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.querySelector("parlance-chat").shadowRoot.activeElement.getAttribute("aria-label")), "Open chat");
  },

  async "scripts in names, documents and messages are text"({ visitor, site }) {
    const { page } = visitor;
    await open(page, `http://localhost:${site.port}/hostile`);
    const chat = inChat(page);
    const box = chat.getByLabel("Your message");
    for (const text of ["What does the hostile lamp say?", "<img src=x onerror=\"executed('message')\">", "[a](javascript:executed('markdown')) ![b](https://example.com/x.png)"]) {
      await box.fill(text);
      await box.press("Enter");
      await chat.getByRole("button", { name: "Send" }).waitFor();
      await chat.locator(".log:not([aria-busy])").waitFor();
    }
    const found = await page.evaluate(() => {
      const root = document.querySelector("parlance-chat").shadowRoot;
      return { images: root.querySelectorAll("img, script, iframe, [onerror]").length, links: [...root.querySelectorAll("a")].map((link) => link.protocol) };
    });
    assert.equal(found.images, 0);
    assert.ok(found.links.every((protocol) => ["http:", "https:", "mailto:"].includes(protocol)), found.links.join());
    assert.deepEqual(visitor.executed, []);
  },

  async "a page of another origin gets no widget"({ browser, url, site }) {
    const stranger = await Person.create(browser, url);
    // The browser keeps the refusal from the page, as from this test: it has no header that lets the page read it.
    const refused = stranger.page.waitForEvent("requestfailed", (request) => request.url().includes("widget-config"));
    // The widget tells whoever builds the page when it has given up.
    const told = stranger.page.waitForEvent("console", (message) => message.text().startsWith("Parlance:"));
    await stranger.page.goto(`http://127.0.0.1:${site.port}/`);
    await refused;
    await told;
    assert.equal(await stranger.page.locator("parlance-chat").count(), 0);
    await stranger.context.close();
  },

  async "axe finds nothing serious in it, light, dark, narrow and right to left"({ browser, url, site, shots }) {
    const variants = {
      light: {}, dark: { colorScheme: "dark" }, narrow: { viewport: { width: 375, height: 700 } }, "right-to-left": { locale: "ar" },
    };
    const found = [];
    for (const [name, options] of Object.entries(variants)) {
      const person = await Person.create(browser, url, options);
      const { page } = person;
      await page.goto(`http://localhost:${site.port}/?dir=${name === "right-to-left" ? "rtl" : "ltr"}`);
      await inChat(page).locator(".launcher").click();
      await inChat(page).locator(".chip").first().click();
      await inChat(page).locator(".cite").first().click();
      await inChat(page).locator("footer button").first().click();
      found.push(...(await violations(page)).filter((each) => each.includes("parlance-chat")).map((each) => `${name}: ${each}`));
      if (shots) await shoot(page, shots, `widget-${name}`);
      await person.context.close();
    }
    assert.deepEqual(found, []);
  },

  async "nothing failed in the visitor's browser"({ visitor, site }) {
    assert.deepEqual(visitor.problems, []);
    assert.deepEqual(visitor.executed, []);
    await visitor.context.close();
    site.server.close();
  },
};
