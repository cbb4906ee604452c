import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ok } from "../../api/client";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { ErrorNote } from "../../ui/errors";
import { DropZone } from "../documents/drop_zone";
import { DocumentBadge } from "../documents/status";
import type { Overview } from "./home";

/** A text to begin with, for those who have no file at hand. */
const SAMPLE_NAME = "meridian-lamp.txt";
const SAMPLE = `Meridian lamp: handbook

Warranty
The Meridian lamp has a warranty of three years from the day of purchase. The warranty covers the driver and the LEDs, not the shade.

Returns
Returns are free within 30 days. Send the lamp in its original box and enclose the receipt.

Care
Clean the shade with a dry cloth. Do not use solvents. Unplug the lamp before cleaning.
`;

/** From nothing to an answer that cites a document: upload, chatbot, question. */
export function FirstSteps({ overview, reload }: { overview: Overview; reload: () => Promise<void> }) {
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const { documents, chatbots, sessions } = overview;
  const chatbot = chatbots[0];
  const done = [documents.length > 0, chatbot !== undefined, sessions.length > 0];
  const current = done.indexOf(false);
  const state = (step: number) => (done[step] ? "done" : step === current ? "current" : "");
  const sample = async () => {
    const form = new FormData();
    form.append("file", new File([SAMPLE], SAMPLE_NAME, { type: "text/plain" }));
    await ok(api.POST("/api/v1/documents/upload", { body: form as never, bodySerializer: () => form }));
    await reload();
  };
  const create = async () => {
    const isSample = documents.some((document) => document.file_name === SAMPLE_NAME);
    await ok(api.POST("/api/v1/chatbots", {
      body: {
        name: t("first.bot_name"), documents: documents.map((document) => document.id),
        ...(isSample ? { settings: { suggested_questions: ["How long is the warranty?", "Are returns free?"] } } : {}),
      },
    }));
    await reload();
  };
  const attempt = (work: () => Promise<void>) => async () => {
    setError(null);
    await work().catch(setError);
  };
  return (
    <section class="stack" aria-label={t("first.title")}>
      <div><h2>{t("first.title")}</h2><p class="soft">{t("first.text")}</p></div>
      {error !== null && <ErrorNote error={error} />}
      <ol class="steps">
        <li class={state(0)}>
          <div>
            <h3>{t("first.upload")}</h3>
            {documents.map((document) => (
              <div class="row"><span class="truncate">{document.name}</span><DocumentBadge status={document.status} progress={document.progress} /></div>
            ))}
            {!done[0] && <>
              <DropZone compact onUploaded={() => void reload()} />
              <p class="soft">{t("first.no_file")} <button type="button" class="link" onClick={attempt(sample)}>{t("first.sample")}</button></p>
            </>}
          </div>
        </li>
        <li class={state(1)}>
          <div>
            <h3>{t("first.create")}</h3>
            {chatbot ? <span>{chatbot.name}</span> : <>
              <p class="soft">{t("first.create_text")}</p>
              <div><Button kind={current === 1 ? "primary" : undefined} disabled={!done[0]} onClick={attempt(create)}>{t("first.create_button")}</Button></div>
            </>}
          </div>
        </li>
        <li class={state(2)}>
          <div>
            <h3>{t("first.ask")}</h3>
            <p class="soft">{t("first.ask_text")}</p>
            <div>
              <Button kind={current === 2 ? "primary" : undefined} icon="chat" disabled={!chatbot} onClick={() => navigate(`/chats?chatbot=${chatbot?.id ?? ""}`)}>
                {t("first.ask_button")}
              </Button>
            </div>
          </div>
        </li>
      </ol>
    </section>
  );
}
