import { api, ok, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { number, relative, t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Form, TextArea, TextField } from "../../ui/form";
import { Empty, PagedList, Table, type Column } from "../../ui/page";

type Chatbot = Api<"ChatbotView">;
type Question = Api<"UnansweredQuestion">;

/** Questions that a chatbot could not answer; a fixed answer settles one. */
export function Unanswered({ chatbot, changed }: { chatbot: Chatbot; changed: (chatbot: Chatbot) => void }) {
  const path = { chatbot_id: chatbot.id };
  const questions = usePages((cursor) => page(api.GET("/api/v1/chatbots/{chatbot_id}/unanswered", { params: { path, query: { cursor } } })), [chatbot.id]);
  const dismiss = async (question: Question) => {
    await ok(api.DELETE("/api/v1/chatbots/{chatbot_id}/unanswered/{message_id}", { params: { path: { ...path, message_id: question.id } } }));
    await questions.reload();
  };
  const answer = (question: Question) => openDialog((close) => (
    <Dialog title={t("unanswered.answer")} onClose={close}>
      <Form submit={t("unanswered.save")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        changed(await ok(api.POST("/api/v1/chatbots/{chatbot_id}/unanswered/{message_id}/answer", {
          params: { path: { ...path, message_id: question.id } },
          body: { answer: values.text("answer"), question: values.text("question") },
        })));
        close();
        await questions.reload();
      }}>
        <TextField name="question" label={t("unanswered.question")} value={question.question} required />
        <TextArea name="answer" label={t("unanswered.text")} required hint={t("unanswered.hint")} />
      </Form>
    </Dialog>
  ));
  const columns: Column<Question>[] = [
    { head: t("unanswered.question"), kind: "main", cell: (row) => row.question },
    { head: t("unanswered.times"), kind: "num", cell: (row) => number(row.times) },
    { head: t("unanswered.asked"), kind: "optional", cell: (row) => relative(row.asked_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <span class="row nowrap">
        <Button compact onClick={() => answer(row)}>{t("unanswered.answer")}</Button>
        <Button compact kind="plain" onClick={() => dismiss(row)}>{t("unanswered.dismiss")}</Button>
      </span>
    ) },
  ];
  return (
    <PagedList of={questions} empty={<Empty icon="check" title={t("unanswered.empty")} text={t("unanswered.empty_text")} />}>
      {(items) => <Table label={t("chatbots.tab_unanswered")} columns={columns} rows={items} id={(row) => row.id} />}
    </PagedList>
  );
}
