import type { Api } from "../../api/client";
import { percent, t, type Key } from "../../i18n";
import { Badge, type Tone } from "../../ui/page";

const TONES: Record<Api<"DocumentStatus">, Tone> = { pending: "info", processing: "info", ready: "good", failed: "bad" };

/** Status of a document, with its progress while it is read. */
export function DocumentBadge({ status, progress }: { status: Api<"DocumentStatus">; progress?: number }) {
  const text = t(`documents.status_${status}` as Key);
  const share = status === "processing" && progress ? ` ${percent(progress / 100)}` : "";
  return <Badge tone={TONES[status]}>{text}{share}</Badge>;
}

export function isIndexing(document: { status: Api<"DocumentStatus"> }): boolean {
  return document.status === "pending" || document.status === "processing";
}
