import { useState } from "preact/hooks";
import { api, ok, type Api } from "../../api/client";
import { number, t } from "../../i18n";
import { Form, TextArea } from "../../ui/form";
import { Badge, Card, Table, Tile, type Column } from "../../ui/page";
import { AnswerText } from "../chat/answer";

/** Asks a chatbot a set of questions at once, and compares the answers with expected ones. */
export function Evaluate({ chatbot }: { chatbot: Api<"ChatbotView"> }) {
  const [result, setResult] = useState<Api<"Evaluation"> | null>(null);
  const columns: Column<Api<"EvaluatedCase">>[] = [
    { head: t("unanswered.question"), kind: "main", cell: (row) => row.question },
    { head: t("test.answer"), cell: (row) => row.error ? <span class="bad">{row.error}</span> : <AnswerText text={row.response ?? ""} sources={row.sources} /> },
    { head: t("evaluate.result"), cell: (row) => <Verdict of={row} /> },
  ];
  return (
    <div class="stack">
      <Card title={t("evaluate.title")}>
        <p class="soft">{t("evaluate.text")}</p>
        <Form submit={t("evaluate.run")} onSubmit={async (values) => {
          const questions = values.lines("questions").map((line) => {
            const [question = "", expected] = line.split("|").map((part) => part.trim());
            return { question, ...(expected ? { expected_answer: expected } : {}) };
          });
          setResult(await ok(api.POST("/api/v1/chatbots/{chatbot_id}/evaluate", { params: { path: { chatbot_id: chatbot.id } }, body: { questions } })));
        }}>
          <TextArea name="questions" label={t("evaluate.questions")} rows={6} required hint={t("evaluate.hint")} />
        </Form>
      </Card>
      {result && (
        <>
          <div class="tiles" role="status">
            <Tile name={t("evaluate.answered")} value={`${number(result.answered)} / ${number(result.questions)}`} />
            <Tile name={t("evaluate.correct")} value={number(result.correct)} />
            <Tile name={t("evaluate.incorrect")} value={number(result.incorrect)} />
            <Tile name={t("usage.tokens")} value={number(result.total_tokens)} />
          </div>
          <Table label={t("evaluate.title")} columns={columns} rows={result.results} id={(_, index) => String(index)} />
        </>
      )}
    </div>
  );
}

function Verdict({ of }: { of: Api<"EvaluatedCase"> }) {
  if (of.error) return <Badge tone="bad">{t("evaluate.failed")}</Badge>;
  if (of.correct === true) return <Badge tone="good">{t("evaluate.correct")}</Badge>;
  if (of.correct === false) return <Badge tone="bad">{t("evaluate.incorrect")}</Badge>;
  return <Badge tone={of.answered ? "info" : "warn"}>{t(of.answered ? "evaluate.answered" : "evaluate.refused")}</Badge>;
}
