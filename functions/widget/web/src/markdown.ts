/**
 * Reads the Markdown of answers into a tree, for the console and the widget. The tree has a fixed set of elements and
 * attributes, and whoever shows it creates elements from it: text never becomes HTML. Images become links, because
 * loading one would tell its address that the answer was read.
 */

export type Tag =
  | "p" | "h3" | "h4" | "h5" | "ul" | "ol" | "li" | "pre" | "code" | "strong" | "em" | "del" | "a" | "blockquote"
  | "hr" | "br" | "table" | "thead" | "tbody" | "tr" | "th" | "td" | "cite";

export interface Element {
  tag: Tag;
  /** `href` of `a`, `start` of `ol`. */
  href?: string;
  start?: number;
  /** Number of the source that `cite` names. */
  cite?: number;
  kids: Node[];
}

export type Node = string | Element;

/** Levels of lists and quotes; deeper ones are text. */
const MAX_DEPTH = 8;

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/**
 * Returns the tree of a text. `[1]` becomes a citation if `sources` has the number; without sources all brackets are
 * text.
 */
export function parse(text: string, sources: ReadonlySet<number> = new Set()): Element[] {
  return blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), sources, 0);
}

const element = (tag: Tag, kids: Node[] = []): Element => ({ tag, kids });

function blocks(lines: string[], sources: ReadonlySet<number>, depth: number): Element[] {
  const out: Element[] = [];
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length) out.push(element("p", inline(paragraph.join("\n").trimEnd(), sources)));
    paragraph = [];
  };
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const next = special(lines, at, sources, depth, paragraph.length > 0);
    if (!line.trim()) {
      flush();
      at += 1;
    } else if (next) {
      flush();
      out.push(next.block);
      at = next.end;
    } else {
      paragraph.push(line.trimStart());
      at += 1;
    }
  }
  flush();
  return out;
}

/** A block other than a paragraph that begins at a line, and the line after it. */
function special(
  lines: string[], at: number, sources: ReadonlySet<number>, depth: number, inParagraph: boolean,
): { block: Element; end: number } | null {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence[1] ?? "```");
  const heading = HEADING.exec(line);
  if (heading) {
    const level = (heading[1] ?? "").length;
    return { block: element(level < 2 ? "h3" : level < 3 ? "h4" : "h5", inline((heading[2] ?? "").trim().replace(/\s#+$/, ""), sources)), end: at + 1 };
  }
  if (RULE.test(line)) return { block: element("hr"), end: at + 1 };
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "") && (lines[at + 1] ?? "").includes("-")) {
    const found = table(lines, at, sources);
    if (found) return found;
  }
  if (depth >= MAX_DEPTH) return null;
  if (QUOTE.test(line)) {
    let end = at;
    const inner: string[] = [];
    for (let quote; (quote = QUOTE.exec(lines[end] ?? "")); end += 1) inner.push(quote[1] ?? "");
    return { block: element("blockquote", blocks(inner, sources, depth + 1)), end };
  }
  const item = ITEM.exec(line);
  // As in CommonMark, only a list that begins with 1 interrupts a paragraph.
  if (item && (!inParagraph || (item[4] && (!/\d/.test(item[2] ?? "") || parseInt(item[2] ?? "", 10) === 1)))) {
    return list(lines, at, sources, depth);
  }
  return null;
}

function code(lines: string[], at: number, fence: string): { block: Element; end: number } {
  const close = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !close.test(lines[end] ?? "")) end += 1;
  const text = lines.slice(at + 1, end).join("\n");
  return { block: element("pre", [element("code", [text])]), end: end + 1 };
}

function list(lines: string[], at: number, sources: ReadonlySet<number>, depth: number): { block: Element; end: number } {
  const first = ITEM.exec(lines[at] ?? "");
  const indent = (first?.[1] ?? "").length;
  const ordered = /\d/.test(first?.[2] ?? "");
  const block = element(ordered ? "ol" : "ul");
  const start = parseInt(first?.[2] ?? "", 10);
  if (ordered && start !== 1) block.start = start;
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end] ?? "");
    if (!item || (item[1] ?? "").length > indent + 3 || (item[1] ?? "").length < indent) break;
    if (/\d/.test(item[2] ?? "") !== ordered || RULE.test(lines[end] ?? "")) break;
    const width = (item[1] ?? "").length + (item[2] ?? "").length + 1;
    const inner = [item[4] ?? ""];
    end += 1;
    for (; end < lines.length; end += 1) {
      const line = lines[end] ?? "";
      const margin = line.length - line.trimStart().length;
      if (!line.trim()) {
        const after = lines[end + 1] ?? "";
        if (!after.trim() || after.length - after.trimStart().length < Math.min(width, indent + 2)) break;
        inner.push("");
      } else if (margin > indent && (margin >= Math.min(width, indent + 2) || !ITEM.test(line))) {
        inner.push(line.slice(Math.min(margin, width)));
      } else if (ITEM.test(line) || FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || RULE.test(line)) {
        break;
      } else {
        inner.push(line.trim());
      }
    }
    const kids = blocks(inner, sources, depth + 1);
    // A tight item shows its text without the margins of a paragraph.
    block.kids.push(element("li", kids.flatMap((kid, index) => (kid.tag === "p" && index === 0 ? kid.kids : [kid]))));
    while (end < lines.length && !(lines[end] ?? "").trim() && ITEM.test(lines[end + 1] ?? "")) end += 1;
  }
  return { block, end: Math.max(end, at + 1) };
}

function cells(line: string): string[] {
  const text = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return text.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function table(lines: string[], at: number, sources: ReadonlySet<number>): { block: Element; end: number } | null {
  const head = cells(lines[at] ?? "");
  if (cells(lines[at + 1] ?? "").length !== head.length) return null;
  const body = element("tbody");
  let end = at + 2;
  for (; end < lines.length && (lines[end] ?? "").includes("|"); end += 1) {
    const row = cells(lines[end] ?? "");
    body.kids.push(element("tr", head.map((_, index) => element("td", inline(row[index] ?? "", sources)))));
  }
  const heads = element("tr", head.map((cell) => element("th", inline(cell, sources))));
  return { block: element("table", [element("thead", [heads]), body]), end };
}

/** Returns an address that may be followed: `http`, `https` and `mailto`. `null` for all others. */
export function safeHref(address: string): string | null {
  const text = address.trim();
  if (!/^(https?:\/\/|mailto:)/i.test(text)) return null;
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

// What may be long is bounded: a text of nothing but openings must not take time that grows with its square.
const INLINE = new RegExp(
  [
    String.raw`\\([!-/:-@[-\x60{-~])`, // 1: escaped
    String.raw`(\x60+)([\s\S]{0,4000}?[^\x60])\2(?!\x60)`, // 2, 3: code
    String.raw`!?\[((?:[^[\]\n]|\[[^[\]\n]{0,200}\]){0,1000})\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+["'(][^"')]*["')])?\s*\)`, // 4, 5: link, image
    String.raw`\[(\d{1,3})\](?!\()`, // 6: citation
    String.raw`(\*\*|__)(?=\S)([\s\S]{0,4000}?\S)\7`, // 7, 8: strong
    String.raw`~~(?=\S)([\s\S]{0,4000}?\S)~~`, // 9: deleted
    String.raw`\*(?=[^\s*])([\s\S]{0,4000}?[^\s*])\*(?!\*)`, // 10: emphasis
    String.raw`(?<![\p{L}\p{N}_])_(?=[^\s_])([^_]*?[^\s_])_(?![\p{L}\p{N}_])`, // 11: emphasis
    String.raw`<?((?:https?:\/\/|mailto:)[^\s<>"'\x60]*[^\s<>"'\x60.,;:!?)\]}*_~])>?`, // 12: address
    String.raw`( {2,}|\\)?\n`, // 13: end of a line
  ].join("|"),
  "gu",
);

function inline(text: string, sources: ReadonlySet<number>, depth = 0): Node[] {
  if (depth > MAX_DEPTH) return [text];
  const out: Node[] = [];
  const within = (inner: string) => inline(inner, sources, depth + 1);
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const start = found.index;
    if (start > at) out.push(text.slice(at, start));
    at = start + found[0].length;
    const [all, escaped, , code, label, target, cite, , strong, deleted, star, underscore, address, hard] = found;
    if (escaped !== undefined) out.push(escaped);
    else if (code !== undefined) out.push(element("code", [code.replace(/\n/g, " ").replace(/^ (.+) $/, "$1")]));
    else if (target !== undefined) out.push(...link(within(label || target), target));
    else if (cite !== undefined) {
      if (sources.has(Number(cite))) out.push({ tag: "cite", cite: Number(cite), kids: [cite] });
      else out.push(all);
    } else if (strong !== undefined) out.push(element("strong", within(strong)));
    else if (deleted !== undefined) out.push(element("del", within(deleted)));
    else if (star !== undefined) out.push(element("em", within(star)));
    else if (underscore !== undefined) out.push(element("em", within(underscore)));
    else if (address !== undefined) {
      const open = all.startsWith("<") && !all.endsWith(">") ? "<" : "";
      const close = all.endsWith(">") && !all.startsWith("<") ? ">" : "";
      if (open) out.push(open);
      out.push(...link([address], address));
      if (close) out.push(close);
    } else if (hard !== undefined) out.push(element("br"));
    else out.push("\n");
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

function link(kids: Node[], address: string): Node[] {
  const href = safeHref(address);
  return href ? [{ tag: "a", href, kids: flat(kids) }] : kids;
}

/** A link contains no link. */
function flat(kids: Node[]): Node[] {
  return kids.flatMap((kid) => (typeof kid !== "string" && kid.tag === "a" ? kid.kids : [kid]));
}
