"""How each API spells questions and answers: the same question in every one of them, and what an
answer says in words that all share. For tests of the simulator and of the suite in front of it."""
import base64
import hashlib
import hmac
import json
import struct
import urllib.parse
import zlib

SIGNATURE = "c2lnbmF0dXJlIG9mIHRoZSBzaW11bGF0b3I="
PIXEL = base64.b64encode(b"\x89PNG" + bytes(64)).decode()
CITY = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"]}
ARGUMENTS = {"city": 'city "é"', "days": 7}


def sse(stream):
    """(event's name, data) of each event."""
    found = []
    for block in bytes(stream.body).decode().replace("\r\n", "\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line[:1] not in ("", ":"))
        if "data" in lines:
            found.append((lines.get("event"), lines["data"]))
    return found


class Anthropic:
    name = "anthropic"
    headers = {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    finishes = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use",
                "sequence": "stop_sequence", "filter": "refusal"}
    errors = {"invalid": (400, "invalid_request_error"), "auth": (401, "authentication_error"),
              "context": (400, "invalid_request_error"), "forbidden": (403, "permission_error"),
              "missing": (404, "not_found_error"), "too-large": (413, "request_too_large"),
              "rate": (429, "rate_limit_error"), "server": (500, "api_error"),
              "overloaded": (529, "overloaded_error"), "quota": (402, "billing_error"),
              "timeout": (504, "timeout_error")}

    @staticmethod
    def path(model, stream):
        return "/v1/messages"

    @staticmethod
    def body(model, stream, **more):
        content = [{"type": "text", "text": more.get("text", "hello world")}]
        if "image" in more:
            content.append({"type": "image", "source": {
                "type": "base64", "media_type": "image/png", "data": more["image"]}})
        messages = [{"role": "user", "content": content}]
        if "history" in more:
            messages += [
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Bonn"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1",
                                              "content": "sunny"}]}]
        body = {"model": model, "stream": stream, "max_tokens": 100, "messages": messages,
                "system": "be brief", "temperature": 0.5}
        if "stop" in more:
            body["stop_sequences"] = more["stop"]
        if "tools" in more:
            body["tools"] = [{"name": n, "description": "d", "input_schema": CITY}
                             for n in more["tools"]]
        if "schema" in more:
            body["output_config"] = {"format": {"type": "json_schema", "schema": more["schema"]}}
        return body

    @staticmethod
    def whole(answer):
        got = {"text": "", "thinking": "", "signature": None, "redacted": None, "calls": []}
        for block in answer["content"]:
            if block["type"] == "text":
                got["text"] += block["text"]
            elif block["type"] == "thinking":
                got["thinking"] += block["thinking"]
                got["signature"] = block["signature"]
            elif block["type"] == "redacted_thinking":
                got["redacted"] = block["data"]
            else:
                got["calls"].append((block["name"], block["input"]))
        u = answer["usage"]
        got["finish"] = answer["stop_reason"]
        got["usage"] = (u["input_tokens"] + u["cache_read_input_tokens"],
                        u["cache_read_input_tokens"], u["output_tokens"])
        return got

    @classmethod
    def streamed(cls, stream):
        blocks, answer = [], None
        for name, data in sse(stream):
            event = json.loads(data)
            assert event["type"] == name
            if name == "message_start":
                answer = event["message"]
            elif name == "content_block_start":
                assert event["index"] == len(blocks)
                blocks.append(dict(event["content_block"], json=""))
            elif name == "content_block_delta":
                delta, block = event["delta"], blocks[event["index"]]
                key = {"text_delta": "text", "thinking_delta": "thinking",
                       "signature_delta": "signature", "input_json_delta": "json"}[delta["type"]]
                block[key] += delta["partial_json" if key == "json" else key]
            elif name == "content_block_stop" and blocks[event["index"]]["type"] == "tool_use":
                blocks[event["index"]]["input"] = json.loads(blocks[event["index"]]["json"])
            elif name == "message_delta":
                answer.update(event["delta"], usage=event["usage"])
        assert name == "message_stop"
        return cls.whole({**answer, "content": blocks})

    @staticmethod
    def error(answer):
        body = answer.json
        assert body["type"] == "error" and body["request_id"]
        return body["error"]["type"]

    @staticmethod
    def broken(stream):
        name, data = sse(stream)[-1]
        return name == "error" and json.loads(data)["error"]["type"]


class OpenAI:
    name = "openai"
    headers = {}
    finishes = {"stop": "stop", "length": "length", "tools": "tool_calls", "sequence": "stop",
                "filter": "content_filter"}
    errors = {"invalid": (400, None), "auth": (401, "invalid_api_key"),
              "context": (400, "context_length_exceeded"), "forbidden": (403, "model_not_available"),
              "missing": (404, "model_not_found"), "too-large": (413, None),
              "rate": (429, "rate_limit_exceeded"), "server": (500, None),
              "overloaded": (503, None), "quota": (429, "insufficient_quota"),
              "timeout": (504, None)}

    @staticmethod
    def path(model, stream):
        return "/v1/chat/completions"

    @staticmethod
    def body(model, stream, **more):
        content = more.get("text", "hello world")
        if "image" in more:
            content = [{"type": "text", "text": content}, {"type": "image_url", "image_url": {
                "url": f"data:image/png;base64,{more['image']}"}}]
        messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": content}]
        if "history" in more:
            messages += [{"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "weather", "arguments": '{"city": "Bonn"}'}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "sunny"}]
        body = {"model": model, "stream": stream, "messages": messages, "temperature": 0.5}
        if stream:
            body["stream_options"] = {"include_usage": True}
        if "stop" in more:
            body["stop"] = more["stop"]
        if "tools" in more:
            body["tools"] = [{"type": "function", "function": {
                "name": n, "description": "d", "parameters": CITY}} for n in more["tools"]]
        if "schema" in more:
            body["response_format"] = {"type": "json_schema", "json_schema": {
                "name": "s", "schema": more["schema"]}}
        return body

    @staticmethod
    def put(message, finish, usage):
        return {"text": message.get("content") or "", "signature": None, "redacted": None,
                "thinking": message.get("reasoning_content") or "", "finish": finish,
                "calls": [(c["function"]["name"], json.loads(c["function"]["arguments"]))
                          for c in message.get("tool_calls") or []],
                "usage": (usage["prompt_tokens"],
                          usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
                          usage["completion_tokens"])}

    @classmethod
    def whole(cls, answer):
        choice = answer["choices"][0]
        return cls.put(choice["message"], choice["finish_reason"], answer["usage"])

    @classmethod
    def streamed(cls, stream):
        message = {"content": "", "reasoning_content": "", "tool_calls": []}
        finish = usage = None
        events = [data for _, data in sse(stream)]
        assert events[-1] == "[DONE]"
        for event in map(json.loads, events[:-1]):
            usage = event.get("usage") or usage
            for choice in event["choices"]:
                finish = choice["finish_reason"] or finish
                delta = choice["delta"]
                message["content"] += delta.get("content") or ""
                message["reasoning_content"] += delta.get("reasoning_content") or ""
                for call in delta.get("tool_calls", []):
                    if "id" in call:
                        message["tool_calls"].append({"function": {**call["function"],
                                                                   "arguments": ""}})
                    message["tool_calls"][call["index"]]["function"]["arguments"] += \
                        call["function"]["arguments"]
        return cls.put(message, finish, usage)

    @staticmethod
    def error(answer):
        assert answer.json["error"]["message"] and answer.json["error"]["type"]
        return answer.json["error"]["code"]

    @staticmethod
    def broken(stream):
        return json.loads(sse(stream)[-1][1])["error"]["code"]


class Gemini:
    name = "gemini"
    headers = {"x-goog-api-key": "k"}
    finishes = {"stop": "STOP", "length": "MAX_TOKENS", "tools": "STOP", "sequence": "STOP",
                "filter": "SAFETY"}
    errors = {"invalid": (400, "INVALID_ARGUMENT"), "auth": (400, "INVALID_ARGUMENT"),
              "context": (400, "INVALID_ARGUMENT"), "forbidden": (403, "PERMISSION_DENIED"),
              "missing": (404, "NOT_FOUND"), "too-large": (413, "INVALID_ARGUMENT"),
              "rate": (429, "RESOURCE_EXHAUSTED"), "server": (500, "INTERNAL"),
              "overloaded": (503, "UNAVAILABLE"), "quota": (429, "RESOURCE_EXHAUSTED"),
              "timeout": (504, "DEADLINE_EXCEEDED")}

    @staticmethod
    def path(model, stream):
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{urllib.parse.quote(model, safe='')}:{verb}"

    @staticmethod
    def body(model, stream, **more):
        parts = [{"text": more.get("text", "hello world")}]
        if "image" in more:
            parts.append({"inlineData": {"mimeType": "image/png", "data": more["image"]}})
        contents = [{"role": "user", "parts": parts}]
        if "history" in more:
            contents += [{"role": "model", "parts": [{"functionCall": {
                "name": "weather", "args": {"city": "Bonn"}}, "thoughtSignature": SIGNATURE}]},
                {"role": "user", "parts": [{"functionResponse": {
                    "name": "weather", "response": {"result": "sunny"}}}]}]
        config = {"temperature": 0.5}
        body = {"contents": contents, "systemInstruction": {"parts": [{"text": "be brief"}]},
                "generationConfig": config}
        if "stop" in more:
            config["stopSequences"] = more["stop"]
        if "tools" in more:
            body["tools"] = [{"functionDeclarations": [
                {"name": n, "description": "d", "parameters": CITY} for n in more["tools"]]}]
        if "schema" in more:
            config.update(responseMimeType="application/json", responseSchema=more["schema"])
        return body

    @staticmethod
    def whole(answer):
        got = {"text": "", "thinking": "", "signature": None, "redacted": None, "calls": []}
        candidate, u = answer["candidates"][0], answer["usageMetadata"]
        for part in candidate["content"]["parts"]:
            got["signature"] = part.get("thoughtSignature", got["signature"])
            if "functionCall" in part:
                got["calls"].append((part["functionCall"]["name"], part["functionCall"]["args"]))
            else:
                got["thinking" if part.get("thought") else "text"] += part["text"]
        got["finish"] = candidate.get("finishReason")
        got["usage"] = (u["promptTokenCount"], u.get("cachedContentTokenCount", 0),
                        u.get("candidatesTokenCount", 0) + u.get("thoughtsTokenCount", 0))
        assert u["totalTokenCount"] == got["usage"][0] + got["usage"][2]
        return got

    @classmethod
    def streamed(cls, stream):
        answers = [json.loads(data) for _, data in sse(stream)]
        parts = [p for a in answers for p in a["candidates"][0]["content"]["parts"]]
        last = answers[-1]
        last["candidates"][0]["content"]["parts"] = parts
        return cls.whole(last)

    @staticmethod
    def error(answer):
        assert answer.json["error"]["code"] == answer.status and answer.json["error"]["message"]
        return answer.json["error"]["status"]

    @staticmethod
    def broken(stream):
        return json.loads(sse(stream)[-1][1])["error"]["status"]


class Ollama:
    name = "ollama"
    headers = {}
    finishes = {"stop": "stop", "length": "length", "tools": "stop", "sequence": "stop",
                "filter": "stop"}
    errors = {kind: (status, True) for kind, status in {
        "invalid": 400, "auth": 401, "context": 400, "forbidden": 403, "missing": 404,
        "too-large": 413, "rate": 429, "server": 500, "overloaded": 503, "quota": 402,
        "timeout": 504}.items()}

    @staticmethod
    def path(model, stream):
        return "/api/chat"

    @staticmethod
    def body(model, stream, **more):
        user = {"role": "user", "content": more.get("text", "hello world")}
        if "image" in more:
            user["images"] = [more["image"]]
        messages = [{"role": "system", "content": "be brief"}, user]
        if "history" in more:
            messages += [{"role": "assistant", "content": "", "tool_calls": [
                {"function": {"name": "weather", "arguments": {"city": "Bonn"}}}]},
                {"role": "tool", "tool_name": "weather", "content": "sunny"}]
        body = {"model": model, "stream": stream, "messages": messages,
                "options": {"temperature": 0.5}}
        if "stop" in more:
            body["options"]["stop"] = more["stop"]
        if "tools" in more:
            body["tools"] = [{"type": "function", "function": {
                "name": n, "description": "d", "parameters": CITY}} for n in more["tools"]]
        if "schema" in more:
            body["format"] = more["schema"]
        return body

    @staticmethod
    def whole(answer):
        m = answer["message"]
        return {"text": m["content"], "thinking": m.get("thinking", ""), "signature": None,
                "redacted": None, "finish": answer["done_reason"],
                "calls": [(c["function"]["name"], c["function"]["arguments"])
                          for c in m.get("tool_calls", [])],
                "usage": (answer["prompt_eval_count"], "unknown", answer["eval_count"])}

    @classmethod
    def streamed(cls, stream):
        message = {"content": "", "thinking": "", "tool_calls": []}
        lines = [json.loads(line) for line in bytes(stream.body).decode().splitlines()]
        for line in lines:
            for key in message:
                message[key] += line["message"].get(key, "" if key != "tool_calls" else [])
        assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
        return cls.whole({**lines[-1], "message": message})

    @staticmethod
    def error(answer):
        return isinstance(answer.json["error"], str)

    @staticmethod
    def broken(stream):
        return isinstance(json.loads(bytes(stream.body).splitlines()[-1])["error"], str)


def frames(data):
    """(kind, type, payload) of each frame of an AWS event stream, with both checksums checked."""
    found = []
    while data:
        total, header_bytes, crc = struct.unpack(">III", data[:12])
        assert crc == zlib.crc32(data[:8]) and len(data) >= total
        assert struct.unpack(">I", data[total - 4:total])[0] == zlib.crc32(data[:total - 4])
        rest, headers = data[12:12 + header_bytes], {}
        while rest:
            n = rest[0]
            name, kind, size = rest[1:1 + n], rest[1 + n], struct.unpack(">H", rest[2 + n:4 + n])[0]
            assert kind == 7
            headers[name.decode()] = rest[4 + n:4 + n + size].decode()
            rest = rest[4 + n + size:]
        kind = headers[":message-type"]
        assert headers[":content-type"] == "application/json"
        found.append((kind, headers[f":{kind}-type"], json.loads(data[12 + header_bytes:total - 4])))
        data = data[total:]
    return found


def aws_headers(path, body, secret="secret", host="test"):
    """Signed for region us-east-1, as the published description of Signature Version 4 has it."""
    def mac(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()
    signed = {"host": host, "x-amz-date": "20260102T030405Z"}
    canonical = "\n".join(["POST", urllib.parse.quote(path, safe="/-._~"), "",
                           *(f"{k}:{v}" for k, v in signed.items()), "", ";".join(signed),
                           hashlib.sha256(body).hexdigest()])
    scope = "20260102/us-east-1/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", signed["x-amz-date"], scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return {"Host": host, "x-amz-date": signed["x-amz-date"], "Authorization":
            f"AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={mac(key, text).hex()}"}


class Bedrock:
    name = "bedrock"
    headers = {"Authorization": "Bearer test"}
    finishes = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use",
                "sequence": "stop_sequence", "filter": "content_filtered"}
    errors = {"invalid": (400, "ValidationException"), "auth": (403, "UnrecognizedClientException"),
              "context": (400, "ValidationException"), "forbidden": (403, "AccessDeniedException"),
              "missing": (404, "ResourceNotFoundException"),
              "too-large": (413, "RequestEntityTooLargeException"),
              "rate": (429, "ThrottlingException"), "server": (500, "InternalServerException"),
              "overloaded": (503, "ServiceUnavailableException"),
              "quota": (400, "ServiceQuotaExceededException"),
              "timeout": (408, "ModelTimeoutException")}

    @staticmethod
    def path(model, stream):
        return f"/model/{urllib.parse.quote(model, safe='')}/converse" + "-stream" * stream

    @staticmethod
    def body(model, stream, **more):
        content = [{"text": more.get("text", "hello world")}]
        if "image" in more:
            content.append({"image": {"format": "png", "source": {"bytes": more["image"]}}})
        messages = [{"role": "user", "content": content}]
        if "history" in more:
            messages += [
                {"role": "assistant", "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": SIGNATURE}}},
                    {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Bonn"}}}]},
                {"role": "user", "content": [{"toolResult": {
                    "toolUseId": "c1", "content": [{"text": "sunny"}]}}]}]
        body = {"messages": messages, "system": [{"text": "be brief"}],
                "inferenceConfig": {"temperature": 0.5}}
        if "stop" in more:
            body["inferenceConfig"]["stopSequences"] = more["stop"]
        if "tools" in more:
            body["toolConfig"] = {"tools": [{"toolSpec": {
                "name": n, "description": "d", "inputSchema": {"json": CITY}}}
                for n in more["tools"]]}
        if "schema" in more:
            body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {
                "jsonSchema": {"name": "s", "schema": json.dumps(more["schema"])}}}}
        return body

    @staticmethod
    def whole(answer):
        got = {"text": "", "thinking": "", "signature": None, "redacted": None, "calls": []}
        for block in answer["output"]["message"]["content"]:
            if "text" in block:
                got["text"] += block["text"]
            elif "toolUse" in block:
                got["calls"].append((block["toolUse"]["name"], block["toolUse"]["input"]))
            elif "reasoningText" in block["reasoningContent"]:
                got["thinking"] += block["reasoningContent"]["reasoningText"]["text"]
                got["signature"] = block["reasoningContent"]["reasoningText"]["signature"]
            else:
                got["redacted"] = block["reasoningContent"]["redactedContent"]
        u = answer["usage"]
        got["finish"] = answer["stopReason"]
        got["usage"] = (u["inputTokens"] + u["cacheReadInputTokens"], u["cacheReadInputTokens"],
                        u["outputTokens"])
        return got

    @classmethod
    def streamed(cls, stream):
        blocks, answer = {}, {}
        found = frames(bytes(stream.body))
        assert found[0][1] == "messageStart" and found[-1][1] == "metadata"
        for _, name, event in found:
            at = event.get("contentBlockIndex")
            if name == "contentBlockStart":
                blocks[at] = {"toolUse": {**event["start"]["toolUse"], "input": ""}}
            elif name == "contentBlockDelta":
                delta = event["delta"]
                if "toolUse" in delta:
                    blocks[at]["toolUse"]["input"] += delta["toolUse"]["input"]
                elif "text" in delta:
                    blocks.setdefault(at, {"text": ""})["text"] += delta["text"]
                elif "redactedContent" in delta["reasoningContent"]:
                    blocks[at] = delta
                else:
                    into = blocks.setdefault(at, {"reasoningContent": {"reasoningText": {
                        "text": "", "signature": ""}}})["reasoningContent"]["reasoningText"]
                    for key, value in delta["reasoningContent"].items():
                        into[key] += value
            elif name == "contentBlockStop" and "toolUse" in blocks[at]:
                blocks[at]["toolUse"]["input"] = json.loads(blocks[at]["toolUse"]["input"])
            elif name in ("messageStop", "metadata"):
                answer.update(event)
        return cls.whole({**answer, "output": {"message": {
            "content": [blocks[i] for i in sorted(blocks)]}}})

    @staticmethod
    def error(answer):
        assert answer.json["message"]
        return answer.headers["x-amzn-errortype"]

    @staticmethod
    def broken(stream):
        kind, name, payload = frames(bytes(stream.body))[-1]
        assert kind == "exception" and payload["message"]
        return name[0].upper() + name[1:]


class Responses:
    name = "openai responses"
    headers = {}
    finishes = {"stop": "completed", "length": "max_output_tokens", "tools": "completed",
                "filter": "content_filter"}
    errors = OpenAI.errors
    error = OpenAI.error

    @staticmethod
    def path(model, stream):
        return "/v1/responses"

    @staticmethod
    def body(model, stream, **more):
        content = [{"type": "input_text", "text": more.get("text", "hello world")}]
        if "image" in more:
            content.append({"type": "input_image",
                            "image_url": f"data:image/png;base64,{more['image']}"})
        items = [{"role": "user", "content": content}]
        if "history" in more:
            items += [{"type": "function_call", "call_id": "c1", "name": "weather",
                       "arguments": '{"city": "Bonn"}'},
                      {"type": "function_call_output", "call_id": "c1", "output": "sunny"}]
        body = {"model": model, "stream": stream, "input": items, "instructions": "be brief",
                "temperature": 0.5}
        if "tools" in more:
            body["tools"] = [{"type": "function", "name": n, "description": "d", "parameters": CITY}
                             for n in more["tools"]]
        if "schema" in more:
            body["text"] = {"format": {"type": "json_schema", "name": "s",
                                       "schema": more["schema"]}}
        return body

    @staticmethod
    def whole(answer):
        got = {"text": "", "thinking": "", "signature": None, "redacted": None, "calls": []}
        for item in answer["output"]:
            if item["type"] == "message":
                got["text"] += "".join(p["text"] for p in item["content"])
            elif item["type"] == "function_call":
                got["calls"].append((item["name"], json.loads(item["arguments"])))
            elif item["summary"]:
                got["thinking"] += "".join(p["text"] for p in item["summary"])
                got["signature"] = item.get("encrypted_content")
            else:
                got["redacted"] = item["encrypted_content"]
        u = answer["usage"]
        got["finish"] = (answer["incomplete_details"] or {"reason": answer["status"]})["reason"]
        got["usage"] = (u["input_tokens"], u["input_tokens_details"]["cached_tokens"],
                        u["output_tokens"])
        return got

    @classmethod
    def streamed(cls, stream):
        deltas, done, events = {}, {}, [json.loads(data) for _, data in sse(stream)]
        assert [e["sequence_number"] for e in events] == list(range(len(events)))
        for e in events:
            if e["type"].endswith(".delta"):
                deltas[e["item_id"]] = deltas.get(e["item_id"], "") + e["delta"]
            elif e["type"].endswith("_text.done"):
                done[e["item_id"]] = e["text"]
            elif e["type"].endswith("arguments.done"):
                done[e["item_id"]] = e["arguments"]
        assert deltas == done
        assert events[-1]["type"] in ("response.completed", "response.incomplete")
        items = [e["item"] for e in events if e["type"] == "response.output_item.done"]
        assert items == events[-1]["response"]["output"]
        return cls.whole(events[-1]["response"])

    @staticmethod
    def broken(stream):
        name, data = sse(stream)[-1]
        event = json.loads(data)
        assert name == event["type"] == "error"
        return None if event["code"] == "server_error" else event["code"]
