import { ProblemError } from "../api/problem";
import { plural, t } from "../i18n";
import { Button } from "./button";

/** The sentence of a failure. The API's own sentences say what is wrong and what to do. */
export function sentence(error: unknown): string {
  if (!(error instanceof ProblemError)) return t("error.unexpected");
  if (error.code === "offline") return t("error.offline");
  if (error.code === "interrupted") return t("error.interrupted");
  const wait = error.retryAfter && error.retryAfter < 3600 ? ` ${plural("error.retry", error.retryAfter)}` : "";
  return (error.message || t("error.status", { status: error.status })) + wait;
}

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => unknown }) {
  if (!(error instanceof ProblemError)) console.error(error);
  const id = error instanceof ProblemError ? error.problem.request_id : null;
  return (
    <div class="note bad" role="alert">
      <p>{sentence(error)}</p>
      {id && error instanceof ProblemError && error.status >= 500 && <p class="small">{t("error.request", { id })}</p>}
      {retry && <Button compact icon="retry" onClick={retry}>{t("common.retry")}</Button>}
    </div>
  );
}
