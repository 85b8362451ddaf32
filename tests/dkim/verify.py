"""Verifies the DKIM signature of the message on standard input with dkimpy: KEY.pem rsa|ed25519.
A changed message must not verify."""

import base64
import subprocess
import sys

import dkim

pem, kind = sys.argv[1:]
der = subprocess.run(
    ["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER"], capture_output=True, check=True
).stdout
# RFC 8463: the bare 32 bytes; RFC 6376: the SubjectPublicKeyInfo.
public = der[-32:] if kind == "ed25519" else der
record = f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}".encode()


def dns(name, timeout=5):
    assert name == b"s1._domainkey.example.org.", name
    return record


message = sys.stdin.buffer.read()
# On the way each mail server puts a trace field in front.
assert dkim.verify(message, dnsfunc=dns), "the signature does not verify"
changed = message.replace(b"morning", b"evening")
assert changed != message and not dkim.verify(changed, dnsfunc=dns), "a changed body verifies"
added = message.replace(b"Subject:", b"Subject: other\r\nSubject:", 1)
assert not dkim.verify(added, dnsfunc=dns), "a second subject verifies"
