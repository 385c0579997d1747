"""Names of services for pods, in place of CoreDNS, which takes minutes to build: answers for
NAME.NAMESPACE.svc.cluster.local with what the API server says at that moment.

    names.py ADDRESS-TO-LISTEN-AT API-SERVER FOLDER-OF-CERTIFICATES
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from kube.certificates import Authority         # noqa: E402  pylint: disable=wrong-import-position
from kube.client import Api, ApiError           # noqa: E402  pylint: disable=wrong-import-position
from kube.components import PORT                # noqa: E402  pylint: disable=wrong-import-position

FINE, FAILED, NO_SUCH_NAME = 0, 2, 3
A, INTERNET = 1, 1
ZONE = ["svc", "cluster", "local"]


def question(packet):
    """(labels of the name, type, where it ends)"""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return labels, struct.unpack_from(">H", packet, at + 1)[0], at + 5


def address_of(api, labels):
    """(code, address or None)"""
    if len(labels) != 5 or labels[2:] != ZONE:
        return NO_SUCH_NAME, None
    try:
        return FINE, api.get(f"/api/v1/namespaces/{labels[1]}/services/{labels[0]}")["spec"].get("clusterIP")
    except ApiError as error:
        return NO_SUCH_NAME if error.status == 404 else FAILED, None
    except OSError:
        return FAILED, None


def answer(api, packet):
    labels, kind, end = question(packet)
    code, address = address_of(api, labels)
    found = b""
    if kind == A and address not in (None, "None"):
        found = struct.pack(">HHHIH", 0xC00C, A, INTERNET, 1, 4) + socket.inet_aton(address)
    # An answer, with authority, recursion as it was desired, and available.
    return packet[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, 1 if found else 0, 0, 0) + packet[12:end] + found


def main():
    listen, server, folder = sys.argv[1:]
    api = Api(server, PORT, Authority(folder), timeout=5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((listen, 53))
        while True:
            packet, who = s.recvfrom(4096)
            try:
                s.sendto(answer(api, packet), who)
            except (IndexError, UnicodeError, struct.error):
                print("not a question:", packet, flush=True)


if __name__ == "__main__":
    main()
