import { h, type ComponentChildren, type VNode } from "preact";
import { useMemo } from "preact/hooks";
import { parse, type Node } from "../../../../widget/web/src/markdown";

/** Shows Markdown of an answer. `cite` shows the citation of a number. */
export function Markdown({ text, sources, cite }: {
  text: string; sources?: readonly number[]; cite?: (number: number) => ComponentChildren;
}) {
  const tree = useMemo(() => parse(text, new Set(sources)), [text, sources?.join()]);
  return <div class="prose" dir="auto">{tree.map((node) => show(node, cite))}</div>;
}

function show(node: Node, cite?: (number: number) => ComponentChildren): VNode | string {
  if (typeof node === "string") return node;
  const kids = node.kids.map((kid) => show(kid, cite));
  if (node.tag === "cite") return <>{cite?.(node.cite ?? 0)}</>;
  if (node.tag === "a") return <a href={node.href} target="_blank" rel="noopener noreferrer nofollow">{kids}</a>;
  if (node.tag === "table") return <div class="scroll" tabIndex={0}><table>{kids}</table></div>;
  if (node.tag === "ol") return <ol start={node.start}>{kids}</ol>;
  if (node.tag === "pre") return <pre tabIndex={0}>{kids}</pre>;
  return h(node.tag, null, ...kids);
}
