import { describe, expect, test } from "vitest";
import { parse, safeHref, type Element, type Node } from "../../../widget/web/src/markdown";

/** The tree in the notation of HTML, to be read by people. */
const show = (nodes: Node[]): string =>
  nodes.map((node) => {
    if (typeof node === "string") return node.replace(/</g, "&lt;");
    const attributes = [node.href && ` href=${node.href}`, node.start !== undefined && ` start=${node.start}`].filter(Boolean).join("");
    return `<${node.tag}${attributes}>${show(node.kids)}</${node.tag}>`;
  }).join("");

const html = (text: string, ...sources: number[]) => show(parse(text, new Set(sources)));

function* elements(nodes: Node[]): Generator<Element> {
  for (const node of nodes) {
    if (typeof node === "string") continue;
    yield node;
    yield* elements(node.kids);
  }
}

describe("what answers contain", () => {
  test.each([
    ["Hello *you* and **them**, ~~not~~ __us__ or _me_", "<p>Hello <em>you</em> and <strong>them</strong>, <del>not</del> <strong>us</strong> or <em>me</em></p>"],
    ["# A\n## B\n### C", "<h3>A</h3><h4>B</h4><h5>C</h5>"],
    ["- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"],
    ["3. a\n4. b", "<ol start=3><li>a</li><li>b</li></ol>"],
    ["Text:\n- a\n- b", "<p>Text:</p><ul><li>a</li><li>b</li></ul>"],
    ["```js\nif (a < b) {}\n```", "<pre><code>if (a &lt; b) {}</code></pre>"],
    ["```\nnot closed", "<pre><code>not closed</code></pre>"],
    ["`a*b*c` and ``a`b``", "<p><code>a*b*c</code> and <code>a`b</code></p>"],
    ["> quoted\n> text", "<blockquote><p>quoted\ntext</p></blockquote>"],
    ["| a | b |\n|---|:-:|\n| 1 | `x\\|y` |", "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><code>x|y</code></td></tr></tbody></table>"],
    ["a  \nb", "<p>a<br></br>b</p>"],
    ["snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"],
    ["\\*not\\* emphasised", "<p>*not* emphasised</p>"],
    ["---", "<hr></hr>"],
  ])("%j", (text, expected) => expect(html(text)).toBe(expected));

  test("numbers in brackets are citations if there is such a source, and text otherwise", () => {
    expect(html("Three years. [1][2] See [3].", 1, 2)).toBe("<p>Three years. <cite>1</cite><cite>2</cite> See [3].</p>");
    expect(html("array[1]")).toBe("<p>array[1]</p>");
  });

  test("links are followed by people, images are not loaded", () => {
    expect(html("[site](https://example.com/a_(b)) ![pixel](https://example.com/p.png)")).toBe(
      "<p><a href=https://example.com/a_(b)>site</a> <a href=https://example.com/p.png>pixel</a></p>",
    );
    expect(html("See https://example.com/x. Or <https://example.com>")).toBe(
      "<p>See <a href=https://example.com/x>https://example.com/x</a>. Or <a href=https://example.com/>https://example.com</a></p>",
    );
  });
});

describe("what is no markup", () => {
  const hostile = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)", "![x](javascript:alert(1))", "<javascript:alert(1)>", "[x](vbscript:x)", "[x](//example.com)",
    "[x](\u0001javascript:alert(1))", "[x](https://a\"onmouseover=alert(1))", "<a href=\"javascript:alert(1)\">x</a>", "[x]( javascript:alert(1) )", "[x](file:///etc/passwd)",
    "| <script> | b |\n|---|---|\n| <img onerror=x> | c |", "```<script>\n</code></pre><script>\n```", "[![a](javascript:b)](javascript:c)", "[x](blob:https://a/b)",
  ];
  test.each(hostile)("%j has no element and no address that runs", (text) => {
    for (const element of elements(parse(text, new Set([1])))) {
      expect(["p", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"]).toContain(element.tag);
      if (element.href !== undefined) expect(element.href).toMatch(/^(https?|mailto):/);
    }
  });

  test("addresses", () => {
    expect(safeHref("mailto:ada@example.com")).toBe("mailto:ada@example.com");
    for (const address of ["javascript:alert(1)", "", "/relative", "https://", "ftp://example.com"]) expect(safeHref(address)).toBeNull();
  });
});

test("long and hostile texts take no long time", () => {
  const texts = ["*a ".repeat(10_000), "[".repeat(10_000), "`".repeat(10_001) + "a", "> ".repeat(5_000), "- ".repeat(5_000), "**a".repeat(10_000), "[a](".repeat(5_000), "| a ".repeat(5_000) + "\n" + "|-".repeat(5_000), "~~a ".repeat(10_000), "_a ".repeat(10_000), "https://" .repeat(5_000), "\\".repeat(20_000), "# " + " ".repeat(20_000) + "x", "[a".repeat(10_000), "![a](b ".repeat(5_000), "`a``".repeat(5_000)];
  for (const text of texts) {
    const began = performance.now();
    parse(text, new Set([1]));
    expect(performance.now() - began, text.slice(0, 8)).toBeLessThan(1000);
  }
});
