import { AnswerView } from "./answer";
import { Client, read, WidgetError, write, type Config, type StoredMessage } from "./api";
import { h, icon } from "./dom";
import { contactForm } from "./forms";
import { CSS, readableOn } from "./style";
import { fill, textsFor, type Texts } from "./texts";

const TAG = "parlance-chat";
const ACCENT = "#1f5fbf";

/** The chat of a chatbot on a customer's page. */
class ParlanceChat extends HTMLElement {
  readonly #root = this.attachShadow({ mode: "open" });
  readonly #log = h("div", { class: "log", role: "log", "aria-live": "polite", tabindex: 0 });
  #client!: Client;
  #config!: Config;
  #texts!: Texts;
  #frame!: HTMLElement;
  #launcher!: HTMLButtonElement;
  #panel!: HTMLElement;
  #input!: HTMLTextAreaElement;
  #send!: HTMLButtonElement;
  #running: AbortController | null = null;
  #loaded = false;

  /** Shows the launcher. The page has decided that the chatbot may be here. */
  start(client: Client, config: Config): void {
    this.#client = client;
    this.#config = config;
    const look = config.appearance ?? {};
    const { texts, language, dir } = textsFor([look.language, document.documentElement.lang, ...navigator.languages]);
    this.#texts = texts;
    if (look.theme === "light" || look.theme === "dark") this.setAttribute("theme", look.theme);
    this.lang = language;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    this.#root.adoptedStyleSheets = [sheet];
    this.#build(dir, look.position === "start");
    const accent = /^#[0-9a-f]{6}$/i.test(look.color ?? "") ? (look.color ?? ACCENT) : ACCENT;
    this.#frame.style.setProperty("--accent", accent);
    this.#frame.style.setProperty("--on-accent", readableOn(accent));
    // A conversation that was open stays open on the next page.
    if (read(this.#openKey) === "1" && matchMedia("(min-width: 481px)").matches) void this.#open(false);
  }

  get #openKey(): string {
    return `parlance.widget.open.${this.#config.chatbotId}`;
  }

  #build(dir: string, atStart: boolean): void {
    const { texts: t } = { texts: this.#texts };
    const title = this.#config.appearance?.title || this.#config.name;
    this.#input = h("textarea", {
      rows: 1, "aria-label": t.message, placeholder: t.message, maxlength: 4000, dir: "auto",
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#submit();
      },
    });
    this.#send = h("button", { class: "primary", type: "submit", "aria-label": t.send, title: t.send }, icon("send"));
    const compose = h("form", { class: "compose", onsubmit: (event: Event) => { event.preventDefault(); this.#submit(); } }, this.#input, this.#send);
    this.#log.setAttribute("aria-label", title);
    this.#panel = h("div", { class: "panel", role: "dialog", "aria-label": title, hidden: true, onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Escape") this.#close();
    } },
      h("header", {},
        h("h2", { dir: "auto" }, title),
        h("button", { class: "ghost", type: "button", "aria-label": t.again, title: t.again, onclick: () => this.#restart() }, icon("again")),
        h("button", { class: "ghost", type: "button", "aria-label": t.close, title: t.close, onclick: () => this.#close() }, icon("close"))),
      this.#log, compose, this.#footer());
    this.#launcher = h("button", {
      class: "launcher", type: "button", "aria-label": t.open, "aria-expanded": "false", "aria-haspopup": "dialog",
      onclick: () => (this.#panel.hidden ? void this.#open(true) : this.#close()),
    }, icon("open"));
    this.#frame = h("div", { class: atStart ? "root start" : "root", dir }, this.#panel, this.#launcher);
    this.#root.append(this.#frame);
  }

  #footer(): HTMLElement | null {
    const { features = {}, poweredBy } = this.#config;
    const t = this.#texts;
    const links = h("span", { class: "row" });
    if (features.handover) links.append(h("button", { type: "button", onclick: () => this.#contact("handover") }, t.person));
    if (features.leadForm) links.append(h("button", { type: "button", onclick: () => this.#contact("lead") }, t.contact));
    const powered = poweredBy ? h("span", {}, fill(t.powered, typeof poweredBy === "string" ? poweredBy : "Parlance")) : null;
    return links.childNodes.length || powered ? h("footer", {}, links, powered) : null;
  }

  async #open(focus: boolean): Promise<void> {
    this.#panel.hidden = false;
    this.#frame.classList.add("open");
    this.#launcher.setAttribute("aria-expanded", "true");
    this.#launcher.setAttribute("aria-label", this.#texts.close);
    this.#launcher.replaceChildren(icon("close"));
    write(this.#openKey, "1");
    if (focus) this.#input.focus();
    if (this.#loaded) return;
    this.#loaded = true;
    const stored = await this.#client.messages().catch((error: unknown) => {
      this.#loaded = false;
      this.#fail(error);
      return undefined;
    });
    if (stored === undefined) return;
    this.#greet();
    for (const message of stored ?? []) this.#showStored(message);
    if (!stored?.length) this.#suggest();
    this.#toEnd();
  }

  #close(): void {
    this.#panel.hidden = true;
    this.#frame.classList.remove("open");
    this.#launcher.setAttribute("aria-expanded", "false");
    this.#launcher.setAttribute("aria-label", this.#texts.open);
    this.#launcher.replaceChildren(icon("open"));
    write(this.#openKey, null);
    this.#launcher.focus();
  }

  #restart(): void {
    this.#running?.abort();
    this.#client.forget();
    this.#log.replaceChildren();
    this.#greet();
    this.#suggest();
    this.#input.focus();
  }

  #greet(): void {
    const { welcomeMessage, features } = this.#config;
    if (welcomeMessage) {
      const greeting = new AnswerView(this.#texts);
      greeting.set(welcomeMessage, []);
      this.#log.append(greeting.element);
    }
    if (features?.identityRequired && !this.#client.identity) {
      this.#log.append(h("p", { class: "error" }, this.#texts.identity));
      this.#input.disabled = this.#send.disabled = true;
    }
  }

  #suggest(): void {
    const questions = this.#config.suggestedQuestions ?? [];
    if (questions.length === 0 || this.#input.disabled) return;
    const chips = questions.map((text) => h("button", { class: "chip", type: "button", dir: "auto", onclick: () => void this.#ask(text) }, text));
    this.#log.append(h("div", { class: "suggestions" }, ...chips));
  }

  #showStored(message: StoredMessage): void {
    if (message.role === "user") this.#showQuestion(message.content);
    else {
      const answer = new AnswerView(this.#texts);
      answer.set(message.content, message.sources ?? []);
      this.#log.append(answer.element);
      this.#addRating(answer, message.id, message.rating ?? null);
    }
  }

  #showQuestion(text: string): void {
    this.#log.append(h("div", { class: "message user", dir: "auto" }, h("span", { class: "hidden" }, `${this.#texts.you}: `), text));
  }

  #submit(): void {
    if (this.#running) {
      this.#running.abort();
      return;
    }
    const text = this.#input.value.trim();
    if (!text || this.#input.disabled) return;
    this.#input.value = "";
    void this.#ask(text);
  }

  async #ask(text: string): Promise<void> {
    if (this.#running) return;
    this.#log.querySelector(".suggestions")?.remove();
    this.#log.querySelectorAll(".error").forEach((error) => error.remove());
    this.#showQuestion(text);
    const answer = new AnswerView(this.#texts);
    this.#log.append(answer.element);
    this.#toEnd();
    this.#setRunning(new AbortController());
    const signal = this.#running as unknown as AbortController;
    // Half a sentence that changes with each word is not read out: the whole answer is.
    this.#log.setAttribute("aria-busy", "true");
    try {
      const done = await this.#client.ask(text, (piece) => {
        const follows = this.#isAtEnd();
        answer.append(piece);
        if (follows) this.#toEnd();
      }, signal.signal);
      answer.show(done.sources);
      if (done.messageId) this.#addRating(answer, done.messageId, null);
    } catch (error) {
      if (!answer.content) answer.element.remove();
      if (!signal.signal.aborted) this.#fail(error, () => void this.#ask(text));
    } finally {
      this.#log.removeAttribute("aria-busy");
      this.#setRunning(null);
      this.#toEnd();
    }
  }

  #setRunning(running: AbortController | null): void {
    this.#running = running;
    const label = running ? this.#texts.stop : this.#texts.send;
    this.#send.replaceChildren(icon(running ? "stop" : "send"));
    this.#send.setAttribute("aria-label", label);
    this.#send.title = label;
  }

  #fail(error: unknown, retry?: () => void): void {
    const t = this.#texts;
    const sentence = error instanceof WidgetError ? error.message || (error.status === 0 ? t.offline : t.failed) : t.failed;
    const box = h("div", { class: "error", role: "alert" }, sentence);
    if (retry) {
      box.append(h("button", { class: "chip", type: "button", onclick: () => {
        box.previousElementSibling?.matches(".user") && box.previousElementSibling.remove();
        box.remove();
        retry();
      } }, t.retry));
    }
    this.#log.append(box);
    this.#toEnd();
  }

  #addRating(answer: AnswerView, id: string, rating: "up" | "down" | null): void {
    if (!this.#config.features?.feedback) return;
    const t = this.#texts;
    const thanks = h("span", { role: "status" });
    const button = (value: "up" | "down", label: string) => h("button", {
      class: "ghost", type: "button", "aria-label": label, title: label, "aria-pressed": String(rating === value),
      onclick: (event: Event) => {
        const pressed = event.currentTarget as HTMLElement;
        this.#client.rate(id, value).then(() => {
          for (const other of tools.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === pressed));
          thanks.textContent = t.thanks;
        }, (error: unknown) => this.#fail(error));
      },
    }, icon(value));
    const tools = h("div", { class: "tools" }, button("up", t.good), button("down", t.poor), thanks);
    answer.addBelow(tools);
  }

  #contact(kind: "lead" | "handover"): void {
    this.#log.querySelector("form.card")?.remove();
    const form = contactForm(kind, this.#texts, this.#client, () => this.#input.focus());
    this.#log.append(form);
    this.#toEnd();
    form.querySelector("input")?.focus();
  }

  #isAtEnd(): boolean {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 60;
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

async function mount(script: HTMLScriptElement): Promise<void> {
  const { chatbot, base, identity } = script.dataset;
  if (!chatbot || !base) {
    console.warn("Parlance: the script needs data-chatbot, the ID of a chatbot.");
    return;
  }
  if (document.querySelector(TAG)) return;
  if (!customElements.get(TAG)) customElements.define(TAG, ParlanceChat);
  const client = new Client(base, chatbot, identity ?? null);
  let config: Config;
  try {
    config = await client.config();
  } catch (error) {
    // Visitors see nothing; whoever builds the page sees why.
    console.warn(`Parlance: ${error instanceof Error && error.message ? error.message : "the chat cannot be loaded."}`);
    return;
  }
  const element = document.createElement(TAG) as ParlanceChat;
  document.body.append(element);
  element.start(client, config);
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement) {
  if (document.body) void mount(script);
  else addEventListener("DOMContentLoaded", () => void mount(script), { once: true });
}
