"""An upstream of one model whose answers a test makes up, whole or as a stream, in three APIs."""
import http.server
import json
import threading

OURS = "retrieve_omitted"


def own_id(thought):
    return "rs_" + thought.replace(" ", "_")


def spell(api, text=None, calls=(), thought=None):
    """What a model says, in an API's words; calls: (name, arguments)."""
    calls = [(f"call_{name}_{n}", name, arguments) for n, (name, arguments) in enumerate(calls)]
    if api == "chat":
        return {"content": text, **({"reasoning_content": thought} if thought else {}),
                **({"tool_calls": [
                    {"id": i, "type": "function",
                     "function": {"name": name, "arguments": json.dumps(arguments)}}
                    for i, name, arguments in calls]} if calls else {})}
    if api == "messages":
        return {"content": [
            *([{"type": "thinking", "thinking": thought, "signature": "proof"}] if thought else []),
            *([{"type": "text", "text": text}] if text else []),
            *({"type": "tool_use", "id": i, "name": name, "input": arguments}
              for i, name, arguments in calls)], "stop": "tool_use" if calls else "end_turn"}
    return {"output": [
        *([{"id": own_id(thought), "type": "reasoning", "encrypted_content": "proof",
            "summary": [{"type": "summary_text", "text": thought}]}] if thought else []),
        *([{"id": "msg_own", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}]
          if text else []),
        *({"id": f"fc_{i}", "type": "function_call", "call_id": i, "name": name,
           "arguments": json.dumps(arguments), "status": "completed"}
          for i, name, arguments in calls)]}


def pieces(text, size=7):
    return [text[i:i + size] for i in range(0, len(text), size)]


def chat_events(answer):
    def chunk(delta, finish=None, **more):
        return None, {"id": answer["id"], "object": "chat.completion.chunk", "created": 1,
                      "model": "m", "choices": [{"index": 0, "delta": delta,
                                                 "finish_reason": finish}], **more}
    choice = answer["choices"][0]
    message = choice["message"]
    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(message.get("reasoning_content") or ""):
        yield chunk({"reasoning_content": piece})
    for piece in pieces(message.get("content") or ""):
        yield chunk({"content": piece})
    for n, call in enumerate(message.get("tool_calls", [])):
        yield chunk({"tool_calls": [{"index": n, "id": call["id"], "type": "function", "function": {
            "name": call["function"]["name"], "arguments": ""}}]})
        for piece in pieces(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": n, "function": {"arguments": piece}}]})
    yield chunk({}, choice["finish_reason"])
    yield None, {"id": answer["id"], "object": "chat.completion.chunk", "created": 1, "model": "m",
                 "choices": [], "usage": answer["usage"]}
    yield None, "[DONE]"


def messages_events(answer):
    def event(kind, **more):
        return kind, {"type": kind, **more}
    yield event("message_start", message={**answer, "content": [], "stop_reason": None, "usage": {
        **answer["usage"], "output_tokens": 1}})
    for n, block in enumerate(answer["content"]):
        kind = block["type"]
        if kind == "text":
            start, deltas = {"text": ""}, [
                {"type": "text_delta", "text": p} for p in pieces(block["text"])]
        elif kind == "thinking":
            start, deltas = {"thinking": "", "signature": ""}, [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]}]
        else:
            start, deltas = {"id": block["id"], "name": block["name"], "input": {}}, [
                {"type": "input_json_delta", "partial_json": p}
                for p in pieces(json.dumps(block["input"]))]
        yield event("content_block_start", index=n, content_block={"type": kind, **start})
        for delta in deltas:
            yield event("content_block_delta", index=n, delta=delta)
        yield event("content_block_stop", index=n)
    yield event("message_delta", delta={"stop_reason": answer["stop_reason"],
                                        "stop_sequence": None}, usage=answer["usage"])
    yield event("message_stop")


def responses_events(answer):
    number = iter(range(10000))

    def event(kind, **more):
        return kind, {"type": kind, "sequence_number": next(number), **more}
    begun = {**answer, "output": [], "usage": None, "status": "in_progress"}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for n, item in enumerate(answer["output"]):
        at = {"item_id": item["id"], "output_index": n}
        bare = {k: [] if k in ("content", "summary") else "" if k == "arguments" else v
                for k, v in item.items() if k != "encrypted_content"}
        yield event("response.output_item.added", output_index=n, item=bare)
        if item["type"] == "reasoning":
            for piece in pieces(item["summary"][0]["text"]):
                yield event("response.reasoning_summary_text.delta", summary_index=0, delta=piece,
                            **at)
        elif item["type"] == "message":
            for piece in pieces(item["content"][0]["text"]):
                yield event("response.output_text.delta", content_index=0, delta=piece, **at)
        else:
            for piece in pieces(item["arguments"]):
                yield event("response.function_call_arguments.delta", delta=piece, **at)
        yield event("response.output_item.done", output_index=n, item=item)
    yield event("response.completed", response=answer)


class Model:
    """`answer(body)` gives the message. `pause(data)` is called before each event of a stream and may
    wait; an OSError of its breaks the stream off."""

    def __init__(self):
        self.reset()
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                model.asked.append(body)
                said = model.answer(body)
                status = said.pop("status", 200)
                answer = said if status != 200 else model.whole(said, body, self.path)
                if status == 200 and body.get("stream"):
                    self.stream(body, answer)
                    return
                answer = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def stream(self, body, answer):
                events = (messages_events if self.path.endswith("/messages") else
                          responses_events if self.path.endswith("/responses") else chat_events)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                try:
                    for name, data in events(answer):
                        text = data if isinstance(data, str) else json.dumps(data)
                        model.pause(text)
                        head = f"event: {name}\n" if name else ""
                        event = f"{head}data: {text}\n\n".encode()
                        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    self.close_connection = True

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        self.asked = []
        self.answer = lambda body: {"content": "fine"}
        self.pause = lambda data: None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def whole(self, said, body, path):
        usage = {"input_tokens": 100, "output_tokens": 10}
        if path.endswith("/messages"):
            return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
                    "content": said["content"], "stop_sequence": None,
                    "stop_reason": said.get("stop", "end_turn"), "usage": {
                        **usage, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}}
        if path.endswith("/responses"):
            return {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
                    "model": "m", "incomplete_details": None, "output": said["output"],
                    "tools": body.get("tools", []), "store": body.get("store", True),
                    "usage": {**usage, "input_tokens_details": {"cached_tokens": 0},
                              "output_tokens_details": {"reasoning_tokens": 0},
                              "total_tokens": 110}}
        finish = said.pop("finish", "tool_calls" if said.get("tool_calls") else "stop")
        return {"id": f"c{len(self.asked)}", "object": "chat.completion", "created": 1,
                "model": "m", "choices": [{"index": 0, "finish_reason": finish,
                                           "message": {"role": "assistant", **said}}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}}


def call(name, key=None, n=0):
    return {"id": f"call_{name}_{n}", "type": "function",
            "function": {"name": name, "arguments": json.dumps({"key": key} if key else {})}}
