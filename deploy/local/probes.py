"""Checks whether a server is ready. A check takes at most a second."""

import http.client

_TIMEOUT = 1.0
_OK = 200


def http_ok(port: int, path: str, *, host: str = "127.0.0.1") -> bool:
    """Tell whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
