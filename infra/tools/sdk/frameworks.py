"""Frameworks that call OpenAI's API through clients of their own, with models that are slow, think, fail and refuse.

They pin an older client of OpenAI's than the newest, so they run by themselves: API and KEY say where and who.
"""

import os
from concurrent.futures import ThreadPoolExecutor

# They would fetch a table of prices, or count us.
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LANGCHAIN_TRACING_V2="false")

import httpx
import httpx_sse
import instructor
import litellm
import openai
from langchain_openai import ChatOpenAI
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from odd_models import PAUSE_S

QUESTION = "Hello?"
SAID = "w0 w1 w2 "
# Tokens: what an answer may have is reserved of the day's limit, and many are asked for at once.
LONGEST = 50


class Person(BaseModel):
    name: str
    age: int


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


class Frameworks:
    """Each method is what holds for one client; its name is printed."""

    def __init__(self, api, key):
        self.url, self.key = f"{api}/v1", key
        self.client = openai.OpenAI(base_url=self.url, api_key=key, max_retries=0)

    def langchain(self, model):
        return ChatOpenAI(base_url=self.url, api_key=self.key, model=model, max_retries=0, max_tokens=LONGEST)

    def litellm(self, model, **more):
        return litellm.completion(model=f"openai/{model}", api_base=self.url, api_key=self.key, max_retries=0, max_tokens=LONGEST,
                                  messages=[{"role": "user", "content": QUESTION}], **more)

    def llama(self, model):
        return OpenAILike(model=model, api_base=self.url, api_key=self.key, is_chat_model=True, max_retries=0,
                          max_tokens=LONGEST)

    def ask(self, model, **more):
        return self.client.chat.completions.create(model=model, max_tokens=LONGEST,
                                                   messages=[{"role": "user", "content": QUESTION}], **more)

    def openai_thinking(self):
        message = self.ask("compatible/thinking").choices[0].message
        assert (message.content, message.reasoning_content) == ("Two.", "Hm. So."), message
        deltas = [chunk.choices[0].delta for chunk in self.ask("compatible/thinking", stream=True)]
        assert "".join(delta.content or "" for delta in deltas) == "Two."
        assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == "Hm. So."

    def openai_refusing(self):
        for stream in (False, True):
            error = raised(openai.BadRequestError, lambda: self.ask("compatible/refusing", stream=stream))
            assert error.code == "context_length_exceeded" and "8192" in error.message, vars(error)

    def openai_failing(self):
        error = raised(openai.APIError, lambda: list(self.ask("compatible/failing", stream=True)))
        assert error.code, vars(error)

    def langchain_whole_and_streamed(self):
        model = self.langchain("gpt-4o-mini")
        assert model.invoke(QUESTION).content == SAID
        assert "".join(chunk.content for chunk in model.stream(QUESTION)) == SAID

    def langchain_refusing(self):
        error = raised(openai.BadRequestError, lambda: self.langchain("compatible/refusing").invoke(QUESTION))
        assert error.code == "context_length_exceeded", vars(error)

    def langchain_failing(self):
        raised(openai.APIError, lambda: list(self.langchain("compatible/failing").stream(QUESTION)))

    def llama_index_whole_and_streamed(self):
        messages = [ChatMessage(role="user", content=QUESTION)]
        model = self.llama("gpt-4o-mini")
        assert model.chat(messages).message.content == SAID
        assert "".join(part.delta or "" for part in model.stream_chat(messages)) == SAID

    def litellm_whole_streamed_thinking(self):
        assert self.litellm("gpt-4o-mini").choices[0].message.content == SAID
        chunks = self.litellm("gpt-4o-mini", stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID
        message = self.litellm("compatible/thinking").choices[0].message
        assert (message.content, message.reasoning_content) == ("Two.", "Hm. So."), message

    def litellm_refusing(self):
        raised(litellm.ContextWindowExceededError, lambda: self.litellm("compatible/refusing"))

    def instructor_plain(self):
        client = instructor.from_openai(self.client, mode=instructor.Mode.MD_JSON)
        person = client.chat.completions.create(
            model="compatible/object", response_model=Person, max_retries=0, max_tokens=LONGEST,
            messages=[{"role": "user", "content": "Who is Ada?"}])
        assert (person.name, person.age) == ("Ada", 36), person

    def slow_openai(self):
        chunks = self.ask("compatible/slow", stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "One two."

    def slow_langchain(self):
        assert "".join(chunk.content for chunk in self.langchain("compatible/slow").stream(QUESTION)) == "One two."

    def slow_litellm(self):
        chunks = self.litellm("compatible/slow", stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "One two."

    def slow_llama_index(self):
        parts = self.llama("compatible/slow").stream_chat([ChatMessage(role="user", content=QUESTION)])
        assert "".join(part.delta or "" for part in parts) == "One two."

    def slow_httpx_sse(self):
        for path, words in (("/v1/chat/completions", None), ("/api/v1/ai/chat", "content")):
            body = {"model": "compatible/slow", "stream": True, "max_tokens": LONGEST, "message": QUESTION,
                    "messages": [{"role": "user", "content": QUESTION}]}
            headers = {"Authorization": f"Bearer {self.key}"}
            url = self.url.removesuffix("/v1") + path
            with httpx.Client(timeout=PAUSE_S * 4) as client, \
                    httpx_sse.connect_sse(client, "POST", url, json=body, headers=headers) as source:
                events = list(source.iter_sse())
            assert all(event.data for event in events), "an event without data"
            assert words or not any(event.id for event in events), "OpenAI's events have no ids"
            assert events[-1].data == "[DONE]"

    def run(self):
        names = [name for name in vars(type(self)) if "_" in name and not name.startswith("_")]
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            slow = {name: pool.submit(getattr(self, name)) for name in names if name.startswith("slow_")}
            for name in names:
                slow[name].result() if name in slow else getattr(self, name)()
                print(f"  ok  python: {name.replace('_', ' ')}", flush=True)


if __name__ == "__main__":
    Frameworks(os.environ["API"], os.environ["KEY"]).run()
