// Scripts and Markdown in everything that people and documents can write: nothing is executed, nothing is loaded.
import assert from "node:assert/strict";

const IMAGE = (name) => `<img src=x onerror="executed('${name}')">`;
const MARKDOWN = "[link](javascript:executed('link')) ![image](https://tracker.invalid/pixel.png) <script>executed('script')</script> [data](data:text/html,<script>executed('data')</script>)";

/** What would be an execution: elements that no view creates, listeners in attributes, and addresses that run. */
async function traces(page) {
  return page.evaluate(() => [
    ...[...document.querySelectorAll("#app iframe, #app object, #app embed, #app script, #app svg script, #app [srcdoc], #app base, #app form[action]")].map((element) => element.outerHTML),
    ...[...document.querySelectorAll("#app img")].filter((image) => new URL(image.src).origin !== location.origin || image.src.endsWith("/x")).map((image) => image.outerHTML),
    ...[...document.querySelectorAll("#app *")].filter((element) => [...element.attributes].some((attribute) => attribute.name.startsWith("on"))).map((element) => element.outerHTML),
    ...[...document.querySelectorAll("#app a[href]")].filter((link) => !["http:", "https:", "mailto:", "blob:"].includes(link.protocol)).map((link) => link.outerHTML),
  ]);
}

export const tests = {
  async "names, documents, messages, prompts and results are text in every view"(t) {
    const { ada } = t;
    const { page } = ada;
    const foreign = [];
    page.on("request", (request) => {
      if (!/^(https?:\/\/(localhost|127\.0\.0\.1)|data:|blob:)/.test(request.url())) foreign.push(request.url());
    });
    await ada.signUp(`${IMAGE("person").slice(0, 80)}`);
    const org = await ada.api("POST", "/orgs", { name: IMAGE("org") });
    await page.evaluate((id) => localStorage.setItem("parlance.org", id), org.id);
    const document = await ada.upload("hostile.md", `# ${IMAGE("heading")}\n\nThe hostile lamp says ${IMAGE("document")} and ${MARKDOWN} today.\n`);
    await ada.api("PATCH", `/documents/${document.id}`, { name: IMAGE("file"), description: MARKDOWN, tags: ["<b>tag</b>"] });
    const chatbot = await ada.api("POST", "/chatbots", {
      name: IMAGE("bot"), description: MARKDOWN, documents: [document.id],
      settings: {
        welcome_message: MARKDOWN, suggested_questions: [IMAGE("suggestion")], refusal_text: `${IMAGE("refusal")} ${MARKDOWN}`,
        fixed_answers: [{ question: "attack", answer: `${IMAGE("fixed")} ${MARKDOWN}\n\n| a | b |\n|---|---|\n| ${IMAGE("cell")} | ${MARKDOWN} |\n\n\`\`\`html\n${IMAGE("code")}\n\`\`\`` }],
      },
    });
    const session = await ada.api("POST", "/chat/sessions", { chatbot_id: chatbot.id, title: IMAGE("title") });
    for (const content of ["What does the hostile lamp say?", `${IMAGE("message")} ${MARKDOWN}`, "attack"]) {
      await ada.api("POST", `/chat/sessions/${session.id}/messages`, { content, generate: true });
    }
    const prompt = await ada.api("POST", "/user_prompts", { name: IMAGE("prompt"), prompt_text: `${IMAGE("text")} ${MARKDOWN} {{a}}` });
    const source = await page.evaluate(async (cell) => {
      const { access } = JSON.parse(localStorage.getItem("parlance.session"));
      const form = new FormData();
      form.append("file", new File([`city,amount\n"${cell.replaceAll('"', '""')}",3\nBerlin,4\n`], "sales.csv"));
      form.append("name", cell);
      const response = await fetch("/api/v1/data_sources", { method: "POST", headers: { authorization: `Bearer ${access}`, "x-current-org": localStorage.getItem("parlance.org") }, body: form });
      return response.json();
    }, IMAGE("cell"));
    await ada.go(`/data/sources/${source.id}`);
    await page.getByText("Ready").waitFor({ timeout: 20_000 }).catch(() => undefined);
    await ada.api("POST", "/apikeys", { name: IMAGE("key") });
    const query = await ada.api("POST", "/query", { sql: "SELECT city, amount FROM sales", data_source_id: source.id });
    const views = [
      "/", "/documents", `/documents/${document.id}`, "/chatbots", `/chatbots/${chatbot.id}`, `/chatbots/${chatbot.id}/documents`, `/chatbots/${chatbot.id}/website`, `/chats?chatbot=${chatbot.id}`,
      `/chats/${session.id}`, "/data", `/data/queries/${query.query_id}`, `/data/sources/${source.id}`, "/prompts", `/prompts/${prompt.prompt_id}`, "/api-keys", "/members", "/audit", "/organization", "/profile",
    ];
    const found = [];
    for (const view of views) {
      await ada.go(view);
      await page.locator("h1").first().waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "hidden" });
      found.push(...(await traces(page)).map((each) => `${view}: ${each}`));
    }
    await page.goto(`${ada.url}/data/queries/${query.query_id}`);
    await page.getByRole("button", { name: "Ask again" }).click();
    await page.getByRole("region", { name: "Result" }).first().getByText("<img").first().waitFor();
    found.push(...(await traces(page)));
    assert.deepEqual(found, []);
    assert.deepEqual(ada.executed, []);
    assert.deepEqual(foreign, []);
    assert.deepEqual(ada.problems, []);
    return `${views.length} views, 0 executions, 0 foreign requests`;
  },

  async "after signing in, an address leads to this application only"({ browser, url, ada }) {
    const { Person } = await import("./support.mjs");
    for (const next of ["https://evil.example/", "//evil.example/", "javascript:executed('next')", "/\\evil.example/"]) {
      const person = await Person.create(browser, url);
      await person.go(`/sign-in?next=${encodeURIComponent(next)}`);
      await person.page.getByLabel("Email address").fill(ada.email);
      await person.page.getByLabel("Password").fill("correct horse battery");
      await person.page.getByRole("button", { name: "Sign in" }).click();
      await person.page.getByRole("navigation", { name: "Main navigation" }).waitFor();
      assert.equal(new URL(person.page.url()).origin, new URL(url).origin);
      assert.deepEqual(person.executed, []);
      await person.context.close();
    }
  },
};
