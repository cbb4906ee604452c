import type { Source } from "./api";
import { h, markdown } from "./dom";
import { parse, safeHref } from "./markdown";
import { fill, type Texts } from "./texts";

/** An answer in the conversation. Its citations open what they quote, below the text. */
export class AnswerView {
  readonly element: HTMLElement;
  readonly #text = h("div", { class: "text", dir: "auto" });
  readonly #below = h("div");
  #content = "";

  constructor(readonly texts: Texts) {
    this.element = h("div", { class: "message bot" }, this.#text, this.#below);
    this.#text.append(h("span", { class: "dots", role: "img", "aria-label": texts.waiting }, h("i"), h("i"), h("i")));
  }

  get content(): string {
    return this.#content;
  }

  append(text: string): void {
    this.#content += text;
    this.show([]);
  }

  set(text: string, sources: Source[]): void {
    this.#content = text;
    this.show(sources);
  }

  /** Shows the text so far; with sources, its numbers are citations. */
  show(sources: Source[]): void {
    const numbers = new Set(sources.map((source) => source.number));
    this.#text.replaceChildren(markdown(parse(this.#content, numbers), (number) => this.#cite(number, sources)));
  }

  addBelow(element: HTMLElement): void {
    this.element.append(element);
  }

  #cite(number: number, sources: Source[]): HTMLElement {
    const source = sources.find((each) => each.number === number);
    const name = source ? `: ${source.name}` : "";
    const button = h("button", {
      class: "cite", type: "button", "aria-expanded": "false", "aria-label": fill(this.texts.source, number) + name,
      onclick: () => {
        const open = button.getAttribute("aria-expanded") !== "true";
        for (const other of this.#text.querySelectorAll(".cite")) other.setAttribute("aria-expanded", "false");
        button.setAttribute("aria-expanded", String(open));
        this.#below.replaceChildren(...(open && source ? [this.#excerpt(source)] : []));
      },
    }, String(number));
    return button;
  }

  #excerpt(source: Source): HTMLElement {
    const place = [source.name, source.page ? fill(this.texts.page, source.page) : null, source.heading].filter(Boolean).join(" · ");
    const href = source.url ? safeHref(source.url) : null;
    const title = h("strong", {}, href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, place) : place);
    return h("div", { class: "excerpt", dir: "auto" }, title, source.excerpt ?? "");
  }
}
