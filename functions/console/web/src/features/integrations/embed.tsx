import { ROOT_URL } from "../../api/root";
import { t } from "../../i18n";
import { CodeBlock } from "../../ui/button";

/** The line of HTML that brings a chatbot onto a page. */
export function EmbedCode({ chatbot }: { chatbot: string }) {
  const line = `<script src="${ROOT_URL}/widget.js" data-chatbot="${chatbot}" async></script>`;
  return (
    <div class="stack tight">
      <p class="soft">{t("website.embed_text")}</p>
      <CodeBlock text={line} wrap label={t("website.copy")} />
    </div>
  );
}
