// The way of a customer: from signing up to a cited answer, then keys, members, payment and data.
import assert from "node:assert/strict";
import { mailedLink, Person } from "./support.mjs";

const HANDBOOK = `Meridian lamp: handbook

Warranty
The Meridian lamp has a warranty of three years from the day of purchase.

Returns
Returns are free within 30 days.
`;

export const tests = {
  async "sign-up to a cited answer takes less than two minutes, and the citation opens its passage"({ ada }) {
    const began = Date.now();
    const { page } = ada;
    await ada.signUp("Ada");
    await page.setInputFiles("input[type=file]", { name: "handbook.txt", mimeType: "text/plain", buffer: Buffer.from(HANDBOOK) });
    await page.getByText("Ready").waitFor();
    await page.getByRole("button", { name: "Create chatbot" }).click();
    await page.getByRole("button", { name: "Open the chat" }).click();
    await page.getByLabel("Message").fill("How long is the warranty?");
    await page.getByLabel("Message").press("Enter");
    const answer = page.getByRole("article", { name: "Answer" });
    await answer.getByText("three years").waitFor();
    await answer.getByRole("link", { name: /^Source 1/ }).first().click();
    await page.getByRole("group", { name: "Cited passage" }).getByText("three years").waitFor();
    assert.match(page.url(), /\/documents\/[0-9a-f-]+\?/);
    assert.ok(Date.now() - began < 120_000);
    return `${((Date.now() - began) / 1000).toFixed(1)} s`;
  },

  async "a file that cannot be read says why, and stays in the list with the reason"({ ada }) {
    const { page } = ada;
    await ada.go("/documents");
    const drop = await page.evaluateHandle(() => {
      const files = new DataTransfer();
      files.items.add(new File(["%PDF-1.4 broken"], "broken.pdf"));
      files.items.add(new File(["MZ"], "program.exe"));
      return files;
    });
    await page.locator(".drop").dispatchEvent("drop", { dataTransfer: drop });
    await page.locator(".note.bad", { hasText: "program.exe" }).waitFor();
    const row = page.getByRole("row", { name: /broken\.pdf/ });
    await row.getByText("Failed").waitFor();
    assert.ok((await row.locator(".bad.small").textContent()).length > 10);
  },

  async "a chatbot is tested beside what it finds, before its settings are saved"({ ada }) {
    const { page } = ada;
    await ada.go("/chatbots");
    await page.getByRole("link", { name: "Help desk" }).click();
    await page.getByLabel("Refusal").fill("Ask our shop instead.");
    await page.getByLabel("Questions that the documents do not answer").selectOption("query");
    await page.getByLabel("Ask a question").fill("Who is the president of Chile?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByText("Ask our shop instead.", { exact: true }).first().waitFor();
    await page.getByLabel("Ask a question").fill("Are returns free?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("region", { name: "Answer" }).getByText("30 days").waitFor();
    await page.getByRole("region", { name: "Passages found" }).getByText("Used", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText("Published", { exact: true }).waitFor();
  },

  async "the secret of an API key is shown once, and its first request works"({ ada, url }) {
    const { page } = ada;
    await ada.go("/api-keys");
    await page.getByRole("button", { name: "New key" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Crawler");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("heading", { name: "Your new key" }).waitFor();
    const secret = await dialog.locator("code").first().textContent();
    assert.match(secret, /^pk_/);
    const request = await dialog.locator("code").nth(1).textContent();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST", headers: { authorization: /Bearer [^"]+/.exec(request)[0], "content-type": "application/json" }, body: /-d '(.*)'/.exec(request)[1],
    });
    assert.equal(response.status, 200, await response.text());
    await dialog.getByRole("button", { name: "I have stored it" }).click();
    await page.reload();
    await page.getByRole("row", { name: /Crawler/ }).waitFor();
    assert.ok(!(await page.content()).includes(secret));
  },

  async "a wrong password is said beside the form, and a weak one beside its field"({ browser, url }) {
    const eve = await Person.create(browser, url);
    await eve.go("/sign-in");
    await eve.page.getByLabel("Email address").fill("nobody@example.com");
    await eve.page.getByLabel("Password").fill("wrong password");
    await eve.page.getByRole("button", { name: "Sign in" }).click();
    await eve.page.getByRole("alert").getByText("Incorrect email address or password").waitFor();
    await eve.go("/sign-up");
    await eve.page.getByLabel("Email address").fill(eve.email);
    await eve.page.getByLabel("Password").fill("password123");
    await eve.page.getByRole("button", { name: "Create account" }).click();
    await eve.page.locator(".field .error").waitFor();
    assert.equal(await eve.page.getByLabel("Password").getAttribute("aria-invalid"), "true");
    await eve.context.close();
  },

  async "a view that needs a session leads to signing in and back"({ browser, url, ada }) {
    const again = await Person.create(browser, url);
    await again.go("/limits");
    await again.page.waitForURL(/\/sign-in\?next=%2Flimits/);
    await again.page.getByLabel("Email address").fill(ada.email);
    await again.page.getByLabel("Password").fill("correct horse battery");
    await again.page.getByRole("button", { name: "Sign in" }).click();
    await again.page.getByRole("heading", { level: 1, name: "Limits" }).waitFor();
    await again.context.close();
  },

  async "a member is invited, joins in a second profile, and sees the organization's documents"({ browser, ada, url, api }) {
    const { page } = ada;
    // Only who has confirmed the address may invite.
    const verify = await mailedLink(api, ada.email, "/verify-email");
    await ada.go(verify);
    await page.getByText("Your address is confirmed.").waitFor();
    await ada.go("/");
    await page.getByLabel("Organization", { exact: true }).selectOption("new");
    await page.getByRole("dialog").getByLabel("Name").fill("Acme");
    await page.getByRole("button", { name: "Create organization" }).click();
    await page.getByText("Acme is created.").waitFor();
    // The free plan has one seat.
    await upgrade(ada, "TEAM");
    await ada.go("/members");
    const grace = await Person.create(browser, url);
    await page.getByRole("button", { name: "Invite" }).click();
    await page.getByRole("dialog").getByLabel("Email address").fill(grace.email);
    await page.getByRole("button", { name: "Send invitation" }).click();
    await page.getByRole("row", { name: new RegExp(grace.email) }).getByText("Pending").waitFor();
    await ada.upload("plan.txt", "The launch is on Tuesday.");

    await grace.go(await mailedLink(api, grace.email, "/invitations"));
    await grace.page.getByRole("button", { name: "Create account" }).click();
    await grace.page.getByLabel("Your name").fill("Grace");
    await grace.page.getByLabel("Email address").fill(grace.email);
    await grace.page.getByLabel("Password").fill("correct horse battery");
    await grace.page.getByRole("button", { name: "Create account" }).click();
    await grace.page.getByRole("button", { name: "Accept" }).click();
    await grace.page.getByRole("heading", { level: 1, name: "Welcome, Grace" }).waitFor();
    await grace.go("/documents");
    await grace.page.getByRole("link", { name: "plan.txt" }).waitFor();
    await page.reload();
    await page.getByRole("row", { name: /Grace/ }).waitFor();
    assert.deepEqual(grace.problems, []);
    await grace.context.close();
  },

  async "the plan is upgraded on the payment page, and the console shows it"({ ada }) {
    await ada.go("/billing");
    await ada.page.getByRole("heading", { name: "Current plan: TEAM" }).waitFor();
    await ada.page.getByText("Your plan").waitFor();
  },

  async "a question to a database is answered with a chart, rows and its SQL"({ ada }) {
    const { page } = ada;
    await ada.go("/data");
    await page.getByLabel("Question", { exact: true }).fill("How many orders are there by status?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    const result = page.getByRole("region", { name: "Result" }).first();
    await result.getByRole("group", { name: /^Chart/ }).or(result.getByRole("img", { name: /^Chart/ })).waitFor();
    assert.ok((await result.getByRole("row").count()) > 2);
    await result.getByText("SQL", { exact: true }).click();
    await result.getByText(/SELECT/i).first().waitFor();
    assert.match(page.url(), /\/data\/queries\//);
  },

  async "two tabs whose token has ended refresh it once, and both go on"({ ada }) {
    const other = await ada.context.newPage();
    await other.goto(`${ada.url}/documents`);
    await other.getByRole("heading", { level: 1 }).waitFor();
    let refreshes = 0;
    const count = (request) => { if (request.url().endsWith("/auth/refresh")) refreshes += 1; };
    ada.page.on("request", count);
    other.on("request", count);
    await ada.page.evaluate(() => {
      const session = JSON.parse(localStorage.getItem("parlance.session"));
      localStorage.setItem("parlance.session", JSON.stringify({ ...session, expires: 0 }));
    });
    await Promise.all([ada.page.reload(), other.reload()]);
    await ada.page.getByRole("heading", { level: 1 }).waitFor();
    await other.getByRole("heading", { level: 1 }).waitFor();
    assert.equal(refreshes, 1);
    await other.close();
  },

  async "German is complete, and is kept"({ ada }) {
    const { page } = ada;
    await ada.go("/documents");
    await page.getByLabel("Language").selectOption("de");
    await page.getByRole("heading", { level: 1, name: "Dokumente" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Dokumente" }).waitFor();
    await page.getByLabel("Sprache").selectOption("en");
    await page.getByRole("heading", { level: 1, name: "Documents" }).waitFor();
  },

  async "a file that is too large for a request goes to the bucket"({ ada }) {
    const { page } = ada;
    await ada.go("/documents");
    const text = "The tall lamp is two metres high. ".repeat(150_000);
    await page.setInputFiles("input[type=file]", { name: "tall.txt", mimeType: "text/plain", buffer: Buffer.from(text) });
    await page.getByRole("row", { name: /tall\.txt/ }).getByText("Ready").waitFor({ timeout: 60_000 });
    return `${(text.length / 1e6).toFixed(1)} MB`;
  },

  async "no script failed, and the policy refused nothing"({ ada }) {
    assert.deepEqual(ada.problems, []);
  },
};

/** Pays for a plan on the payment page. */
export async function upgrade(person, plan) {
  const { page } = person;
  await person.go("/billing");
  await page.getByRole("button", { name: new RegExp(`Choose ${plan}`, "i") }).click();
  await page.waitForURL(/_local\/pay/);
  await page.getByRole("button", { name: /^Pay/ }).first().click();
  await page.waitForURL(/billing\?paid=1/);
  await page.getByText(`The plan ${plan} is active.`).waitFor();
}
