import type { Node as Markdown } from "./markdown";

type Child = globalThis.Node | string | null | false | undefined;
type Properties = Record<string, string | boolean | number | ((event: never) => void) | undefined>;

/** Creates an element. Functions are listeners (`onclick`), all else are attributes; strings become text, never HTML. */
export function h<Name extends keyof HTMLElementTagNameMap>(name: Name, properties: Properties = {}, ...children: Child[]): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

const PATHS = {
  open: "M4 5h16v11h-8l-5 4v-4H4z",
  close: "M6 6l12 12M18 6 6 18",
  send: "M4 12 20 5l-5 15-4-6z",
  stop: "M7 7h10v10H7z",
  up: "M7 11v9H4v-9zM7 11l4-8c2 0 2 1 2 3v3h6l-1 10-2 1H7",
  down: "M7 13V4H4v9zM7 13l4 8c2 0 2-1 2-3v-3h6l-1-10-2-1H7",
  again: "M5 12a7 7 0 1 1 2 5M5 20v-4h4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20a7 7 0 0 1 14 0",
} as const;

export function icon(name: keyof typeof PATHS): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Creates the elements of Markdown. `cite` creates those of citations. */
export function markdown(tree: Markdown[], cite: (number: number) => globalThis.Node): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const node of tree) {
    if (typeof node === "string") fragment.append(node);
    else if (node.tag === "cite") fragment.append(cite(node.cite ?? 0));
    else {
      const properties = node.tag === "a" ? { href: node.href, target: "_blank", rel: "noopener noreferrer nofollow" }
        : node.tag === "ol" && node.start !== undefined ? { start: node.start } : node.tag === "pre" ? { tabindex: 0 } : {};
      const element = h(node.tag, properties);
      element.append(markdown(node.kids, cite));
      fragment.append(node.tag === "table" ? h("div", { class: "scroll", tabindex: 0 }, element) : element);
    }
  }
  return fragment;
}
