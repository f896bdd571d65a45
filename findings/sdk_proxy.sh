#!/usr/bin/env bash
# anthropic 2.12.0: `DefaultHttpxClient(trust_env=False)` still sends requests through `http_proxy`,
# those to 127.0.0.1 included; the same class of the HTTP library beneath it (httpx2) does not.
#
# Guess before the run: `trust_env=False` keeps the environment's proxies out, as the HTTP library
# says, and a server on the same machine is asked directly anyway.
# Seen: the SDK reads the proxies itself and mounts them whatever trust_env is. Only `mounts` that
# name the same schemes with None take them out again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check anthropic==2.12.0 httpx2==2.16.2
cat > "$folder/ask.py" <<'PY'
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import anthropic
import httpx2


def serve(name: str) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


proxy, server = serve("the proxy"), serve("the server")
for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["http_proxy"] = f"http://127.0.0.1:{proxy.server_port}"
url = f"http://127.0.0.1:{server.server_port}/"
clients = {
    "httpx2.Client(trust_env=False)": httpx2.Client(trust_env=False),
    "anthropic.DefaultHttpxClient(trust_env=False)": anthropic.DefaultHttpxClient(trust_env=False),
    "the same with mounts": anthropic.DefaultHttpxClient(
        trust_env=False, mounts={"http://": None, "all://": None}
    ),
}
answers = [client.get(url).text for client in clients.values()]
for name, answer in zip(clients, answers):
    print(f"anthropic {anthropic.__version__}: {name}: answered by {answer}")
raise SystemExit(answers != ["the server", "the proxy", "the server"])
PY
"$folder/venv/bin/python" "$folder/ask.py"
