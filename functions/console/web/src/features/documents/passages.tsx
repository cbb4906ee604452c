import { useEffect, useRef, useState } from "preact/hooks";
import { useSearch } from "wouter-preact";
import { api, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { t } from "../../i18n";
import { Card, Empty, PagedList } from "../../ui/page";

type Passage = Api<"DocumentPassage">;

/** What a link to a passage names: the page, and the beginning of what an answer quoted. */
interface Mark {
  page: number | null;
  text: string;
}

const plain = (text: string) => text.replace(/\s+/g, " ").trim().toLowerCase();

/** Characters of an excerpt that a link carries: enough to find its passage. */
const MARK_LENGTH = 160;

/** The address that shows the passage of a citation. */
export function passageHref(citation: { document_id: string; page?: number | null; excerpt?: string | null }): string {
  const query = new URLSearchParams();
  if (citation.page) query.set("page", String(citation.page));
  if (citation.excerpt) query.set("text", citation.excerpt.slice(0, MARK_LENGTH));
  return `/documents/${citation.document_id}${query.size ? `?${query}` : ""}`;
}

/** Returns the share of the words of the quote that a passage has: excerpts leave out sentences between others. */
function overlap(passage: Passage, mark: Mark): number {
  if (mark.page !== null && passage.page !== null && passage.page !== mark.page) return 0;
  const text = plain(passage.text);
  const quote = plain(mark.text);
  if (!quote) return mark.page !== null && passage.page === mark.page ? 1 : 0;
  if (text.includes(quote)) return 1;
  const words = quote.split(" ");
  const pairs = words.slice(1).map((word, index) => `${words[index] ?? ""} ${word}`);
  return pairs.length ? pairs.filter((pair) => text.includes(pair)).length / pairs.length : 0;
}

/** Least share of the words at which a passage is the one that was quoted. */
const FOUND = 0.5;
/** Further pages of the list that are loaded to find a passage. */
const MAX_PAGES = 20;

/** The passages in which chatbots search. A link from a citation shows the one it quotes. */
export function Passages({ id, version }: { id: string; version: number }) {
  const search = new URLSearchParams(useSearch());
  const mark: Mark = { page: Number(search.get("page")) || null, text: search.get("text") ?? "" };
  const wanted = mark.page !== null || mark.text !== "";
  const passages = usePages(
    (cursor) => page(api.GET("/api/v1/documents/{document_id}/text", {
      params: { path: { document_id: id }, query: { cursor, limit: wanted ? 100 : 20 } },
    })),
    [id, version],
  );
  const [tries, setTries] = useState(0);
  const shown = useRef<string | null>(null);
  const best = wanted ? bestOf(passages.data ?? [], mark) : null;
  useEffect(() => {
    if (!wanted || best !== null || !passages.hasMore || passages.loadingMore || tries >= MAX_PAGES) return;
    setTries(tries + 1);
    void passages.more();
  }, [best, passages.data?.length, passages.loadingMore]);
  useEffect(() => {
    const target = `${search}`;
    if (best === null || shown.current === target) return;
    shown.current = target;
    const element = document.getElementById(`passage-${best}`);
    element?.scrollIntoView({ block: "center" });
    element?.focus({ preventScroll: true });
  }, [best, `${search}`]);
  return (
    <Card title={t("documents.passages")}>
      <PagedList of={passages} empty={<Empty title={t("documents.no_passages")} text={t("documents.no_passages_text")} />}>
        {(items) => <div class="stack">{items.map((passage) => <PassageText passage={passage} marked={passage.number === best} />)}</div>}
      </PagedList>
    </Card>
  );
}

function bestOf(passages: Passage[], mark: Mark): number | null {
  let best: { number: number; share: number } | null = null;
  for (const passage of passages) {
    const share = overlap(passage, mark);
    if (share >= FOUND && share > (best?.share ?? 0)) best = { number: passage.number, share };
  }
  return best?.number ?? null;
}

function PassageText({ passage, marked }: { passage: Passage; marked: boolean }) {
  const place = [passage.page !== null && t("documents.page", { page: passage.page }), passage.heading].filter(Boolean).join(" · ");
  return (
    <div class={marked ? "passage marked" : "passage"} id={`passage-${passage.number}`} tabIndex={-1}
      aria-label={marked ? t("documents.cited") : undefined} role={marked ? "group" : undefined}>
      {place && <span class="small soft">{place}</span>}
      <p dir="auto">{passage.text}</p>
    </div>
  );
}
