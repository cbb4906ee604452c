// A conversation with a model that thinks and is slow. It needs --model-port.
import assert from "node:assert/strict";

const message = (page) => page.getByRole("textbox", { name: "Message", exact: true });

async function ask(page, text) {
  await message(page).fill(text);
  await page.keyboard.press("Enter");
}

export const tests = {
  async "thinking is folded away, and the answer is Markdown"(t) {
    const { ada } = t;
    const { page } = ada;
    await ada.signUp("Ada");
    const document = await ada.upload("handbook.txt", "The Meridian lamp has a warranty of three years.\n");
    const chatbot = await ada.api("POST", "/chatbots", { name: "Thinker", documents: [document.id], settings: { model: "compatible/thinker" } });
    await ada.go(`/chats?chatbot=${chatbot.id}`);
    await ask(page, "Compare the lamps");
    const thinking = page.locator("details.thinking");
    await thinking.waitFor();
    assert.equal(await thinking.getAttribute("open"), null);
    const answer = page.getByRole("article", { name: "Answer" });
    await answer.getByRole("cell", { name: "Meridian" }).waitFor();
    assert.equal(await thinking.count(), 0);
    // Whoever types goes on typing.
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Message");
  },

  async "an answer is stopped, and what there is of it stays"({ ada }) {
    const { page } = ada;
    await ask(page, "slow please");
    await page.getByText("word word").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped", { exact: true }).waitFor();
  },

  async "an answer goes on after the page was loaded again"({ ada }) {
    const { page } = ada;
    await ask(page, "slow again");
    await page.getByText("word word").nth(1).waitFor();
    await page.reload();
    const draft = page.locator(".message").last();
    const before = (await draft.innerText()).length;
    await page.waitForFunction((before) => [...document.querySelectorAll(".message")].at(-1).innerText.length > before + 20, before);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped", { exact: true }).nth(1).waitFor();
  },

  async "an answer gets a second version, and a question is asked otherwise"({ ada }) {
    const { page } = ada;
    await page.getByRole("button", { name: "Answer again" }).first().click();
    await page.getByText("2 / 2").first().waitFor();
    await page.getByRole("button", { name: "Previous version" }).first().click();
    await page.getByText("1 / 2").first().waitFor();
    await page.getByRole("button", { name: "Edit message" }).first().click();
    await page.getByRole("textbox", { name: "Edit message" }).fill("Compare the heights");
    await page.locator(".messages form").getByRole("button", { name: "Send" }).click();
    await page.locator(".bubble", { hasText: "Compare the heights" }).waitFor();
    await page.getByText("slow please").waitFor({ state: "hidden" });
    await page.getByRole("article", { name: "Answer" }).getByRole("cell", { name: "Meridian" }).waitFor();
    assert.deepEqual(ada.problems, []);
  },
};
