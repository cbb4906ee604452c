import { useLocation } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { useLoad, type Loaded } from "../../api/load";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { sentence } from "../../ui/errors";
import { Async, PageHead, Tabs } from "../../ui/page";
import { notify } from "../../ui/toast";
import { Build } from "./build";
import { PublishedBadge } from "./chatbots";
import { ChatbotDocuments } from "./documents";
import { Evaluate } from "./evaluate";
import { Unanswered } from "./unanswered";
import { Website } from "./website";

type Chatbot = Api<"ChatbotView">;

export function ChatbotPage({ id, tab }: { id: string; tab: string }) {
  const [, navigate] = useLocation();
  const chatbot = useLoad(() => ok(api.GET("/api/v1/chatbots/{chatbot_id}", { params: { path: { chatbot_id: id } } })), [id]);
  const base = `/chatbots/${id}`;
  return (
    <Async of={chatbot}>
      {(it) => (
        <>
          <PageHead title={it.name} back={{ href: "/chatbots", label: t("chatbots.title") }}
            text={<span class="row"><PublishedBadge chatbot={it} />{it.description}</span>}
            actions={<>
              <Button icon="chat" onClick={() => navigate(`/chats?chatbot=${id}`)}>{t("chatbots.chat")}</Button>
              <Publish chatbot={it} loaded={chatbot} />
            </>} />
          <Tabs label={it.name} tabs={[
            { href: base, label: t("chatbots.tab_build") },
            { href: `${base}/documents`, label: t("nav.documents") },
            { href: `${base}/unanswered`, label: t("chatbots.tab_unanswered") },
            { href: `${base}/evaluate`, label: t("chatbots.tab_evaluate") },
            { href: `${base}/website`, label: t("chatbots.tab_website") },
          ]} />
          {tab === "documents" ? <ChatbotDocuments chatbot={it} changed={chatbot.set} />
            : tab === "unanswered" ? <Unanswered chatbot={it} changed={chatbot.set} />
            : tab === "evaluate" ? <Evaluate chatbot={it} />
            : tab === "website" ? <Website chatbot={it} />
            : <Build chatbot={it} changed={chatbot.set} deleted={() => navigate("/chatbots")} copied={(copy) => navigate(`/chatbots/${copy.id}`)} />}
        </>
      )}
    </Async>
  );
}

function Publish({ chatbot, loaded }: { chatbot: Chatbot; loaded: Loaded<Chatbot> }) {
  const params = { path: { chatbot_id: chatbot.id } };
  const publish = async () => {
    try {
      loaded.set(await ok(api.POST("/api/v1/chatbots/{chatbot_id}/publish", { params })));
      notify(t("chatbots.published_now", { name: chatbot.name }));
    } catch (error) {
      notify(sentence(error));
    }
  };
  const unpublish = () => confirmStep({
    title: t("chatbots.unpublish"), text: t("chatbots.unpublish_text"), action: t("chatbots.unpublish"), name: chatbot.name,
    run: async () => loaded.set(await ok(api.POST("/api/v1/chatbots/{chatbot_id}/unpublish", { params }))),
  });
  const isNew = chatbot.published_at === null || chatbot.has_draft;
  return (
    <>
      {chatbot.published_at !== null && <Button onClick={unpublish}>{t("chatbots.unpublish")}</Button>}
      {isNew && <Button kind="primary" onClick={publish}>{t(chatbot.published_at === null ? "chatbots.publish" : "chatbots.publish_changes")}</Button>}
    </>
  );
}
