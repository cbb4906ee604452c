import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { number, percent, t } from "../../i18n";
import { Button } from "../../ui/button";
import { ErrorNote } from "../../ui/errors";
import { Badge, Card } from "../../ui/page";
import { AnswerText, Sources } from "../chat/answer";
import { passageHref } from "../documents/passages";

type Chatbot = Api<"ChatbotView">;

interface Test {
  question: string;
  answer: Api<"ChatbotPreview"> | null;
  passages: Api<"PassageView">[] | null;
  error: unknown;
}

/** Asks a chatbot with settings that need not be saved, and shows what it found beside what it answers. */
export function TestPane({ chatbot, settings }: { chatbot: Chatbot; settings: () => Api<"ChatbotSettingsPatch"> }) {
  const [question, setQuestion] = useState("");
  const [test, setTest] = useState<Test | null>(null);
  const [busy, setBusy] = useState(false);
  const ask = async (text: string) => {
    const asked = text.trim();
    if (!asked || busy) return;
    setBusy(true);
    setTest({ question: asked, answer: null, passages: null, error: null });
    const found = ok(api.POST("/api/v1/chatbots/{chatbot_id}/search", {
      params: { path: { chatbot_id: chatbot.id } }, body: { query: asked },
    })).then(({ passages }) => setTest((old) => old && { ...old, passages }));
    const answered = ok(api.POST("/api/v1/chatbots/preview", {
      body: { chatbot_id: chatbot.id, message: asked, settings: settings() },
    })).then((answer) => setTest((old) => old && { ...old, answer }));
    await Promise.all([found, answered]).catch((error: unknown) => setTest((old) => old && { ...old, error }));
    setBusy(false);
  };
  return (
    <Card title={t("test.title")}>
      <p class="soft">{t("test.text")}</p>
      <form class="row nowrap" onSubmit={(event) => { event.preventDefault(); void ask(question); }}>
        <input class="input" aria-label={t("test.question")} placeholder={t("test.question")} value={question}
          onInput={(event) => setQuestion(event.currentTarget.value)} />
        <Button type="submit" kind="primary" busy={busy}>{t("test.ask")}</Button>
      </form>
      {chatbot.settings.suggested_questions.length > 0 && !test && (
        <div class="suggestions">
          {chatbot.settings.suggested_questions.map((text) => (
            <Button compact onClick={() => { setQuestion(text); void ask(text); }}>{text}</Button>
          ))}
        </div>
      )}
      {chatbot.document_count === 0 && (
        <p class="note warn"><span>{t("test.no_documents")} <Link href={`/chatbots/${chatbot.id}/documents`}>{t("test.add_documents")}</Link></span></p>
      )}
      {test && <Result test={test} />}
    </Card>
  );
}

const percentWidth = (share: number) => `${Math.min(1, share) * 100}%`;

function Result({ test }: { test: Test }) {
  return (
    <div class="stack" aria-live="polite">
      {test.error !== null && <ErrorNote error={test.error} />}
      {test.answer && (
        <section class="stack tight" aria-label={t("test.answer")}>
          <h3>{t("test.answer")}</h3>
          <AnswerText text={test.answer.response} sources={test.answer.sources} />
          <Sources sources={test.answer.sources} />
          {test.answer.notice && <p class="note warn">{test.answer.notice}</p>}
          <p class="small soft">{t("test.facts", { model: test.answer.model, tokens: number(test.answer.usage.total_tokens) })}</p>
        </section>
      )}
      {test.passages && (
        <section class="stack tight" aria-label={t("test.passages")}>
          <h3>{t("test.passages")}</h3>
          {test.passages.length === 0 && <p class="soft">{t("test.nothing")}</p>}
          {test.passages.map((passage) => (
            <article class={passage.is_used ? "passage" : "passage unused"}>
              <div class="row between">
                <Link href={passageHref({ document_id: passage.document_id, page: passage.page, excerpt: passage.text })}>
                  {passage.name}{passage.page !== null && `, ${t("documents.page", { page: passage.page })}`}
                </Link>
                <span class="row">
                  <span class="small soft">{t("test.relevance", { share: percent(passage.relevance) })}</span>
                  <Badge tone={passage.is_used ? "good" : ""}>{t(passage.is_used ? "test.used" : "test.unused")}</Badge>
                </span>
              </div>
              <div class="meter" aria-hidden="true"><i style={{ width: percentWidth(passage.relevance) }} /></div>
              <p class="small" dir="auto">{passage.text.length > 600 ? `${passage.text.slice(0, 600)} …` : passage.text}</p>
            </article>
          ))}
        </section>
      )}
    </div>
  );
}
