// What the end-to-end tests share: the browser, people, mails, axe, and pictures.
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const AXE = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

export const PASSWORD = "correct horse battery";

/** Chromium's flags for a machine without a display, a sandbox or the internet. */
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function launch(executablePath) {
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

let people = 0;

/** One person with a browser profile of their own. Executed scripts, errors of the page and refusals of the policy are collected. */
export class Person {
  static async create(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", ...options });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const person = new Person();
    person.url = url;
    person.context = context;
    person.email = `person-${process.pid}-${++people}@example.com`;
    person.problems = [];
    person.executed = [];
    await context.exposeBinding("executed", (_, what) => person.executed.push(what));
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
      window.alert = (what) => window.executed(`alert ${what}`);
    });
    person.page = await context.newPage();
    person.page.setDefaultTimeout(15_000);
    person.page.on("pageerror", (error) => person.problems.push(String(error)));
    person.page.on("console", (message) => {
      // A response that is no success is part of many tests.
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) person.problems.push(message.text());
    });
    return person;
  }

  async go(path) {
    await this.page.goto(this.url + path);
  }

  async signUp(name) {
    await this.go("/sign-up");
    await this.page.getByLabel("Your name").fill(name);
    await this.page.getByLabel("Email address").fill(this.email);
    await this.page.getByLabel("Password").fill(PASSWORD);
    await this.page.getByRole("button", { name: "Create account" }).click();
    await this.page.getByRole("heading", { level: 1, name: `Welcome, ${name}` }).waitFor();
  }

  async signIn(email, password = PASSWORD) {
    await this.go("/sign-in");
    await this.page.getByLabel("Email address").fill(email);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("heading", { level: 1, name: /Welcome/ }).waitFor();
  }

  /** A request of the API with this person's session, to prepare what a test is not about. */
  async api(method, path, body) {
    return this.page.evaluate(async ([method, path, body]) => {
      const { access } = JSON.parse(localStorage.getItem("parlance.session"));
      const response = await fetch(`/api/v1${path}`, {
        method, headers: { authorization: `Bearer ${access}`, "content-type": "application/json", "x-current-org": localStorage.getItem("parlance.org") },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text ? JSON.parse(text) : null;
    }, [method, path, body]);
  }

  /** Uploads a text without the views, and waits until it was read. */
  async upload(name, text) {
    return this.page.evaluate(async ([name, text]) => {
      const { access } = JSON.parse(localStorage.getItem("parlance.session"));
      const form = new FormData();
      form.append("file", new File([text], name));
      const response = await fetch("/api/v1/documents/upload", {
        method: "POST", headers: { authorization: `Bearer ${access}`, prefer: "wait=20", "x-current-org": localStorage.getItem("parlance.org") }, body: form,
      });
      return response.json();
    }, [name, text]);
  }
}

/** The token of the newest mailed link of a kind. */
export async function mailedLink(api, to, path) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const response = await fetch(`${api}/_local/outbox`);
    const mails = await response.json();
    for (const mail of mails) {
      const text = JSON.stringify(mail);
      const link = new RegExp(`${path}\\?token=([^\\s"\\\\]+)`).exec(text);
      if (link && text.includes(to)) return `${path}?token=${link[1]}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${to} with a link to ${path}`);
}

/** Serious and critical violations of WCAG 2.2 A and AA on a page, as sentences. */
export async function violations(page) {
  // The policy of the page refuses scripts that are added to it; this one runs beside it.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.filter((each) => ["serious", "critical"].includes(each.impact))
    .flatMap((each) => each.nodes.map((node) => `${each.id} (${each.impact}): ${node.target.join(" ")} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`));
}

/** What does not fit: the page scrolls sideways, or a control's text is cut. */
export async function overflow(page) {
  return page.evaluate(() => {
    const found = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth + 1) found.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);
    for (const element of document.querySelectorAll("button, .button, .badge, h1, h2, h3, label, th")) {
      const style = getComputedStyle(element);
      if (element.offsetParent === null || style.textOverflow === "ellipsis" || element.closest(".visually-hidden, .truncate")) continue;
      if (element.scrollWidth > element.clientWidth + 2 && style.overflow !== "visible" && style.display !== "inline") found.push(`cut: ${element.textContent?.trim().slice(0, 60)}`);
    }
    return found;
  });
}

export async function shoot(page, directory, name) {
  await mkdir(directory, { recursive: true });
  await page.screenshot({ path: `${directory}/${name}.png`, animations: "disabled" });
}
