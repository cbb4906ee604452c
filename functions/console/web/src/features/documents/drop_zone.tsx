import { useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { sentence } from "../../ui/errors";
import { Badge } from "../../ui/page";
import { uploadFile, type Uploaded } from "./upload";

interface Transfer {
  key: number;
  name: string;
  share: number;
  error: string | null;
}

/** How many files are sent at once. */
const AT_ONCE = 2;

/** Takes files that are dropped or chosen, and uploads them. What failed stays, with its reason. */
export function DropZone({ onUploaded, compact }: { onUploaded: (document: Uploaded) => void; compact?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [transfers, setTransfers] = useState<Transfer[]>([]);
  const count = useRef(0);
  const update = (key: number, change: Partial<Transfer>) =>
    setTransfers((old) => old.map((each) => (each.key === key ? { ...each, ...change } : each)));

  const take = async (files: File[]) => {
    const entries = files.map((file) => ({ file, key: ++count.current }));
    setTransfers((old) => [...old, ...entries.map(({ file, key }) => ({ key, name: file.name, share: 0, error: null }))]);
    const waiting = [...entries];
    const work = async () => {
      for (let next; (next = waiting.shift()); ) {
        const { file, key } = next;
        try {
          onUploaded(await uploadFile(file, (share) => update(key, { share })));
          setTransfers((old) => old.filter((each) => each.key !== key));
        } catch (error) {
          update(key, { error: sentence(error) });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };

  return (
    <div class="stack tight">
      <div class={over ? "drop over" : "drop"}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void take([...(event.dataTransfer?.files ?? [])]);
        }}>
        <p>{t("documents.drop")}</p>
        <Button icon="upload" kind={compact ? "primary" : undefined} onClick={() => input.current?.click()}>{t("documents.choose")}</Button>
        <p class="soft small">{t("documents.types")}</p>
        <input ref={input} type="file" multiple hidden aria-label={t("documents.choose")} onChange={(event) => {
          void take([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }} />
      </div>
      {transfers.length > 0 && (
        <ul class="list" aria-live="polite">
          {transfers.map((transfer) => (
            <li class={transfer.error ? "note bad" : "note"} key={transfer.key}>
              <div class="row between nowrap grow">
                <span class="truncate">{transfer.name}</span>
                {transfer.error ? (
                  <Button compact kind="plain" icon="close" label={t("common.close")}
                    onClick={() => setTransfers((old) => old.filter((each) => each.key !== transfer.key))} />
                ) : <Badge tone="info">{transfer.share < 1 ? t("documents.sending") : t("documents.sent")}</Badge>}
              </div>
              {transfer.error ? <p>{transfer.error}</p> : <progress max={1} value={transfer.share || undefined} aria-label={transfer.name} />}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
