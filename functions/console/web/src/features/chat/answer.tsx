import { Link } from "wouter-preact";
import type { Api } from "../../api/client";
import { t } from "../../i18n";
import { Markdown } from "../../ui/markdown";
import { passageHref } from "../documents/passages";

type Citation = Api<"Citation">;

const placeOf = (source: Citation) =>
  [source.name, source.page !== null && t("documents.page", { page: source.page })].filter(Boolean).join(", ");

/** The text of an answer. Its citations lead to the passages. */
export function AnswerText({ text, sources }: { text: string; sources: Citation[] }) {
  return (
    <Markdown text={text} sources={sources.map((source) => source.number)} cite={(number) => {
      const source = sources.find((each) => each.number === number);
      return source && (
        <Link class="cite" href={passageHref(source)} title={placeOf(source)} aria-label={t("chat.source", { number, name: placeOf(source) })}>
          {number}
        </Link>
      );
    }} />
  );
}

/** The sources of an answer, as its numbers name them. */
export function Sources({ sources }: { sources: Citation[] }) {
  if (sources.length === 0) return null;
  return (
    <ul class="sources" aria-label={t("chat.sources")}>
      {sources.map((source) => (
        <li>
          <Link href={passageHref(source)} title={source.excerpt}>
            <span class="cite" aria-hidden="true">{source.number}</span>
            <span class="truncate">{placeOf(source)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** The thinking of a model, folded away. */
export function Thinking({ text, running }: { text: string; running: boolean }) {
  if (!text) return null;
  return (
    <details class="thinking">
      <summary>{running ? <>{t("chat.thinking")} <span class="spinner inline" aria-hidden="true" /></> : t("chat.thought")}</summary>
      <p>{text}</p>
    </details>
  );
}
