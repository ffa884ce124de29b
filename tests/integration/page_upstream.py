"""An upstream that answers each path with the page a test gives it: what a server's own pages are."""
import http.server
import json
import threading


class PageUpstream:
    """`pages`: path to text, to an object (as JSON), or to a function of the handler that writes the
    answer itself; a missing page is a 404. Pages may change at any time."""

    def __init__(self, pages=None):
        self.pages = pages or {}
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append((self.command, self.path, dict(self.headers)))
                page = outer.pages.get(self.path.partition("?")[0])
                if callable(page):
                    page(self)
                elif page is None:
                    self.give(b"no such page", 404)
                else:
                    self.give(page if isinstance(page, (bytes, str)) else json.dumps(page))

            def do_POST(self):
                self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.do_GET()

            def give(self, text, status=200, **headers):
                body = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

            def handle_error(self, *_):
                pass  # the other side has closed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def count(self, path):
        return sum(1 for _, asked, _ in list(self.asked) if asked.partition("?")[0] == path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
